//! The host and the events of a run.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{OutsideBases, RunError, SharedBuilds};
use crate::cluster::ClusterContext;
use crate::error::{Cancelled, StageError};
use crate::event::{Event, Events, Level};
use crate::host::{Host, MaskedExec};
use crate::lock::lock;
use crate::scope::Scope;
use crate::secrets::Secrets;

/// The host and the events of all runs of a command. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    /// The host.
    pub host: Host,
    /// Receives events.
    pub events: Events,
    /// Cancelled by Ctrl-C, or by the first failure if that stops the run.
    pub cancel: CancellationToken,
    /// Secrets to mask, of all its projects.
    pub secrets: Secrets,
    /// The responses of registries about shared builds.
    pub shared: Arc<SharedBuilds>,
    /// The responses of registries about base images outside of the projects.
    pub outside: Arc<OutsideBases>,
    runtime: Handle,
    /// The notices that are reported once.
    told: Arc<Mutex<HashSet<String>>>,
}

impl Session {
    /// A session on `host` that reports to `events`, without secrets, and waits on `runtime`.
    pub fn new(host: Host, events: &Events, cancel: CancellationToken, runtime: Handle) -> Self {
        let secrets = Secrets::default();
        let exec = MaskedExec { inner: Arc::clone(&host.exec), secrets: secrets.clone() };
        Self {
            host: Host { exec: Arc::new(exec), ..host },
            events: secrets.masking(events),
            cancel,
            secrets,
            shared: Arc::default(),
            outside: Arc::default(),
            runtime,
            told: Arc::default(),
        }
    }

    /// The same session for the dependency `name`: its events name it.
    #[must_use]
    pub fn of_dependency(&self, name: &str) -> Self {
        Self { events: self.events.within(name), ..self.clone() }
    }

    /// Cancelled when the work of this thread must stop: with the run, or after a timeout.
    pub fn cancellation(&self) -> CancellationToken {
        Scope::current().cancel.unwrap_or_else(|| self.cancel.clone())
    }

    /// Cancels `token` after `limit`, unless the guard is dropped before.
    pub fn cancel_after(&self, limit: Duration, token: CancellationToken) -> AbortOnDrop {
        let timer = self.runtime.spawn(async move {
            tokio::time::sleep(limit).await;
            token.cancel();
        });
        AbortOnDrop(timer.abort_handle())
    }

    /// The selected cluster; `None` if none is configured and a plan does without it.
    ///
    /// # Errors
    /// `cluster::none` if none is configured, unless it is a plan; `cluster::...`.
    pub fn cluster(&self) -> Result<Option<ClusterContext>, StageError> {
        match self.host.cluster.needed_context() {
            Err(error) if self.does_without(&error) => Ok(None),
            context => context.map(Some),
        }
    }

    /// Whether the run continues without the cluster after `error`: a plan shows the known part.
    pub fn does_without(&self, error: &StageError) -> bool {
        self.host.cluster.is_optional() && error.is_without_cluster()
    }

    /// Reports the start of a step of the image that this thread works on.
    pub fn step(&self, step: impl Into<String>) {
        self.events.emit(Event::StepStarted { image: Scope::current().image, step: step.into() });
    }

    /// Reports a notice about the run.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.events.emit(Event::Notice { image: None, level, message: message.into() });
    }

    /// Reports a notice about the run, unless it was already reported.
    pub fn notice_once(&self, level: Level, message: String) {
        if lock(&self.told).insert(message.clone()) {
            self.notice(level, message);
        }
    }

    /// The runtime for requests to daemons, registries and commands.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// Waits for `future`, or for the run to be cancelled. Scripts run on separate threads, so this may block.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, RunError> {
        let cancel = self.cancellation();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Cancelled.into()),
                value = future => Ok(value),
            }
        })
    }

    /// Waits for `future`, which itself ends soon after the run is cancelled: it may clean up first.
    pub fn wait_for_end<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Starts `work` on another thread, without waiting for it.
    pub fn start(&self, work: impl FnOnce() + Send + 'static) {
        self.runtime.spawn_blocking(work);
    }

    /// Runs `work`, which cannot be cancelled, on another thread: a cancelled run does not wait for it.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
        let done = self.wait(self.runtime.spawn_blocking(work))?;
        done.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Cancelled.into(),
        })
    }
}

/// Aborts a task when it is dropped.
pub struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
