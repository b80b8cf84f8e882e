//! Errors of real helm.

use miette::{Diagnostic as _, GraphicalReportHandler, GraphicalTheme};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::fake_helm::FakeHelm;
use super::real::{Project, run, with_helms};
use crate::deploy::chart::{ChartError, ChartLocation, ChartRequest, Helm, RenderOptions, template, upgrade};
use crate::process::Pipe;

async fn render(request: &ChartRequest, helm: &Helm) -> ChartError {
    let cancel = CancellationToken::new();
    template(request, &RenderOptions::default(), run(helm, &cancel)).await.expect_err("an error")
}

/// The whole report in the terminal's form.
fn report(error: &ChartError) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(120);
    handler.render_report(&mut text, error).expect("rendered");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn missing_chart_is_reported_with_the_nearest_one() {
    let project = &Project::new(&[("deploy/web/Chart.yaml", "name: web\nversion: 1.0.0\n")]);
    with_helms("errors", |helm| async move {
        let mut request = project.request();
        request.chart = ChartLocation::Path("./web".into());
        let error = render(&request, &helm).await;
        let path = project.path("./web");
        assert_eq!(
            error.to_string(),
            format!("cannot find chart `./web`: `{}` does not exist", path.display())
        );
        assert_eq!(error.help().unwrap().to_string(), "did you mean `deploy/web`?");
    })
    .await;
}

#[tokio::test]
async fn failing_template_is_shown_at_its_line() {
    let files = [
        (
            "chart/templates/_helpers.tpl",
            "{{- define \"web.tag\" -}}\n{{ .Values.image.tag.name }}\n{{- end }}\n",
        ),
        ("chart/templates/a.yaml", "kind: A\nmetadata:\n  name: {{ include \"web.tag\" . }}\n"),
    ];
    let project = &Project::new(&files);
    with_helms("errors", |helm| async move {
        let mut request = project.request();
        request.values = json!({ "image": {} });
        let error = render(&request, &helm).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(report(&error), @r#"
                deploy::template

                  x template `web/templates/_helpers.tpl` failed: nil pointer evaluating interface {}.name
                   ,-[web/templates/_helpers.tpl:2:4]
                 1 | {{- define "web.tag" -}}
                 2 | {{ .Values.image.tag.name }}
                   :    ^^^^^^^^^^^|^^^^^^^^^^
                   :               `-- here
                 3 | {{- end }}
                   `----
                  help: set `image.tag` in the values: it has no value
                "#);
        }
    })
    .await;
}

