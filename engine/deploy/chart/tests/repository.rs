//! A repository with credentials, and the flags that real helm accepts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::real::{Project, run, with_helms};
use crate::deploy::chart::{
    ChartError, ChartIdentity, ChartLocation, Credentials, Helm, RenderOptions, UninstallRequest,
    chart_identity, preview, template, uninstall, upgrade,
};
use crate::image::Digest;
use crate::process::Pipe;
use crate::secret::Secret;

/// Serves files to the user `me` with the password `hunter2`: `respond` gets the address and the path. Returns the
/// address.
fn serve(respond: impl Fn(&str, &str) -> Option<(&'static str, Vec<u8>)> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address").to_string();
    let host = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let lines: Vec<_> = lines.collect();
            let is_known =
                lines.iter().any(|line| line.eq_ignore_ascii_case("authorization: basic bWU6aHVudGVyMg=="));
            let request = lines.first().map_or("", String::as_str);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let found = if is_known { respond(&host, path) } else { None };
            let status = match (&found, is_known) {
                (Some(_), _) => "200 OK",
                (None, true) => "404 Not Found",
                (None, false) => "401 Unauthorized\r\nwww-authenticate: Basic realm=\"charts\"",
            };
            let (kind, body) = found.unwrap_or(("text/plain", Vec::new()));
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let body = if request.starts_with("HEAD ") { &[][..] } else { &body };
            // The client may have closed the connection.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

/// Serves a repository with the chart `web` 0.1.0. Returns its URL.
fn serve_repository(archive: Vec<u8>) -> String {
    let address = serve(move |host, path| match path {
        "/charts/index.yaml" => {
            let url = format!("http://{host}/charts/web-0.1.0.tgz");
            let entry = format!("apiVersion: v2\n    name: web\n    version: 0.1.0\n    urls: [\"{url}\"]");
            Some(("text/yaml", format!("apiVersion: v1\nentries:\n  web:\n  - {entry}\n").into_bytes()))
        }
        "/charts/web-0.1.0.tgz" => Some(("application/gzip", archive.clone())),
        _ => None,
    });
    format!("http://{address}/charts")
}

/// Serves a registry with the chart `web` 0.1.0. Returns its address.
fn serve_registry(archive: Vec<u8>) -> String {
    const CONFIG: &[u8] = br#"{"name":"web","version":"0.1.0","apiVersion":"v2"}"#;
    let descriptor = |kind: &str, content: &[u8]| {
        let digest = Digest::of(content).to_string();
        json!({ "mediaType": format!("application/vnd.cncf.helm.{kind}"), "digest": digest, "size": content.len() })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", CONFIG),
        "layers": [descriptor("chart.content.v1.tar+gzip", &archive)],
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = Digest::of(&manifest).to_string();
    serve(move |_, path| {
        let rest = path.strip_prefix("/v2/charts/web/")?;
        let manifest_kind = "application/vnd.oci.image.manifest.v1+json";
        match rest {
            "tags/list" => Some(("application/json", br#"{"name":"charts/web","tags":["0.1.0"]}"#.to_vec())),
            "manifests/0.1.0" => Some((manifest_kind, manifest.clone())),
            _ if rest == format!("manifests/{digest}") => Some((manifest_kind, manifest.clone())),
            _ => [CONFIG, &archive]
                .iter()
                .find(|content| rest == format!("blobs/{}", Digest::of(content)))
                .map(|content| ("application/octet-stream", content.to_vec())),
        }
    })
}

/// A packed chart with an object called `remote`.
fn packed(helm: &Helm) -> Vec<u8> {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: remote\n";
    let project = Project::new(&[("chart/templates/a.yaml", text)]);
    let mut package = std::process::Command::new(&helm.program);
    assert!(
        package
            .args(["package", "chart"])
            .current_dir(project.root())
            .output()
            .expect("run")
            .status
            .success()
    );
    std::fs::read(project.path("web-0.1.0.tgz")).expect("read")
}

fn credentials(password: &str) -> Option<Credentials> {
    Some(Credentials { username: "me".into(), password: Secret::new(password) })
}

#[tokio::test]
async fn charts_are_fetched_from_a_registry_with_credentials() {
    let project = &Project::new(&[]);
    with_helms("registry", |helm| async move {
        let address = serve_registry(packed(&helm));
        let cancel = CancellationToken::new();
        let mut request = project.request();
        let repository = format!("oci://{address}/charts");
        let source = |password: &str, version| {
            ChartLocation::named("web", Some(&repository), version, credentials(password), project.root())
        };
        // Real registries have TLS.
        request.template_args = vec!["--plain-http".into()];
        request.chart = source("hunter2", Some("0.1.0"));
        let text = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap();
        assert!(text.contains("name: remote"), "{text}");
        let mut messages = Vec::new();
        for chart in [source("wrong", Some("0.1.0")), source("hunter2", Some("0.2.0"))] {
            request.chart = chart;
            let error = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap_err();
            assert!(matches!(error, ChartError::ChartUnavailable(_)), "{error:?}");
            messages.push(error.to_string());
        }
        assert!(messages[0].ends_with("401 Unauthorized") || messages[0].ends_with("401: Unauthorized"));
        let missing = format!("cannot get chart `{repository}/web` 0.2.0: not found in the registry");
        assert_eq!(messages[1], missing);
    })
    .await;
}

#[tokio::test]
async fn charts_are_fetched_with_credentials() {
    let project = &Project::new(&[]);
    with_helms("repository", |helm| async move {
        let url = serve_repository(packed(&helm));
        let cancel = CancellationToken::new();
        let mut request = project.request();
        let source = |password: &str| {
            ChartLocation::named("web", Some(&url), Some("0.x"), credentials(password), project.root())
        };
        request.chart = source("hunter2");
        let text = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap();
        assert!(text.contains("name: remote"), "{text}");
        let identity = chart_identity(&request, run(&helm, &cancel)).await.unwrap();
        assert!(
            matches!(&identity, ChartIdentity::Published { version, .. } if version == "0.1.0"),
            "{identity:?}"
        );
        request.chart = source("wrong");
        let error = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap_err();
        assert!(matches!(error, ChartError::ChartUnavailable(_)));
        assert!(error.to_string().ends_with("401 Unauthorized"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn charts_that_a_repository_lacks_are_reported() {
    let project = &Project::new(&[]);
    with_helms("repository", |helm| async move {
        let url = serve_repository(Vec::new());
        let cancel = CancellationToken::new();
        let mut request = project.request();
        for (name, version) in [("none", None), ("web", Some("9.9.9"))] {
            request.chart =
                ChartLocation::named(name, Some(&url), version, credentials("hunter2"), project.root());
            // The message does not name the temporary repository or `helm repo update`.
            let error = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await.unwrap_err();
            let version = version.map(|version| format!(" {version}")).unwrap_or_default();
            let expected =
                format!("cannot get chart `{name}`{version} from {url}: not found in the repository");
            assert_eq!(error.to_string(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn real_helm_accepts_all_flags() {
    let kubeconfig = "apiVersion: v1\nkind: Config\ncontexts:\n- name: kind\n  context: { cluster: c, user: u }\n\
                      clusters:\n- name: c\n  cluster: { server: \"http://127.0.0.1:9\" }\nusers:\n- name: u\n  user: {}\n";
    let project = &Project::new(&[("kubeconfig", kubeconfig)]);
    with_helms("flags", |helm| async move {
        let (cancel, mut on_line) = (CancellationToken::new(), |_: Pipe, _: &str| {});
        let mut request = project.request();
        request.context = Some("kind".into());
        request.kubeconfig = Some(project.path("kubeconfig").display().to_string());
        request.driver = Some("configmap".into());
        request.wait = true;
        request.atomic = true;
        request.force = true;
        request.cleanup_on_fail = true;
        request.disable_hooks = true;
        request.timeout = Some(Duration::from_secs(5));
        let unreachable = |error: ChartError| {
            let text = error.to_string().to_lowercase();
            assert!(text.contains("connection refused"), "{text}");
        };
        unreachable(upgrade(&request, &mut on_line, run(&helm, &cancel)).await.unwrap_err());
        unreachable(preview(&request, run(&helm, &cancel)).await.unwrap_err());
        let request = UninstallRequest {
            release: "web".into(),
            namespace: "dev".into(),
            context: request.context,
            kubeconfig: request.kubeconfig,
            directory: request.directory,
            wait: true,
            disable_hooks: true,
            timeout: request.timeout,
            ..UninstallRequest::default()
        };
        unreachable(uninstall(&request, &mut on_line, run(&helm, &cancel)).await.unwrap_err());
    })
    .await;
}
