//! Images between the image store and registries: the transferred blobs, the checks, and the state after a failure.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use miette::Diagnostic as _;
use windlass::event::{Event, Events};
use windlass::image::{Digest, ImageReference};
use windlass::oci::{BlobStore, Compression, Layer, LayerWriter, StoredImage};
use windlass::registry::{CredentialStore, RegistryClient, RegistryError};

use crate::harness::{Fault, FaultProxy, Registry};

/// A separate image store, and a client without credentials.
struct Machine {
    folder: tempfile::TempDir,
    store: BlobStore,
    client: RegistryClient,
    told: Arc<Mutex<Vec<Event>>>,
    runtime: tokio::runtime::Runtime,
}

impl Machine {
    fn new() -> Self {
        Self::with_config("{}")
    }

    fn with_config(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("config.json"), config).expect("written");
        let store = BlobStore::new(folder.path().join("oci"));
        let client = client(&folder);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self { folder, store, client, told: Arc::default(), runtime }
    }

    /// The same machine in its next run.
    fn next_run(self) -> Self {
        let client = client(&self.folder);
        Self { client, told: Arc::default(), ..self }
    }

    fn layer(&self, content: &[u8]) -> Layer {
        let mut writer = LayerWriter::new(&self.store, Compression::Gzip).expect("a layer");
        writer.write_all(content).expect("written");
        writer.finish().expect("finished")
    }

    fn image(&self, layers: &[Layer]) -> StoredImage {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        StoredImage::assemble(&self.store, config.to_string(), layers, BTreeMap::new()).expect("an image")
    }

    fn push(
        &self,
        image: &StoredImage,
        references: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), RegistryError> {
        let references: Vec<ImageReference> =
            references.into_iter().map(|text| parse(text.as_ref())).collect();
        let events = self.events().of_image("app");
        self.wait(self.client.push(&self.store, &image.digest(), &references, &events))
    }

    fn pull(&self, reference: &str) -> Result<StoredImage, RegistryError> {
        let events = self.events().of_image("app");
        self.wait(self.client.pull(&self.store, &parse(reference), None, &events))
    }

    fn events(&self) -> Events {
        let told = Arc::clone(&self.told);
        Events::new(move |event| told.lock().expect("events").push(event))
    }

    fn notices(&self) -> Vec<String> {
        let told = self.told.lock().expect("events");
        let notice = |event: &Event| match event {
            Event::Notice { message, .. } => Some(message.clone()),
            _ => None,
        };
        told.iter().filter_map(notice).collect()
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

fn client(folder: &tempfile::TempDir) -> RegistryClient {
    RegistryClient::new(Arc::new(CredentialStore::at(folder.path())))
}

fn parse(reference: &str) -> ImageReference {
    reference.parse().expect("a reference")
}

fn random(length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(length).collect()
}

fn code(error: &RegistryError) -> String {
    error.code().expect("a code").to_string()
}

fn blob_of(layer: &Layer) -> Digest {
    layer.descriptor.digest().as_ref().parse().expect("a digest")
}

#[test]
fn a_pushed_image_is_pulled_unchanged() {
    let Some(registry) = Registry::start() else { return };
    let (one, two) = (Machine::new(), Machine::new());
    let image = one.image(&[one.layer(b"base"), one.layer(&random(3 << 20)), one.layer(b"base")]);
    let name = format!("{}/acme/app", registry.address());
    one.push(&image, &[format!("{name}:1"), format!("{name}:2")]).expect("pushed");
    for tag in ["1", "2"] {
        assert_eq!(registry.digest_at("acme/app", tag), Some(image.digest().to_string()));
    }
    let pulled = two.pull(&format!("{name}:2")).expect("pulled");
    assert_eq!(pulled, image);
    for layer in pulled.layers() {
        assert_eq!(two.store.read_through(&blob_of(layer)), Ok(true));
    }
    let told = two.told.lock().expect("events");
    let total: u64 = image.layers().iter().skip(1).map(|layer| layer.descriptor.size()).sum();
    let last = told.iter().rev().find_map(|event| match event {
        Event::StepProgress { done, total, .. } => Some((*done, *total)),
        _ => None,
    });
    assert_eq!(last, Some((total, Some(total))), "a layer that occurs twice is transferred once");
}

#[test]
fn dockers_credentials_are_used() {
    let Some(registry) = Registry::with_login() else { return };
    let (ann, nobody) = (Machine::with_config(&registry.docker_config()), Machine::new());
    let image = ann.image(&[ann.layer(b"layer")]);
    let name = format!("{}/acme/app:1", registry.address());
    let error = nobody.push(&nobody.image(&[nobody.layer(b"layer")]), [&name]).expect_err("refused");
    assert_eq!(code(&error), "registry::unauthorized");
    ann.push(&image, [&name]).expect("pushed");
    assert_eq!(code(&nobody.pull(&name).expect_err("refused")), "registry::unauthorized");
    Machine::with_config(&registry.docker_config()).pull(&name).expect("pulled");
}

#[test]
fn only_new_blobs_are_transferred() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let machine = Machine::new();
    let base = machine.layer(&random(1 << 20));
    let name = |path: &str| format!("{}/{path}", proxy.address());
    machine
        .push(&machine.image(&[base.clone(), machine.layer(b"one")]), &[name("acme/one:1")])
        .expect("pushed");
    assert_eq!(proxy.count("PUT", "/v2/acme/one/blobs/"), 3, "two layers and a configuration");

    let second = machine.image(&[base.clone(), machine.layer(b"two")]);
    machine.push(&second, &[name("acme/one:2")]).expect("pushed");
    assert_eq!(proxy.count("PUT", "/v2/acme/one/blobs/"), 5, "a layer and a configuration");
    machine.push(&second, &[name("acme/one:3")]).expect("pushed");
    assert_eq!(proxy.count("PUT", "/v2/acme/one/blobs/"), 5, "another tag sends nothing");

    // The other repository mounts the blobs that the registry has.
    machine.push(&second, &[name("acme/two:1")]).expect("pushed");
    assert_eq!(proxy.count("PUT", "/v2/acme/two/blobs/"), 0);
    assert_eq!(registry.digest_at("acme/two", "1"), Some(second.digest().to_string()));
}

