//! `windlass save` and `windlass cleanup`: the commands for the image store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use windlass::image::ImageReference;
use windlass::oci::{BlobStore, Compression, ImageOrigin, LayerWriter, StoredImage};

use crate::harness::Project;

/// A project with an image, and its user's image store with an image named `acme/app:1`.
fn project() -> (Project, BlobStore, StoredImage) {
    let project =
        Project::new().file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
    let store = BlobStore::new(project.path("cache/windlass/oci"));
    let project = project.env("XDG_CACHE_HOME", store.folder().ancestors().nth(2).expect("a cache"));
    let mut layer = LayerWriter::new(&store, Compression::Gzip).expect("a layer");
    layer.write_all(&[0; 1024]).expect("written");
    let layer = layer.finish().expect("finished");
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    });
    let image =
        StoredImage::assemble(&store, config.to_string(), &[layer], BTreeMap::new()).expect("an image");
    let reference: ImageReference = "acme/app:1".parse().expect("a reference");
    store.name(&reference, ImageOrigin::Built, image.digest()).expect("named");
    // No process uses it any longer.
    let store = BlobStore::new(store.folder());
    (project, store, image)
}

fn age(store: &BlobStore, days: u64) {
    let past = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    for entry in fs::read_dir(store.folder().join("blobs/sha256")).expect("blobs").flatten() {
        File::open(entry.path()).and_then(|file| file.set_modified(past)).expect("time");
    }
}

#[test]
fn an_image_is_saved_to_a_file_a_directory_or_a_pipe() {
    let (project, _, image) = project();
    project.run(["save", "acme/app:1", "app.tar"]).success().stdout_is("");
    project.run(["save", "acme/app:1", "layout/"]).success();
    project.run(["save", "acme/app:1", "layout"]).success();
    let index: serde_json::Value = serde_json::from_str(&project.read("layout/index.json")).expect("JSON");
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(index["manifests"][0]["digest"], image.digest().to_string());

    let mut archive = tar::Archive::new(File::open(project.path("app.tar")).expect("an archive"));
    let names: Vec<_> = archive
        .entries()
        .expect("entries")
        .map(|entry| entry.expect("an entry").path().expect("a path").display().to_string())
        .collect();
    assert_eq!(names[..3], ["oci-layout", "index.json", "manifest.json"]);
    assert_eq!(names.len(), 6, "a layer, a configuration and a manifest: {names:?}");
}

#[test]
fn a_missing_image_cannot_be_saved() {
    let (project, _, _) = project();
    project
        .run(["save", "acme/app:2", "app.tar"])
        .exits(2)
        .stderr_has("image `acme/app:2` is not in the image store")
        .stderr_has("did you mean `acme/app:1`?");
    project.run(["save", "app", "app.tar"]).exits(2).stderr_has("image `app` is not in the image store");
    project.run(["save", "app"]).exits(2).stderr_has("<FILE>");
    project.write("file", "");
    project
        .run(["save", "acme/app:1", "file/app.tar"])
        .exits(1)
        .stderr_has("cannot write an image to `file/app.tar`");
    project.write("other/notes.txt", "mine");
    project
        .run(["save", "acme/app:1", "other"])
        .exits(1)
        .stderr_has("it contains files and is not an image layout");
}

#[test]
fn cleanup_removes_and_lists_unused_images() {
    let (project, store, image) = project();
    age(&store, 40);
    project.run(["cleanup", "--older-than", "50d"]).success().stdout_has("removed 0 images and 0 blobs, 0 B");
    let dry = project.run(["cleanup", "--dry-run"]);
    dry.success().stdout_has("acme/app:1: built, not used for 40 days\nwould remove 1 image and 3 blobs");
    assert_eq!(store.read(&image.digest()).map(|content| content.is_some()), Ok(true));
    drop(store);

    let (project, store, _) = self::project();
    age(&store, 40);
    let output = project.run(["cleanup", "--json"]);
    output.success();
    let told: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        (&told["images"][0]["reference"], &told["blobs"]),
        (&"acme/app:1".into(), &3.into()),
        "{told}"
    );
    assert_eq!(store.names(), []);
    project.run(["cleanup", "--all", "--older-than", "1d"]).exits(2);
    project
        .run(["cleanup", "--older-than", "soon"])
        .exits(2)
        .stderr_has("expected an age such as 12h, 7d or 4w");
}

#[test]
fn cleanup_keeps_images_that_another_process_uses() {
    let (project, store, image) = project();
    BlobStore::new(store.folder()).put("what nobody uses").expect("stored");
    age(&store, 40);
    store.read(&image.digest()).expect("read").expect("it exists");
    project
        .run(["cleanup", "--all"])
        .success()
        .stdout_has("removed 0 images and 1 blob,")
        .stdout_has("of it in use");
    assert_eq!(store.is_whole(&image.digest()), Ok(true));
}

#[test]
fn a_run_keeps_the_store_below_its_size_limit() {
    let (project, store, _) = project();
    let project = project.file("windlass.rhai", "fn nothing(project) { }\n").env("WINDLASS_CACHE_SIZE", "1K");
    store.put(vec![1; 2048]).expect("stored");
    drop(store);
    let store = BlobStore::new(project.path("cache/windlass/oci"));
    age(&store, 1);
    project.run(["run", "nothing"]).success();
    let left = fs::read_dir(store.folder().join("blobs/sha256")).expect("blobs").flatten();
    let left: u64 = left.map(|entry| entry.metadata().expect("facts").len()).sum();
    assert!(left <= 1024, "{left}");
    let project = project.env("WINDLASS_CACHE_SIZE", "much");
    project
        .run(["run", "nothing"])
        .success()
        .stderr_has("invalid WINDLASS_CACHE_SIZE `much`: expected a size such as 500MB");
}
