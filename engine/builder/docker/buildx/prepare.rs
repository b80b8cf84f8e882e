//! Creating a builder as configured and starting it, for one image and in one windlass process at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::instance::{self, BuildxCommand, Instance, Settings};
use super::pod_failure::{until_hopeless, wait_until_deleted};
use super::unstarted::{Unstarted, until_connected};
use super::{ASK_LIMIT, Buildx, BuildxBuild};
use crate::builder::BuildError;
use crate::cluster::missing_right;
use crate::event::ImageEvents;
use crate::process::{Pipe, Tail};

/// How long to wait for another windlass process that creates the same builder.
const LOCK_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long a builder may take to start. Buildx itself stops waiting after two minutes, or after the `timeout` in
/// `createArgs`.
const START_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The builders that run already, with their desired configuration.
#[derive(Debug, Default)]
pub struct ReadyBuilders(Mutex<BTreeMap<String, Settings>>);

impl Buildx {
    /// Creates the builder, if it is missing or its configuration is different, and starts it, once per run.
    ///
    /// It is started here and not by the build, because buildx does not support two builds that start a builder in
    /// parallel.
    pub(super) async fn prepare(
        &self,
        build: &BuildxBuild,
        settings: &Settings,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), BuildError> {
        let in_cluster = build.in_cluster();
        let no_builder = |reason: String, help: Option<String>| BuildError::NoBuilder {
            image: build.request.image.clone(),
            builder: settings.name.clone(),
            reason,
            help,
        };
        let ready = cancel.run_until_cancelled(self.ready.0.lock()).await;
        let mut ready = ready.ok_or(BuildError::Cancelled)?;
        let is_kept = in_cluster.no_create || in_cluster.no_recreate;
        match ready.get(&settings.name) {
            Some(known) if is_kept || known == settings => return Ok(()),
            Some(_) => {
                let help =
                    "set a different `inCluster.name` for one of them, or use the same options".to_owned();
                return Err(no_builder(
                    "another image of this run requires a different configuration".to_owned(),
                    Some(help),
                ));
            }
            None => {}
        }
        let lock = instance::lock(self.folder.clone(), settings.name.clone(), LOCK_LIMIT);
        let lock = cancel.run_until_cancelled(lock).await.ok_or(BuildError::Cancelled)?;
        let _lock = lock.map_err(|error| no_builder(error.to_string(), None))?;
        if !in_cluster.no_create {
            let found = Instance::read(&self.folder, &settings.name);
            let steps = settings.steps(found.as_ref(), in_cluster.no_recreate, &in_cluster.create_args);
            for BuildxCommand { what, arguments, stops } in steps {
                events.step(what);
                let asked = self.ask(build, &arguments, events, cancel).await;
                asked.map_err(|failure| failure.into_error(&no_builder))?;
                if let Some(found) = found.as_ref().filter(|_| stops) {
                    events.step("waiting for its pods to end");
                    let gone = self.wait_until_deleted(found, settings, false);
                    cancel.run_until_cancelled(gone).await.ok_or(BuildError::Cancelled)?;
                }
            }
            let doing = format!("create the builder `{}` for `{}`", settings.name, build.request.image);
            let made = self.access.ensure_namespace(&settings.namespace, &doing);
            if cancel.run_until_cancelled(made).await.ok_or(BuildError::Cancelled)?? {
                events.step(format!("created the namespace {}", settings.namespace));
            }
        }
        let started = self.start(build, settings, events, cancel).await;
        if let Err(failure) = started {
            // A pod whose image was missing a minute ago is retried much later, so the next run starts with a new
            // builder.
            if !is_kept && !matches!(failure, Failure::Process(_)) {
                let found = Instance::read(&self.folder, &settings.name);
                let remove = ["rm".to_owned(), settings.name.clone()];
                let removed = self.ask(build, &remove, events, cancel).await;
                if let (Ok(()), Some(found)) = (removed, found) {
                    let gone = self.wait_until_deleted(&found, settings, true);
                    cancel.run_until_cancelled(gone).await.ok_or(BuildError::Cancelled)?;
                }
            }
            return Err(failure.into_error(&no_builder));
        }
        ready.insert(settings.name.clone(), settings.clone());
        Ok(())
    }

