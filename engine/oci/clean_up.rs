//! Removes unused images and blobs.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::blob_writer::PART;
use super::lease::begin_removal;
use super::{BlobStore, ImageContents, ImageName, ImageOrigin, Layer, StoreError, digest_of};
use crate::image::Digest;

/// After this time, an unfinished blob is considered abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// After this time, records about a missing blob are removed.
const FORGOTTEN: Duration = Duration::from_secs(90 * 24 * 3600);

/// The blobs that a cleanup retains in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Only blobs that a running process uses.
    Nothing,
    /// Blobs that were used within this time.
    UsedWithin(Duration),
    /// The most recently used blobs, up to this number of bytes.
    Bytes(u64),
}

/// The images and bytes that a cleanup removed, or would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// The removed images, by name.
    pub images: Vec<CleanedImage>,
    /// How many blobs were removed: layers, manifests, configurations.
    pub blobs: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// The remaining bytes.
    pub left: u64,
    /// How many of the remaining bytes a running process uses.
    pub in_use: u64,
}

/// An image that a cleanup removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanedImage {
    /// Its name.
    #[serde(flatten)]
    pub name: ImageName,
    /// Seconds since it was last used.
    pub unused_for: u64,
}

struct StoredBlob {
    path: PathBuf,
    /// `None` for an unfinished blob.
    digest: Option<Digest>,
    size: u64,
    used: SystemTime,
}

