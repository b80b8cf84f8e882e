//! How far an object is, in one line.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::fields::text;
use super::owned_pods::owned_pods;
use super::{ClusterView, ObjectName, PodPhase, Readiness, readiness};

/// How far an object is, in one line. Its `Display` is short, for a terminal: `web 2/3 ready, 1 pulling`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The object.
    pub object: ObjectName,
    /// How far it is.
    pub readiness: Readiness,
    /// The pods of its current revision that are not ready: their names by their state.
    pub pods: BTreeMap<PodPhase, Vec<String>>,
}

impl Summary {
    /// The summary of `object`, which was deployed.
    pub fn new(object: &Value, view: &ClusterView<'_>) -> Self {
        let name = ObjectName::new(object);
        let mut pods: BTreeMap<PodPhase, Vec<String>> = BTreeMap::new();
        // A pod that was deployed itself is described by its own phase.
        for pod in owned_pods(object, view).current {
            let phase = PodPhase::new(pod, view);
            if !phase.is_settled() {
                pods.entry(phase).or_default().push(text(pod, "/metadata/name").to_owned());
            }
        }
        Self { object: name, readiness: readiness(object, view), pods }
    }

    /// One line for logs: `Deployment/web (namespace dev): 2 of 3 ready, 1 pulling (web-7d9-x2k)`.
    pub fn plain(&self) -> String {
        let object = self.object.with_namespace();
        match self.readiness.count {
            Some(count) => {
                let done = self.done();
                let mut line = format!("{object}: {} of {} {done}", count.ready, count.wanted);
                for (phase, pods) in &self.pods {
                    line.push_str(&format!(", {} {phase} ({})", pods.len(), pods.join(", ")));
                }
                [line, self.reason()].concat()
            }
            None => format!("{object}: {}", self.state()),
        }
    }

    /// The state of an object that has no number of pods.
    fn state(&self) -> String {
        match self.pods.keys().next() {
            Some(phase) => phase.to_string(),
            None if self.readiness.is_current() => "ready".to_owned(),
            None => self.readiness.message.clone(),
        }
    }

    /// Why it is not current although no pod explains it.
    fn reason(&self) -> String {
        let is_explained =
            self.readiness.is_current() || !self.pods.is_empty() || self.readiness.reason == "LessReady";
        if is_explained { String::new() } else { format!(", {}", self.readiness.message) }
    }

    /// The state that is counted: `ready`, or `completed` for jobs.
    fn done(&self) -> &'static str {
        if self.object.kind == "Job" { "completed" } else { "ready" }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(count) = self.readiness.count else {
            return write!(formatter, "{} {}", self.object.name, self.state());
        };
        write!(formatter, "{} {}/{} {}", self.object.name, count.ready, count.wanted, self.done())?;
        for (phase, pods) in &self.pods {
            write!(formatter, ", {} {phase}", pods.len())?;
        }
        if count.ready == count.wanted { formatter.write_str(&self.reason()) } else { Ok(()) }
    }
}
