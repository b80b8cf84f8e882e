//! The events of a run, as data. Reports read them; nothing else writes to the terminal.

use std::sync::Arc;

use serde::Serialize;

/// An event of a run. Serialized as one JSON object with a `type` field.
///
/// No event contains a secret.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The pipeline starts on `images` (names, in the order of the file).
    RunStarted {
        /// The pipeline's name: `build`.
        pipeline: String,
        /// Names of the selected images.
        images: Vec<String>,
        /// Names of the selected deployments; empty for a pipeline that deploys nothing.
        deployments: Vec<String>,
        /// The active profiles.
        profiles: Vec<String>,
    },
    /// The decision on an image: the first line about it.
    ImageDecided {
        /// Name of the image.
        image: String,
        /// The decision.
        decision: Decision,
        /// The reason, as a phrase: `unchanged`, `src/main.go changed`, `never built here`, `disabled`.
        reason: String,
        /// The cache key in hex, if there is one.
        key: Option<String>,
    },
    /// A step of an image begins: `context`, `build`, `push acme/api:1.4`, or one that a script names.
    StepStarted {
        /// Name of the image; none for a step of the whole run.
        image: Option<String>,
        /// The action, as a phrase: `building with docker`, `pushing acme/api:1.4`.
        step: String,
    },
    /// The progress of the current step.
    StepProgress {
        /// Name of the image.
        image: String,
        /// The action whose progress is counted: `sending context`, `pushing acme/api:1.4`.
        step: String,
        /// Bytes (or files) so far.
        done: u64,
        /// Bytes (or files) in total, if known.
        total: Option<u64>,
    },
    /// A line of output of a builder, hook or command.
    Output {
        /// Name of the image; none for output of the whole run.
        image: Option<String>,
        /// The line, without its line feed; may contain terminal colors.
        line: String,
    },
    /// A line of the log of a container.
    Log {
        /// The namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// Their name for people: the pod, and the container if the pod has several.
        #[serde(skip)]
        name: String,
        /// When the container wrote it, in RFC 3339, if that is known.
        written: Option<String>,
        /// The line, without its line feed; may contain terminal colors.
        line: String,
    },
    /// A message for the user: a warning or a hint.
    Notice {
        /// Name of the image; none for a notice about the whole run.
        image: Option<String>,
        /// The level.
        level: Level,
        /// The message, one or more lines.
        message: String,
    },
    /// One tag was pushed to its registry.
    Pushed {
        /// Name of the image.
        image: String,
        /// The reference pushed.
        reference: String,
        /// Its digest.
        digest: Option<String>,
    },
    /// An image is finished, successfully or not.
    ImageFinished(ImageResult),
    /// The decision on a deployment: the first line about it.
    DeploymentDecided {
        /// Name of the deployment.
        deployment: String,
        /// The decision.
        decision: DeploymentDecision,
        /// The reason, as a phrase: `2 objects changed`, `unchanged`.
        reason: String,
    },
    /// An object of a deployment was created, changed or deleted.
    ObjectChanged {
        /// Name of the deployment.
        deployment: String,
        /// The object: `Deployment/web (namespace dev)`.
        object: String,
        /// The change.
        change: ObjectChange,
        /// The parts that changed, or why it is kept, as a phrase; empty if unknown.
        details: String,
    },
    /// How far the objects of a deployment are that the run waits for.
    DeploymentProgress {
        /// Name of the deployment.
        deployment: String,
        /// The objects that are not ready: `web 2/3 ready, 1 pulling`.
        waiting: Vec<String>,
    },
    /// A deployment is finished, successfully or not.
    DeploymentFinished(DeploymentResult),
    /// Files are watched, and the run waits for a change.
    Watching {
        /// The number of files.
        files: usize,
        /// The number of directories.
        folders: usize,
    },
    /// Watched files changed.
    FilesChanged {
        /// The files, relative to the working directory if they are in it.
        files: Vec<String>,
        /// The images that are built because of that; empty if the change does not affect images.
        images: Vec<String>,
    },
    /// Changes are collected, and nothing is done about them.
    WatchPaused {
        /// The reason, and how to resume, as a phrase.
        reason: String,
    },
    /// Changes have an effect again.
    WatchResumed,
    /// A failure of a run that continues.
    Failure {
        /// The whole message, several lines.
        message: String,
    },
    /// An event of a synced directory.
    Sync {
        /// Its name: `src -> /app`.
        folder: String,
        /// The change.
        change: SyncChange,
    },
    /// An event of a forwarded port.
    Forward {
        /// The local address: `localhost:8080`.
        address: String,
        /// Its destination: ``port 80 of image `web` ``.
        to: String,
        /// The change.
        change: ForwardChange,
    },
    /// The keys that have an effect from now on; none if no keys are read.
    Keys {
        /// The keys.
        keys: Vec<KeyHint>,
    },
    /// A prompt waits for a key, y or n.
    Question {
        /// The question; none if the prompt has ended.
        question: Option<String>,
    },
    /// Something else uses the terminal from now on, until the end of the run.
    TerminalTaken,
    /// The run has ended.
    RunFinished {
        /// The duration in seconds.
        seconds: f64,
        /// Whether the run succeeded.
        success: bool,
    },
}

