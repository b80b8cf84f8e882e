//! A directory in a container, over the container's own shell: nothing is installed in it.
//!
//! One program changes the directory (`loop.sh`), one reads it; both handle requests one by one. Commands and downloads
//! are separate programs.

mod channel;
mod connect;
mod connection;
mod delete;
mod download;
mod failure;
mod lane;
mod lines;
mod pod;
mod remote;
mod run;
mod scan;
mod stage;
mod stat_line;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::Mutex;

pub use connection::{Connector, RemoteProgram};
use lane::Lane;
pub use pod::PodConnector;

use super::{Facts, RelativePath};

/// How many paths are named in one request.
const CHUNK: usize = 200;

/// A directory in a container.
pub struct Wire {
    connector: Arc<dyn Connector>,
    options: WireOptions,
    facts: Facts,
    /// Changes the directory.
    main: Lane,
    /// Reads the directory; connected when it is needed.
    reader: Mutex<Option<Lane>>,
    /// The number of the next upload.
    next: AtomicU64,
    /// The targets of links, with their inode and time.
    links: Mutex<HashMap<RelativePath, LinkTarget>>,
}

/// A link as it was read: inode, time, target.
type LinkTarget = (u64, i64, Box<str>);

/// The directory and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireOptions {
    /// The directory: absolute, or relative to the working directory of the container.
    pub root: String,
    /// The description of this session for others: `ada on laptop, process 123`. A loop of the same session that
    /// remains after a lost connection is ended.
    pub owner: String,
    /// Whether another session that syncs the directory is ended.
    pub steals: bool,
    /// Bytes per second to send at most.
    pub upload_limit: Option<u64>,
    /// Bytes per second to receive at most.
    pub download_limit: Option<u64>,
}

/// The path in the form for the loop.
fn target(path: &RelativePath) -> String {
    format!("./{path}")
}
