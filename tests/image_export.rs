//! Exporting images from the image store: to a directory, to an archive, into a daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use windlass::builder::docker::{Daemon as Client, DiscoveredEndpoint, Endpoint};
use windlass::image::ImageReference;
use windlass::oci::{BlobStore, Compression, Layer, LayerWriter, StoreError, StoredImage};

use crate::harness::{Daemon, busybox};

/// A layer with one program, `/app`, which is busybox under another name.
fn layer(store: &BlobStore, busybox: &[u8], compression: Compression) -> Layer {
    let mut tar = tar::Builder::new(LayerWriter::new(store, compression).expect("a layer"));
    for name in ["bin/", "bin/busybox"] {
        let mut header = tar::Header::new_ustar();
        let is_folder = name.ends_with('/');
        header.set_entry_type(if is_folder { tar::EntryType::Directory } else { tar::EntryType::Regular });
        header.set_mode(0o755);
        let content = if is_folder { &[] } else { busybox };
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content).expect("written");
    }
    tar.into_inner().expect("a tar").finish().expect("finished")
}

/// An image that prints `word` when it runs.
fn image(store: &BlobStore, layer: &Layer, word: &str) -> StoredImage {
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": ["/bin/busybox", "echo", word]},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    });
    StoredImage::assemble(store, config.to_string(), std::slice::from_ref(layer), BTreeMap::new())
        .expect("an image")
}

fn store() -> (tempfile::TempDir, BlobStore) {
    let folder = tempfile::tempdir().expect("a directory");
    let store = BlobStore::new(folder.path().join("oci"));
    (folder, store)
}

fn parse(reference: &str) -> ImageReference {
    reference.parse().expect("a reference")
}

