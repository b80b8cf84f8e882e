//! Images as a directory (OCI image spec, "image layout").

use std::fs;
use std::io;
use std::path::Path;

use oci_spec::image::ImageIndex;

use super::index_json::index_with;
use super::{BlobStore, ImageContents, StoreError, canonical_json};
use crate::image::{Digest, ImageReference};

/// The file that marks a directory as a layout, and its content.
pub(super) const MARK: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);

/// The file that lists the images.
pub(super) const INDEX: &str = "index.json";

impl BlobStore {
    /// Writes `root`, a manifest or an index of the store, with everything it references into the image layout in
    /// `folder`, as `references`. Creates the directory if it does not exist; keeps images with other names.
    ///
    /// # Errors
    /// [`StoreError::Output`] if the directory contains other files, or cannot be written; [`StoreError::Missing`].
    pub fn write_layout(
        &self,
        root: &Digest,
        references: &[ImageReference],
        folder: &Path,
    ) -> Result<(), StoreError> {
        let closure = ImageContents::of(self, root)?;
        let Some(document) = closure.documents.last() else { return Ok(()) };
        let failed = |error: io::Error| StoreError::output(folder, &error);
        let before = read_index(folder).map_err(failed)?;
        let blobs = folder.join("blobs").join("sha256");
        fs::create_dir_all(&blobs).map_err(failed)?;
        for digest in closure.digests() {
            let mut blob = self.get(&digest)?.ok_or(StoreError::Missing { digest })?;
            self.copy_blob(&digest, &mut blob.file, &blobs.join(digest.hex())).map_err(failed)?;
        }
        write_whole(&folder.join(MARK.0), MARK.1.as_bytes()).map_err(failed)?;
        let index = index_with(before, document, references);
        write_whole(&folder.join(INDEX), &canonical_json(&index)).map_err(failed)
    }

    /// Writes the content of the blob `digest` to `path`. Links instead of copying within one file system: blobs never
    /// change.
    fn copy_blob(&self, digest: &Digest, content: &mut fs::File, path: &Path) -> io::Result<()> {
        match fs::hard_link(self.path(digest), path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(_) => {}
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(content, &mut file)?;
        file.persist(path).map_err(|error| error.error).map(drop)
    }
}

/// The index of the layout in `folder`; `None` if the directory is empty or does not exist.
fn read_index(folder: &Path) -> io::Result<Option<ImageIndex>> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    if is_empty {
        return Ok(None);
    }
    if !folder.join(MARK.0).is_file() {
        return Err(io::Error::other("it contains files and is not an image layout"));
    }
    match fs::read(folder.join(INDEX)) {
        Ok(content) => serde_json::from_slice(&content).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = file.tempfile_in(folder)?;
    io::Write::write_all(&mut file, content)?;
    file.persist(path).map_err(|error| error.error).map(drop)
}
