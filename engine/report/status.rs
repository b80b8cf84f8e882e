//! The status lines of a run that watches: the state of images, deployments and connections, and the keys.

use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::phrase;
use super::style::Look;
use super::text::one_line;
use crate::event::{
    Decision, DeploymentDecision, DeploymentOutcome, Event, ForwardChange, Outcome, SyncChange,
};

/// The state of everything that a run keeps fresh, from the first [`Event::Watching`] on.
pub(super) struct Status {
    look: Look,
    /// The time zone of the times shown.
    zone: TimeZone,
    is_shown: bool,
    images: Parts,
    deployments: Parts,
    forwards: Parts,
    folders: Parts,
    /// Why changes have no effect, and how to resume.
    paused: Option<String>,
    question: Option<String>,
    keys: String,
}

/// The state of each part, by its name.
type Parts = IndexMap<String, Part>;

/// The state of an image, a deployment, a port or a directory.
struct Part {
    text: String,
    mood: Mood,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Something is done about it.
    Busy,
    Good,
    Bad,
}

impl Status {
    /// Nothing is known yet, and nothing is shown.
    pub(super) fn new(look: Look, zone: TimeZone) -> Self {
        Self {
            look,
            zone,
            is_shown: false,
            images: Parts::new(),
            deployments: Parts::new(),
            forwards: Parts::new(),
            folders: Parts::new(),
            paused: None,
            question: None,
            keys: String::new(),
        }
    }

    /// Whether it is shown.
    pub(super) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows nothing from now on.
    pub(super) fn hide(&mut self) {
        self.is_shown = false;
    }

    pub(super) fn receive(&mut self, at: Timestamp, event: &Event) {
        use Mood::{Bad, Busy, Good};
        match event {
            Event::Watching { .. } => self.is_shown = true,
            Event::TerminalTaken => self.is_shown = false,
            Event::ImageDecided { image, decision: Decision::Skip, .. } => keep(&mut self.images, image),
            Event::ImageDecided { image, .. } => set(&mut self.images, image, "building", Busy),
            Event::ImageFinished(result) => {
                let images = &mut self.images;
                match result.outcome {
                    Outcome::Built => set(images, &result.image, self.look.at("built", at, &self.zone), Good),
                    Outcome::Skipped => keep(images, &result.image),
                    Outcome::Failed => {
                        set(images, &result.image, self.look.at("failed", at, &self.zone), Bad)
                    }
                    Outcome::Cancelled => set(images, &result.image, "cancelled", Bad),
                }
            }
            Event::DeploymentDecided { deployment, decision: DeploymentDecision::Keep, .. } => {
                keep(&mut self.deployments, deployment);
            }
            Event::DeploymentDecided { deployment, .. } => {
                set(&mut self.deployments, deployment, "deploying", Busy);
            }
            Event::DeploymentFinished(result) => {
                let (name, deployments) = (&result.deployment, &mut self.deployments);
                let time = |what| self.look.at(what, at, &self.zone);
                match result.outcome {
                    DeploymentOutcome::Deployed => set(deployments, name, time("deployed"), Good),
                    DeploymentOutcome::Kept => keep(deployments, name),
                    DeploymentOutcome::Deleted => set(deployments, name, time("deleted"), Good),
                    DeploymentOutcome::Failed => set(deployments, name, time("failed"), Bad),
                    DeploymentOutcome::Cancelled => set(deployments, name, "cancelled", Bad),
                }
            }
            Event::Forward { address, change, .. } => match change {
                ForwardChange::Opened | ForwardChange::Waiting => {
                    set(&mut self.forwards, address, "waiting for a container", Busy);
                }
                ForwardChange::Connected { container } => {
                    set(&mut self.forwards, address, format!("-> {container}"), Good);
                }
                ForwardChange::Closed => drop(self.forwards.shift_remove(address)),
            },
            Event::Sync { folder, change } => {
                let folders = &mut self.folders;
                match change {
                    SyncChange::Connected { .. } => set(folders, folder, "comparing", Busy),
                    SyncChange::Equal => set(folders, folder, "in sync", Good),
                    SyncChange::Batch(batch) => {
                        set(folders, folder, self.look.at(&phrase::done(batch), at, &self.zone), Good);
                    }
                    SyncChange::Lost { .. } => set(folders, folder, "disconnected", Bad),
                    SyncChange::Conflict { path, .. } => {
                        set(folders, folder, format!("conflict in {path}"), Bad);
                    }
                    SyncChange::Halted { .. } => set(folders, folder, "halted", Bad),
                    SyncChange::Ended => drop(folders.shift_remove(folder)),
                }
            }
            Event::WatchPaused { reason } => self.paused = Some(one_line(reason)),
            Event::WatchResumed => self.paused = None,
            Event::Question { question } => self.question = question.as_deref().map(one_line),
            Event::Keys { keys } => self.keys = phrase::keys(keys),
            Event::RunFinished { .. } => {
                // No work continues on images and deployments that a run did not finish.
                for parts in [&mut self.images, &mut self.deployments] {
                    let left = parts.values_mut().filter(|part| part.mood == Busy);
                    left.for_each(|part| *part = Part { text: "not finished".to_owned(), mood: Bad });
                }
            }
            Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepProgress { .. }
            | Event::Output { .. }
            | Event::Log { .. }
            | Event::Notice { .. }
            | Event::Pushed { .. }
            | Event::ObjectChanged { .. }
            | Event::DeploymentProgress { .. }
            | Event::FilesChanged { .. }
            | Event::Failure { .. } => {}
        }
    }