/// The output of skopeo for an image; `None`, with a notice, if it is not installed.
fn skopeo(image: &str) -> Option<serde_json::Value> {
    let output = match Command::new("skopeo").args(["inspect", image]).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: skopeo cannot be run: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{image}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn a_layout_is_readable_by_other_tools_and_keeps_other_images() {
    let (folder, store) = store();
    let layer = layer(&store, b"no program", Compression::Gzip);
    let (one, two) = (image(&store, &layer, "one"), image(&store, &layer, "two"));
    let layout = folder.path().join("layout");
    store
        .write_layout(&one.digest(), &[parse("acme/app:1"), parse("acme/app:latest")], &layout)
        .expect("written");
    store
        .write_layout(&two.digest(), &[parse("acme/app:2"), parse("acme/app:latest")], &layout)
        .expect("written");
    let index: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(layout.join("index.json")).expect("an index"))
            .expect("JSON");
    let names: Vec<_> = index["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            let names = &entry["annotations"];
            (names["io.containerd.image.name"].as_str(), entry["digest"].as_str().map(str::to_owned))
        })
        .collect();
    let digest = |image: &StoredImage| Some(image.digest().to_string());
    assert_eq!(
        names,
        [
            (Some("docker.io/acme/app:1"), digest(&one)),
            (Some("docker.io/acme/app:2"), digest(&two)),
            (Some("docker.io/acme/app:latest"), digest(&two)),
        ]
    );
    for (tag, image) in [("1", &one), ("latest", &two)] {
        let Some(facts) = skopeo(&format!("oci:{}:{tag}", layout.display())) else { return };
        assert_eq!(facts["Digest"].as_str(), digest(image).as_deref());
        assert_eq!(facts["Layers"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_directory_with_other_files_is_not_overwritten() {
    let (folder, store) = store();
    let image = image(&store, &layer(&store, b"no program", Compression::Gzip), "one");
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a directory");
    fs::write(other.join("notes.txt"), "mine").expect("a file");
    let error = store.write_layout(&image.digest(), &[], &other).expect_err("refused");
    let expected = format!(
        "cannot write an image to `{}`: it contains files and is not an image layout",
        other.display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read_dir(&other).expect("a directory").count(), 1);
}

#[test]
fn an_archive_is_loaded_and_runs() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(busybox) = busybox() else { return };
    let (folder, store) = store();
    let layer = layer(&store, &busybox, Compression::Gzip);
    let archived = image(&store, &layer, "from an archive");
    let repository = daemon.repository("acme.example", "archive");
    let references = [parse(&format!("{repository}:1")), parse(&format!("{repository}:2"))];
    let write = |path: &Path| {
        let file = fs::File::create(path).expect("a file");
        store.write_archive(&archived.digest(), &references, "linux/amd64", file).expect("written");
    };
    let archive = folder.path().join("image.tar");
    write(&archive);
    daemon.docker(["load", "--quiet", "--input", &archive.to_string_lossy()]);
    assert_eq!(daemon.tags(&repository), ["1", "2"]);
    assert_eq!(daemon.image_id(&format!("{repository}:1")), Some(archived.image_id().to_string()));
    assert_eq!(daemon.run(&format!("{repository}:2"), &[]).trim(), "from an archive");

    let again = folder.path().join("again.tar");
    write(&again);
    assert!(fs::read(&archive).expect("a file") == fs::read(&again).expect("a file"), "equal archives");
    for kind in ["docker-archive", "oci-archive"] {
        let name = match kind {
            "oci-archive" => format!("{kind}:{}:1", archive.display()),
            _ => format!("{kind}:{}:{repository}:1", archive.display()),
        };
        let Some(facts) = skopeo(&name) else { return };
        assert_eq!(facts["Architecture"], "amd64", "{kind}");
    }
}

#[test]
fn an_image_is_loaded_directly_into_a_daemon() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(busybox) = busybox() else { return };
    let (_folder, store) = store();
    let layer = layer(&store, &busybox, Compression::Gzip);
    let image = image(&store, &layer, "straight");
    let repository = daemon.repository("acme.example", "straight");
    let references = [parse(&format!("{repository}:1"))];
    let Some(socket) = daemon.host().strip_prefix("unix://") else { return };
    let endpoint = Endpoint::Unix(socket.into());
    let client = Client::found_by(move || {
        Ok(DiscoveredEndpoint { endpoint, origin: "the test".into(), config: None })
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(client.load(&store, &image.digest(), &references)).expect("loaded");
    assert_eq!(daemon.image_id(&format!("{repository}:1")), Some(image.image_id().to_string()));
    assert_eq!(daemon.run(&format!("{repository}:1"), &[]).trim(), "straight");

    let blob = layer.descriptor.digest().as_ref().parse().expect("a digest");
    store.remove(&blob).expect("removed");
    let error = runtime.block_on(client.load(&store, &image.digest(), &references)).expect_err("refused");
    assert_eq!(error.to_string(), StoreError::Missing { digest: blob }.to_string());
}

/// Runs the checks of `tests/fuzz/targets/image_documents.rs` with its seeds and with seeds in which single bytes
/// differ.
#[test]
fn any_documents_are_read_without_a_panic() {
    let (_folder, store) = store();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/image_documents");
    let mut random = fastrand::Rng::with_seed(7);
    let mut accepted = 0;
    for seed in fs::read_dir(seeds).expect("seeds").flatten() {
        let seed = fs::read(seed.path()).expect("a seed");
        for round in 0..300 {
            let mut bytes = seed.clone();
            for _ in 0..round.min(3) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.choice(b"0123456789abcf\"{}[]:,\0 nt-").copied().expect("a byte");
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let (manifest, config) = text.split_once('\0').unwrap_or((&text, "{}"));
            let manifest = manifest.replace("CONFIG", &windlass::image::Digest::of(config).to_string());
            let root = store.put(&manifest).expect("stored");
            store.put(config).expect("stored");
            if let Ok(Some(image)) = StoredImage::open(&store, &root) {
                accepted += 1;
                assert_eq!(image.layers().len(), image.manifest().layers().len());
                let _ = image.missing_layers(&store);
                let _ = image.bill_of_materials(&store, "fuzz");
            }
            if let Ok(closure) = windlass::oci::ImageContents::of(&store, &root) {
                assert_eq!(closure.documents.last().map(|document| document.digest), Some(root));
                let _ = store.write_archive(&root, &[], "linux/amd64", std::io::sink());
            }
        }
    }
    assert!(accepted > 0, "some are images");
}
