//! A problem of a rollout.

use super::help::help;
use super::{LogRequest, ObjectName, Permanence, ProblemKind};

/// A problem of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The deployed object.
    pub object: ObjectName,
    /// The pod.
    pub pod: Option<String>,
    /// The container of the pod.
    pub container: Option<String>,
    /// The problem itself.
    pub kind: ProblemKind,
    /// Whether waiting can help.
    pub permanence: Permanence,
    /// Distinguishes one occurrence from the next, such as the number of restarts.
    pub occurrence: String,
    /// The log that explains it.
    pub log: Option<LogRequest>,
}

impl Problem {
    /// The diagnostic code: `deploy::crash`.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The problem in one line: ``container `web` of Deployment/web (namespace dev) failed with exit code 1, 3 times``.
    pub fn message(&self) -> String {
        let object = self.object.with_namespace();
        let subject = match (&self.container, &self.pod) {
            // Its pod is only where the log is.
            _ if matches!(self.kind, ProblemKind::Job { .. }) => object,
            (Some(container), _) => format!("container `{container}` of {object}"),
            (None, Some(pod)) if self.object.kind != "Pod" => format!("pod `{pod}` of {object}"),
            _ => object,
        };
        format!("{subject} {}", self.kind.message())
    }

    /// The hint.
    pub fn help(&self) -> String {
        help(self)
    }

    /// The problem with the knowledge of its log: some causes are only reported there.
    #[must_use]
    pub fn with_log(mut self, lines: &[impl AsRef<str>]) -> Self {
        let is_crash = matches!(self.kind, ProblemKind::Crash { .. });
        if is_crash && lines.iter().any(|line| line.as_ref().contains("exec format error")) {
            self.kind = ProblemKind::WrongPlatform { node: None };
        }
        self
    }

    pub(super) fn new(object: ObjectName, kind: ProblemKind, permanence: Permanence) -> Self {
        Self { object, pod: None, container: None, kind, permanence, occurrence: String::new(), log: None }
    }

    pub(super) fn of_pod(mut self, pod: &str) -> Self {
        self.pod = Some(pod.to_owned());
        self
    }

    pub(super) fn of_container(mut self, container: &str) -> Self {
        self.container = Some(container.to_owned());
        self
    }

    pub(super) fn with_occurrence(mut self, occurrence: impl Into<String>) -> Self {
        self.occurrence = occurrence.into();
        self
    }

    /// With the log of its container.
    pub(super) fn with_container_log(mut self, previous: bool) -> Self {
        let (pod, container) = (self.pod.clone(), self.container.clone());
        self.log = pod.zip(container).map(|(pod, container)| {
            let namespace = self.object.namespace.clone();
            LogRequest { namespace, pod, container, previous }
        });
        self
    }
}
