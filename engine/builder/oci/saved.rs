//! Imports images that a daemon saved into the image store.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::compression::{decompress, layer_compression};
use super::listing::digest;
use super::root_fs::names;
use crate::image::{Digest, Platform};
use crate::oci::{BlobStore, Compression, Layer, LayerWriter, StoredImage};

/// The maximum size of a manifest or configuration in the archive.
const LARGEST_DOCUMENT: u64 = 16 << 20;
/// How many links may be followed for one name.
const MOST_LINKS: usize = 8;

/// An image in `manifest.json` of the archive (Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset
/// Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Option<Vec<String>>,
}

/// The document that an image ID resolves to: the configuration, if the daemon stores images itself; with the
/// containerd image store, the manifest, or an index of manifests by platform (OCI image spec).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ArchiveDocument {
    manifests: Vec<Descriptor>,
    layers: Vec<Descriptor>,
    /// In a manifest, a descriptor; in a configuration, the settings for containers.
    config: serde_json::Value,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
    platform: Option<DescribedPlatform>,
}

#[derive(Deserialize)]
struct DescribedPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl DescribedPlatform {
    fn is(&self, platform: &Platform) -> bool {
        let Self { os, architecture, variant } = self;
        let variant = variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
        Platform::parse(&format!("{os}/{architecture}{variant}")).as_ref() == Some(platform)
    }
}

/// The documents of an image, from the one that its ID resolves to down to its configuration.
struct Documents {
    /// Those above the configuration.
    above: Vec<Vec<u8>>,
    config: Vec<u8>,
    /// The digests of its layers in the archive, if it has a manifest.
    layers: Option<Vec<Digest>>,
}

