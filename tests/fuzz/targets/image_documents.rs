//! Any manifest and configuration from a registry: reading them never panics, and an accepted one has as many layers as
//! it declares.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use windlass::image::Digest;
use windlass::oci::{BlobStore, ImageContents, StoredImage};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    // In memory if possible: each input is a file.
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    TempDir::with_prefix_in("windlass-fuzz-", parent).expect("a temporary directory can be created")
});

// The manifest, in which `CONFIG` is replaced with the digest of the configuration, and after a NUL the configuration.
fuzz_target!(|text: &str| {
    let (manifest, config) = text.split_once('\0').unwrap_or((text, "{}"));
    let store = BlobStore::new(FOLDER.path());
    let manifest = manifest.replace("CONFIG", &Digest::of(config).to_string());
    let root = store.put(&manifest).expect("the store can be written");
    let config = store.put(config).expect("the store can be written");
    if let Ok(Some(image)) = StoredImage::open(&store, &root) {
        assert_eq!(image.layers().len(), image.manifest().layers().len(), "every layer has both its digests");
        let _ = image.missing_layers(&store);
        let _ = image.bill_of_materials(&store, "fuzz");
    }
    if let Ok(contents) = ImageContents::of(&store, &root) {
        assert_eq!(contents.documents.last().map(|document| document.digest), Some(root));
        let _ = store.write_archive(&root, &[], "linux/amd64", std::io::sink());
    }
    let _ = store.remove(&root).and_then(|()| store.remove(&config));
});
