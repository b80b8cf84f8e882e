//! The lines and events of logs, and their queue.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::event::Event;

/// The maximum size of the lines in the queue, in bytes. If it is exceeded, the logs are not read on.
const LIMIT: usize = 1 << 20;

/// The approximate size of an item without its text, in bytes.
const OVERHEAD: usize = 128;

/// A container with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The name for people: the pod, and the container if the pod has several.
    pub name: String,
}

/// A line of a log.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// The container.
    pub source: Arc<LogSource>,
    /// When the container wrote it.
    pub time: Option<Timestamp>,
    /// The line, without its line feed.
    pub text: String,
}

/// A line or an event of logs.
#[derive(Debug, Clone)]
pub enum LogItem {
    /// A line.
    Line(LogLine),
    /// A container has ended.
    Ended {
        /// The container.
        source: Arc<LogSource>,
        /// Its exit code.
        code: i32,
        /// The reason, such as `Error` or `OOMKilled`.
        reason: String,
    },
    /// Another pod has a matching container.
    Joined(Arc<LogSource>),
}

impl LogLine {
    /// Its event.
    pub fn event(&self) -> Event {
        let LogSource { namespace, pod, container, name } = &*self.source;
        Event::Log {
            namespace: namespace.clone(),
            pod: pod.clone(),
            container: container.clone(),
            name: name.clone(),
            written: self.time.map(|time| time.to_string()),
            line: self.text.clone(),
        }
    }
}

impl LogItem {
    /// Its message about a container; `None` for a line.
    pub fn notice(&self) -> Option<String> {
        match self {
            Self::Line(_) => None,
            Self::Ended { source, code, reason } => {
                let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
                Some(format!("{}: the container exited with code {code}{reason}", source.name))
            }
            Self::Joined(source) => Some(format!("{}: the pod joined", source.name)),
        }
    }

    fn size(&self) -> u32 {
        let text = match self {
            Self::Line(line) => line.text.len(),
            _ => 0,
        };
        u32::try_from((text + OVERHEAD).min(LIMIT)).unwrap_or(u32::MAX)
    }
}

/// The end of the queue that logs are written to.
#[derive(Clone)]
pub struct LogSender {
    items: mpsc::UnboundedSender<(LogItem, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// The end of the queue that is read.
pub struct LogQueue {
    items: mpsc::UnboundedReceiver<(LogItem, OwnedSemaphorePermit)>,
}

/// A queue for 1 MiB of logs: writers wait for a slow reader.
pub fn log_queue() -> (LogSender, LogQueue) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (LogSender { items: sender, room: Arc::new(Semaphore::new(LIMIT)) }, LogQueue { items: receiver })
}

impl LogSender {
    /// Adds `item`, as soon as there is room. Without a reader, nothing happens.
    pub(super) async fn send(&self, item: LogItem) {
        if let Ok(room) = Arc::clone(&self.room).acquire_many_owned(item.size()).await {
            let _ = self.items.send((item, room));
        }
    }
}

impl LogQueue {
    /// The next item; `None` at the end of all logs.
    pub async fn next(&mut self) -> Option<LogItem> {
        self.items.recv().await.map(|(item, _)| item)
    }

    /// The next item, if it has already arrived.
    pub fn next_now(&mut self) -> Option<LogItem> {
        self.items.try_recv().ok().map(|(item, _)| item)
    }
}
