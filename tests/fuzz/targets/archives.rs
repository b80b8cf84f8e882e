//! Any input that ADD treats as an archive, compressed or not: unpacking it never panics, and everything it creates is
//! in the target directory.

#![no_main]

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use windlass::builder::oci::{BaseImages, OciBuilder};
use windlass::builder::{BuildError, BuildRequest, Builder as _};
use windlass::event::{Events, ImageEvents};
use windlass::image::{Dockerfile, Selection};
use windlass::oci::{BlobStore, Compression, StoredImage};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
});

/// Has no images: the Dockerfile needs none.
struct NoImages;

#[async_trait]
impl BaseImages for NoImages {
    async fn image(
        &self,
        _: &str,
        _: &Platform,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<StoredImage, BuildError> {
        unreachable!("it is built from scratch")
    }

    async fn fetch(
        &self,
        _: &str,
        _: &StoredImage,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<(), BuildError> {
        unreachable!("it is built from scratch")
    }
}

fuzz_target!(|archive: &[u8]| {
    // In memory if possible: each input is a few files.
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder =
        TempDir::with_prefix_in("windlass-fuzz-", parent).expect("a temporary directory can be created");
    let file = folder.path().join("archive");
    fs::write(&file, archive).expect("the archive can be written");
    let store = BlobStore::new(folder.path().join("store"));
    let builder =
        OciBuilder { store: store.clone(), compression: Compression::Gzip, images: Arc::new(NoImages), time: 0 };
    let dockerfile = Dockerfile::parse("Dockerfile", "FROM scratch\nADD archive /in/\n");
    let request = BuildRequest {
        references: vec!["acme/app:1".parse().expect("a reference")],
        ..BuildRequest::new(
            "app",
            dockerfile.expect("a Dockerfile"),
            Selection::of_files(folder.path(), &[file]).expect("a context"),
            folder.path(),
        )
    };
    let events = Events::none().of_image("app");
    let built = RUNTIME.block_on(builder.build(request, &events, &CancellationToken::new()));
    let Ok(built) = built else { return };

    let digest = built.stored.expect("it is in the store");
    let image = StoredImage::open(&store, &digest).expect("an image").expect("it exists");
    for layer in image.layers() {
        let digest = layer.descriptor.digest().as_ref().parse().expect("a digest");
        let blob = store.get(&digest).expect("the store can be read").expect("the layer exists");
        let mut content = Vec::new();
        flate2::read::MultiGzDecoder::new(blob.file).read_to_end(&mut content).expect("gzip");
        for entry in tar::Archive::new(&content[..]).entries().expect("an archive") {
            let entry = entry.expect("an entry");
            let path = entry.path_bytes();
            let is_inside =
                path.starts_with(b"in/") && !path.split(|byte| *byte == b'/').any(|name| name == b"..");
            assert!(is_inside, "{}", String::from_utf8_lossy(&path));
        }
    }
});