    /// Its lines, at most `most`; the last one shows the keys, a question or a pause. None if it is not shown.
    pub(super) fn lines(&self, most: usize) -> Vec<String> {
        if !self.is_shown {
            return Vec::new();
        }
        let groups = [
            ("images", &self.images),
            ("deployments", &self.deployments),
            ("ports", &self.forwards),
            ("sync", &self.folders),
        ];
        let mut lines: Vec<_> = groups
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(label, parts)| format!("{}{}", self.label(label), self.parts(parts)))
            .collect();
        let last = match (&self.question, &self.paused) {
            (Some(question), _) => {
                Some(format!("{}{}", self.label("question"), self.look.warning(phrase::question(question))))
            }
            (None, Some(reason)) => Some(format!("{}{}", self.label("paused"), self.look.warning(reason))),
            (None, None) if self.keys.is_empty() => None,
            (None, None) => Some(format!("{}{}", self.label("keys"), self.look.dim(&self.keys))),
        };
        // The line of the keys, a question or a pause is the last to disappear.
        lines.truncate(most.saturating_sub(usize::from(last.is_some())));
        lines.extend(last);
        lines.truncate(most);
        lines
    }

    /// The title of the terminal.
    pub(super) fn title(&self) -> String {
        let parts = || self.images.iter().chain(&self.deployments);
        let of =
            |mood| parts().filter(|(_, part)| part.mood == mood).map(|(name, _)| one_line(name)).collect();
        let (busy, bad): (Vec<_>, Vec<_>) = (of(Mood::Busy), of(Mood::Bad));
        if self.question.is_some() {
            return "windlass: a question".to_owned();
        }
        match (busy.as_slice(), bad.as_slice(), &self.paused) {
            ([], [], None) => "windlass: ready".to_owned(),
            ([], [], Some(_)) => "windlass: paused".to_owned(),
            ([], bad, _) => format!("windlass: failed: {}", bad.join(", ")),
            (busy, ..) => format!("windlass: busy: {}", busy.join(", ")),
        }
    }

    fn label(&self, label: &str) -> String {
        self.look.dim(format!("{label:<13}")).to_string()
    }

    /// The state of each part; failures come first.
    fn parts(&self, parts: &Parts) -> String {
        let (bad, others): (Vec<_>, Vec<_>) = parts.iter().partition(|(_, part)| part.mood == Mood::Bad);
        let texts: Vec<_> = bad
            .into_iter()
            .chain(others)
            .map(|(name, part)| {
                let text = one_line(&part.text);
                let text = match part.mood {
                    Mood::Bad => self.look.failure(text).to_string(),
                    Mood::Busy => self.look.warning(text).to_string(),
                    Mood::Good => text,
                };
                format!("{} {text}", self.look.name(one_line(name)))
            })
            .collect();
        texts.join(self.look.separator())
    }
}

fn set(parts: &mut Parts, name: &str, text: impl Into<String>, mood: Mood) {
    parts.insert(name.to_owned(), Part { text: text.into(), mood });
}

