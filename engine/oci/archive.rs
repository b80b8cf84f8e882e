//! Images as one file that all tools can read: an image layout in a tar, with Docker's `manifest.json`.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use serde::Serialize;
use tar::{Builder, EntryType, Header};

use super::index_json::index_with;
use super::layout::{INDEX, MARK};
use super::name::tagged;
use super::{BlobStore, ImageContents, StoreError, StoredImage, canonical_json, digest_of};
use crate::image::{Digest, ImageReference};

/// The part that Docker reads (Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset Format").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl BlobStore {
    /// Writes `root`, a manifest or an index of the store, with everything it references, to `sink` as an archive with
    /// the names `references`. `docker load`, `podman load`, `ctr image import` and skopeo read it. Equal images give
    /// equal archives. From an index, `docker load` without containerd loads the image for `platform` (`linux/arm64`),
    /// or the first one if that image does not exist.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a part is not in the store; errors of `sink`.
    pub fn write_archive(
        &self,
        root: &Digest,
        references: &[ImageReference],
        platform: &str,
        sink: impl Write,
    ) -> Result<(), ArchiveError> {
        let closure = ImageContents::of(self, root)?;
        let Some(document) = closure.documents.last() else { return Ok(()) };
        let mut archive = Builder::new(sink);
        append(&mut archive, MARK.0, MARK.1.len() as u64, MARK.1.as_bytes())?;
        let index = canonical_json(&index_with(None, document, references));
        append(&mut archive, INDEX, index.len() as u64, index.as_slice())?;
        if let Some(image) = self.docker_image(&closure, references, platform)? {
            let manifest = canonical_json(&[image]);
            append(&mut archive, "manifest.json", manifest.len() as u64, manifest.as_slice())?;
        }
        for digest in closure.digests() {
            let blob = self.get(&digest)?.ok_or(StoreError::Missing { digest })?;
            append(&mut archive, &path_of(&digest), blob.size, blob.file)?;
        }
        Ok(archive.into_inner()?.flush()?)
    }

    /// Writes the archive of [`BlobStore::write_archive`] to the file `path`, atomically.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Output`].
    pub fn write_archive_file(
        &self,
        root: &Digest,
        references: &[ImageReference],
        platform: &str,
        path: &Path,
    ) -> Result<(), StoreError> {
        let failed = |error: &io::Error| StoreError::output(path, error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let mut draft = tempfile::Builder::new();
        #[cfg(unix)]
        draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = draft.tempfile_in(folder).map_err(|error| failed(&error))?;
        let written = self.write_archive(root, references, platform, BufWriter::new(file.as_file()));
        written.map_err(|error| match error {
            ArchiveError::Store(error) => error,
            ArchiveError::Sink(error) => failed(&error),
        })?;
        file.persist(path).map_err(|error| failed(&error.error)).map(drop)
    }

    fn docker_image(
        &self,
        closure: &ImageContents,
        references: &[ImageReference],
        platform: &str,
    ) -> Result<Option<DockerImage>, StoreError> {
        let mut chosen = None;
        for document in &closure.documents {
            // Documents that are not images, such as an SBOM, are not listed for Docker.
            let Ok(Some(image)) = StoredImage::open(self, &document.digest) else { continue };
            let is_wanted = image.platform_name() == platform;
            if is_wanted || chosen.is_none() {
                chosen = Some(image);
            }
            if is_wanted {
                break;
            }
        }
        let Some(image) = chosen else { return Ok(None) };
        let layers = image.layers().iter();
        let layers = layers.map(|layer| Ok(path_of(&digest_of(&layer.descriptor, &image.digest())?)));
        Ok(Some(DockerImage {
            config: path_of(&image.image_id()),
            repo_tags: references.iter().map(tagged).collect(),
            layers: layers.collect::<Result<_, StoreError>>()?,
        }))
    }
}

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// An error of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An error of the destination.
    #[error(transparent)]
    Sink(#[from] io::Error),
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn append(archive: &mut Builder<impl Write>, path: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_mtime(0);
    archive.append_data(&mut header, path, content)
}