#[test]
fn a_layer_that_was_never_pulled_is_mounted_by_the_registry() {
    let Some(registry) = Registry::start() else { return };
    let Some(elsewhere) = Registry::start() else { return };
    let (one, two) = (Machine::new(), Machine::new());
    let base = one.image(&[one.layer(&random(1 << 20))]);
    let name = format!("{}/library/base:1", registry.address());
    one.push(&base, [&name]).expect("pushed");

    let events = Events::none().of_image("app");
    let base = two.wait(two.client.resolve(&two.store, &parse(&name), None, &events)).expect("documents");
    assert_eq!(base.missing_layers(&two.store).expect("queried").len(), 1);
    let image = two.image(&[base.layers()[0].clone(), two.layer(b"own")]);
    let (near, far) =
        (format!("{}/acme/app:1", registry.address()), format!("{}/acme/app:1", elsewhere.address()));
    two.push(&image, &[near, far.clone()]).expect("pushed");
    assert_eq!(base.missing_layers(&two.store).expect("queried").len(), 1, "the layer is not in this store");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(image.digest().to_string()));
    assert_eq!(Machine::new().pull(&far).expect("pulled"), image);
}

#[test]
fn pulled_base_image_survives_registry_outage() {
    let Some(registry) = Registry::start() else { return };
    let (one, two) = (Machine::new(), Machine::new());
    let image = one.image(&[one.layer(b"layer")]);
    let name = format!("{}/acme/app", registry.address());
    one.push(&image, &[format!("{name}:1"), format!("{name}:2")]).expect("pushed");
    two.pull(&format!("{name}:1")).expect("pulled");
    drop(registry);
    let two = two.next_run();
    assert_eq!(two.pull(&format!("{name}:1")).expect("known"), image);
    let notices = two.notices();
    let start = format!("using the last pulled {name}:1, {}: ", image.digest());
    assert!(notices.len() == 1 && notices[0].starts_with(&start), "{notices:?}");
    assert_eq!(two.pull(&format!("{name}@{}", image.digest())).expect("known"), image);
    assert_eq!(two.notices().len(), 1, "a digest needs no registry");
    assert_eq!(code(&two.pull(&format!("{name}:2")).expect_err("unknown")), "registry::unreachable");
}

#[test]
fn a_moved_tag_is_pulled_again_and_an_unmoved_one_only_queried() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let (one, two) = (Machine::new(), Machine::new());
    let name = format!("{}/acme/app:1", proxy.address());
    let first = one.image(&[one.layer(b"first")]);
    one.push(&first, [&name]).expect("pushed");
    two.pull(&name).expect("pulled");
    let (gets, heads) = (proxy.count("GET", "/v2/acme/"), proxy.count("HEAD", "/v2/acme/app/manifests/"));
    let two = two.next_run();
    assert_eq!(two.pull(&name).expect("pulled"), first);
    assert_eq!(two.pull(&name).expect("pulled"), first);
    assert_eq!(proxy.count("GET", "/v2/acme/"), gets);
    assert_eq!(proxy.count("HEAD", "/v2/acme/app/manifests/"), heads + 1, "queried once per run");
    let second = one.image(&[one.layer(b"second")]);
    one.push(&second, [&name]).expect("pushed");
    assert_eq!(two.next_run().pull(&name).expect("pulled"), second);
}

