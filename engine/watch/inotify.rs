//! Events of Linux.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};

use super::source::{Raw, Source, Wake};
use crate::lock::lock;

/// The watched events: never that a file is opened or read, which windlass itself does.
const MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// The watched directories.
pub(super) struct Inotify {
    queue: OwnedFd,
    woken: Arc<OwnedFd>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    folders: HashMap<i32, PathBuf>,
    numbers: BTreeMap<PathBuf, i32>,
}

impl Inotify {
    /// A source that watches nothing yet.
    ///
    /// # Errors
    /// If the system allows no further one.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            woken: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?),
            watched: Mutex::default(),
        })
    }

    fn read(&mut self) -> Vec<Raw> {
        let mut found = Vec::new();
        let Watched { folders, numbers } = &mut *lock(&self.watched);
        let mut buffer = [MaybeUninit::uninit(); 64 << 10];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        // An error is that nothing is left.
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                found.push(Raw::Overflow);
                continue;
            }
            if flags.contains(ReadFlags::IGNORED) {
                if let Some(folder) = folders.remove(&event.wd())
                    && numbers.get(&folder) == Some(&event.wd())
                {
                    numbers.remove(&folder);
                }
                continue;
            }
            let Some(folder) = folders.get(&event.wd()) else { continue };
            // Without a name, it is about the directory itself, which its parent reports too.
            let Some(name) = event.file_name() else { continue };
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            let is_folder = flags.contains(ReadFlags::ISDIR);
            found.push(if !is_folder || flags.contains(ReadFlags::ATTRIB) {
                Raw::Touched(path)
            } else if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                Raw::FolderCame(path)
            } else {
                Raw::FolderWent(path)
            });
        }
        found
    }
}

impl Source for Inotify {
    fn watch(&self, folder: &Path) -> io::Result<()> {
        let number = add_watch(&self.queue, folder, MASK)?;
        let Watched { folders, numbers } = &mut *lock(&self.watched);
        // A directory that was moved keeps its number.
        if let Some(before) = folders.insert(number, folder.to_owned())
            && before != folder
        {
            numbers.remove(&before);
        }
        numbers.insert(folder.to_owned(), number);
        Ok(())
    }

    fn remove(&mut self, folder: &Path) {
        let Watched { folders, numbers } = &mut *lock(&self.watched);
        let below = numbers.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder));
        let below: Vec<_> = below.map(|(path, number)| (path.clone(), *number)).collect();
        for (path, number) in below {
            numbers.remove(&path);
            folders.remove(&number);
            // It may be gone already.
            let _ = remove_watch(&self.queue, number);
        }
    }

    fn wait(&mut self, limit: Duration) -> Vec<Raw> {
        let limit = Timespec::try_from(limit).ok();
        let mut waits = [PollFd::new(&self.queue, PollFlags::IN), PollFd::new(&*self.woken, PollFlags::IN)];
        // A signal ends the wait early.
        let _ = poll(&mut waits, limit.as_ref());
        let mut count = [0; 8];
        let _ = rustix::io::read(&*self.woken, &mut count);
        self.read()
    }

    fn wake(&self) -> Wake {
        let woken = Arc::clone(&self.woken);
        Arc::new(move || {
            // A full counter wakes too.
            let _ = rustix::io::write(&*woken, &1u64.to_ne_bytes());
        })
    }

    fn has_events(&self) -> bool {
        true
    }
}
