//! Root file systems of images, as tar archives.

use std::io;

use tar::{Builder, EntryType, Header};

/// The root file system of an image.
pub(super) struct RootArchive(Builder<Vec<u8>>);

impl RootArchive {
    /// A root file system with busybox, linked under the names of these applets.
    pub(super) fn with_busybox(busybox: &[u8], applets: &[&str]) -> io::Result<Self> {
        let mut archive = Self(Builder::new(Vec::new()));
        archive.file("bin/busybox", 0o755, busybox)?;
        for applet in applets {
            let mut header = header(EntryType::Symlink, 0o777, 0);
            archive.0.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
        }
        Ok(archive)
    }

    /// Adds a file; a leading `/` in `path` is ignored.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode, content.len() as u64);
        self.0.append_data(&mut header, path.trim_start_matches('/'), content)
    }

    /// Adds an empty directory that is writable by everyone.
    pub(super) fn folder(&mut self, path: &str) -> io::Result<()> {
        self.0.append_data(&mut header(EntryType::Directory, 0o777, 0), path, io::empty())
    }

    /// The archive.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.0.into_inner()
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}
