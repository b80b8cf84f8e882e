//! Images that a daemon saved, taken into the store.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::compression::decompress;
use super::root_fs::names;
use crate::image::Digest;
use crate::oci::{BlobStore, Compression, Layer, LayerWriter, StoredImage};

/// What a document in the archive may take in memory.
const LARGEST_DOCUMENT: u64 = 16 << 20;
/// How many links may lead from one name to another.
const MOST_LINKS: usize = 8;

/// An image in `manifest.json` of the archive (Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset
/// Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

/// Something in the archive.
enum Member {
    File { offset: u64, size: u64 },
    Link(String),
}

/// The image whose configuration has the digest `image_id`, when it was taken from a daemon before and all of it is
/// still there.
///
/// # Errors
/// Those of the store.
pub fn taken_before(store: &BlobStore, image_id: &str) -> io::Result<Option<StoredImage>> {
    let Ok(image_id) = image_id.parse() else { return Ok(None) };
    let Some(config) = store.read(&image_id).map_err(io::Error::other)? else { return Ok(None) };
    let mut layers = Vec::new();
    for diff_id in diff_ids(&config)? {
        match store.remembered_layer(&layer_key(&diff_id)).map_err(io::Error::other)? {
            Some(layer) if layer.diff_id == diff_id => layers.push(layer),
            _ => return Ok(None),
        }
    }
    StoredImage::assemble(store, config, &layers, BTreeMap::new()).map(Some).map_err(io::Error::other)
}

/// Takes the only image of `archive`, which is one of `docker save`, into `store`. A daemon keeps layers unpacked: they
/// are compressed anew, and have to be what the configuration says.
///
/// # Errors
/// When the archive makes no sense, or a layer is not the one of the configuration; and those of the store.
pub fn take_saved(store: &BlobStore, archive: &File, cancel: &CancellationToken) -> io::Result<StoredImage> {
    let archive = Archive::open(archive)?;
    let images: Vec<Saved> = serde_json::from_slice(&archive.document("manifest.json")?)?;
    let [image] = &images[..] else {
        return Err(invalid(format!("the archive holds {} images", images.len())));
    };
    let config = archive.document(&image.config)?;
    let (diff_ids, paths) = (diff_ids(&config)?, image.layers.as_deref().unwrap_or_default());
    if diff_ids.len() != paths.len() {
        let reason =
            format!("the archive has {} layers and its configuration {}", paths.len(), diff_ids.len());
        return Err(invalid(reason));
    }
    let mut layers = Vec::new();
    for (diff_id, path) in diff_ids.iter().zip(paths) {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        layers.push(archive.layer(store, path, diff_id)?);
    }
    StoredImage::assemble(store, config, &layers, BTreeMap::new()).map_err(io::Error::other)
}

/// Under what the compressed form of a daemon's layer is remembered.
fn layer_key(diff_id: &Digest) -> Digest {
    Digest::of(format!("a layer of a daemon\n{diff_id}"))
}

fn diff_ids(config: &[u8]) -> io::Result<Vec<Digest>> {
    let config: Config = serde_json::from_slice(config)?;
    Ok(config.rootfs.diff_ids.unwrap_or_default())
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

struct Archive<'a> {
    file: &'a File,
    members: HashMap<String, Member>,
}

impl<'a> Archive<'a> {
    fn open(mut file: &'a File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut members = HashMap::new();
        for entry in tar::Archive::new(file).entries_with_seek()? {
            let entry = entry?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let target =
                || entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
            let member = match entry.header().entry_type() {
                kind if kind.is_file() => {
                    Member::File { offset: entry.raw_file_position(), size: entry.size() }
                }
                // Layers that are there twice are links to the first.
                kind if kind.is_symlink() => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    Member::Link(normal(&format!("{folder}/{}", target().unwrap_or_default())))
                }
                kind if kind.is_hard_link() => Member::Link(normal(&target().unwrap_or_default())),
                _ => continue,
            };
            members.insert(normal(&path), member);
        }
        Ok(Self { file, members })
    }

    /// The content of the file `path`.
    fn content(&self, path: &str) -> io::Result<io::Take<File>> {
        let mut name = normal(path);
        for _ in 0..MOST_LINKS {
            match self.members.get(&name) {
                Some(Member::Link(target)) => name.clone_from(target),
                Some(Member::File { offset, size }) => {
                    let mut file = self.file.try_clone()?;
                    file.seek(SeekFrom::Start(*offset))?;
                    return Ok(file.take(*size));
                }
                None => break,
            }
        }
        Err(invalid(format!("the archive has no `{path}`")))
    }

    fn document(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.content(path)?.take(LARGEST_DOCUMENT).read_to_end(&mut content)?;
        Ok(content)
    }

    /// The layer at `path`, compressed in the store.
    fn layer(&self, store: &BlobStore, path: &str, diff_id: &Digest) -> io::Result<Layer> {
        let key = layer_key(diff_id);
        if let Some(layer) = store.remembered_layer(&key).map_err(io::Error::other)?
            && layer.diff_id == *diff_id
        {
            return Ok(layer);
        }
        let mut writer = LayerWriter::new(store, Compression::Gzip).map_err(io::Error::other)?;
        let content = BufReader::with_capacity(256 * 1024, self.content(path)?);
        io::copy(&mut decompress(content)?, &mut writer)?;
        let layer = writer.finish()?;
        if layer.diff_id != *diff_id {
            let found = layer.diff_id;
            return Err(invalid(format!("the layer {diff_id} has the digest {found}")));
        }
        store.remember_layer(&key, &layer).map_err(io::Error::other)?;
        Ok(layer)
    }
}

/// `path` without `.`, `..` and what is written twice.
fn normal(path: &str) -> String {
    let names = names(path.as_bytes());
    names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What comes of an archive with a layer, a link to it, and a configuration that names `diff_ids`.
    fn take(layer: &[u8], diff_ids: &[Digest]) -> io::Result<(tempfile::TempDir, BlobStore, StoredImage)> {
        let folder = tempfile::tempdir()?;
        let store = BlobStore::new(folder.path());
        let mut builder = tar::Builder::new(tempfile::tempfile()?);
        let mut add = |path: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, content)
        };
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        add("a/layer.tar", layer)?;
        add("c.json", config.to_string().as_bytes())?;
        add("manifest.json", br#"[{"Config":"c.json","Layers":["a/layer.tar","b/layer.tar"]}]"#)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "b/layer.tar", "../a/layer.tar")?;
        let mut file = builder.into_inner()?;
        file.flush()?;
        let image = take_saved(&store, &file, &CancellationToken::new())?;
        Ok((folder, store, image))
    }

    #[test]
    fn layers_that_are_links_are_taken() {
        let layer = Digest::of("layer");
        let (_folder, store, image) = take(b"layer", &[layer, layer]).expect("taken");
        assert!(image.layers().iter().all(|taken| taken.diff_id == layer));
        assert_eq!(image.missing_layers(&store), Ok(Vec::new()));
        let again = taken_before(&store, &image.image_id().to_string()).expect("read");
        assert_eq!(again.map(|image| image.digest()), Some(image.digest()));
        assert!(taken_before(&store, &layer.to_string()).expect("read").is_none());
    }

    #[test]
    fn layers_that_lie_are_refused() {
        let (layer, other) = (Digest::of("layer"), Digest::of("other"));
        let error = take(b"layer", &[layer, other]).expect_err("another digest");
        assert!(error.to_string().contains(&other.to_string()), "{error}");
        let error = take(b"layer", &[layer]).expect_err("one layer too many");
        assert!(error.to_string().contains("has 2 layers and its configuration 1"), "{error}");
    }
}