    /// Waits until the pods of a removed builder are deleted or, with `may_end`, terminating: buildx builds in any
    /// running pod with the name, even in a terminating one.
    async fn wait_until_deleted(&self, found: &Instance, settings: &Settings, may_end: bool) {
        let namespace = found.namespace().unwrap_or(&settings.namespace);
        if let Some(deployment) = found.deployment() {
            wait_until_deleted(&self.access, namespace, &deployment, may_end).await;
        }
    }

    /// Starts the builder if it is not running.
    async fn start(
        &self,
        build: &BuildxBuild,
        settings: &Settings,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        events.step(format!("starting the builder {}", settings.name));
        let found = Instance::read(&self.folder, &settings.name);
        let deployment = found.as_ref().and_then(Instance::deployment).unwrap_or_default();
        let namespace = found.as_ref().and_then(Instance::namespace).unwrap_or(&settings.namespace);
        let stop = cancel.child_token();
        let words = ["inspect".to_owned(), "--bootstrap".to_owned(), settings.name.clone()];
        let mut last = None;
        let started = {
            let started = self.ask_within(START_LIMIT, build, &words, events, &stop);
            let hopeless = until_hopeless(&self.access, (namespace, &deployment), events, &mut last);
            tokio::pin!(started);
            tokio::select! {
                started = &mut started => Ok(started),
                hindrance = hopeless => {
                    stop.cancel();
                    let _ = started.await;
                    Err(hindrance)
                }
            }
        };
        match (started, last) {
            (Ok(Err(Failure::Said { .. })), Some(hindrance)) | (Err(hindrance), _) => {
                let help = hindrance.help(&self.access, namespace).await;
                Err(Failure::Said { reason: hindrance.reason(), help: Some(help) })
            }
            (Ok(started), _) => started,
        }
    }

    /// Runs a buildx command that only reads or writes its records.
    async fn ask(
        &self,
        build: &BuildxBuild,
        words: &[String],
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        self.ask_within(ASK_LIMIT, build, words, events, cancel).await
    }

    async fn ask_within(
        &self,
        limit: Duration,
        build: &BuildxBuild,
        words: &[String],
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let attempt = async || {
            let (mut tail, mut error, mut unstarted) = (Tail::default(), None, Unstarted::default());
            let process = self.process(&build.config).args(words).env("BUILDKIT_PROGRESS", "plain");
            let code = process.limit(limit).run(cancel, |pipe, line| {
                // Its description of the builder has dozens of lines, which are not printed.
                if pipe == Pipe::Stderr {
                    events.output(line);
                    error = line.strip_prefix("ERROR: ").map(str::to_owned).or(error.take());
                    unstarted.line(line);
                }
                tail.push(line);
            });
            let code = code.await.map_err(|error| BuildError::process(&build.request.image, error))?;
            Ok::<_, BuildError>((code, unstarted, (error, tail)))
        };
        match until_connected(events, attempt).await.map_err(Failure::Process)? {
            (0, _) => Ok(()),
            (code, (error, tail)) => {
                Err(Failure::of_buildx(&build.config.command.join(" "), code, error, tail))
            }
        }
    }
}

/// Why the builder is unavailable.
enum Failure {
    /// Buildx could not be run, or was stopped.
    Process(BuildError),
    /// The message of buildx or the cluster.
    Said { reason: String, help: Option<String> },
}

impl Failure {
    /// The failure for a buildx command with the exit code `code` and the last message `error`.
    fn of_buildx(program: &str, code: i32, error: Option<String>, tail: Tail) -> Self {
        let Some(reason) = error else {
            return Self::Said {
                reason: format!("`{program}` failed with exit code {code}"),
                help: tail.into_help(),
            };
        };
        let help = if let Some((verb, resource)) = missing_right(&reason) {
            Some(format!(
                "get permission to `{verb}` `{resource}`; check it with `kubectl auth can-i {verb} {resource}`"
            ))
        } else if reason.starts_with("no builder ") {
            Some("create it with `docker buildx create --driver kubernetes`, or remove `noCreate`".to_owned())
        } else {
            tail.into_help()
        };
        Self::Said { reason, help }
    }

    fn into_error(self, no_builder: &impl Fn(String, Option<String>) -> BuildError) -> BuildError {
        match self {
            Self::Process(error) => error,
            Self::Said { reason, help } => no_builder(reason, help),
        }
    }
}
