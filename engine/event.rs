//! What happened during a run, as data. Reports read it; nothing else writes to the terminal.

use std::sync::Arc;

use serde::Serialize;

/// Something that happened, in the words of the run. Serialised as one JSON object with a `type` field.
///
/// No event carries a secret.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The pipeline starts on `images` (names, in the order of the file).
    RunStarted {
        /// The pipeline's name: `build`.
        pipeline: String,
        /// Names of the selected images.
        images: Vec<String>,
        /// The active profiles.
        profiles: Vec<String>,
    },
    /// The decision on an image: the first line about it.
    ImageDecided {
        /// Name of the image.
        image: String,
        /// What will happen to it.
        decision: Decision,
        /// Why, as a phrase: `unchanged`, `src/main.go changed`, `never built here`, `disabled`.
        reason: String,
        /// The cache key, in hex, when there is one.
        key: Option<String>,
    },
    /// A step of an image begins: `context`, `build`, `push acme/api:1.4`, or a script's own.
    StepStarted {
        /// Name of the image; none for a step of the whole run.
        image: Option<String>,
        /// What is done, as a phrase: `building with docker`, `pushing acme/api:1.4`.
        step: String,
    },
    /// How far the current step is.
    StepProgress {
        /// Name of the image.
        image: String,
        /// What is counted: `sending context`, `pushing acme/api:1.4`.
        step: String,
        /// Bytes (or files) so far.
        done: u64,
        /// Bytes (or files) in all, when known.
        total: Option<u64>,
    },
    /// A line of output of a builder, hook or command.
    Output {
        /// Name of the image; none for output of the whole run.
        image: Option<String>,
        /// The line, without its line feed; may carry terminal colours.
        line: String,
    },
    /// Something the user should know: a warning or a hint.
    Notice {
        /// Name of the image; none when it concerns the run.
        image: Option<String>,
        /// How loud.
        level: Level,
        /// The message, one line or a few.
        message: String,
    },
    /// One tag arrived at its registry.
    Pushed {
        /// Name of the image.
        image: String,
        /// The reference pushed.
        reference: String,
        /// Its digest.
        digest: Option<String>,
    },
    /// An image is finished, one way or the other.
    ImageFinished(ImageResult),
    /// The run is over.
    RunFinished {
        /// Seconds it took.
        seconds: f64,
        /// Whether everything went well.
        success: bool,
    },
}

impl Event {
    /// The same, as it is told of a project that another one depends on: its images are called `NAME.image`. That it
    /// starts and ends is told of the run as a whole only.
    fn within(self, dependency: &str) -> Option<Self> {
        let of = |image: String| format!("{dependency}.{image}");
        let opened = |text: String| format!("{dependency}: {text}");
        Some(match self {
            Self::RunStarted { .. } | Self::RunFinished { .. } => return None,
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
            Self::Notice { image: None, level, message } => {
                Self::Notice { image: None, level, message: opened(message) }
            }
            Self::Notice { image, level, message } => Self::Notice { image: image.map(of), level, message },
            Self::Pushed { image, reference, digest } => Self::Pushed { image: of(image), reference, digest },
            Self::ImageFinished(result) => {
                Self::ImageFinished(ImageResult { image: of(result.image), ..result })
            }
        })
    }

    /// The image it is about; none when it concerns the whole run.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::RunStarted { .. } | Self::RunFinished { .. } => None,
            Self::StepStarted { image, .. } | Self::Output { image, .. } | Self::Notice { image, .. } => {
                image.as_deref()
            }
            Self::ImageDecided { image, .. }
            | Self::StepProgress { image, .. }
            | Self::Pushed { image, .. }
            | Self::ImageFinished(ImageResult { image, .. }) => Some(image),
        }
    }
}

/// What a run decided about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It will be built.
    Build,
    /// Its last build is still good.
    Skip,
    /// The last build is good but has to be tagged or pushed again.
    Publish,
    /// The last build is kept; of what comes after a build, something has not succeeded and is done again.
    Finish,
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Shown with `--debug`.
    Debug,
    /// Shown always, but with `--silent`.
    Info,
    /// Like `Info`; counted in the summary.
    Warning,
}

/// How an image ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was built.
    Built,
    /// Its last build was good.
    Skipped,
    /// Building or publishing it failed.
    Failed,
    /// It was never started, or stopped, because another failed or the user asked.
    Cancelled,
}

/// The end of one image, also an entry of the `--result` file.
#[derive(Debug, Clone, Serialize)]
pub struct ImageResult {
    /// Name of the image.
    pub image: String,
    /// Its repository.
    pub repository: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was built, skipped, failed or cancelled.
    pub reason: String,
    /// The cache key in hex, when known.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The image ID in the daemon (`sha256:...`), when known.
    pub image_id: Option<String>,
    /// The digest in the registry, when known.
    pub digest: Option<String>,
    /// Whether its tags are in the registry.
    pub pushed: bool,
    /// Seconds spent on it.
    pub seconds: f64,
}

/// Takes events. Cheap to clone; may be called from any thread.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// A sink that hands every event to `receive`.
    pub fn new(receive: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    /// A sink that drops everything.
    pub fn none() -> Self {
        Self::new(|_| ())
    }

    /// Tells what happened.
    pub fn emit(&self, event: Event) {
        (self.0)(event);
    }

    /// A sink for the project called `dependency`, on which that of this one depends.
    pub fn within(&self, dependency: &str) -> Self {
        let (events, dependency) = (self.clone(), dependency.to_owned());
        Self::new(move |event| {
            if let Some(event) = event.within(&dependency) {
                events.emit(event);
            }
        })
    }

    /// Tells something about the run.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.emit(Event::Notice { image: None, level, message: message.into() });
    }

    /// A sink for one image.
    pub fn of_image(&self, image: impl Into<String>) -> ImageEvents {
        ImageEvents { events: self.clone(), image: image.into() }
    }
}

/// The events of one image: what a builder or a push tells.
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

    /// A step begins.
    pub fn step(&self, step: impl Into<String>) {
        self.events.emit(Event::StepStarted { image: Some(self.image.clone()), step: step.into() });
    }

    /// A step is `done` of `total` far.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>) {
        self.events.emit(Event::StepProgress {
            image: self.image.clone(),
            step: step.to_owned(),
            done,
            total,
        });
    }

    /// A line of output.
    pub fn output(&self, line: impl Into<String>) {
        self.events.emit(Event::Output { image: Some(self.image.clone()), line: line.into() });
    }

    /// A notice.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.events.emit(Event::Notice { image: Some(self.image.clone()), level, message: message.into() });
    }

    /// One tag arrived.
    pub fn pushed(&self, reference: impl Into<String>, digest: Option<String>) {
        self.events.emit(Event::Pushed { image: self.image.clone(), reference: reference.into(), digest });
    }
}
