//! The error that stages return and scripts pass on, and the kinds of errors that code distinguishes.

use std::fmt;
use std::sync::Arc;

use miette::Diagnostic;
use rhai::{Dynamic, EvalAltResult, Position};

/// Any diagnostic that passes through a script. The script can catch it, read its `message`, `code` and `help`, and
/// throw it again without loss.
#[derive(Clone)]
pub struct StageError(Arc<dyn Diagnostic + Send + Sync>);

/// The kinds of errors that callers handle differently. Each is the diagnostic code of at least one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The run, or the work of this thread, was cancelled.
    Cancelled,
    /// The cluster does not respond: a plan does without it, and a watch loop tries again later.
    ClusterUnreachable,
    /// No Docker daemon responds: another builder may replace it, and it is reported only once.
    DaemonUnreachable,
    /// A runtime variable needs a dependency that this run omits.
    DependencyOmitted,
    /// A file of the build context changed while it was read: the build is repeated.
    FileChanged,
    /// The cluster refuses a request for lack of a permission: optional details are omitted.
    Forbidden,
    /// No cluster is configured: a plan does without it.
    NoCluster,
    /// A namespace does not exist: nothing is in it.
    NoNamespace,
    /// A script made a mistake or gave up: another attempt fails likewise.
    Script,
    /// The sum of failures that were already reported.
    Summary,
    /// The lock file of base images is invalid or incomplete: the user must change it.
    WrongLock,
    /// Any other.
    Other,
}

/// Cancelled by the user, by a timeout, or because of another failure.
#[derive(Debug, Clone, Copy, thiserror::Error, miette::Diagnostic)]
#[error("the run was cancelled")]
#[diagnostic(code(run::cancelled))]
pub struct Cancelled;

/// The message and the hint of `error`, for a notice.
pub fn in_one_line(error: &dyn Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

impl StageError {
    /// The diagnostic itself.
    pub fn diagnostic(&self) -> &(dyn Diagnostic + Send + Sync + 'static) {
        &*self.0
    }

    /// The message: the action that failed.
    pub fn message(&self) -> String {
        self.0.to_string()
    }

    /// The message and the hint, for a notice.
    pub fn in_one_line(&self) -> String {
        in_one_line(&*self.0)
    }

    /// The code, such as `stage::push::unauthorized`; empty if it has none.
    pub fn code(&self) -> String {
        self.0.code().map(|code| code.to_string()).unwrap_or_default()
    }

    /// The kind, for code that must do more than report it.
    pub fn kind(&self) -> ErrorKind {
        match self.code().as_str() {
            "base_lock::invalid" | "base_lock::missing" => ErrorKind::WrongLock,
            "cluster::forbidden" => ErrorKind::Forbidden,
            "cluster::no_namespace" => ErrorKind::NoNamespace,
            "cluster::none" => ErrorKind::NoCluster,
            "cluster::unreachable" => ErrorKind::ClusterUnreachable,
            "docker::unreachable" => ErrorKind::DaemonUnreachable,
            "run::cancelled" => ErrorKind::Cancelled,
            "run::dependency_left_out" => ErrorKind::DependencyOmitted,
            "run::failed" => ErrorKind::Summary,
            "stage::build::changed" => ErrorKind::FileChanged,
            code if code.starts_with("script::") => ErrorKind::Script,
            _ => ErrorKind::Other,
        }
    }

    /// Whether no cluster can be queried, since none is configured or it does not respond.
    pub fn is_without_cluster(&self) -> bool {
        matches!(self.kind(), ErrorKind::NoCluster | ErrorKind::ClusterUnreachable)
    }

    /// The hint; empty if unknown.
    pub fn help(&self) -> String {
        self.0.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for StageError {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

/// Converts it to the kind of error that Rhai gives a position and that scripts can catch.
impl From<StageError> for Box<EvalAltResult> {
    fn from(error: StageError) -> Self {
        EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into()
    }
}

impl fmt::Debug for StageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The sources of all files below `folder`.
    fn sources(folder: &Path, text: &mut String) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                *text += &std::fs::read_to_string(&path).unwrap();
            }
        }
    }

    #[test]
    fn every_distinguished_code_belongs_to_an_error() {
        let own = include_str!("error.rs");
        let table = own.split("match self.code()").nth(1).unwrap().split("_ => ").next().unwrap();
        let codes: Vec<&str> =
            table.split('"').skip(1).step_by(2).filter(|code| !code.ends_with("::")).collect();
        assert!(codes.len() > 8, "{codes:?}");
        let mut engine = String::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/engine")), &mut engine);
        for code in codes {
            assert!(engine.contains(&format!("code({code})")), "no error has the code {code}");
        }
    }
}