/// The documents of the image `id` for `platform`, which `read` returns by digest; `None` if one is missing.
fn documents(
    id: &Digest,
    platform: &Platform,
    read: impl Fn(&Digest) -> io::Result<Option<Vec<u8>>>,
) -> io::Result<Option<Documents>> {
    let (mut id, mut above, mut layers) = (*id, Vec::new(), None);
    // An index may contain another index.
    for _ in 0..MOST_LINKS {
        let Some(content) = read(&id)? else { return Ok(None) };
        let document: ArchiveDocument = serde_json::from_slice(&content)?;
        let fits = |descriptor: &&Descriptor| {
            descriptor.platform.as_ref().is_none_or(|described| described.is(platform))
        };
        let below = match serde_json::from_value::<Descriptor>(document.config) {
            _ if !document.manifests.is_empty() => match document.manifests.iter().find(fits) {
                Some(descriptor) => descriptor.digest,
                None => return Ok(None),
            },
            Ok(config) => {
                layers = Some(document.layers.into_iter().map(|layer| layer.digest).collect());
                config.digest
            }
            Err(_) => return Ok(Some(Documents { above, config: content, layers })),
        };
        above.push(content);
        id = below;
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

/// A member of the archive.
enum Member {
    File { offset: u64, size: u64 },
    Link(String),
}

/// The image `image_id` of a daemon for `platform`, if it was imported before and is still complete in the store.
///
/// # Errors
/// Those of the store.
pub fn taken_before(
    store: &BlobStore,
    image_id: &str,
    platform: &Platform,
) -> io::Result<Option<StoredImage>> {
    let Ok(image_id) = image_id.parse() else { return Ok(None) };
    let read = |digest: &Digest| store.read(digest).map_err(io::Error::other);
    let Some(Documents { config, layers: blobs, .. }) = documents(&image_id, platform, read)? else {
        return Ok(None);
    };
    let mut layers = Vec::new();
    for (index, diff_id) in diff_ids(&config)?.into_iter().enumerate() {
        let path = blobs.as_ref().and_then(|blobs| blobs.get(index)).map(blob).unwrap_or_default();
        match store.recorded_layer(&layer_key(&diff_id, &path)).map_err(io::Error::other)? {
            Some(layer) if layer.diff_id == diff_id => layers.push(layer),
            _ => return Ok(None),
        }
    }
    StoredImage::assemble(store, config, &layers, BTreeMap::new()).map(Some).map_err(io::Error::other)
}

/// Imports the image `image_id` for `platform` from `archive`, the output of `docker save`, into `store`. Most
/// daemons save uncompressed layers, which are compressed here; the containerd image store saves them as they were
/// pulled, and they stay unchanged. The digests of the layers must match the configuration.
///
/// # Errors
/// If the archive is invalid, or a layer does not match the configuration; and those of the store.
pub fn take_saved(
    store: &BlobStore,
    archive: &File,
    image_id: &str,
    platform: &Platform,
    cancel: &CancellationToken,
) -> io::Result<StoredImage> {
    let archive = Archive::open(archive)?;
    let read =
        |digest: &Digest| archive.has(&blob(digest)).then(|| archive.document(&blob(digest))).transpose();
    let known = match image_id.parse() {
        Ok(image_id) => documents(&image_id, platform, read)?,
        Err(_) => None,
    };
    let (config, paths, is_manifest) = match known {
        Some(Documents { above, config, layers: Some(layers) }) => {
            // They identify the image in later builds.
            for document in above {
                store.put(document).map_err(io::Error::other)?;
            }
            (config, layers.iter().map(blob).collect(), true)
        }
        _ => {
            let images: Vec<Saved> = serde_json::from_slice(&archive.document("manifest.json")?)?;
            let [image] = &images[..] else {
                return Err(invalid(format!("the archive contains {} images", images.len())));
            };
            (archive.document(&image.config)?, image.layers.clone().unwrap_or_default(), false)
        }
    };
    let diff_ids = diff_ids(&config)?;
    if diff_ids.len() != paths.len() {
        let reason =
            format!("the archive has {} layers, but its configuration {}", paths.len(), diff_ids.len());
        return Err(invalid(reason));
    }
    let mut layers = Vec::new();
    for (diff_id, path) in diff_ids.iter().zip(&paths) {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        layers.push(archive.layer(store, path, diff_id, is_manifest)?);
    }
    StoredImage::assemble(store, config, &layers, BTreeMap::new()).map_err(io::Error::other)
}

/// The path of the blob `digest` in an archive with the OCI image layout.
fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The key under which the compressed layer of a daemon is recorded; `blob` is its path in the archive if it is
/// already compressed there.
fn layer_key(diff_id: &Digest, blob: &str) -> Digest {
    Digest::of(format!("a layer of a daemon\n{diff_id}\n{blob}"))
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
                // Duplicate layers are links to the first one.
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

    fn has(&self, path: &str) -> bool {
        self.members.contains_key(path)
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

    /// The layer at `path`, compressed in the store. `is_blob`: it is in a manifest, and stays unchanged if it is
    /// compressed.
    fn layer(&self, store: &BlobStore, path: &str, diff_id: &Digest, is_blob: bool) -> io::Result<Layer> {
        let key = layer_key(diff_id, if is_blob { path } else { "" });
        if let Some(layer) = store.recorded_layer(&key).map_err(io::Error::other)?
            && layer.diff_id == *diff_id
        {
            return Ok(layer);
        }
        let mut content = BufReader::with_capacity(256 * 1024, self.content(path)?);
        let compression = layer_compression(content.fill_buf()?);
        let mut unpacked = decompress(content)?;
        let layer = match compression.filter(|_| is_blob) {
            Some(compression) => {
                let found = digest(&mut unpacked)?;
                let mut writer = store.writer().map_err(io::Error::other)?;
                io::copy(&mut self.content(path)?, &mut writer)?;
                let (blob, size) = writer.finish().map_err(io::Error::other)?;
                Layer::of_blob(found, compression, &blob, size)
            }
            None => {
                let mut writer = LayerWriter::new(store, Compression::Gzip).map_err(io::Error::other)?;
                io::copy(&mut unpacked, &mut writer)?;
                writer.finish()?
            }
        };
        if layer.diff_id != *diff_id {
            let found = layer.diff_id;
            return Err(invalid(format!("digest mismatch: the layer {diff_id} has the digest {found}")));
        }
        store.record_layer(&key, &layer).map_err(io::Error::other)?;
        Ok(layer)
    }
}

/// `path` without `.`, `..` and duplicate slashes.
fn normal(path: &str) -> String {
    let names = names(path.as_bytes());
    names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The result of importing an archive with a layer, a link to it, and a configuration with `diff_ids`.
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
        let machine = Platform::of_this_machine();
        let image = take_saved(&store, &file, "", &machine, &CancellationToken::new())?;
        Ok((folder, store, image))
    }

    #[test]
    fn layers_that_are_links_are_taken() {
        let layer = Digest::of("layer");
        let (_folder, store, image) = take(b"layer", &[layer, layer]).expect("taken");
        assert!(image.layers().iter().all(|taken| taken.diff_id == layer));
        assert_eq!(image.missing_layers(&store), Ok(Vec::new()));
        let again = |id: Digest| taken_before(&store, &id.to_string(), &Platform::of_this_machine());
        assert_eq!(again(image.image_id()).expect("read").map(|image| image.digest()), Some(image.digest()));
        assert!(again(Digest::of("unseen")).expect("read").is_none());
    }

    #[test]
    fn images_of_containerd_are_found_by_platform() {
        let documents = ["amd64", "arm64"].map(|architecture| {
            let config =
                serde_json::json!({ "architecture": architecture, "config": { "Env": [] } }).to_string();
            let manifest = serde_json::json!({
                "config": { "digest": Digest::of(&config) },
                "layers": [{ "digest": Digest::of(architecture) }],
            });
            (config, manifest.to_string())
        });
        let described = |index: usize, architecture: &str| {
            let platform = serde_json::json!({ "os": "linux", "architecture": architecture });
            serde_json::json!({ "digest": Digest::of(&documents[index].1), "platform": platform })
        };
        let index =
            serde_json::json!({ "manifests": [described(0, "amd64"), described(1, "arm64")] }).to_string();
        let all = documents.iter().flat_map(|(config, manifest)| [config, manifest]).chain([&index]);
        let all: HashMap<Digest, &String> = all.map(|text| (Digest::of(text), text)).collect();
        let find = |platform: &str| {
            let platform = Platform::parse(platform).expect("a platform");
            let read = |digest: &Digest| Ok(all.get(digest).map(|text| text.as_bytes().to_vec()));
            super::documents(&Digest::of(&index), &platform, read).expect("read")
        };
        let arm = find("linux/arm64/v8").expect("there is one");
        assert_eq!((arm.above.len(), arm.layers), (2, Some(vec![Digest::of("arm64")])));
        assert_eq!(arm.config, documents[1].0.as_bytes());
        assert!(find("linux/s390x").is_none());
    }

    #[test]
    fn layers_that_lie_are_refused() {
        let (layer, other) = (Digest::of("layer"), Digest::of("other"));
        let error = take(b"layer", &[layer, other]).expect_err("another digest");
        assert!(error.to_string().contains(&other.to_string()), "{error}");
        let error = take(b"layer", &[layer]).expect_err("one layer too many");
        assert!(error.to_string().contains("has 2 layers, but its configuration 1"), "{error}");
    }
}
