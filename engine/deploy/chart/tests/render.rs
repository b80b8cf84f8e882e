//! Rendering with real helm.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::real::{Project, run, with_helms};
use crate::deploy::chart::{ChartIdentity, ChartLocation, Release, RenderOptions, chart_identity, template};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ \
                          .Release.Namespace }}\ndata:\n  v: {{ toJson .Values | quote }}\n";
const HOOK: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hook\n  annotations:\n    helm.sh/hook: pre-upgrade\n";

#[tokio::test]
async fn charts_are_rendered_with_all_values_in_order() {
    let files = [
        ("chart/values.yaml", "a: chart\nb: chart\nc: chart\nd: chart\n"),
        ("chart/templates/a.yaml", CONFIG_MAP),
        ("values, 1.yaml", "b: file\nc: file\nd: file\n"),
    ];
    let project = &Project::new(&files);
    with_helms("rendering", |helm| async move {
        let cancel = CancellationToken::new();
        let mut request = project.request();
        request.values_files = vec!["values, 1.yaml".into()];
        request.values = json!({ "c": "inline\u{7f}", "d": "inline" });
        request.replaced = json!({ "d": "replaced" });
        let text = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap();
        assert!(text.starts_with("---\n# Source: web/templates/a.yaml\n"), "{text}");
        assert!(text.contains("name: web\n  namespace: dev\n"), "{text}");
        let values = r#"{\"a\":\"chart\",\"b\":\"file\",\"c\":\"inline\x7f\",\"d\":\"replaced\"}"#;
        assert!(text.contains(values), "{text}");
    })
    .await;
}

#[tokio::test]
async fn hooks_are_rendered_on_request_and_definitions_always() {
    let definition =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: x.y.z\n";
    let project = &Project::new(&[("chart/templates/hook.yaml", HOOK), ("chart/crds/x.yaml", definition)]);
    with_helms("hooks", |helm| async move {
        let cancel = CancellationToken::new();
        let render = |hooks| {
            let options = RenderOptions { hooks, ..RenderOptions::default() };
            let (request, run) = (project.request(), run(&helm, &cancel));
            async move { template(&request, &options, run).await.unwrap() }
        };
        assert!(render(true).await.contains("helm.sh/hook"));
        let without = render(false).await;
        assert!(
            !without.contains("helm.sh/hook") && without.contains("CustomResourceDefinition"),
            "{without}"
        );
    })
    .await;
}

#[tokio::test]
async fn templates_see_the_version_of_the_cluster() {
    let text = "apiVersion: v1\nkind: A\nmetadata:\n  name: v{{ .Capabilities.KubeVersion.Minor }}-{{ \
                .Capabilities.APIVersions.Has \"acme.io/v1\" }}-{{ .Release.IsUpgrade }}\n";
    let project = &Project::new(&[("chart/templates/a.yaml", text)]);
    with_helms("capabilities", |helm| async move {
        let options = RenderOptions {
            kube_version: Some("1.20.2".into()),
            api_versions: vec!["acme.io/v1".into()],
            is_upgrade: true,
            ..RenderOptions::default()
        };
        let cancel = CancellationToken::new();
        let text = template(&project.request(), &options, run(&helm, &cancel)).await.unwrap();
        assert!(text.contains("name: v20-true-true"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn packaged_charts_are_rendered_and_have_the_content_of_their_files() {
    let project = &Project::new(&[("chart/templates/a.yaml", CONFIG_MAP), ("chart/values.yaml", "a: 1\n")]);
    with_helms("archives", |helm| async move {
        let package = |program: &str| {
            let run = std::process::Command::new(program)
                .args(["package", "chart"])
                .current_dir(project.root())
                .output();
            assert!(run.expect("run").status.success());
        };
        package(&helm.program);
        let mut request = project.request();
        request.chart = ChartLocation::Path("web-0.1.0.tgz".into());
        let cancel = CancellationToken::new();
        let text = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap();
        assert!(text.contains(r#"{\"a\":1}"#), "{text}");
        let first = chart_identity(&request, run(&helm, &cancel)).await.unwrap();
        assert!(matches!(first, ChartIdentity::Content(_)));
        // A second archive contains other times.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        package(&helm.program);
        assert_eq!(chart_identity(&request, run(&helm, &cancel)).await.unwrap(), first);
    })
    .await;
}

#[tokio::test]
async fn releases_of_helm_are_parsed() {
    let project =
        &Project::new(&[("chart/templates/a.yaml", CONFIG_MAP), ("chart/templates/hook.yaml", HOOK)]);
    with_helms("releases", |helm| async move {
        // Helm 3 needs a cluster for this.
        if helm.version.major == 3 {
            return;
        }
        let mut command = std::process::Command::new(&helm.program);
        command.args(["install", "web", "chart", "--dry-run=client", "--output", "json", "--set", "a=1"]);
        let output = command.current_dir(project.root()).output().expect("run");
        let json = String::from_utf8(output.stdout).expect("UTF-8");
        let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, json.trim());
        let release = Release::decode("web", data.as_bytes()).unwrap();
        assert_eq!(
            (release.name.as_str(), release.revision, release.status.as_str()),
            ("web", 1, "pending-install")
        );
        assert_eq!((release.chart.as_str(), release.chart_version.as_str()), ("web", "0.1.0"));
        assert_eq!(serde_json::Value::Object(release.values.clone()), json!({ "a": 1 }));
        assert!(release.manifest.contains("kind: ConfigMap"), "{}", release.manifest);
        assert_eq!(release.hooks[0].events, ["pre-upgrade"]);
    })
    .await;
}
