//! Calls of helm, recorded by a fake one.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::fake_helm::FakeHelm;
use super::real::run;
use crate::deploy::chart::{
    ChartError, ChartIdentity, ChartLocation, ChartRequest, Credentials, Helm, HelmExec, UninstallRequest,
    Upgraded, chart_identity, preview, uninstall, upgrade,
};
use crate::process::Pipe;
use crate::secret::Secret;

async fn deploy(fake: &FakeHelm, request: &ChartRequest) -> (Result<Upgraded, ChartError>, Vec<String>) {
    let (cancel, mut lines) = (CancellationToken::new(), Vec::new());
    let mut on_line = |_: Pipe, line: &str| lines.push(line.to_owned());
    let result = upgrade(request, &mut on_line, run(&fake.helm, &cancel)).await;
    (result, lines)
}

#[tokio::test]
async fn upgrade_passes_all_options() {
    let script = r#"cat "${12}" "${14}" > "$PWD/values"; echo "$HELM_DRIVER $KUBECONFIG $HELM_KUBETOKEN." > "$PWD/env"
        echo 'STATUS: deployed'; echo 'REVISION: 3'; echo 'WARNING: careful' >&2"#;
    let fake = FakeHelm::new("v3.17.3", script);
    let mut request = fake.project.request();
    request.context = Some("kind".into());
    request.kubeconfig = Some("/k/config".into());
    request.driver = Some("configmap".into());
    request.values_files = vec!["a.yaml".into()];
    request.values = json!({ "a": 1 });
    request.replaced = json!({ "tag": "2" });
    request.timeout = Some(Duration::from_secs(60));
    request.atomic = true;
    request.upgrade_args = vec!["--set".into(), "x=y".into()];
    let (result, lines) = deploy(&fake, &request).await;
    let expected = Upgraded { revision: Some(3), status: Some("deployed".into()), notes: String::new() };
    assert_eq!(result.unwrap(), expected);
    assert_eq!(lines, ["WARNING: careful"]);
    assert_eq!(
        fake.calls(),
        ["upgrade web PROJECT/chart --install --namespace dev --kube-context kind --values a.yaml --values \
          TEMP/values.json --values TEMP/replaced.json --atomic --timeout 60s --set x=y"]
    );
    assert_eq!(fake.recorded("values"), r#"{"a":1}{"tag":"2"}"#);
    assert_eq!(fake.recorded("env"), "configmap /k/config .\n");
    request.display_output = true;
    assert_eq!(deploy(&fake, &request).await.1.len(), 3);
}

#[tokio::test]
async fn credentials_are_not_arguments_and_files_are_removed() {
    let script = r#"while [ $# -gt 0 ]; do case "$1" in
        --repository-config|--registry-config) cp -p "$2" "$PWD/config"
            stat -c %a "$2" > "$PWD/mode"; echo "$2" > "$PWD/place";;
        esac; shift; done; [ -z "$FAIL" ]"#;
    let fake = FakeHelm::new("v4.1.4", script);
    let credentials = Some(Credentials { username: "me".into(), password: Secret::new("hunter2") });
    let mut request = fake.project.request();
    request.chart =
        ChartLocation::named("redis", Some("https://c.io"), Some("1.0.0"), credentials.clone(), "/".as_ref());
    deploy(&fake, &request).await.0.unwrap();
    let options = "--repository-config TEMP/repositories.yaml --repository-cache TEMP/cache";
    assert_eq!(
        fake.calls(),
        [
            format!("repo update windlass {options}"),
            format!("upgrade web windlass/redis {options} --version 1.0.0 --install --namespace dev"),
        ]
    );
    assert!(fake.recorded("config").contains("hunter2"));
    assert_eq!(fake.recorded("mode"), "600\n");
    assert!(!std::path::Path::new(fake.recorded("place").trim()).exists());

    request.chart = ChartLocation::named("oci://r.io/web", None, None, credentials.clone(), "/".as_ref());
    deploy(&fake, &request).await.0.unwrap();
    let last = fake.calls().pop().unwrap();
    assert_eq!(
        last,
        "upgrade web oci://r.io/web --registry-config TEMP/registry.json --install --namespace dev"
    );
    assert!(fake.recorded("config").contains("bWU6aHVudGVyMg=="));
    assert!(!std::path::Path::new(fake.recorded("place").trim()).exists());

    request.chart = ChartLocation::named("https://c.io/web.tgz", None, None, credentials, "/".as_ref());
    let error = deploy(&fake, &request).await.0.unwrap_err();
    assert!(matches!(error, ChartError::CredentialsWithoutRepository { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_does_not_shadow_a_chart_of_a_repository() {
    let fake = FakeHelm::new("v3.17.3", "");
    let mut request = fake.project.request();
    request.chart = ChartLocation::named("chart", Some("https://c.io"), None, None, "/".as_ref());
    deploy(&fake, &request).await.0.unwrap();
    assert!(
        fake.calls()[1].starts_with("upgrade web windlass/chart --repository-config"),
        "{:?}",
        fake.calls()
    );
    request.chart = ChartLocation::named("other", Some("https://c.io"), None, None, "/".as_ref());
    deploy(&fake, &request).await.0.unwrap();
    assert_eq!(fake.calls()[2], "upgrade web other --repo https://c.io --install --namespace dev");
}

#[tokio::test]
async fn uninstall_reports_whether_the_release_existed() {
    let script = r#"[ "$2" = web ] && exit 0; [ "$2" = none ] && M='release: not found' || M='forbidden'
        echo "Error: uninstall: Release not loaded: $2: $M" >&2; exit 1"#;
    let fake = FakeHelm::new("v3.17.3", script);
    let cancel = CancellationToken::new();
    let mut request = UninstallRequest {
        release: "web".into(),
        namespace: "dev".into(),
        directory: fake.project.root().into(),
        wait: true,
        timeout: Some(Duration::from_secs(5)),
        delete_args: vec!["--keep-history".into()],
        ..UninstallRequest::default()
    };
    let mut on_line = |_: Pipe, _: &str| {};
    assert!(uninstall(&request, &mut on_line, run(&fake.helm, &cancel)).await.unwrap());
    assert_eq!(fake.calls(), ["uninstall web --namespace dev --wait --timeout 5s --keep-history"]);
    request.release = "none".into();
    assert!(!uninstall(&request, &mut on_line, run(&fake.helm, &cancel)).await.unwrap());
    request.release = "other".into();
    let error = uninstall(&request, &mut on_line, run(&fake.helm, &cancel)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot uninstall release `other`: uninstall: Release not loaded: other: forbidden"
    );
}

#[tokio::test]
async fn ranges_are_resolved_and_exact_versions_are_not() {
    let fake = FakeHelm::new("v3.17.3", "printf 'name: redis\\nversion: 1.2.9\\n'");
    let cancel = CancellationToken::new();
    let mut request = fake.project.request();
    let source = |version| ChartLocation::named("redis", Some("https://c.io"), version, None, "/".as_ref());
    let expected = |version: &str| ChartIdentity::Published {
        repository: Some("https://c.io".into()),
        name: "redis".into(),
        version: version.into(),
    };
    request.chart = source(Some("1.2.3"));
    assert_eq!(chart_identity(&request, run(&fake.helm, &cancel)).await.unwrap(), expected("1.2.3"));
    assert!(fake.calls().is_empty());
    request.chart = source(Some("1.2"));
    assert_eq!(chart_identity(&request, run(&fake.helm, &cancel)).await.unwrap(), expected("1.2.9"));
    assert_eq!(fake.calls(), ["show chart redis --repo https://c.io --version 1.2"]);
}

#[tokio::test]
async fn helm_is_found_or_the_reason_is_given() {
    let fake = FakeHelm::new("v3.17.3", "echo v3.7.2");
    let root = fake.project.root();
    let find = |configured: Option<&'static str>, variable: Option<String>| async move {
        let found =
            Helm::find(configured, variable.as_deref(), root, &HelmExec, None, &CancellationToken::new())
                .await;
        found.map(|helm| helm.version.to_string()).unwrap_or_else(|error| error.to_string())
    };
    let project = root.display();
    assert_eq!(
        find(Some("bin/helm"), None).await,
        format!("helm 3.7.2 (`{project}/bin/helm`) is not supported")
    );
    assert_eq!(
        find(Some("bin/none"), None).await,
        format!("cannot deploy charts: `{project}/bin/none` does not exist")
    );
    assert_eq!(
        find(None, Some("no-such-helm".into())).await,
        "cannot deploy charts: `no-such-helm` is not in PATH"
    );
    assert_eq!(
        find(Some("bin/text"), None).await,
        format!("cannot deploy charts: `{project}/bin/text` is not executable")
    );
    let other = FakeHelm::new("v3.17.3", "echo '⎈ not helm'");
    let path = other.helm.program.clone();
    assert_eq!(
        find(None, Some(path.clone())).await,
        format!("cannot deploy charts: `{path}` does not print the version of helm, but `⎈ not helm`")
    );
    let new = FakeHelm::new("v3.17.3", "echo 'WARNING: x' >&2; echo v4.0.0");
    assert_eq!(find(None, Some(new.helm.program.clone())).await, "4.0.0");
}

#[tokio::test]
async fn preview_changes_nothing_and_needs_a_new_helm() {
    let json =
        r#"{"name":"web","version":4,"info":{"status":"pending-upgrade"},"manifest":"---\nkind: A\n"}"#;
    let fake = FakeHelm::new("v3.13.0", &format!("cat <<'END'\n{json}\nEND"));
    let cancel = CancellationToken::new();
    let release = preview(&fake.project.request(), run(&fake.helm, &cancel)).await.unwrap().unwrap();
    assert_eq!((release.revision, release.manifest.as_str()), (4, "---\nkind: A\n"));
    let call = "upgrade web PROJECT/chart --install --namespace dev --dry-run=server --output json";
    assert_eq!(fake.calls(), [call]);
    let old = FakeHelm::new("v3.12.3", "");
    assert_eq!(preview(&old.project.request(), run(&old.helm, &cancel)).await.unwrap(), None);
}