#[test]
fn an_interrupted_download_is_resumed() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let (one, two) = (Machine::new(), Machine::new());
    let layer = one.layer(&random(4 << 20));
    let image = one.image(std::slice::from_ref(&layer));
    let name = format!("{}/acme/app:1", proxy.address());
    one.push(&image, [&name]).expect("pushed");
    let path = format!("/v2/acme/app/blobs/{}", blob_of(&layer));
    proxy.fault(1, "GET", &path, Fault::Cut(1 << 20)).fault(1, "GET", &path, Fault::Status(503));
    proxy.fault(1, "GET", &path, Fault::Cut(2 << 20));
    assert_eq!(two.pull(&name).expect("pulled"), image);
    assert_eq!(two.store.read_through(&blob_of(&layer)), Ok(true));
    assert_eq!(proxy.count("GET", &path), 4);
}

#[test]
fn a_failed_download_leaves_nothing_behind() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let (one, two) = (Machine::new(), Machine::new());
    let layer = one.layer(&random(1 << 20));
    let image = one.image(std::slice::from_ref(&layer));
    let name = format!("{}/acme/app:1", proxy.address());
    one.push(&image, [&name]).expect("pushed");
    proxy.fault(usize::MAX, "GET", &format!("/v2/acme/app/blobs/{}", blob_of(&layer)), Fault::Cut(1000));
    let error = two.pull(&name).expect_err("broken");
    assert_eq!(code(&error), "registry::unreachable");
    assert_eq!(two.store.has(&blob_of(&layer), layer.descriptor.size()), Ok(false));
    let rest = std::fs::read_dir(two.store.folder().join("blobs/sha256")).expect("blobs").count();
    assert_eq!(rest, 2, "the manifest and the configuration");
}

#[test]
fn content_with_a_wrong_digest_is_rejected() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let one = Machine::new();
    let layer = one.layer(b"layer");
    let image = one.image(std::slice::from_ref(&layer));
    let name = format!("{}/acme/app", proxy.address());
    one.push(&image, &[format!("{name}:1")]).expect("pushed");
    let paths = [
        format!("/v2/acme/app/manifests/{}", image.digest()),
        format!("/v2/acme/app/blobs/{}", image.image_id()),
        format!("/v2/acme/app/blobs/{}", blob_of(&layer)),
    ];
    for path in paths {
        proxy.fault(1, "GET", &path, Fault::Corrupt);
        let two = Machine::new();
        let error = two.pull(&format!("{name}@{}", image.digest())).expect_err("refused");
        assert_eq!(code(&error), "registry::digest_mismatch", "{path}: {error}");
        assert_eq!(two.pull(&format!("{name}@{}", image.digest())).expect("pulled"), image, "{path}");
    }
}

#[test]
fn a_failed_upload_leaves_no_tag() {
    let Some(registry) = Registry::start() else { return };
    let faults = [
        ("PUT", "blobs/", Fault::Status(500), "registry::broken"),
        ("PUT", "blobs/", Fault::Drop, "registry::unreachable"),
        ("POST", "blobs/", Fault::Status(403), "registry::unauthorized"),
        ("PUT", "manifests/", Fault::Status(500), "registry::broken"),
    ];
    for (number, (method, path, fault, expected)) in faults.into_iter().enumerate() {
        let proxy = FaultProxy::before(&registry);
        let machine = Machine::new();
        let image = machine.image(&[machine.layer(&random(100_000)), machine.layer(b"two")]);
        let name = format!("acme/app{number}");
        proxy.fault(usize::MAX, method, &format!("/v2/{name}/{path}"), fault);
        let tags = [format!("{}/{name}:1", proxy.address()), format!("{}/{name}:2", proxy.address())];
        let error = machine.push(&image, &tags).expect_err("refused");
        assert_eq!(code(&error), expected, "{error}");
        assert_eq!(
            (registry.digest_at(&name, "1"), registry.digest_at(&name, "2")),
            (None, None),
            "{fault:?}"
        );
    }
}

