//! Follows the log of one container through its restarts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::line::{LogItem, LogLine, LogSender, LogSource};
use super::lines::{LogLines, TimedLine};
use super::progress::{Ending, Progress};
use super::resume::LogResume;
use crate::cluster::{ClusterAccess, ClusterError, LogQuery};

/// The number of lines of a crash before the start that are shown.
const PREVIOUS: u64 = 20;

/// The pause before a log is requested again, also to wait for the state of the container.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a log may be silent before it is requested again: the connection may be dead.
const SILENCE: Duration = Duration::from_secs(60);

/// How long to read the log of a pod that was deleted.
const GONE_LIMIT: Duration = Duration::from_secs(5);

/// The timeout for a log that is not followed.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// Follows the log of one container.
pub(super) struct Follower {
    pub(super) access: ClusterAccess,
    pub(super) source: Arc<LogSource>,
    /// The number of lines before the start; `None` for all.
    pub(super) tail: Option<u64>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) sender: LogSender,
}

/// How one reading of a log ended.
enum End {
    /// At its end.
    Complete,
    /// The connection broke, or was silent for too long.
    Broken,
}

impl Follower {
    /// Passes on all lines until no container follows.
    ///
    /// # Errors
    /// [`ClusterError::Forbidden`]: nothing helps against it.
    pub(super) async fn run(mut self) -> Result<(), ClusterError> {
        let mut resume = LogResume::default();
        let mut lines = LogLines::default();
        // The container whose log was read last, and the one whose end was reported last.
        let (mut known, mut told) = (None::<String>, None::<String>);
        loop {
            let progress = self.progress.borrow_and_update().clone();
            let Some(id) = progress.id.clone() else {
                // It has not started.
                if progress.is_last || self.progress.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            };
            if let Some(previous) = &progress.previous
                && told.as_ref() != Some(&previous.id)
            {
                if known.is_some() {
                    // It was restarted while the connection was broken, or before the end of its log was read.
                    self.read(true, false, &mut resume, &mut lines).await?;
                    self.pass_rest(&mut resume, &mut lines).await;
                    self.report_end(previous).await;
                } else if previous.code != 0 {
                    self.show_crash(previous).await?;
                }
                told = Some(previous.id.clone());
            }
            known = Some(id.clone());
            let end = self.read(false, progress.ended.is_none(), &mut resume, &mut lines).await?;
            let now = self.settled(&id).await;
            match (&now.ended, end) {
                (Some(ended), End::Complete) if ended.id == id => {
                    // Reads the lines that were written between the end of the log and that of the container.
                    if progress.ended.is_none() {
                        self.read(false, false, &mut resume, &mut lines).await?;
                    }
                    self.pass_rest(&mut resume, &mut lines).await;
                    self.report_end(ended).await;
                    told = Some(id.clone());
                    if !self.next_container(&id).await {
                        return Ok(());
                    }
                }
                _ if now.is_last => {
                    self.pass_rest(&mut resume, &mut lines).await;
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    /// The last lines of the log as it is now; `false` if the container has not started.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub(super) async fn show(mut self) -> Result<bool, ClusterError> {
        let progress = self.progress.borrow().clone();
        if progress.id.is_none() {
            return Ok(false);
        }
        if let Some(previous) = progress.previous.as_ref().filter(|previous| previous.code != 0) {
            self.show_crash(previous).await?;
        }
        let (mut resume, mut lines) = (LogResume::default(), LogLines::default());
        self.read(false, false, &mut resume, &mut lines).await?;
        self.pass_rest(&mut resume, &mut lines).await;
        if let Some(ended) = &progress.ended {
            self.report_end(ended).await;
        }
        Ok(true)
    }

    /// Waits shortly for news of the container `id` after the end of its log.
    async fn settled(&mut self, id: &str) -> Progress {
        let is_news = |progress: &Progress| {
            progress.ended.is_some() || progress.is_last || progress.id.as_deref() != Some(id)
        };
        let _ = timeout(PAUSE, self.progress.wait_for(is_news)).await;
        self.progress.borrow().clone()
    }

    /// Waits for another container than `id`; `false` if none follows.
    async fn next_container(&mut self, id: &str) -> bool {
        let is_next = |progress: &Progress| progress.id.as_deref() != Some(id) || progress.is_last;
        let next = self.progress.wait_for(is_next).await;
        next.is_ok_and(|progress| progress.id.as_deref() != Some(id))
    }

    /// Shows how a container ended before the start, with its last lines.
    async fn show_crash(&mut self, previous: &Ending) -> Result<(), ClusterError> {
        let (mut resume, mut lines) = (LogResume::default(), LogLines::default());
        let tail = self.tail;
        self.tail = Some(tail.map_or(PREVIOUS, |tail| tail.min(PREVIOUS)));
        let read = self.read(true, false, &mut resume, &mut lines).await;
        self.tail = tail;
        read?;
        self.pass_rest(&mut resume, &mut lines).await;
        self.report_end(previous).await;
        Ok(())
    }

    async fn report_end(&self, ending: &Ending) {
        let Ending { code, reason, .. } = ending.clone();
        self.sender.send(LogItem::Ended { source: Arc::clone(&self.source), code, reason }).await;
    }

    /// Passes on the last line, if its end is missing.
    async fn pass_rest(&mut self, resume: &mut LogResume, lines: &mut LogLines) {
        if let Some((time, text)) = lines.rest()
            && time.is_some()
            && resume.take(&TimedLine::new(time, &text))
        {
            self.sender.send(self.line(time, text)).await;
        }
    }

    /// Reads the log from the position of `resume`; `is_previous`: that of the container before the last restart.
    async fn read(
        &mut self,
        is_previous: bool,
        follow: bool,
        resume: &mut LogResume,
        lines: &mut LogLines,
    ) -> Result<End, ClusterError> {
        let source = Arc::clone(&self.source);
        // The line without end is repeated.
        *lines = LogLines::default();
        let since = resume.start();
        let query = LogQuery {
            namespace: &source.namespace,
            pod: &source.pod,
            container: &source.container,
            follow,
            is_previous,
            tail: self.tail.filter(|_| !resume.has_lines()),
            since,
        };
        let limit = if follow { SILENCE } else { READ_LIMIT };
        let opened = tokio::select! {
            opened = timeout(limit, self.access.container_log(&query)) => opened,
            () = gone(self.progress.clone()) => return Ok(End::Complete),
        };
        let mut stream = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(error @ ClusterError::Forbidden { .. })) => return Err(error),
            Ok(Err(ClusterError::Unauthorized { .. })) => {
                self.access.log_in_again().await;
                sleep(PAUSE).await;
                return Ok(End::Broken);
            }
            // The node might not have it yet, or no longer.
            Ok(Err(_)) => {
                sleep(PAUSE).await;
                return Ok(if is_previous { End::Complete } else { End::Broken });
            }
            Err(_) => return Ok(End::Broken),
        };
        loop {
            let next = tokio::select! {
                next = timeout(limit, stream.next()) => next,
                () = gone(self.progress.clone()) => return Ok(End::Complete),
            };
            match next {
                Ok(Ok(bytes)) if bytes.is_empty() => return Ok(End::Complete),
                Ok(Ok(bytes)) => self.pass(&bytes, resume, lines).await,
                Ok(Err(_)) | Err(_) => return Ok(End::Broken),
            }
        }
    }

    async fn pass(&self, bytes: &[u8], resume: &mut LogResume, lines: &mut LogLines) {
        let mut new = Vec::new();
        lines.take(bytes, |time, text| {
            // A line without a timestamp comes from the node, not from the container.
            if time.is_some() && resume.take(&TimedLine::new(time, &text)) {
                new.push((time, text));
            }
        });
        for (time, text) in new {
            self.sender.send(self.line(time, text)).await;
        }
    }

    fn line(&self, time: Option<jiff::Timestamp>, text: String) -> LogItem {
        LogItem::Line(LogLine { source: Arc::clone(&self.source), time, text })
    }
}

/// Returns [`GONE_LIMIT`] after the pod was deleted: by then, the cluster should have sent the rest of its log.
async fn gone(mut progress: watch::Receiver<Progress>) {
    // Without a sender, no progress will be reported.
    let _ = progress.wait_for(|progress| progress.is_last && progress.id.is_some()).await;
    sleep(GONE_LIMIT).await;
}