impl Event {
    /// Converts it to an event of the dependency `dependency`, whose images are named `NAME.image`. Returns `None` for
    /// the start and the end of a run, which only the whole run reports.
    fn within(self, dependency: &str) -> Option<Self> {
        let of = |image: String| format!("{dependency}.{image}");
        let opened = |text: String| format!("{dependency}: {text}");
        Some(match self {
            Self::RunStarted { .. }
            | Self::RunFinished { .. }
            | Self::Watching { .. }
            | Self::FilesChanged { .. }
            | Self::WatchPaused { .. }
            | Self::WatchResumed
            | Self::Keys { .. }
            | Self::Question { .. }
            | Self::TerminalTaken
            | Self::Failure { .. } => return None,
            Self::ImageDecided { image, decision, reason, key } => {
                Self::ImageDecided { image: of(image), decision, reason, key }
            }
            Self::StepStarted { image: None, step } => Self::StepStarted { image: None, step: opened(step) },
            Self::StepStarted { image, step } => Self::StepStarted { image: image.map(of), step },
            Self::StepProgress { image, step, done, total } => {
                Self::StepProgress { image: of(image), step, done, total }
            }
            Self::Output { image: None, line } => Self::Output { image: None, line: opened(line) },
            Self::Output { image, line } => Self::Output { image: image.map(of), line },
            Self::Log { namespace, pod, container, name, written, line } => {
                Self::Log { namespace, pod, container, name: opened(name), written, line }
            }
            Self::Notice { image: None, level, message } => {
                Self::Notice { image: None, level, message: opened(message) }
            }
            Self::Notice { image, level, message } => Self::Notice { image: image.map(of), level, message },
            Self::Pushed { image, reference, digest } => Self::Pushed { image: of(image), reference, digest },
            Self::ImageFinished(result) => {
                Self::ImageFinished(ImageResult { image: of(result.image), ..result })
            }
            Self::DeploymentDecided { deployment, decision, reason } => {
                Self::DeploymentDecided { deployment: of(deployment), decision, reason }
            }
            Self::ObjectChanged { deployment, object, change, details } => {
                Self::ObjectChanged { deployment: of(deployment), object, change, details }
            }
            Self::DeploymentProgress { deployment, waiting } => {
                Self::DeploymentProgress { deployment: of(deployment), waiting }
            }
            Self::DeploymentFinished(result) => {
                Self::DeploymentFinished(DeploymentResult { deployment: of(result.deployment), ..result })
            }
            Self::Sync { folder, change } => Self::Sync { folder: opened(folder), change },
            Self::Forward { address, to, change } => Self::Forward { address, to: opened(to), change },
        })
    }