#[test]
fn an_upload_survives_occasional_failures() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let machine = Machine::new();
    let image = machine.image(&[machine.layer(&random(100_000))]);
    let path = "/v2/acme/app/";
    proxy.fault(1, "PUT", path, Fault::Drop).fault(1, "PUT", path, Fault::CutRequest(50_000));
    proxy.fault(1, "HEAD", path, Fault::Status(502)).fault(1, "POST", path, Fault::Status(503));
    proxy.fault(1, "PUT", "/v2/acme/app/manifests/", Fault::Drop);
    machine.push(&image, &[format!("{}/acme/app:1", proxy.address())]).expect("pushed");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(image.digest().to_string()));
    Machine::new().pull(&format!("{}/acme/app:1", registry.address())).expect("whole");
}

#[test]
fn an_upload_disturbed_by_another_push_is_retried() {
    let Some(registry) = Registry::start() else { return };
    for (number, status) in [400, 404, 409, 416].into_iter().enumerate() {
        let proxy = FaultProxy::before(&registry);
        let machine = Machine::new();
        let image = machine.image(&[machine.layer(&random(1000))]);
        let name = format!("acme/race{number}");
        proxy.fault(1, "PUT", &format!("/v2/{name}/blobs/"), Fault::Status(status));
        if status != 404 && status != 416 {
            proxy.fault(1, "PUT", &format!("/v2/{name}/manifests/"), Fault::Status(status));
        }
        machine.push(&image, &[format!("{}/{name}:1", proxy.address())]).expect("pushed");
        assert_eq!(registry.digest_at(&name, "1"), Some(image.digest().to_string()), "{status}");
        assert_eq!(
            proxy.count("POST", &format!("/v2/{name}/blobs/uploads/")),
            3,
            "two blobs, one of them restarted"
        );
    }
}

#[test]
fn a_long_upload_is_resumed_with_the_lost_chunk() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let machine = Machine::new();
    let layer = machine.layer(&random(70 << 20));
    let image = machine.image(std::slice::from_ref(&layer));
    proxy.fault(1, "PATCH", "/v2/acme/app/", Fault::Delay(std::time::Duration::ZERO));
    proxy.fault(1, "PATCH", "/v2/acme/app/", Fault::Drop);
    machine.push(&image, &[format!("{}/acme/app:1", proxy.address())]).expect("pushed");
    assert_eq!(proxy.count("PATCH", "/v2/acme/app/"), 4, "three chunks, one of them twice");
    assert_eq!(proxy.count("POST", "/v2/acme/app/blobs/uploads/"), 2, "one upload for each blob");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(image.digest().to_string()));

    // A registry that does not support chunks gets the blob in one piece.
    let proxy = FaultProxy::before(&registry);
    proxy.fault(usize::MAX, "PATCH", "/v2/acme/other/", Fault::Status(416));
    let fresh = machine.layer(&random(33 << 20));
    let image = machine.image(std::slice::from_ref(&fresh));
    machine.push(&image, &[format!("{}/acme/other:1", proxy.address())]).expect("pushed");
    assert!(proxy.count("PATCH", "/v2/acme/other/") > 0);
    assert_eq!(registry.digest_at("acme/other", "1"), Some(image.digest().to_string()));
}

#[test]
fn a_damaged_layer_is_not_pushed() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new();
    let layer = machine.layer(b"layer");
    let image = machine.image(std::slice::from_ref(&layer));
    let blob = machine.store.folder().join("blobs/sha256").join(blob_of(&layer).hex());
    let mut content = std::fs::read(&blob).expect("the blob");
    content[20] ^= 1;
    std::fs::write(&blob, content).expect("damaged");
    let error = machine.push(&image, &[format!("{}/acme/app:1", registry.address())]).expect_err("refused");
    assert_eq!(code(&error), "oci::missing", "{error}");
    assert_eq!(registry.digest_at("acme/app", "1"), None);
}

