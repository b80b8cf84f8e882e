//! Tests of the client with a registry in this process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::image::{Digest, ImageReference, Repository};
use crate::secret::Secret;

use super::testing::{Received, Reply, Server};
use super::*;

const ANN: &str = "Basic YW5uOnB3";

/// A client whose credential store has `entry` for `server`.
fn client(server: &Server, entry: &str) -> (tempfile::TempDir, RegistryClient) {
    let folder = tempfile::tempdir().expect("directory");
    let config = format!(r#"{{"auths": {{"{}": {entry}}}}}"#, server.domain());
    std::fs::write(folder.path().join("config.json"), config).expect("config");
    let store = Arc::new(CredentialStore::at(folder.path()));
    (folder, RegistryClient::new(store).with_pause(Duration::ZERO))
}

fn repository(server: &Server) -> Repository {
    format!("{}/acme/app", server.domain()).parse().expect("repository")
}

fn reference(server: &Server, rest: &str) -> ImageReference {
    format!("{}/acme/app{rest}", server.domain()).parse().expect("reference")
}

fn accepted() -> Reply {
    Reply::status(202).with_header("location", "/v2/acme/app/blobs/uploads/1")
}

fn wants_basic() -> Reply {
    Reply::status(401).with_header("www-authenticate", r#"Basic realm="r""#)
}

/// A registry that is its own token server and issues the result of `grant`.
async fn token_registry(grant: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Server {
    let domain = Arc::new(Mutex::new(String::new()));
    let own = Arc::clone(&domain);
    let server = Server::start(move |call| {
        if call.line.contains(" /token") {
            return grant(call);
        }
        if call.authorization == "Bearer good" {
            return if call.line == "GET /v2/" { Reply::status(200) } else { accepted() };
        }
        let domain = own.lock().expect("domain");
        let challenge = format!(r#"Bearer realm="http://{domain}/token",service="reg",scope="x""#);
        Reply::status(401).with_header("www-authenticate", challenge)
    })
    .await;
    server.domain().clone_into(&mut domain.lock().expect("domain"));
    server
}

#[tokio::test]
async fn an_open_registry_takes_a_push() {
    let server = Server::start(|_| accepted()).await;
    let (_folder, client) = client(&server, "{}");
    client.check_push(&repository(&server)).await.expect("permission to push");
    client.check_push(&repository(&server)).await.expect("permission to push");
    let expected = ["GET /v2/", "POST /v2/acme/app/blobs/uploads/", "DELETE /v2/acme/app/blobs/uploads/1"];
    assert_eq!(server.lines(), expected, "checked once");
}

#[tokio::test]
async fn a_password_is_sent_only_to_a_registry_that_requests_it() {
    let server =
        Server::start(|call| if call.authorization == ANN { accepted() } else { wants_basic() }).await;
    let (_folder, client) = client(&server, r#"{"auth": "YW5uOnB3"}"#);
    client.check_push(&repository(&server)).await.expect("permission to push");
    let sent: Vec<_> = server.calls().into_iter().map(|call| call.authorization).collect();
    assert_eq!(sent, ["", ANN, ANN]);
}

#[tokio::test]
async fn missing_and_wrong_credentials_are_distinguished() {
    let server = Server::start(|_| wants_basic()).await;
    let repository = repository(&server);
    let (_folder, anonymous) = client(&server, "{}");
    let error = anonymous.check_push(&repository).await.expect_err("refused");
    assert_eq!(error.problem, RegistryErrorKind::CredentialsMissing);
    let help = miette::Diagnostic::help(&error).expect("help").to_string();
    assert_eq!(help, format!("run `windlass login {}`", server.domain()));
    let (_folder, known) = client(&server, r#"{"auth": "YW5uOnB3"}"#);
    let error = known.check_push(&repository).await.expect_err("refused");
    assert_eq!(error.problem, RegistryErrorKind::CredentialsRefused { reason: "401 Unauthorized".into() });
    assert!(error.is_refusal() && error.to_string().starts_with(&format!("cannot push `{repository}`: ")));
}

#[tokio::test]
async fn a_token_is_fetched_once_for_its_scope() {
    let server = token_registry(|_| Reply::body(r#"{"token": "good", "expires_in": 300}"#)).await;
    let (_folder, client) = client(&server, r#"{"auth": "YW5uOnB3"}"#);
    client.check_push(&repository(&server)).await.expect("permission to push");
    let calls = server.calls();
    let tokens: Vec<_> = calls.iter().filter(|call| call.line.contains("/token")).collect();
    assert_eq!(tokens.len(), 1);
    let expected = "GET /token?service=reg&scope=repository%3Aacme%2Fapp%3Apull%2Cpush&account=ann";
    assert_eq!((tokens[0].line.as_str(), tokens[0].authorization.as_str()), (expected, ANN));
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let server = token_registry(|_| Reply::body(r#"{"access_token": "good"}"#)).await;
    let (_folder, client) = client(&server, r#"{"identitytoken": "id"}"#);
    client.check_push(&repository(&server)).await.expect("permission to push");
    let calls = server.calls();
    let token = calls.iter().find(|call| call.line == "POST /token").expect("exchange");
    assert_eq!(token.authorization, "");
    let expected = "grant_type=refresh_token&service=reg&client_id=windlass&refresh_token=id&scope=repository%3Aacme%2Fapp%3Apull%2Cpush";
    assert_eq!(token.body, expected);
}

#[tokio::test]
async fn an_ended_token_is_renewed() {
    let server = token_registry(|call| {
        let token = if call.number < 3 { "old" } else { "good" };
        Reply::body(format!(r#"{{"token": "{token}"}}"#))
    })
    .await;
    let (_folder, client) = client(&server, "{}");
    client.check_push(&repository(&server)).await.expect("permission to push");
}

#[tokio::test]
async fn a_refusing_token_server_is_a_refusal() {
    let server = token_registry(|_| Reply::body(r#"{"details": "bad password"}"#).with_status(401)).await;
    let (_folder, client) = client(&server, r#"{"auth": "YW5uOnB3"}"#);
    let error = client.check_push(&repository(&server)).await.expect_err("refused");
    assert_eq!(
        error.problem,
        RegistryErrorKind::CredentialsRefused { reason: "401 Unauthorized: bad password".into() }
    );
}

#[tokio::test]
async fn a_registry_that_recovers_is_not_an_error() {
    let server = Server::start(|call| match call.number {
        0 => Reply::Drop,
        2 | 3 => Reply::status(500),
        _ => accepted(),
    })
    .await;
    let (_folder, client) = client(&server, "{}");
    client.check_push(&repository(&server)).await.expect("permission to push");
}

#[tokio::test]
async fn a_registry_that_is_away_cannot_be_reached() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("port");
    let server = Server::start(|_| accepted()).await;
    let (_folder, client) = client(&server, "{}");
    let repository: Repository = format!("{port}/acme/app").parse().expect("repository");
    let error = client.check_push(&repository).await.expect_err("unreachable");
    assert!(
        matches!(&error.problem, RegistryErrorKind::Unreachable { host, .. } if *host == port.to_string()),
        "{error}"
    );
    assert!(error.is_transient() && !error.is_refusal());
}

#[tokio::test]
async fn a_digest_is_read_by_head() {
    let digest = Digest::of("x").to_string();
    let header = digest.clone();
    let server = Server::start(move |call| match call.line.as_str() {
        "GET /v2/" => Reply::status(200),
        "HEAD /v2/acme/app/manifests/1" => {
            Reply::status(200).with_header("docker-content-digest", header.clone())
        }
        "HEAD /v2/acme/app/manifests/broken" => Reply::status(418),
        _ => Reply::status(404),
    })
    .await;
    let (_folder, client) = client(&server, "{}");
    assert_eq!(client.manifest_digest(&reference(&server, ":1")).await, Ok(Some(digest)));
    assert_eq!(client.manifest_digest(&reference(&server, ":2")).await, Ok(None));
    let error = client.manifest_digest(&reference(&server, ":broken")).await.expect_err("refused");
    assert!(matches!(error.problem, RegistryErrorKind::Refused { .. }), "{error}");
}

/// A registry with one image for two platforms.
async fn image_registry(config: &'static str) -> (Server, String) {
    let config_digest =
        Digest::of(r#"{"config": {"OnBuild": ["COPY . /app"], "Env": ["A=b"], "WorkingDir": "/w"}}"#);
    let manifest = format!(r#"{{"config": {{"digest": "{config_digest}"}}, "layers": []}}"#);
    let manifest_digest = Digest::of(&manifest);
    let index = format!(
        r#"{{"manifests": [
            {{"digest": "sha256:00", "platform": {{"os": "windows", "architecture": "amd64"}}}},
            {{"digest": "{manifest_digest}", "platform": {{"os": "linux", "architecture": "riscv64"}}}}]}}"#
    );
    let index_digest = Digest::of(&index).to_string();
    let server = Server::start(move |call| {
        let path = call.line.strip_prefix("GET /v2/").unwrap_or_default();
        match path.strip_prefix("acme/app/") {
            None if path.is_empty() => Reply::status(200),
            Some("manifests/1") => Reply::body(index.clone()),
            Some(path) if path == format!("manifests/{manifest_digest}") => Reply::body(manifest.clone()),
            Some(path) if path == format!("blobs/{config_digest}") => Reply::body(config),
            _ => Reply::status(404),
        }
    })
    .await;
    (server, index_digest)
}

#[tokio::test]
async fn facts_come_from_the_image_of_the_platform() {
    let config = r#"{"config": {"OnBuild": ["COPY . /app"], "Env": ["A=b"], "WorkingDir": "/w"}}"#;
    let (server, digest) = image_registry(config).await;
    let (_folder, client) = client(&server, "{}");
    let reference = reference(&server, ":1");
    let facts = client.image_config(&reference, Some("linux/riscv64")).await.expect("facts");
    let expected = ImageFacts {
        digest,
        image_id: Digest::of(config).to_string(),
        onbuild: vec!["COPY . /app".into()],
        env: vec!["A=b".into()],
        working_dir: "/w".into(),
    };
    assert_eq!(facts, expected);
    let error = client.image_config(&reference, Some("linux/s390x")).await.expect_err("no such platform");
    assert!(matches!(error.problem, RegistryErrorKind::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn content_other_than_requested_is_rejected() {
    let (server, _) = image_registry("{}").await;
    let (_folder, client) = client(&server, "{}");
    let error =
        client.image_config(&reference(&server, ":1"), Some("linux/riscv64")).await.expect_err("refused");
    assert!(matches!(error.problem, RegistryErrorKind::DigestMismatch { .. }), "{error}");
}

#[tokio::test]
async fn a_new_tag_gets_the_same_bytes() {
    let manifest = "{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\"  }";
    let server = Server::start(move |call| match call.line.as_str() {
        "GET /v2/acme/app/manifests/1" => Reply::body(manifest),
        "PUT /v2/acme/app/manifests/2" if call.body == manifest => Reply::status(201),
        "GET /v2/" => Reply::status(200),
        _ => Reply::status(404),
    })
    .await;
    let (_folder, client) = client(&server, "{}");
    let tag = "2".parse().expect("tag");
    let digest = client.retag(&repository(&server), "1", &tag).await;
    assert_eq!(digest, Ok(Digest::of(manifest).to_string()));
    let error = client.retag(&repository(&server), "none", &tag).await.expect_err("no such image");
    assert!(matches!(error.problem, RegistryErrorKind::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_login_is_checked_before_it_is_stored() {
    let server =
        Server::start(|call| if call.authorization == ANN { Reply::status(200) } else { wants_basic() })
            .await;
    let (folder, client) = client(&server, "{}");
    let error =
        client.log_in(server.domain(), "ann".into(), Secret::new("wrong")).await.expect_err("refused");
    assert!(error.is_refusal() && !error.to_string().contains("wrong"), "{error}");
    let store = || CredentialStore::at(folder.path());
    assert_eq!(store().get(server.domain()).await, Ok(Credential::Anonymous));
    client.log_in(server.domain(), "ann".into(), Secret::new("pw")).await.expect("login");
    let expected = Credential::Basic { username: "ann".into(), password: Secret::new("pw") };
    assert_eq!(store().get(server.domain()).await, Ok(expected));
}

#[tokio::test]
async fn a_login_stores_the_identity_token_instead_of_the_password() {
    let server = token_registry(|_| Reply::body(r#"{"token": "good", "refresh_token": "id"}"#)).await;
    let (folder, client) = client(&server, "{}");
    client.log_in(server.domain(), "ann".into(), Secret::new("pw")).await.expect("login");
    let expected = Credential::IdentityToken { username: "ann".into(), token: Secret::new("id") };
    assert_eq!(CredentialStore::at(folder.path()).get(server.domain()).await, Ok(expected));
    let text = std::fs::read_to_string(folder.path().join("config.json")).expect("config");
    assert!(!text.contains("YW5uOnB3"), "{text}");
}

/// A registry with the index of one image, which accepts uploads.
async fn registry_with_index(layer: &'static str) -> (Server, String) {
    let blob = |text: &str| Digest::of(text).to_string();
    let config = r#"{"os": "linux", "architecture": "arm64", "config": {"Labels": {"team": "core"}}}"#;
    let manifest = format!(
        r#"{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {{"digest": "{}", "size": 10}},
            "layers": [{{"digest": "{}", "size": 5}}]}}"#,
        blob(config),
        blob(layer)
    );
    let index = format!(
        r#"{{"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [{{"digest": "{}",
            "platform": {{"os": "linux", "architecture": "arm64"}}}}]}}"#,
        blob(&manifest)
    );
    let content = [
        (format!("/manifests/{}", blob(&manifest)), manifest.clone()),
        (format!("/blobs/{}", blob(config)), config.to_owned()),
        (format!("/blobs/{}", blob(layer)), layer.to_owned()),
    ];
    let (single, both) = (manifest.clone(), index.clone());
    let server = Server::start(move |call| match call.line.split_once(' ') {
        Some(("GET" | "HEAD", "/v2/acme/app/manifests/1")) => Reply::body(both.clone()),
        Some(("GET", "/v2/acme/app/manifests/single")) => Reply::body(single.clone()),
        Some(("GET" | "HEAD", path)) if path.starts_with("/v2/acme/app/") => {
            let found = content.iter().find(|(end, _)| path.ends_with(end));
            found.map_or_else(|| Reply::status(404), |(_, text)| Reply::body(text.clone()))
        }
        Some(("POST", path)) if path.contains("mount=") => Reply::status(201),
        Some(("POST", _)) => accepted(),
        Some(("PUT", _)) => Reply::status(201),
        _ => Reply::status(404),
    })
    .await;
    (server, index)
}

#[tokio::test]
async fn an_index_is_copied_with_its_images_and_their_blobs() {
    let (from, index) = registry_with_index("layer").await;
    let (to, _) = registry_with_index("other").await;
    let (_folder, client) = client(&from, "{}");
    let target = format!("{}/prod/app:2", to.domain()).parse().expect("reference");
    let digest = client.copy(&reference(&from, ":1"), &target).await.expect("a copy");
    assert_eq!(digest, Digest::of(&index).to_string());
    let calls = to.calls();
    let sent = |start: &str| calls.iter().filter(|call| call.line.starts_with(start)).collect::<Vec<_>>();
    // Both blobs were sent whole, and the index after its image.
    let mut blobs: Vec<_> =
        sent("PUT /v2/acme/app/blobs/uploads/1?digest=").iter().map(|call| call.body.len()).collect();
    blobs.sort_unstable();
    assert_eq!(blobs[0], "layer".len(), "{calls:?}");
    assert_eq!(blobs.len(), 2);
    let manifests = sent("PUT /v2/prod/app/manifests/");
    assert!(manifests[0].line.contains("sha256:") && manifests[1].line.ends_with("/2"), "{manifests:?}");
    assert_eq!(manifests[1].body, index);
}

#[tokio::test]
async fn within_one_registry_no_blob_is_transferred() {
    let (server, _) = registry_with_index("layer").await;
    let (_folder, client) = client(&server, "{}");
    let target = format!("{}/prod/app:2", server.domain()).parse().expect("reference");
    client.copy(&reference(&server, ":1"), &target).await.expect("a copy");
    let lines = server.lines();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("POST /v2/prod/app/blobs/uploads/?mount=sha256%3A"), 2, "{lines:#?}");
    assert_eq!(count("GET /v2/acme/app/blobs/") + count("PUT /v2/prod/app/blobs/"), 0, "{lines:#?}");
}

#[tokio::test]
async fn the_target_of_a_reference_is_reported() {
    let (server, index) = registry_with_index("layer").await;
    let (_folder, client) = client(&server, "{}");
    let facts = client.inspect(&reference(&server, ":1")).await.expect("an answer").expect("an index");
    assert_eq!(
        (facts.digest, facts.platforms),
        (Digest::of(&index).to_string(), vec!["linux/arm64".to_owned()])
    );
    let facts = client.inspect(&reference(&server, ":single")).await.expect("an answer").expect("an image");
    assert_eq!((facts.size, facts.platforms), (15, vec!["linux/arm64".to_owned()]));
    assert_eq!(facts.labels.get("team").map(String::as_str), Some("core"));
    assert_eq!(client.inspect(&reference(&server, ":none")).await, Ok(None));
}

#[tokio::test]
async fn an_upload_goes_to_the_location_of_the_response() {
    let there = Server::start(|call| match call.line.split_once(' ') {
        Some(("POST", _)) => Reply::status(202).with_header("location", "u1?state=a%2Bb"),
        _ => Reply::status(404),
    })
    .await;
    let domain = there.domain().to_owned();
    let server = Server::start(move |call| match call.line.split_once(' ') {
        Some(("POST", path)) if path.starts_with("/v2/acme/app/") => {
            Reply::status(307).with_header("location", format!("http://{domain}{path}"))
        }
        Some(("POST", _)) => Reply::status(202).with_header("location", "/elsewhere"),
        _ => Reply::status(200),
    })
    .await;
    let (_folder, client) = client(&server, "{}");
    let check = async |path: &str, expected: String| {
        let repository: Repository = format!("{}/{path}", server.domain()).parse().expect("repository");
        let subject = client::Subject::new(Action::Push, repository.to_string(), &repository, "pull,push");
        let upload = client.begin_upload(&subject, &repository, "sha256:00", None).await.expect("begun");
        assert_eq!(upload.expect("an upload").url.to_string(), expected);
    };
    let url = format!("http://{}/v2/acme/app/blobs/uploads/u1?state=a%2Bb", there.domain());
    check("acme/app", url).await;
    check("acme/other", format!("http://{}/elsewhere", server.domain())).await;
}

#[tokio::test]
async fn each_status_names_its_matter() {
    let check = async |status: u16, code: &str, message: &str| {
        let server = Server::start(move |call| match call.line.as_str() {
            "GET /v2/" => Reply::status(200),
            _ => Reply::body(r#"{"errors": [{"message": "words"}]}"#).with_status(status),
        })
        .await;
        let (_folder, client) = client(&server, r#"{"auth": "YW5uOnB3"}"#);
        let error = client.check_push(&repository(&server)).await.expect_err("no success");
        assert_eq!(miette::Diagnostic::code(&error).expect("a code").to_string(), code, "{status}");
        let expected = format!("{message} ({status} ");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(error.to_string().contains("words"), "{error}");
        assert!(miette::Diagnostic::help(&error).is_some(), "{status}");
    };
    check(400, "registry::refused", "the registry refused").await;
    check(402, "registry::full", "has no space left").await;
    check(403, "registry::denied", "denied access").await;
    check(404, "registry::not_found", "not found").await;
    check(405, "registry::unsupported", "does not support this").await;
    check(407, "registry::proxy", "the proxy requires credentials").await;
    check(408, "registry::broken", "registry server error").await;
    check(409, "registry::conflict", "does not replace existing content").await;
    check(410, "registry::not_found", "not found").await;
    check(412, "registry::conflict", "does not replace existing content").await;
    check(413, "registry::too_large", "is too large for the registry").await;
    check(415, "registry::unsupported", "does not support this").await;
    check(416, "registry::refused", "expects a different range of the blob").await;
    check(421, "registry::broken", "registry server error").await;
    check(425, "registry::broken", "registry server error").await;
    check(429, "registry::too_many_requests", "rate limit exceeded").await;
    check(451, "registry::refused", "the registry refused").await;
    check(500, "registry::broken", "registry server error").await;
    check(501, "registry::unsupported", "does not support this").await;
    check(507, "registry::full", "has no space left").await;
    check(511, "registry::captive_portal", "the network requires a login").await;
    check(300, "registry::malformed", "invalid response").await;
}