    /// The image of the event; none if it concerns a deployment or the whole run.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::RunStarted { .. }
            | Self::Log { .. }
            | Self::DeploymentDecided { .. }
            | Self::ObjectChanged { .. }
            | Self::DeploymentProgress { .. }
            | Self::DeploymentFinished(_)
            | Self::Watching { .. }
            | Self::FilesChanged { .. }
            | Self::WatchPaused { .. }
            | Self::WatchResumed
            | Self::Failure { .. }
            | Self::Sync { .. }
            | Self::Forward { .. }
            | Self::Keys { .. }
            | Self::Question { .. }
            | Self::TerminalTaken
            | Self::RunFinished { .. } => None,
            Self::StepStarted { image, .. } | Self::Output { image, .. } | Self::Notice { image, .. } => {
                image.as_deref()
            }
            Self::ImageDecided { image, .. }
            | Self::StepProgress { image, .. }
            | Self::Pushed { image, .. }
            | Self::ImageFinished(ImageResult { image, .. }) => Some(image),
        }
    }

    /// The deployment of the event, if it concerns one.
    pub fn deployment(&self) -> Option<&str> {
        match self {
            Self::DeploymentDecided { deployment, .. }
            | Self::ObjectChanged { deployment, .. }
            | Self::DeploymentProgress { deployment, .. }
            | Self::DeploymentFinished(DeploymentResult { deployment, .. }) => Some(deployment),
            _ => None,
        }
    }
}

/// A change of the state of a synced directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SyncChange {
    /// It is connected to a container.
    Connected {
        /// The container: `web-1/app`.
        container: String,
    },
    /// The connection was lost; it is tried again.
    Lost {
        /// The reason.
        reason: String,
    },
    /// Both sides are equal for the first time since the connection.
    Equal,
    /// Files were copied or deleted.
    Batch(SyncBatch),
    /// Both sides changed a file.
    Conflict {
        /// The file.
        path: String,
        /// The result, as a phrase: `yours was kept, the other is in .windlass/conflicts/...`.
        outcome: String,
    },
    /// Deletions wait until the user has looked.
    Halted {
        /// The reason.
        reason: String,
    },
    /// It is no longer synced.
    Ended,
}

impl SyncChange {
    /// Whether the user should notice it.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Halted { .. } | Self::Conflict { .. } | Self::Lost { .. })
    }
}

/// A change of the state of a forwarded port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ForwardChange {
    /// It is open, and waits for a container.
    Opened,
    /// Connections go to a container.
    Connected {
        /// The container: `web-1/app`.
        container: String,
    },
    /// The container no longer exists; connections wait for the next one.
    Waiting,
    /// It is closed.
    Closed,
}

/// A key and its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyHint {
    /// The key.
    pub key: char,
    /// Its effect, as a phrase: `build`.
    pub does: String,
}

/// The numbers of files and directories that were copied or deleted, and the first paths.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SyncBatch {
    /// Those written to the container.
    pub uploaded: usize,
    /// Those written here.
    pub downloaded: usize,
    /// Those deleted in the container.
    pub deleted_there: usize,
    /// Those deleted here.
    pub deleted_here: usize,
    /// Those whose permission bits were set in the container.
    pub modes: usize,
    /// The number of written bytes.
    pub bytes: u64,
    /// The first of all paths.
    pub paths: Vec<String>,
    /// The duration in seconds.
    pub seconds: f64,
}

/// The decision of a run about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The image will be built.
    Build,
    /// The last build is up to date.
    Skip,
    /// The last build is up to date but must be tagged or pushed again.
    Publish,
    /// The last build is reused; a step after the build did not succeed and is retried.
    Finish,
}

/// The decision of a run about a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentDecision {
    /// It will be deployed.
    Deploy,
    /// The deployment in the cluster is up to date.
    Keep,
}

/// The change of an object of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectChange {
    /// It was created.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted and created again, as requested.
    Recreated,
    /// It left the manifests, and was deleted.
    Deleted,
    /// It left the manifests, and is kept because it may contain data.
    Kept,
}

/// The level of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Shown with `--debug`.
    Debug,
    /// Shown unless `--silent` is set.
    Info,
    /// Like `Info`; counted in the summary.
    Warning,
}

/// The result of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was built.
    Built,
    /// Its last build was up to date.
    Skipped,
    /// The build or the publication failed.
    Failed,
    /// It was not started, or was stopped, because another image failed or the user interrupted the run.
    Cancelled,
}

