//! The content of an image: its file system and configuration, read by code of these tests only.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::Value;
use windlass::image::{Digest, ImageReference};
use windlass::oci::{BlobStore, ImageOrigin, StoredImage};

use super::{Daemon, Project};

/// A file system as lines: path, kind, permissions, owner, and the content's digest or the link's target.
pub type Tree = BTreeMap<String, String>;

/// The content of an image.
#[derive(Debug)]
pub struct ImageTree {
    /// Its files.
    pub tree: Tree,
    /// Its configuration.
    pub config: Value,
    /// How many entries each layer has.
    pub layers: Vec<usize>,
}

impl ImageTree {
    /// The image `reference` of `daemon`.
    pub fn of_daemon(daemon: &Daemon, reference: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let archive = folder.path().join("image.tar");
        daemon.docker(["save", "--output", &archive.display().to_string(), reference]);
        let mut archive = tar::Archive::new(File::open(archive).expect("the archive"));
        archive.unpack(folder.path()).expect("unpacked");
        let read = |path: &str| fs::read(folder.path().join(path)).expect("a file of the archive");
        let manifest: Value = serde_json::from_slice(&read("manifest.json")).expect("a manifest");
        let text = |value: &Value| value.as_str().expect("a path").to_owned();
        let config = serde_json::from_slice(&read(&text(&manifest[0]["Config"]))).expect("a configuration");
        let paths = manifest[0]["Layers"].as_array().expect("layers");
        // Docker saves the layers unchanged if containerd keeps its images.
        let layers = paths.iter().map(|path| uncompressed(read(&text(path))));
        Self::new(config, layers)
    }

    /// The image that windlass built as `reference` in `project`.
    #[track_caller]
    pub fn of_store(project: &Project, reference: &str) -> Self {
        Self::of_blobs(&project.store(), reference)
    }

    /// The image that windlass built as `reference` and keeps in `store`.
    #[track_caller]
    pub fn of_blobs(store: &BlobStore, reference: &str) -> Self {
        let image = stored_in(store, reference);
        let layers = image.layers().iter().map(|layer| {
            let digest: Digest = layer.descriptor.digest().as_ref().parse().expect("a digest");
            let blob = store.get(&digest).expect("read").expect("the layer exists");
            let mut content = Vec::new();
            let mut file = blob.file;
            file.read_to_end(&mut content).expect("read");
            let content = uncompressed(content);
            assert_eq!(Digest::of(&content), layer.diff_id, "the configuration has the layer's digest");
            content
        });
        Self::new(serde_json::from_slice(image.config()).expect("JSON"), layers)
    }

    fn new(config: Value, layers: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut tree = Tree::new();
        let layers = layers.map(|layer| apply(&mut tree, &layer)).collect();
        Self { tree, config, layers }
    }
}

/// The image that windlass built as `reference` in `project`.
#[track_caller]
pub fn stored(project: &Project, reference: &str) -> StoredImage {
    stored_in(&project.store(), reference)
}

#[track_caller]
fn stored_in(store: &BlobStore, reference: &str) -> StoredImage {
    let name: ImageReference = reference.parse().expect("a reference");
    let digest =
        store.named(&name, ImageOrigin::Built).unwrap_or_else(|| panic!("`{reference}` is not in the store"));
    StoredImage::open(store, &digest).expect("read").expect("the image exists")
}

impl Project {
    /// Windlass's own image store.
    pub fn store(&self) -> BlobStore {
        BlobStore::new(self.home().join(".cache/windlass/oci"))
    }
}

/// The files in `folder` as they appear in an image that copied it to `name`.
pub fn folder_tree(folder: &Path, name: &str) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![(folder.to_owned(), name.to_owned())];
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory") {
            let entry = entry.expect("an entry");
            let facts = entry.metadata().expect("metadata");
            let path = format!("{name}/{}", entry.file_name().to_str().expect("a name in UTF-8"));
            let rights = format!("{:o} 0:0", facts.mode() & 0o7777);
            let line = if facts.is_symlink() {
                format!("link 0:0 {}", fs::read_link(entry.path()).expect("a link").display())
            } else if facts.is_dir() {
                folders.push((entry.path(), path.clone()));
                format!("folder {rights}")
            } else {
                let content = fs::read(entry.path()).expect("a file");
                format!("file {rights} {} {}", content.len(), &Digest::of(&content).hex()[..12])
            };
            tree.insert(path, line);
        }
    }
    tree
}

/// `layer`, decompressed if it is compressed.
fn uncompressed(layer: Vec<u8>) -> Vec<u8> {
    if !layer.starts_with(&[0x1f, 0x8b]) {
        return layer;
    }
    let mut content = Vec::new();
    flate2::read::MultiGzDecoder::new(&layer[..]).read_to_end(&mut content).expect("gzip");
    content
}

/// Applies a layer to `tree`; returns the number of its entries.
fn apply(tree: &mut Tree, layer: &[u8]) -> usize {
    let remove = |tree: &mut Tree, path: &str| {
        let below = format!("{path}/");
        tree.retain(|known, _| known != path && !known.starts_with(&below));
    };
    let mut archive = tar::Archive::new(layer);
    let mut count = 0;
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        count += 1;
        let path = shown(&entry.path_bytes());
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(gone) = name.strip_prefix(".wh.") {
            remove(tree, &path.replace(&name, gone));
            continue;
        }
        let header = entry.header();
        let rights = format!(
            "{:o} {}:{}",
            header.mode().expect("mode") & 0o7777,
            header.uid().unwrap_or_default(),
            header.gid().unwrap_or_default()
        );
        let link = entry.link_name_bytes().map(|link| shown(&link));
        let line = match entry.header().entry_type() {
            tar::EntryType::Directory => format!("folder {rights}"),
            tar::EntryType::Symlink => {
                format!("link {} {}", rights.split_once(' ').expect("owner").1, link.expect("target"))
            }
            tar::EntryType::Link => {
                tree.get(&link.expect("target")).expect("the target of a hard link").clone()
            }
            tar::EntryType::Regular => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("content");
                format!("file {rights} {} {}", content.len(), &Digest::of(&content).hex()[..12])
            }
            other => format!("{other:?} {rights}"),
        };
        if !(line.starts_with("folder") && tree.get(&path).is_some_and(|known| known.starts_with("folder"))) {
            remove(tree, &path);
        }
        tree.insert(path, line);
    }
    count
}

/// A name as a string; the bytes of a name that is not UTF-8 as numbers.
fn shown(name: &[u8]) -> String {
    std::str::from_utf8(name).map_or_else(|_| name.escape_ascii().to_string(), str::to_owned)
}