#[tokio::test]
async fn required_value_and_syntax_errors_are_shown_at_their_line() {
    let project = &Project::new(&[]);
    with_helms("errors", |helm| async move {
        let request = project.request();
        project.write(
            "chart/templates/a.yaml",
            "kind: A\nname: {{ required \"set image.tag: now\" .Values.tag }}\n",
        );
        let required = report(&render(&request, &helm).await);
        project.write("chart/templates/a.yaml", "kind: A\nname: {{ .Values.x\n");
        let syntax = report(&render(&request, &helm).await);
        project.write("chart/templates/a.yaml", "kind: A\nname: {{ unknown .Values.x }}\n");
        let function = report(&render(&request, &helm).await);
        insta::allow_duplicates! {
            insta::assert_snapshot!([required, syntax, function].join("\n"), @r#"
                deploy::template

                  x template `web/templates/a.yaml` failed: set image.tag: now
                   ,-[web/templates/a.yaml:2:10]
                 1 | kind: A
                 2 | name: {{ required "set image.tag: now" .Values.tag }}
                   :          ^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^^
                   :                              `-- here
                   `----
                deploy::template

                  x template `web/templates/a.yaml` failed: unclosed action started at web/templates/a.yaml:2
                   ,-[web/templates/a.yaml:2:1]
                 1 | kind: A
                 2 | name: {{ .Values.x
                   : ^^^^^^^^^|^^^^^^^^
                   :          `-- here
                   `----
                deploy::template

                  x template `web/templates/a.yaml` failed: function "unknown" not defined
                   ,-[web/templates/a.yaml:2:1]
                 1 | kind: A
                 2 | name: {{ unknown .Values.x }}
                   : ^^^^^^^^^^^^^^|^^^^^^^^^^^^^^
                   :               `-- here
                   `----
                "#);
        }
    })
    .await;
}

#[tokio::test]
async fn invalid_yaml_is_shown_as_rendered() {
    let text = "kind: A\nmetadata:\n  name: {{ .Values.name }}\n---\nkind: B\nmetadata:\n  labels:\n   x: {{ .Values.name \
                }}\n    y: 2\n";
    let project = &Project::new(&[("chart/templates/a.yaml", text), ("chart/values.yaml", "name: web\n")]);
    with_helms("errors", |helm| async move {
        let error = render(&project.request(), &helm).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(report(&error), @r#"
                deploy::rendered_yaml

                  x template `web/templates/a.yaml` renders invalid YAML: mapping values are not allowed in this context
                   ,-[web/templates/a.yaml (rendered):5:5]
                 4 |    x: web
                 5 |     y: 2
                   :     ^^|^
                   :       `-- rendered line
                   `----
                  help: quote strings that YAML reads as another type, such as `y`, `on` or `1.0`, and check the indentation
                "#);
        }
    })
    .await;
}

#[tokio::test]
async fn schema_errors_name_the_value_and_its_file() {
    let schema = json!({
        "type": "object",
        "required": ["host"],
        "properties": {
            "replicas": { "type": "integer" },
            "image": { "type": "object", "properties": { "tag": { "type": "string" } } },
        },
    });
    let files = [
        ("chart/values.schema.json", schema.to_string()),
        ("chart/values.yaml", "image: { tag: 1 }\n".to_owned()),
        ("values.yaml", "replicas: two\n".to_owned()),
    ];
    let files = files.each_ref().map(|(name, content)| (*name, content.as_str()));
    let project = &Project::new(&files);
    with_helms("errors", |helm| async move {
        let mut request = project.request();
        request.values_files = vec!["values.yaml".into()];
        let error = render(&request, &helm).await;
        let ChartError::SchemaMismatch { problems, .. } = &error else { panic!("{error}") };
        let mut lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.sort();
        assert_eq!(
            lines[0],
            "`image.tag`: must be string, is number"
                .replace("number", if helm.version.major == 3 { "integer" } else { "number" })
                + " (in `values.yaml` of the chart)"
        );
        assert_eq!(lines[1], "`replicas`: must be integer, is string (in `values.yaml`)");
        assert!(lines[2].contains("host"), "{lines:?}");
    })
    .await;
}

#[tokio::test]
async fn unavailable_charts_are_reported() {
    let project = &Project::new(&[]);
    with_helms("errors", |helm| async move {
        let mut request = project.request();
        let mut messages = Vec::new();
        let sources = [
            ChartLocation::named("acme-none/web", None, Some("1.0.0"), None, project.root()),
            ChartLocation::named("web", Some("http://127.0.0.1:9/charts"), Some("1.0.0"), None, project.root()),
            ChartLocation::named("chart", Some("http://127.0.0.1:9/charts"), None, None, project.root()),
            ChartLocation::named("oci://127.0.0.1:9/web", None, Some("1.0.0"), None, project.root()),
            ChartLocation::named("https://127.0.0.1:9/web.tgz", None, None, None, project.root()),
        ];
        for source in sources {
            request.chart = source;
            let error = render(&request, &helm).await;
            assert!(matches!(error, ChartError::ChartUnavailable(_)), "{error:?}");
            messages.push(error.to_string());
        }
        assert_eq!(messages[0], "cannot get chart `acme-none/web` 1.0.0: unknown repository `acme-none`");
        let unreachable = "from http://127.0.0.1:9/charts: repository is unreachable: Get \
                           \"http://127.0.0.1:9/charts/index.yaml\": dial tcp 127.0.0.1:9: connect: connection refused";
        assert_eq!(messages[1], format!("cannot get chart `web` 1.0.0 {unreachable}"));
        assert_eq!(messages[2], format!("cannot get chart `chart` {unreachable}"));
    })
    .await;
}

#[tokio::test]
async fn errors_of_the_cluster_are_read() {
    let check = |stderr: &'static str, code: &'static str, message: &'static str, help: &'static str| async move {
        let fake = FakeHelm::new("v3.17.3", &format!("cat >&2 <<'END'\n{stderr}\nEND\nexit 1"));
        let cancel = CancellationToken::new();
        let mut on_line = |_: Pipe, _: &str| {};
        let error =
            upgrade(&fake.project.request(), &mut on_line, run(&fake.helm, &cancel)).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.code().unwrap().to_string(), code);
        let found = error.help().map(|help| help.to_string()).unwrap_or_default();
        assert!(found.contains(help), "{found}");
    };
    check(
        "Error: UPGRADE FAILED: pre-upgrade hooks failed: 1 error occurred:\n\t* job migrate failed: \
         BackoffLimitExceeded\n",
        "deploy::hook",
        "pre-upgrade hook of release `web` failed: job migrate failed: BackoffLimitExceeded",
        "kubectl -n dev logs job/migrate",
    )
    .await;
    check(
        "Error: UPGRADE FAILED: pre-upgrade hooks failed: resource Job/dev/migrate not ready. status: Failed, message: \
         Job Failed. failed: 1/1",
        "deploy::hook",
        "pre-upgrade hook of release `web` failed: resource Job/dev/migrate not ready. status: Failed, message: Job \
         Failed. failed: 1/1",
        "kubectl -n dev logs job/migrate",
    )
    .await;
    check(
        "Error: failed pre-install: job failed: BackoffLimitExceeded",
        "deploy::hook",
        "pre-install hook of release `web` failed: job failed: BackoffLimitExceeded",
        "kubectl -n dev logs job/NAME",
    )
    .await;
    check(
        "Error: Unable to continue with install: ConfigMap \"a\" in namespace \"dev\" exists and cannot be imported into \
         the current release: invalid ownership metadata; annotation validation error: key \
         \"meta.helm.sh/release-name\" must equal \"web\": current value is \"api\"; annotation validation error: key \
         \"meta.helm.sh/release-namespace\" must equal \"dev\": current value is \"prod\"",
        "deploy::ownership",
        "cannot deploy release `web`: ConfigMap/a (namespace dev) belongs to release `api` (namespace prod)",
        "--take-ownership",
    )
    .await;
    check(
        "Error: UPGRADE FAILED: Unable to continue with update: ClusterRole \"a\" in namespace \"\" exists and cannot be \
         imported into the current release: invalid ownership metadata; label validation error: missing key \
         \"app.kubernetes.io/managed-by\": must be set to \"Helm\"",
        "deploy::ownership",
        "cannot deploy release `web`: ClusterRole/a belongs to no release",
        "--take-ownership",
    )
    .await;
    check(
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        "deploy::release_pending",
        "cannot deploy release `web`: another operation is in progress",
        "helm rollback web -n dev",
    )
    .await;
    // An error that is not about a template or a chart.
    check(
        "Error: UPGRADE FAILED: cannot patch \"a\" with kind Job: Job.batch \"a\" is invalid: spec.template: Invalid \
         value: {image: ghcr.io/acme/web.app:12:4}",
        "deploy::helm_failed",
        "cannot deploy release `web`: cannot patch \"a\" with kind Job: Job.batch \"a\" is invalid: spec.template: \
         Invalid value: {image: ghcr.io/acme/web.app:12:4}",
        "",
    )
    .await;
    // Helm 4 logs the message too.
    check(
        "level=WARN msg=\"upgrade failed\" name=web error=\"failed to create \\\"a\\\"\"\nError: UPGRADE FAILED: failed to \
         create \"a\"",
        "deploy::helm_failed",
        "cannot deploy release `web`: failed to create \"a\"",
        "",
    )
    .await;
    check(
        "W1129 something\nError: UPGRADE FAILED: context deadline exceeded",
        "deploy::helm_failed",
        "cannot deploy release `web`: context deadline exceeded",
        "W1129 something",
    )
    .await;
}