/// Nothing was to be done about `name`: when it was done last still holds.
fn keep(parts: &mut Parts, name: &str) {
    if parts.get(name).is_none_or(|part| part.mood != Mood::Good) {
        set(parts, name, "up to date", Mood::Good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{KeyHint, SyncBatch};
    use crate::report::samples::*;

    fn status() -> Status {
        Status::new(Look::new(false, false), TimeZone::UTC)
    }

    fn forward(change: ForwardChange) -> Event {
        Event::Forward {
            address: "localhost:8080".to_owned(),
            to: "port 80 of image `web`".to_owned(),
            change,
        }
    }

    fn sync(change: SyncChange) -> Event {
        Event::Sync { folder: "src -> /app".to_owned(), change }
    }

    fn question(question: Option<&str>) -> Event {
        Event::Question { question: question.map(str::to_owned) }
    }

    #[test]
    fn everything_has_its_line_and_the_latest_state() {
        let mut status = status();
        let keys = vec![
            KeyHint { key: 'b', does: "build".to_owned() },
            KeyHint { key: 'q', does: "end".to_owned() },
        ];
        let mut check = |events: Vec<Event>, expected: &[&str], title: &str| {
            events.iter().for_each(|event| status.receive(at(3_723_000), event));
            assert_eq!(status.lines(9), expected);
            assert_eq!(status.title(), format!("windlass: {title}"));
        };
        check(vec![decided("api", Decision::Build, "x changed")], &[], "busy: api");
        check(
            vec![Event::Watching { files: 1, folders: 1 }, Event::Keys { keys }],
            &["images       api building", "keys         b build, q end"],
            "busy: api",
        );
        let paused = Event::WatchPaused { reason: "press p to resume".to_owned() };
        check(
            vec![
                finished("api", Outcome::Built, "x changed"),
                decided("web", Decision::Skip, "unchanged"),
                decided("job", Decision::Build, "y changed"),
                finished("job", Outcome::Failed, "no"),
                forward(ForwardChange::Opened),
                paused,
            ],
            &[
                "images       job failed 01:02:03 | api built 01:02:03 | web up to date",
                "ports        localhost:8080 waiting for a container",
                "paused       press p to resume",
            ],
            "failed: job",
        );
        let batch = SyncBatch { uploaded: 2, deleted_here: 1, ..SyncBatch::default() };
        check(
            vec![
                decided("api", Decision::Skip, "unchanged"),
                finished("api", Outcome::Skipped, "unchanged"),
                finished("job", Outcome::Skipped, "unchanged"),
                forward(ForwardChange::Connected { container: "web-1/app".to_owned() }),
                sync(SyncChange::Batch(batch)),
                question(Some("delete 300 files?")),
            ],
            &[
                "images       api built 01:02:03 | web up to date | job up to date",
                "ports        localhost:8080 -> web-1/app",
                "sync         src -> /app 2 uploaded, 1 deleted here 01:02:03",
                "question     delete 300 files? Press y or n",
            ],
            "a question",
        );
        check(
            vec![
                question(None),
                Event::WatchResumed,
                forward(ForwardChange::Closed),
                sync(SyncChange::Lost { reason: "cut".to_owned() }),
            ],
            &[
                "images       api built 01:02:03 | web up to date | job up to date",
                "sync         src -> /app disconnected",
                "keys         b build, q end",
            ],
            "ready",
        );
        check(vec![Event::TerminalTaken], &[], "ready");
    }

    #[test]
    fn in_a_low_terminal_the_keys_stay_longest() {
        let mut status = status();
        status.receive(at(0), &Event::Watching { files: 1, folders: 1 });
        status.receive(at(0), &decided("web", Decision::Skip, "unchanged"));
        status.receive(at(0), &question(Some("delete?")));
        assert_eq!(status.lines(1), ["question     delete? Press y or n"]);
        assert_eq!(status.lines(0), [""; 0]);
    }

    #[test]
    fn unfinished_work_of_a_run_is_not_busy_without_end() {
        let mut status = status();
        status.receive(at(0), &Event::Watching { files: 1, folders: 1 });
        status.receive(at(0), &decided("web", Decision::Build, "x changed"));
        status.receive(at(0), &ended(1.0, false));
        assert_eq!(status.lines(9), ["images       web not finished"]);
    }
}