#[test]
fn an_index_is_pushed_completely_and_pulled_by_platform() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new();
    let image = |architecture: &str| {
        let layer = machine.layer(architecture.as_bytes());
        let config = serde_json::json!({
            "architecture": architecture, "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        });
        StoredImage::assemble(&machine.store, config.to_string(), &[layer], BTreeMap::new())
            .expect("an image")
    };
    let (amd64, arm64) = (image("amd64"), image("arm64"));
    let index =
        machine.store.assemble_index(&[amd64.clone(), arm64.clone()], BTreeMap::new()).expect("an index");
    let name = parse(&format!("{}/acme/app:1", registry.address()));
    let events = Events::none().of_image("app");
    let push = machine.client.push(&machine.store, &index, std::slice::from_ref(&name), &events);
    machine.wait(push).expect("pushed");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(index.to_string()));
    for (platform, image) in [("linux/amd64", &amd64), ("linux/arm64", &arm64)] {
        let other = Machine::new();
        let pull = other.client.pull(&other.store, &name, Some(platform), &events);
        assert_eq!(&other.wait(pull).expect("pulled"), image);
    }
    let other = Machine::new();
    let pull = other.client.pull(&other.store, &name, Some("linux/s390x"), &events);
    let error = other.wait(pull).expect_err("an unknown platform");
    assert!(error.to_string().contains("available: linux/amd64, linux/arm64"), "{error}");
}

#[test]
fn attachments_are_transferred_and_listed() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new();
    let image = machine.image(&[machine.layer(b"layer")]);
    let name = format!("{}/acme/app:1", registry.address());
    let attach = |kind: &str, content: &str| {
        let attached = machine.store.attach(&image.digest(), kind, content.as_bytes(), BTreeMap::new());
        attached.expect("attached").to_string()
    };
    let list = || {
        // This registry does not list attachments itself: clients read this tag.
        let tag = format!("sha256-{}", image.digest().hex());
        let digest = registry.digest_at("acme/app", &tag).expect("a list");
        let events = Events::none().of_image("app");
        let list = parse(&format!("{}/acme/app@{digest}", registry.address()));
        let _ = Machine::new().wait(machine.client.resolve(&machine.store, &list, None, &events));
        let content =
            machine.store.read(&digest.parse().expect("a digest")).expect("read").expect("it exists");
        let index: serde_json::Value = serde_json::from_slice(&content).expect("JSON");
        let entries = index["manifests"].as_array().expect("a list").iter();
        let entries = entries.map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            (text("artifactType"), text("digest"))
        });
        entries.collect::<Vec<_>>()
    };
    let bill = attach("application/vnd.cyclonedx+json", "{}");
    machine.push(&image, [&name]).expect("pushed");
    assert_eq!(list(), [("application/vnd.cyclonedx+json".to_owned(), bill)]);

    let bill = attach("application/vnd.cyclonedx+json", "{\"components\": []}");
    let provenance = attach("application/vnd.in-toto+json", "{}");
    machine.push(&image, [&name]).expect("pushed");
    assert_eq!(
        list(),
        [
            ("application/vnd.cyclonedx+json".to_owned(), bill),
            ("application/vnd.in-toto+json".to_owned(), provenance),
        ]
    );
    assert_eq!(registry.digest_at("acme/app", "1"), Some(image.digest().to_string()));
}

#[test]
fn a_failed_attachment_leaves_no_tag() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    let machine = Machine::new();
    let image = machine.image(&[machine.layer(b"layer")]);
    let bill =
        machine.store.attach(&image.digest(), "application/vnd.cyclonedx+json", b"{}", BTreeMap::new());
    let path = format!("/v2/acme/app/manifests/{}", bill.expect("attached"));
    proxy.fault(usize::MAX, "PUT", &path, Fault::Status(400));
    let error = machine.push(&image, [&format!("{}/acme/app:1", proxy.address())]).expect_err("refused");
    assert_eq!(code(&error), "registry::refused");
    assert_eq!(registry.digest_at("acme/app", "1"), None);
}

#[test]
fn images_of_docker_hub_are_pulled_from_mirrors() {
    let Some(mirror) = Registry::start() else { return };
    let machine = Machine::new();
    let image = machine.image(&[machine.layer(b"layer")]);
    machine.push(&image, [format!("{}/library/base:1", mirror.address())]).expect("pushed");
    let other = Machine::new();
    let settings = other.folder.path().join("daemon.json");
    // The first mirror does not exist.
    let mirrors = serde_json::json!({"registry-mirrors": ["http://127.0.0.1:1", format!("http://{}", mirror.address())]});
    std::fs::write(&settings, mirrors.to_string()).expect("written");
    let other = Machine { client: client(&other.folder).with_daemon_settings(vec![settings]), ..other };
    assert_eq!(other.pull("base:1").expect("pulled"), image);
    let digest = format!("base@{}", image.digest());
    assert_eq!(other.pull(&digest).expect("known"), image);
    let told = other.told.lock().expect("events");
    let steps = told
        .iter()
        .filter(|event| matches!(event, Event::StepProgress { step, .. } if step == "pulling base:1"));
    assert!(steps.count() > 0, "the step is named after the requested reference: {told:?}");
}