/// The result of one image, also an entry of the `--result` file.
#[derive(Debug, Clone, Serialize)]
pub struct ImageResult {
    /// Name of the image.
    pub image: String,
    /// Its repository.
    pub repository: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason why it was built, skipped, failed or cancelled.
    pub reason: String,
    /// The cache key in hex, if known.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The image ID in the daemon (`sha256:...`), if known.
    pub image_id: Option<String>,
    /// The digest in the registry, if known.
    pub digest: Option<String>,
    /// Whether its tags are in the registry.
    pub pushed: bool,
    /// Its platforms, as far as they are known: `linux/amd64`.
    pub platforms: Vec<String>,
    /// The tag by which other machines find it in its repository; `None` if it is not shared.
    pub share: Option<String>,
    /// The images outside of the project that it was built on, as far as their digests are known.
    pub bases: Vec<OutsideImage>,
    /// The duration in seconds.
    pub seconds: f64,
}

/// A base image that belongs to no project, with its digest at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutsideImage {
    /// Its reference: `alpine:3.20`.
    pub reference: String,
    /// The digest of its manifest or index.
    pub digest: String,
    /// When this digest was found, RFC 3339.
    pub asked: Option<String>,
}

/// The result of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentOutcome {
    /// It was deployed.
    Deployed,
    /// It was up to date.
    Kept,
    /// Its objects were deleted.
    Deleted,
    /// It failed, or its objects did not become ready.
    Failed,
    /// It was not started, or was stopped, because another deployment failed or the user interrupted the run.
    Cancelled,
}

/// The result of one deployment, also an entry of the `--result` file.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentResult {
    /// Name of the deployment.
    pub deployment: String,
    /// Its namespace; empty if it was not started.
    pub namespace: String,
    /// The outcome.
    pub outcome: DeploymentOutcome,
    /// The reason why it was deployed, kept, or failed.
    pub reason: String,
    /// The revision of the release of a chart.
    pub revision: Option<u64>,
    /// The number of objects that were created or changed; none for a chart, because helm does not report it.
    pub applied: Option<usize>,
    /// The number of objects that were deleted because they left the manifests.
    pub deleted: usize,
    /// The duration in seconds, without the wait for readiness.
    pub seconds: f64,
}

/// An event sink. Cheap to clone; can be called from any thread.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// A sink that passes every event to `receive`.
    pub fn new(receive: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    /// A sink that discards all events.
    pub fn none() -> Self {
        Self::new(|_| ())
    }

    /// Emits `event`.
    pub fn emit(&self, event: Event) {
        (self.0)(event);
    }

    /// A sink for the dependency called `dependency`.
    pub fn within(&self, dependency: &str) -> Self {
        let (events, dependency) = (self.clone(), dependency.to_owned());
        Self::new(move |event| {
            if let Some(event) = event.within(&dependency) {
                events.emit(event);
            }
        })
    }

    /// Emits a notice about the run.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.emit(Event::Notice { image: None, level, message: message.into() });
    }

    /// A sink for one image.
    pub fn of_image(&self, image: impl Into<String>) -> ImageEvents {
        ImageEvents { events: self.clone(), image: image.into() }
    }
}

/// An event sink for one image, for builders and pushes.
#[derive(Clone)]
pub struct ImageEvents {
    events: Events,
    image: String,
}

impl ImageEvents {
    /// The image's name.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Emits the start of a step.
    pub fn step(&self, step: impl Into<String>) {
        self.events.emit(Event::StepStarted { image: Some(self.image.clone()), step: step.into() });
    }

    /// Emits the progress of a step: `done` of `total`.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>) {
        self.events.emit(Event::StepProgress {
            image: self.image.clone(),
            step: step.to_owned(),
            done,
            total,
        });
    }

    /// Emits a line of output.
    pub fn output(&self, line: impl Into<String>) {
        self.events.emit(Event::Output { image: Some(self.image.clone()), line: line.into() });
    }

    /// Emits a notice.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.events.emit(Event::Notice { image: Some(self.image.clone()), level, message: message.into() });
    }

    /// Emits that a tag was pushed.
    pub fn pushed(&self, reference: impl Into<String>, digest: Option<String>) {
        self.events.emit(Event::Pushed { image: self.image.clone(), reference: reference.into(), digest });
    }
}
