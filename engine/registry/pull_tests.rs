//! Pulls from a registry with invalid content.

use std::time::Duration;

use super::testing::{Reply, Server};
use super::*;
use crate::event::Events;
use crate::image::Digest;
use crate::oci::{BlobStore, StoredImage};

/// A registry's description of an image with one layer.
struct Story {
    /// The layer that it sends.
    layer: &'static str,
    /// The layer's size in the manifest.
    size: u64,
    /// The layers in the configuration.
    diff_ids: usize,
}

impl Story {
    /// Pulls, and returns the result and the number of stored blobs.
    async fn pull(self) -> (Result<StoredImage, RegistryError>, usize) {
        let digest = Digest::of(self.layer);
        let diff_ids = vec![Digest::of("tar"); self.diff_ids];
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
        })
        .to_string();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "config": {"mediaType": "x/y", "digest": Digest::of(&config), "size": config.len()},
            "layers": [{"mediaType": "x/y", "digest": digest, "size": self.size}],
        })
        .to_string();
        pull(move |path| match path {
            "manifests/1" => Some(Reply::body(manifest.clone())),
            path if path == format!("blobs/{}", Digest::of(&config)) => Some(Reply::body(config.clone())),
            path if path == format!("blobs/{digest}") => Some(Reply::body(self.layer)),
            _ => None,
        })
        .await
    }
}

/// Pulls from a registry that responds with `answer` below `/v2/acme/app/`, and returns the result and the number of
/// stored blobs.
async fn pull(
    answer: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static,
) -> (Result<StoredImage, RegistryError>, usize) {
    let server = Server::start(move |call| {
        let path = call.line.split_once(" /v2/").map_or("", |(_, path)| path);
        match path.strip_prefix("acme/app/") {
            None => Reply::status(200),
            Some(path) => answer(path).unwrap_or_else(|| Reply::status(404)),
        }
    })
    .await;
    let folder = tempfile::tempdir().expect("directory");
    let store = BlobStore::new(folder.path().join("oci"));
    let credentials = std::sync::Arc::new(CredentialStore::at(folder.path()));
    let mut client = RegistryClient::new(credentials).with_pause(Duration::ZERO);
    client.retry.silence = Duration::from_millis(200);
    let reference = format!("{}/acme/app:1", server.domain()).parse().expect("reference");
    let events = Events::none().of_image("app");
    let pulled = client.pull(&store, &reference, None, &events).await;
    let kept = std::fs::read_dir(folder.path().join("oci/blobs/sha256")).map_or(0, Iterator::count);
    (pulled, kept)
}

fn reason(pulled: Result<StoredImage, RegistryError>) -> String {
    pulled.expect_err("refused").problem.to_string()
}

#[tokio::test]
async fn an_honest_story_is_believed() {
    let (pulled, kept) = Story { layer: "layer", size: 5, diff_ids: 1 }.pull().await;
    assert_eq!((pulled.map(|image| image.layers().len()), kept), (Ok(1), 3));
}

#[tokio::test]
async fn layers_have_the_size_of_the_manifest() {
    let (pulled, kept) = Story { layer: "layer", size: 4, diff_ids: 1 }.pull().await;
    assert!(reason(pulled).contains("expected 4 bytes, got more"));
    assert_eq!(kept, 2, "the layer is not stored");
    let (pulled, kept) = Story { layer: "layer", size: u64::MAX, diff_ids: 1 }.pull().await;
    assert!(reason(pulled).contains("expected 18446744073709551615 bytes, got 5"));
    assert_eq!(kept, 2);
}

#[tokio::test]
async fn manifest_and_configuration_have_the_same_layers() {
    let (pulled, _) = Story { layer: "layer", size: 5, diff_ids: 2 }.pull().await;
    assert!(reason(pulled).contains("its configuration has 2 layers and its manifest 1"));
}

#[tokio::test]
async fn nonsense_is_refused() {
    let check = async |manifest: &'static str, expected: &str| {
        let (pulled, _) = pull(move |path| (path == "manifests/1").then(|| Reply::body(manifest))).await;
        let reason = reason(pulled);
        assert!(reason.contains(expected), "{manifest}: {reason}");
    };
    check("", "invalid manifest").await;
    check("[]", "invalid manifest").await;
    check("{}", "the manifest has no image configuration").await;
    check(r#"{"schemaVersion": 1, "fsLayers": []}"#, "the manifest has no image configuration").await;
    check(r#"{"config": {"digest": "sha512:00"}}"#, "the manifest has no image configuration").await;
    check(r#"{"config": {"digest": "../../etc"}}"#, "the manifest has no image configuration").await;
    check(r#"{"manifests": []}"#, "no image for linux/").await;
    let evil =
        r#"{"manifests": [{"digest": "sha256:../x", "platform": {"os": "linux", "architecture": "amd64"}}]}"#;
    if cfg!(target_arch = "x86_64") {
        check(evil, "a digest of an unknown algorithm").await;
    }
}

#[tokio::test]
async fn an_endless_manifest_is_cut() {
    let (pulled, kept) = pull(|path| (path == "manifests/1").then(|| Reply::body(vec![b' '; 5 << 20]))).await;
    assert!(reason(pulled).contains("the response is longer than 4194304 bytes"));
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_registry_that_stops_responding_is_an_error() {
    let (pulled, _) = pull(|path| (path == "manifests/1").then_some(Reply::Hang)).await;
    assert!(matches!(pulled.expect_err("a timeout").problem, RegistryErrorKind::Timeout { .. }));
}

#[tokio::test]
async fn a_registry_that_drips_is_given_up() {
    let layer: &'static [u8] = &[b'x'; 10_000];
    let digest = Digest::of(layer);
    let config =
        r#"{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["DIFF"]}}"#
            .replace("DIFF", &digest.to_string());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": {"mediaType": "x/y", "digest": Digest::of(&config), "size": config.len()},
        "layers": [{"mediaType": "x/y", "digest": digest, "size": layer.len()}],
    })
    .to_string();
    let (pulled, _) = pull(move |path| match path {
        "manifests/1" => Some(Reply::body(manifest.clone())),
        path if path == format!("blobs/{}", Digest::of(&config)) => Some(Reply::body(config.clone())),
        path if path == format!("blobs/{digest}") => Some(Reply::Drip(layer.into())),
        _ => None,
    })
    .await;
    let reason = reason(pulled);
    assert!(reason.contains("less than 1024 bytes per second"), "{reason}");
}
