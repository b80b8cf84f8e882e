//! The log of events while another process uses the terminal.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::event::{Event, Events};

/// A sink that passes events on, or, while it is `quiet`, writes the important ones into a file.
pub(super) fn hidden(events: Events, quiet: &Arc<AtomicBool>, log: PathBuf) -> Events {
    let quiet = Arc::clone(quiet);
    Events::new(move |event| {
        if !quiet.load(Ordering::Relaxed) {
            return events.emit(event);
        }
        let line = match &event {
            Event::Notice { message, .. } | Event::Failure { message } => message.clone(),
            Event::FilesChanged { files, images } => {
                format!("changed: {} -> {}", files.join(", "), images.join(", "))
            }
            Event::ImageFinished(result) => {
                format!("{}: {:?}: {}", result.image, result.outcome, result.reason)
            }
            Event::DeploymentFinished(result) => {
                format!("{}: {:?}: {}", result.deployment, result.outcome, result.reason)
            }
            _ => return,
        };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        // A line is one write, because other sessions of the project append to the same file. A failed write cannot be
        // reported anywhere.
        let line = format!("{} {line}\n", jiff::Timestamp::now());
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    })
}
