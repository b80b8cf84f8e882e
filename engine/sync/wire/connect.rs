//! Connecting to a directory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use tokio::sync::Mutex;

use super::channel::{Answer, Channel, Role};
use super::lane::Lane;
use super::{Connector, Wire, WireOptions};
use crate::sync::{Facts, RelativePath, RemoteError, Tier};

/// Clocks that differ by less, in nanoseconds, are equal: `date` prints only seconds.
const EQUAL_CLOCKS: i128 = 1_500_000_000;

impl Wire {
    /// Connects to the directory `options.root` in the container of `connector`, and creates it if it is missing.
    /// Removes leftovers of a killed session.
    ///
    /// # Errors
    /// [`RemoteError`] without a connection, a shell, or a directory.
    pub async fn connect(connector: Arc<dyn Connector>, options: WireOptions) -> Result<Self, RemoteError> {
        let mut options = options;
        options.owner = options.owner.replace('\n', " ");
        if !options.root.starts_with('/') {
            options.root = format!("./{}", options.root);
        }
        let started = now();
        let (channel, answer) = Channel::start(&*connector, Role::Writer, &options).await?;
        let hello = Hello::read(&answer, (started + now()) / 2);
        if let Some(error) = hello.refusal(&options.root) {
            return Err(error);
        }
        let facts = hello.facts()?;
        options.root.clone_from(&facts.root);
        Ok(Self {
            connector,
            options,
            facts,
            main: Lane::new(channel),
            reader: Mutex::new(None),
            next: AtomicU64::new(0),
            links: Mutex::new(HashMap::new()),
        })
    }

    /// The loop that reads; connects it if it is not.
    pub(super) async fn reader(&self) -> Result<Lane, RemoteError> {
        let mut reader = self.reader.lock().await;
        if let Some(lane) = &*reader {
            return Ok(lane.clone());
        }
        let start = Channel::start(&*self.connector, Role::Reader, &self.options);
        let (channel, answer) = start.await?;
        if let Some(error) = Hello::read(&answer, 0).refusal(&self.options.root) {
            return Err(error);
        }
        Ok(reader.insert(Lane::new(channel)).clone())
    }
}

/// Nanoseconds since the epoch.
fn now() -> i128 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |duration| i128::try_from(duration.as_nanos()).unwrap_or_default())
}

/// The facts that a loop prints at its start.
#[derive(Default)]
struct Hello {
    root: String,
    user: (u32, u32),
    tools: HashSet<String>,
    mounts: Vec<String>,
    is_mount: bool,
    clock_ahead: i128,
    refused: Option<String>,
    busy: Option<String>,
}

impl Hello {
    /// Reads the response; `asked` is the time of the request.
    fn read(answer: &Answer, asked: i128) -> Self {
        let mut hello = Self::default();
        for line in answer.texts() {
            let (key, text) = line.split_once(' ').unwrap_or((&line, ""));
            match key {
                "r" => hello.root = text.to_owned(),
                "u" => {
                    let ids = text.split_once(' ');
                    let ids = ids.and_then(|(user, group)| user.parse().ok().zip(group.parse().ok()));
                    hello.user = ids.unwrap_or_default();
                }
                "t" => {
                    hello.tools.insert(text.to_owned());
                }
                "m" => hello.mounts.push(text.to_owned()),
                "M" => hello.is_mount = true,
                "d" => {
                    // On average, half of the second has passed.
                    let nanoseconds = |seconds: i64| i128::from(seconds) * 1_000_000_000 + 500_000_000;
                    let there = text.parse().map(nanoseconds);
                    let ahead = there.map_or(0, |there| there - asked);
                    hello.clock_ahead = if ahead.abs() <= EQUAL_CLOCKS { 0 } else { ahead };
                }
                "!r" => hello.refused = Some(text.to_owned()),
                "!b" => hello.busy = Some(text.to_owned()),
                _ => {}
            }
        }
        hello
    }

    /// Why the loop has ended immediately, if it has.
    fn refusal(&self, root: &str) -> Option<RemoteError> {
        let root = root.to_owned();
        if let Some(owner) = self.busy.clone() {
            return Some(RemoteError::Busy { root, owner });
        }
        self.refused.clone().map(|reason| match reason.contains("Read-only file system") {
            true => RemoteError::ReadOnly { path: root },
            false => RemoteError::Root { root, reason },
        })
    }

    fn facts(&self) -> Result<Facts, RemoteError> {
        let lacks = |tools: &[&str]| tools.iter().any(|tool| !self.tools.contains(*tool));
        let wanted = ["tar", "head", "cat", "mv", "rm", "mkdir", "find", "stat", "sha256sum", "readlink"];
        let missing: Vec<_> = wanted.into_iter().filter(|tool| lacks(&[tool])).map(str::to_owned).collect();
        if let Some(tool) =
            missing.iter().find(|tool| ["head", "cat", "mv", "rm", "mkdir"].contains(&tool.as_str()))
        {
            return Err(RemoteError::MissingTool {
                tool: tool.clone(),
                needed_for: "files cannot be synced".to_owned(),
                help: "install `coreutils` or `busybox` in the image".to_owned(),
            });
        }
        let tier = match () {
            () if lacks(&["tar"]) => Tier::NoArchives,
            () if lacks(&["find", "stat"]) => Tier::NoScans,
            () => Tier::Full,
        };
        let prefix = format!("{}/", self.root.trim_end_matches('/'));
        let below =
            |mount: &String| mount.strip_prefix(&prefix).and_then(|path| RelativePath::new(&unescaped(path)));
        Ok(Facts {
            tier,
            missing,
            user: self.user,
            root: self.root.clone(),
            clock_ahead: self.clock_ahead,
            mounts: self.mounts.iter().filter_map(below).collect(),
            is_mount: self.is_mount,
        })
    }
}

/// A path of `/proc/self/mounts`, in which `\040` is a space.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .into_iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
