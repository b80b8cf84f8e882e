//! The SBOM of an image: the files that its build added (CycloneDX 1.5).

use std::io::{self, BufReader, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BlobStore, Layer, StoreError, StoredImage, canonical_json, digest_of};
use crate::image::Digest;

/// The media type of the document.
pub const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The `comment` in the history of an image for layers that windlass created.
const OURS: &str = "windlass";

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    history: Vec<History>,
}

#[derive(Deserialize)]
struct History {
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    empty_layer: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sbom {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Metadata {
    tools: Vec<Tool>,
    component: Component,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

impl StoredImage {
    /// A list of the files that `COPY` and `ADD` added to the image, which is called `name`: path, SHA-256 and
    /// instruction, as CycloneDX 1.5 in JSON. The files of the base image are not in it: the base image has its own
    /// SBOM. Equal images give equal lists.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a layer of the build is not in `store`; [`StoreError::Malformed`] if it is not a tar.
    pub fn bill_of_materials(&self, store: &BlobStore, name: &str) -> Result<Vec<u8>, StoreError> {
        let malformed = |error: &dyn std::fmt::Display| StoreError::Malformed {
            digest: self.digest(),
            reason: error.to_string(),
        };
        let config: Config = serde_json::from_slice(self.config()).map_err(|error| malformed(&error))?;
        let made = config.history.into_iter().filter(|history| !history.empty_layer);
        let mut components = Vec::new();
        for (history, layer) in made.zip(self.layers()) {
            if history.comment != OURS {
                continue;
            }
            for (path, digest) in files(store, layer, &self.digest())? {
                components.push(Component {
                    kind: "file",
                    name: path,
                    version: None,
                    hashes: vec![Hash { alg: "SHA-256", content: digest.hex() }],
                    properties: vec![
                        Property { name: "windlass:instruction", value: history.created_by.clone() },
                        Property { name: "windlass:layer", value: layer.diff_id.to_string() },
                    ],
                });
            }
        }
        let image = Component {
            kind: "container",
            name: name.to_owned(),
            version: Some(self.digest().to_string()),
            hashes: vec![Hash { alg: "SHA-256", content: self.digest().hex() }],
            properties: vec![Property { name: "windlass:platform", value: self.platform_name() }],
        };
        let tool = Tool { name: "windlass", version: env!("CARGO_PKG_VERSION") };
        Ok(canonical_json(&Sbom {
            bom_format: "CycloneDX",
            spec_version: "1.5",
            version: 1,
            metadata: Metadata { tools: vec![tool], component: image },
            components,
        }))
    }
}

/// The files in a layer and their digests, in the order of the layer.
fn files(store: &BlobStore, layer: &Layer, within: &Digest) -> Result<Vec<(String, Digest)>, StoreError> {
    let digest = digest_of(&layer.descriptor, within)?;
    let blob = store.get(&digest)?.ok_or(StoreError::Missing { digest })?;
    let read = || -> io::Result<Vec<(String, Digest)>> {
        let file = BufReader::with_capacity(256 << 10, blob.file);
        let content: Box<dyn Read> = match layer.descriptor.media_type().to_string() {
            kind if kind.ends_with("zstd") => Box::new(zstd::Decoder::with_buffer(file)?),
            kind if kind.ends_with("gzip") => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            _ => Box::new(file),
        };
        let mut archive = tar::Archive::new(content);
        let mut files = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path_bytes();
            let is_whiteout =
                path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b".wh."));
            let path = format!("/{}", String::from_utf8_lossy(&path));
            if is_whiteout {
                continue;
            }
            let mut hasher = Sha256::new();
            let mut piece = [0; 64 << 10];
            loop {
                match entry.read(&mut piece)? {
                    0 => break,
                    length => hasher.update(&piece[..length]),
                }
            }
            files.push((path, hasher.into()));
        }
        Ok(files)
    };
    read().map_err(|error| StoreError::Malformed { digest, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Compression, LayerWriter};
    use std::collections::BTreeMap;

    fn layer(store: &BlobStore, compression: Compression, files: &[(&str, &str)]) -> Layer {
        let mut tar = tar::Builder::new(LayerWriter::new(store, compression).expect("layer"));
        for (path, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_bytes()).expect("written");
        }
        tar.into_inner().expect("tar").finish().expect("finished")
    }

    #[test]
    fn the_files_of_the_build_are_listed() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let layers = [
            layer(&store, Compression::Gzip, &[("bin/sh", "shell")]),
            layer(&store, Compression::Gzip, &[("app/main", "program"), ("app/.wh.old", "")]),
            layer(&store, Compression::Zstd, &[("etc/app.conf", "x=1")]),
        ];
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [
                {"created_by": "base"},
                {"created_by": "ENV A=b", "comment": "windlass", "empty_layer": true},
                {"created_by": "COPY main /app/", "comment": "windlass"},
                {"created_by": "COPY app.conf /etc/", "comment": "windlass"},
            ],
        });
        let image =
            StoredImage::assemble(&store, config.to_string(), &layers, BTreeMap::new()).expect("image");
        let bill = image.bill_of_materials(&store, "acme/app").expect("bill");
        let bill: serde_json::Value = serde_json::from_slice(&bill).expect("JSON");
        let listed: Vec<_> = bill["components"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|file| {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                (
                    text(&file["name"]),
                    text(&file["hashes"][0]["content"]),
                    text(&file["properties"][0]["value"]),
                )
            })
            .collect();
        let file = |path: &str, content: &str, instruction: &str| {
            (path.to_owned(), Digest::of(content).hex(), instruction.to_owned())
        };
        assert_eq!(
            listed,
            [
                file("/app/main", "program", "COPY main /app/"),
                file("/etc/app.conf", "x=1", "COPY app.conf /etc/"),
            ]
        );
        assert_eq!(bill["metadata"]["component"]["version"], image.digest().to_string());
        let blob = digest_of(&layers[1].descriptor, &image.digest()).expect("digest");
        store.remove(&blob).expect("removed");
        assert_eq!(image.bill_of_materials(&store, "x"), Err(StoreError::Missing { digest: blob }));
    }
}
