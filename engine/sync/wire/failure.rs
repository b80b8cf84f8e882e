//! Converts the messages of tools to failures.

use super::Wire;
use super::channel::Request;
use crate::sync::RemoteError;

/// A tool failed with `message` at `path`: the kind of failure, if the message shows it.
pub(super) fn classify(path: &str, user: u32, message: &str) -> RemoteError {
    let has = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    let path = path.to_owned();
    if has(&["No space left", "quota exceeded"]) {
        RemoteError::DiskFull { path, usage: None }
    } else if has(&["Read-only file system"]) {
        RemoteError::ReadOnly { path }
    } else if has(&["Permission denied", "not permitted"]) {
        RemoteError::Denied { path, user, owner: None, mode: None }
    } else {
        RemoteError::Failed { doing: format!("change `{path}`"), reason: message.trim().to_owned() }
    }
}

impl Wire {
    /// Why a tool failed with `message` at the path `target` (`./src/a`), with the container's facts about the path.
    pub(super) async fn failure(&self, target: &str, message: &str) -> Result<RemoteError, RemoteError> {
        let shown = format!("{}/{}", self.facts.root.trim_end_matches('/'), target.trim_start_matches("./"));
        let mut error = classify(shown.trim_end_matches("/."), self.facts.user.0, message);
        if matches!(error, RemoteError::DiskFull { .. } | RemoteError::Denied { .. }) {
            let about = Request::new("about", "inspect a directory", vec![target.to_owned()]);
            for line in self.main.ask(about).await?.texts() {
                report(&mut error, &line);
            }
        }
        Ok(error)
    }
}

/// Adds the fact in a line of the container.
fn report(error: &mut RemoteError, line: &str) {
    match (error, line.split_once(' ')) {
        (RemoteError::DiskFull { usage, .. }, Some(("d", text))) => {
            *usage = Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        (RemoteError::Denied { owner, mode, .. }, Some(("o", text))) => {
            let words: Vec<_> = text.split(' ').collect();
            if let [user, group, bits] = words[..] {
                *owner = user.parse().ok().zip(group.parse().ok());
                *mode = u32::from_str_radix(bits, 8).ok();
            }
        }
        _ => {}
    }
}
