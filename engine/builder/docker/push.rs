//! Pushing an image through a daemon.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::daemon::reason_of;
use super::layer_progress::LayerProgress;
use super::{Daemon, DaemonError, client};
use crate::event::{ImageEvents, Level};
use crate::image::{Digest, ImageReference};
use crate::registry::{CONNECTION_LOST, Credential, RegistryErrorKind, said_by_daemon};

/// The maximum number of attempts.
const TRIES: u32 = 3;

/// The pause before the second attempt; it doubles for each further one.
const PAUSE: Duration = Duration::from_secs(1);

/// The same if the rate limit of the registry is exceeded: the daemon does not pass on the `Retry-After` header.
const BUSY_PAUSE: Duration = Duration::from_secs(5);

/// How long the daemon may take to start its response, and to make progress.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// The result of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushOutcome {
    /// The digest of the manifest in the registry, if the daemon reported it.
    pub digest: Option<Digest>,
}

/// An error of a push.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PushError {
    /// The run was cancelled.
    #[error("pushing `{reference}` was cancelled")]
    #[diagnostic(code(stage::push::cancelled))]
    Cancelled {
        /// The reference of the image.
        reference: String,
    },

    /// The daemon is unreachable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Daemon(#[from] DaemonError),

    /// The registry or the daemon rejected the push, or the connection was lost too often.
    #[error("cannot push `{reference}`: {reason}")]
    #[diagnostic(code(stage::push::refused))]
    Refused {
        /// The reference of the image.
        reference: String,
        /// The message of the daemon, verbatim.
        reason: String,
    },
}

impl Daemon {
    /// Pushes `reference` to its registry, and reports the progress in bytes. Retries a lost connection and the
    /// responses 429 and 5xx, with at most three attempts.
    ///
    /// Equals `docker push`.
    ///
    /// # Errors
    /// [`PushError`] if the daemon is unreachable, or if the daemon or the registry rejects the push.
    pub async fn push(
        &self,
        reference: &ImageReference,
        credentials: Option<DockerCredentials>,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<PushOutcome, PushError> {
        let name = reference.to_string();
        let pushing = async {
            let mut attempt = 1;
            loop {
                match self.push_once(reference, credentials.clone(), events).await? {
                    Ok(digest) => {
                        let digest = match digest {
                            Some(digest) => Some(digest),
                            None => self.pushed_digest(reference).await,
                        };
                        return Ok(PushOutcome { digest });
                    }
                    Err(reason) => {
                        let problem = said_by_daemon(&name, &Credential::Anonymous, &reason);
                        if attempt >= TRIES || !problem.may_pass() {
                            return Err(PushError::Refused { reference: name.clone(), reason });
                        }
                        let is_busy = matches!(problem, RegistryErrorKind::TooManyRequests { .. });
                        let pause = if is_busy { BUSY_PAUSE } else { PAUSE } * (1 << (attempt - 1));
                        let seconds = pause.as_secs();
                        let message = format!("pushing {name} failed ({reason}), retrying in {seconds} s");
                        events.notice(Level::Info, message);
                        tokio::time::sleep(pause).await;
                        attempt += 1;
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(PushError::Cancelled { reference: name.clone() }),
            pushed = pushing => pushed,
        }
    }

    /// One attempt; the inner error is the message of the daemon.
    async fn push_once(
        &self,
        reference: &ImageReference,
        credentials: Option<DockerCredentials>,
        events: &ImageEvents,
    ) -> Result<Result<Option<Digest>, String>, DaemonError> {
        let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
        let path = format!("/images/{}/push?tag={tag}", reference.repository);
        // The `push_image` of bollard drops the layer of a progress line; the response of a pull has the same format,
        // and its type includes the layer.
        let client = client::adjusted(self.connect().await?, SILENCE, move |_| Some(path.clone()));
        let credentials = credentials.unwrap_or_default();
        let mut lines = client.create_image(None::<CreateImageOptions>, None, Some(credentials));
        let mut progress = LayerProgress::new(format!("pushing {reference}"));
        let mut digest = None;
        loop {
            let line = match tokio::time::timeout(SILENCE, lines.next()).await {
                Ok(Some(Ok(line))) => line,
                Ok(Some(Err(error))) => return Ok(Err(failure(&error))),
                Ok(None) => return Ok(Ok(digest)),
                Err(_) => return Ok(Err("the daemon made no progress for 15 minutes".to_owned())),
            };
            digest = digest.or_else(|| digest_of(line.status.as_deref()?, tag));
            if let (Some(id), Some(status)) = (line.id, line.status) {
                progress.report(id, &status, line.progress_detail.as_ref(), events);
            }
        }
    }

    /// The digest that the daemon recorded for the image just pushed.
    async fn pushed_digest(&self, reference: &ImageReference) -> Option<Digest> {
        let facts = self.inspect(&reference.to_string()).await.ok()??;
        let prefix = format!("{}@", reference.repository);
        facts.repo_digests.iter().find_map(|digest| digest.strip_prefix(&prefix)?.parse().ok())
    }
}

/// The message of the daemon, or that the connection was lost.
fn failure(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => reason_of(error),
        other => format!("{CONNECTION_LOST}: {}", reason_of(other)),
    }
}

/// The digest in the last line of a push: `1.4: digest: sha256:... size: 527`.
fn digest_of(status: &str, tag: &str) -> Option<Digest> {
    let rest = status.strip_prefix(tag)?.strip_prefix(": digest: ")?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_in_the_last_line() {
        let hex = "ab".repeat(32);
        let expected = format!("sha256:{hex}").parse().ok();
        assert_eq!(digest_of(&format!("1.4: digest: sha256:{hex} size: 527"), "1.4"), expected);
        assert_eq!(digest_of("Pushed", "1.4"), None);
        assert_eq!(digest_of("1.4: digest: nonsense", "1.4"), None);
    }
}
