//! Which problems end the wait.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{ObjectName, Permanence, Problem, ProblemKind};

/// How long a problem must last to end the wait if it does not occur a second time.
const PATIENCE: Duration = Duration::from_secs(15);

/// The problems seen so far in one wait.
///
/// Many problems go away by themselves: an object that a pod uses is applied a moment later, a database accepts
/// connections after the third attempt. A [`Permanence::Repeated`] problem therefore ends the wait only when it occurs
/// for the second time or has lasted 15 seconds.
#[derive(Debug, Default)]
pub struct SeenProblems(HashMap<Key, Entry>);

/// The deployed object, the pod, the container and the diagnostic code.
type Key = (ObjectName, Option<String>, Option<String>, &'static str);

#[derive(Debug)]
struct Entry {
    /// The last occurrence.
    occurrence: String,
    /// How many occurrences were seen.
    count: usize,
    /// Since when it has been seen without interruption; `None` if the last observation did not have it.
    since: Option<Timestamp>,
}

impl SeenProblems {
    /// Records an observation of all deployed objects at the time `now`, and returns the problems that end the wait.
    ///
    /// An exceeded deadline is returned as the most important problem of its object, which is the cause.
    pub fn observe<'p>(&mut self, problems: &'p [Problem], now: Timestamp) -> Vec<&'p Problem> {
        let repeated = || problems.iter().filter(|problem| problem.permanence == Permanence::Repeated);
        for problem in repeated() {
            let new = || Entry { occurrence: problem.occurrence.clone(), count: 1, since: None };
            let entry = self.0.entry(key(problem)).or_insert_with(new);
            if entry.occurrence != problem.occurrence {
                entry.occurrence.clone_from(&problem.occurrence);
                entry.count += 1;
            }
            entry.since = entry.since.or(Some(now));
        }
        let present: HashSet<Key> = repeated().map(key).collect();
        for (key, entry) in &mut self.0 {
            if !present.contains(key) {
                entry.since = None;
            }
        }
        let mut permanent: Vec<&Problem> = Vec::new();
        for problem in problems.iter().filter(|problem| self.is_permanent(problem, now)) {
            let problem = match problem.kind {
                ProblemKind::TooSlow { .. } => cause(problem, problems),
                _ => problem,
            };
            if !permanent.contains(&problem) {
                permanent.push(problem);
            }
        }
        permanent
    }

    /// When the next problem will have lasted long enough to end the wait: the time to observe again, even if nothing
    /// changes until then.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|entry| deadline(entry.since?)).min()
    }

    fn is_permanent(&self, problem: &Problem, now: Timestamp) -> bool {
        match problem.permanence {
            Permanence::Temporary => false,
            Permanence::Final => true,
            Permanence::Repeated => self.0.get(&key(problem)).is_some_and(|entry| {
                let is_over = entry.since.and_then(deadline).is_some_and(|deadline| now >= deadline);
                entry.count > 1 || is_over
            }),
        }
    }
}

/// The most important problem of the object of `problem`.
fn cause<'p>(problem: &'p Problem, problems: &'p [Problem]) -> &'p Problem {
    let related = problems.iter().filter(|other| other.object == problem.object);
    related.min_by_key(|other| other.kind.rank()).unwrap_or(problem)
}

fn key(problem: &Problem) -> Key {
    let code = match problem.kind {
        // One crash may be reported as any of them.
        ProblemKind::OutOfMemory { .. }
        | ProblemKind::ContainerStart { .. }
        | ProblemKind::WrongPlatform { .. } => "deploy::crash",
        _ => problem.code(),
    };
    (problem.object.clone(), problem.pod.clone(), problem.container.clone(), code)
}

fn deadline(since: Timestamp) -> Option<Timestamp> {
    since.checked_add(SignedDuration::try_from(PATIENCE).ok()?).ok()
}
