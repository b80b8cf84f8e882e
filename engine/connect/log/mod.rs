//! The logs of containers, which outlive restarts, pods and connections.

mod follower;
mod line;
mod lines;
mod progress;
mod resume;
mod watch;

pub use line::{LogItem, LogLine, LogQueue, log_queue};
pub use watch::{LogOptions, show_logs};
