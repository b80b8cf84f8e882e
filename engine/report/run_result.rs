//! The `--result` file.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::{ReportError, ci};
use crate::event::{DeploymentResult, Event, ImageResult};

/// The result of a run; the content of the `--result` file.
#[derive(Debug, Serialize)]
pub(super) struct RunResult {
    /// The version of this format; incremented by a change that breaks readers.
    version: u32,
    /// The project's name, if devspace.yaml has one.
    project: Option<String>,
    /// The commit of the project; none outside of a repository.
    commit: Option<String>,
    /// Whether files of the project differed from the commit.
    dirty: Option<bool>,
    /// The pipeline's name; none if it was not started.
    pipeline: Option<String>,
    /// The active profiles.
    profiles: Vec<String>,
    /// The start time of the run, RFC 3339 in UTC.
    started: String,
    /// The duration in seconds.
    seconds: f64,
    /// Whether the run succeeded. A run that stopped early did not.
    success: bool,
    /// The finished images: those of the run in its order, then any others.
    images: Vec<ResultImage>,
    /// The finished deployments.
    deployments: Vec<DeploymentResult>,
    /// Names of selected images that were not finished.
    unfinished: Vec<String>,
    #[serde(skip)]
    at: Timestamp,
    #[serde(skip)]
    finished: bool,
}

/// One image of the result.
#[derive(Debug, Serialize)]
struct ResultImage {
    #[serde(flatten)]
    result: ImageResult,
    /// Its reference in the registry by digest: `acme/api@sha256:...`; none if it was not pushed.
    reference: Option<String>,
    /// Its references in the registry, with the digest: `acme/api:1.4@sha256:...`; empty if it was not pushed.
    references: Vec<String>,
}

impl ResultImage {
    fn of(result: ImageResult) -> Self {
        let digest = result.digest.as_ref().filter(|_| result.pushed);
        let reference = |tag: &str, digest: &str| format!("{}:{tag}@{digest}", result.repository);
        let references = match digest {
            Some(digest) => result.tags.iter().map(|tag| reference(tag, digest)).collect(),
            None => Vec::new(),
        };
        Self { reference: ci::reference(&result), result, references }
    }
}

impl RunResult {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            version: 2,
            project: None,
            commit: None,
            dirty: None,
            pipeline: None,
            profiles: Vec::new(),
            started: format!("{now:.3}"),
            seconds: 0.0,
            success: false,
            images: Vec::new(),
            deployments: Vec::new(),
            unfinished: Vec::new(),
            at: now,
            finished: false,
        }
    }

    /// Records the project that the run builds, and its commit.
    pub(super) fn set_origin(&mut self, project: &str, commit: Option<(String, bool)>) {
        self.project = Some(project.to_owned()).filter(|name| !name.is_empty());
        (self.commit, self.dirty) = commit.unzip();
    }

    /// The results of the finished images.
    pub(super) fn results(&self) -> impl Iterator<Item = &ImageResult> {
        self.images.iter().map(|image| &image.result)
    }

    /// The finished deployments.
    pub(super) fn deployments(&self) -> &[DeploymentResult] {
        &self.deployments
    }

    /// The pipeline's name; empty if it was not started.
    pub(super) fn pipeline_name(&self) -> &str {
        self.pipeline.as_deref().unwrap_or_default()
    }

    /// Updates the result with `event`.
    pub(super) fn receive(&mut self, event: &Event) {
        match event {
            Event::RunStarted { pipeline, images, profiles, .. } => {
                self.pipeline = Some(pipeline.clone());
                self.profiles.clone_from(profiles);
                self.unfinished.clone_from(images);
            }
            Event::ImageFinished(result) => self.images.push(ResultImage::of(result.clone())),
            Event::DeploymentFinished(result) => {
                // A deployment that does not become ready has two results.
                self.deployments.retain(|earlier| earlier.deployment != result.deployment);
                self.deployments.push(result.clone());
            }
            Event::RunFinished { seconds, success } => {
                (self.seconds, self.success, self.finished) = (*seconds, *success, true);
            }
            _ => {}
        }
    }

    /// Writes the result to `path` atomically: a reader sees either the old file or the complete new one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = beside(path)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        Ok(())
    }

    /// Orders the images, after the last event.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        if !self.finished {
            self.seconds = now.duration_since(self.at).as_secs_f64().max(0.0);
        }
        let order = std::mem::take(&mut self.unfinished);
        let place = |name: &str| order.iter().position(|image| image == name).unwrap_or(order.len());
        self.images.sort_by_key(|result| place(&result.result.image));
        let done = |name: &String| self.images.iter().any(|result| result.result.image == *name);
        self.unfinished = order.iter().filter(|name| !done(name)).cloned().collect();
    }
}

/// Checks before a long run that a result can be written to `path`.
///
/// # Errors
/// [`ReportError::Result`] if it cannot.
pub fn check_result(path: &Path) -> Result<(), ReportError> {
    let checked = match path.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => beside(path).map(drop),
    };
    checked.map_err(|source| ReportError::Result { path: path.to_owned(), source })
}

/// A new file in the directory of `path`, to replace it.
pub(super) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // The file is not secret: the umask sets its permissions, as for any other output.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let directory = directory.unwrap_or(Path::new("."));
    // The name of a temporary file in the message would be confusing.
    builder.tempfile_in(directory).map_err(|error| error.kind().into())
}