impl BlobStore {
    /// Removes everything that `leave` does not retain, except what a running process uses, directly or by reference;
    /// with `dry_run`, only reports it. An image is removed together with the first of its parts. Everything that is
    /// removed can be built or pulled again.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn clean_up(&self, leave: Retention, dry_run: bool) -> Result<Cleaned, StoreError> {
        if !self.folder().exists() {
            return Ok(Cleaned::default());
        }
        let (_guard, leased) = begin_removal(self.folder()).map_err(|error| self.refused(&error))?;
        let now = SystemTime::now();
        let mut found = self.found().map_err(|error| self.refused(&error))?;
        found.sort_by_key(|blob| std::cmp::Reverse(blob.used));
        let in_use = leased.map_or_else(HashSet::new, |leased| self.in_use(&found, leased));
        let used: HashMap<_, _> = found.iter().filter_map(|blob| Some((blob.digest?, blob.used))).collect();
        let mut cleaned = Cleaned::default();
        // Missing blobs that are referenced by blobs in use keep their records.
        let (mut kept, mut removed) = (in_use.clone(), Vec::new());
        for blob in found {
            let age = now.duration_since(blob.used).unwrap_or_default();
            let is_in_use = match blob.digest {
                Some(digest) => in_use.contains(&digest),
                None => leased.is_some_and(|leased| blob.used >= leased),
            };
            let stays = is_in_use
                || match (blob.digest, leave) {
                    (None, _) => age < ABANDONED,
                    (_, Retention::Nothing) => false,
                    (_, Retention::UsedWithin(time)) => age < time,
                    (_, Retention::Bytes(bytes)) => cleaned.left.saturating_add(blob.size) <= bytes,
                };
            if stays {
                kept.extend(blob.digest);
                cleaned.left += blob.size;
                cleaned.in_use += if is_in_use { blob.size } else { 0 };
                continue;
            }
            cleaned.blobs += 1;
            cleaned.bytes += blob.size;
            removed.push(blob.path);
        }
        // The images to remove must be determined while their manifests still exist.
        let unused = self.unused();
        let gone: Vec<_> = self.names().into_iter().filter(|name| !unused.keeps(name, &kept)).collect();
        cleaned.images = gone
            .iter()
            .map(|name| {
                let age = used.get(&name.digest).and_then(|used| now.duration_since(*used).ok());
                CleanedImage { name: name.clone(), unused_for: age.unwrap_or_default().as_secs() }
            })
            .collect();
        if !dry_run {
            gone.iter().try_for_each(|name| self.remove_name(name))?;
            removed.iter().try_for_each(remove).map_err(|error| self.refused(&error))?;
            self.remove_unused(&kept, leave, now).map_err(|error| self.refused(&error))?;
        }
        Ok(cleaned)
    }

    /// The blobs that running processes use: those used since `leased`, and all that they reference or have attached,
    /// however long ago those were used.
    fn in_use(&self, found: &[StoredBlob], leased: SystemTime) -> HashSet<Digest> {
        let unused = self.unused();
        let mut waiting: Vec<_> =
            found.iter().filter(|blob| blob.used >= leased).filter_map(|blob| blob.digest).collect();
        let mut in_use = HashSet::new();
        while let Some(digest) = waiting.pop() {
            if in_use.insert(digest) {
                waiting.extend(unused.named_by(&digest));
                waiting.extend(
                    unused.attachments(&digest).iter().filter_map(|entry| digest_of(entry, &digest).ok()),
                );
            }
        }
        in_use
    }

    /// Removes the least recently used blobs if the store has more than `limit` bytes; otherwise returns `None`.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn trim(&self, limit: u64) -> Result<Option<Cleaned>, StoreError> {
        if !self.blobs().exists() {
            return Ok(None);
        }
        let found = self.found().map_err(|error| self.refused(&error))?;
        if found.iter().map(|blob| blob.size).sum::<u64>() <= limit {
            return Ok(None);
        }
        // Trims to less than the limit, so that the next runs have nothing to remove.
        self.clean_up(Retention::Bytes(limit - limit / 10), false).map(Some)
    }

    /// All files in the directory of blobs.
    fn found(&self) -> io::Result<Vec<StoredBlob>> {
        let entries = match fs::read_dir(self.blobs()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| format!("sha256:{name}").parse().ok());
            let is_ours = digest.is_some() || name.as_encoded_bytes().starts_with(PART.as_bytes());
            // Another process may have finished or removed it meanwhile.
            let Some(facts) = entry.metadata().ok().filter(|facts| is_ours && facts.is_file()) else {
                continue;
            };
            found.push(StoredBlob { path: entry.path(), digest, size: facts.len(), used: facts.modified()? });
        }
        Ok(found)
    }

    /// Whether everything that the image `name` needs is retained: of a pulled image, only its manifest is required.
    fn keeps(&self, name: &ImageName, kept: &HashSet<Digest>) -> bool {
        if name.origin == ImageOrigin::Pulled {
            return kept.contains(&name.digest);
        }
        let needed = ImageContents::of(self, &name.digest);
        needed.is_ok_and(|closure| {
            let is_elsewhere = |digest: &Digest| !self.repositories_of(digest).is_empty();
            closure.documents.iter().all(|document| kept.contains(&document.digest))
                && closure.blobs.iter().all(|(digest, _)| kept.contains(digest) || is_elsewhere(digest))
        })
    }

    /// Removes the records about blobs that no longer exist.
    fn remove_unused(&self, kept: &HashSet<Digest>, leave: Retention, now: SystemTime) -> io::Result<()> {
        let is_old = |path: &PathBuf| {
            let written = fs::metadata(path).and_then(|facts| facts.modified());
            written.is_ok_and(|written| now.duration_since(written).is_ok_and(|age| age > FORGOTTEN))
        };
        for folder in ["attachments", "layers", "listings", "repositories"] {
            for entry in fs::read_dir(self.folder().join(folder)).into_iter().flatten().flatten() {
                let path = entry.path();
                let about = match folder {
                    "layers" => layer_in(&path),
                    _ => entry.file_name().to_str().and_then(|name| format!("sha256:{name}").parse().ok()),
                };
                let is_there = about.is_some_and(|digest| kept.contains(&digest));
                if !is_there && (folder == "layers" || leave == Retention::Nothing || is_old(&path)) {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }
}

fn layer_in(path: &Path) -> Option<Digest> {
    let layer: Layer =
        serde_json::from_slice(&crate::input_file::read_up_to(path, crate::input_file::KEPT).ok()?).ok()?;
    layer.descriptor.digest().as_ref().parse().ok()
}

fn remove(path: &PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    struct Fixture {
        _folder: tempfile::TempDir,
        store: BlobStore,
    }

    impl Fixture {
        /// A store with blobs of the given sizes in bytes, filled with their names, last used the given hours ago by a
        /// process that has exited.
        fn new(blobs: &[(u8, usize, u64)]) -> Self {
            let folder = tempfile::tempdir().expect("directory");
            let store = BlobStore::new(folder.path().join("oci"));
            for (name, size, hours) in blobs {
                let digest = store.put(vec![*name; *size]).expect("kept");
                let used = SystemTime::now() - Duration::from_secs(hours * 3600);
                File::open(store.path(&digest)).and_then(|file| file.set_modified(used)).expect("time");
            }
            let store = BlobStore::new(store.folder());
            Self { _folder: folder, store }
        }

        /// The names of the blobs that exist.
        fn left(&self) -> String {
            let blobs = fs::read_dir(self.store.blobs()).expect("blobs").flatten();
            let mut names: Vec<_> =
                blobs.map(|entry| char::from(fs::read(entry.path()).expect("blob")[0])).collect();
            names.sort_unstable();
            names.into_iter().collect()
        }
    }

    #[test]
    fn the_last_used_blobs_stay() {
        let blobs = [(b'a', 100, 1), (b'b', 100, 50), (b'c', 100, 30)];
        let check = |leave, left: &str, bytes: u64| {
            let fixture = Fixture::new(&blobs);
            let dry = fixture.store.clean_up(leave, true).expect("dry run");
            assert_eq!(fixture.left(), "abc");
            let cleaned = fixture.store.clean_up(leave, false).expect("cleaned");
            assert_eq!((fixture.left().as_str(), cleaned.bytes, cleaned.left), (left, bytes, 300 - bytes));
            assert_eq!(dry, cleaned);
        };
        check(Retention::Nothing, "", 300);
        check(Retention::UsedWithin(Duration::from_secs(40 * 3600)), "ac", 100);
        check(Retention::Bytes(250), "ac", 100);
        check(Retention::Bytes(99), "", 300);
        let fixture = Fixture::new(&blobs);
        assert_eq!(fixture.store.trim(300), Ok(None));
        assert_eq!(fixture.store.trim(299).expect("trimmed").map(|cleaned| cleaned.blobs), Some(1));
    }

    #[test]
    fn blobs_of_running_processes_stay() {
        let fixture = Fixture::new(&[(b'a', 1, 50), (b'b', 1, 50), (b'c', 1, 50)]);
        let other = BlobStore::new(fixture.store.folder());
        other.get(&Digest::of("b")).expect("read").expect("there");
        other.put("d").expect("kept");
        let cleaned = fixture.store.clean_up(Retention::Nothing, false).expect("cleaned");
        assert_eq!((fixture.left().as_str(), cleaned.in_use), ("bd", 2));
        drop(other);
        fixture.store.clean_up(Retention::Nothing, false).expect("cleaned");
        assert_eq!(fixture.left(), "");
        assert_eq!(fs::read_dir(fixture.store.folder().join("leases")).expect("leases").count(), 0);
    }

    #[test]
    fn looking_does_not_count_as_use() {
        let fixture = Fixture::new(&[(b'a', 1, 50)]);
        let reference = "acme/app:1".parse().expect("reference");
        fixture.store.name(&reference, ImageOrigin::Built, Digest::of("a")).expect("named");
        let leave = Retention::UsedWithin(Duration::from_secs(3600));
        let dry = fixture.store.clean_up(leave, true).expect("dry run");
        assert_eq!((dry.images.len(), dry.images[0].unused_for / 3600), (1, 50));
        assert_eq!(fixture.store.clean_up(leave, false), Ok(dry));
        assert_eq!(fixture.left(), "");
    }

    #[test]
    fn half_written_files_are_removed_after_a_day() {
        let fixture = Fixture::new(&[(b'a', 1, 50)]);
        let part = |name: &str, hours: u64| {
            let path = fixture.store.blobs().join(name);
            fs::write(&path, "p").expect("written");
            let used = SystemTime::now() - Duration::from_secs(hours * 3600);
            File::open(&path).and_then(|file| file.set_modified(used)).expect("time");
        };
        part(".part-1", 23);
        part(".part-2", 25);
        fixture
            .store
            .clean_up(Retention::UsedWithin(Duration::from_secs(90 * 3600)), false)
            .expect("cleaned");
        assert_eq!(fixture.left(), "ap");
    }

    /// Puts an image of `layer` and of a layer that is elsewhere into the store, as a process that has exited; returns
    /// its manifest.
    fn image(fixture: &Fixture, layer: Digest, size: usize) -> Digest {
        let store = BlobStore::new(fixture.store.folder());
        let entry = |digest: &Digest, size: usize| serde_json::json!({"mediaType": "application/octet-stream", "digest": digest, "size": size});
        let config = store.put("{}").expect("kept");
        let elsewhere = Digest::of("elsewhere");
        store.record_repository(&elsewhere, &"acme/base".parse().expect("a repository")).expect("noted");
        let layers = [entry(&layer, size), entry(&elsewhere, 9)];
        let manifest = serde_json::json!({"config": entry(&config, 2), "layers": layers});
        store.put(manifest.to_string()).expect("kept")
    }

    #[test]
    fn images_are_removed_with_their_blobs() {
        let fixture = Fixture::new(&[(b'l', 9, 50)]);
        let (store, root) = (&fixture.store, image(&fixture, Digest::of([b'l'; 9]), 9));
        let reference = "acme/app:1".parse().expect("reference");
        store.name(&reference, ImageOrigin::Built, root).expect("named");
        store.name(&reference, ImageOrigin::Pulled, root).expect("named");
        let leave = Retention::UsedWithin(Duration::from_secs(3600));
        let cleaned = store.clean_up(leave, false).expect("cleaned");
        let images: Vec<_> = cleaned.images.iter().map(|image| image.name.origin).collect();
        assert_eq!(images, [ImageOrigin::Built], "a pulled image is identified by its manifest only");
        assert_eq!(store.names().len(), 1);
    }

    #[test]
    fn blobs_in_use_stay_with_everything_that_they_reference() {
        let fixture = Fixture::new(&[(b'l', 9, 50), (b'x', 3, 50)]);
        let (store, root) = (&fixture.store, image(&fixture, Digest::of([b'l'; 9]), 9));
        let reference = "acme/app:1".parse().expect("reference");
        store.name(&reference, ImageOrigin::Built, root).expect("named");
        BlobStore::new(store.folder())
            .attach(&root, "text/plain", b"bill", std::collections::BTreeMap::new())
            .expect("attached");
        let past = SystemTime::now() - Duration::from_secs(50 * 3600);
        for blob in store.found().expect("blobs") {
            File::open(blob.path).and_then(|file| file.set_modified(past)).expect("time");
        }
        let other = BlobStore::new(store.folder());
        other.read(&root).expect("read").expect("there");
        let cleaned = store.clean_up(Retention::Nothing, false).expect("cleaned");
        assert_eq!((fixture.left().as_str(), cleaned.images.len()), ("bl{{{", 0));
        assert_eq!(other.repositories_of(&Digest::of("elsewhere")).len(), 1);
        assert_eq!(other.attachments(&root).len(), 1);
        drop(other);
        let cleaned = store.clean_up(Retention::Nothing, false).expect("cleaned");
        assert_eq!((fixture.left().as_str(), cleaned.images.len()), ("", 1));
    }

    #[test]
    fn blobs_written_during_a_removal_stay() {
        let fixture = Fixture::new(&[(b'x', 3, 50)]);
        let (running, over) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            // Also dropped when the test fails.
            let running = running;
            let fixture = &fixture;
            scope.spawn(move || {
                while over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    fixture.store.clean_up(Retention::Nothing, false).expect("cleaned");
                }
            });
            // Each iteration acts as a separate process that finds what an earlier one has just written.
            for number in 0..200_u32 {
                let store = BlobStore::new(fixture.store.folder());
                let reference = "acme/app:1".parse().expect("reference");
                let digest = store.put(number.to_string()).expect("kept");
                store.name(&reference, ImageOrigin::Pulled, digest).expect("named");
                let earlier = store.get(&Digest::of((number / 2).to_string())).expect("asked").is_some();
                for _ in 0..3 {
                    assert_eq!(store.named(&reference, ImageOrigin::Pulled), Some(digest));
                    assert!(store.read(&digest).expect("read").is_some(), "{number}");
                    let again = store.get(&Digest::of((number / 2).to_string())).expect("asked").is_some();
                    assert!(again || !earlier, "{number}");
                }
            }
            drop(running);
        });
    }
}
