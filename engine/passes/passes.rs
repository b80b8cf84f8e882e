//! The work between passes, and during them.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Questions;
use crate::event::{Event, Events, Level};
use crate::lock::lock;
use crate::watch::{ChangedFile, Moment, WatchEvent, WatchRoot, Watcher};

/// Watches, collects changes and keys, and returns the next step. It cancels its token, which passes stop by, when the
/// user ends it with a key.
pub struct Passes {
    shared: Arc<Shared>,
    watcher: Watcher,
    events: Events,
    cancel: CancellationToken,
    paused: watch::Sender<bool>,
    questions: Questions,
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Run a pass.
    Ask(Asked),
    /// Pause, or resume.
    Pause,
    /// Show the decisions, with reasons.
    Why,
    /// Open the pages again.
    Open,
    /// Answer the question that is open.
    Answer(bool),
    /// End.
    Quit,
}

/// A request of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Build images that are out of date.
    Build,
    /// Run the first pass again.
    Everything,
    /// Deploy without building.
    Deploy,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These files changed.
    Changed(Vec<ChangedFile>),
    /// The user requested a pass; these files changed.
    Asked(Asked, Vec<ChangedFile>),
    /// The user requested the decisions.
    Why,
    /// The user requested to open the pages again.
    Open,
    /// Nothing: it is over.
    End(End),
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user pressed a key.
    Quit,
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
    /// The terminal ended with this code.
    Exited(i32),
}

/// A pass that is running.
pub trait Running: Send + Sync {
    /// These files changed. They are also part of the next step.
    fn changed(&self, files: &[ChangedFile]);
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    changed: IndexMap<PathBuf, ChangedFile>,
    asked: Option<Asked>,
    asks_why: bool,
    opens: bool,
    is_paused: bool,
    end: Option<End>,
    running: Option<Arc<dyn Running>>,
    /// How often roots were set.
    generation: u64,
    /// The last known state of all files.
    ready: Ready,
    /// Whether it was reported that the run waits.
    is_announced: bool,
}

#[derive(Clone, Copy, Default)]
struct Ready {
    generation: u64,
    files: usize,
    folders: usize,
    has_events: bool,
}

impl State {
    /// The current step, if any.
    fn next(&mut self) -> Option<Next> {
        if let Some(end) = self.end {
            return Some(Next::End(end));
        }
        if std::mem::take(&mut self.asks_why) {
            return Some(Next::Why);
        }
        if std::mem::take(&mut self.opens) {
            return Some(Next::Open);
        }
        let take = |changed: &mut IndexMap<_, ChangedFile>| {
            let mut files: Vec<_> = std::mem::take(changed).into_values().collect();
            files.sort_by(|one, other| one.path.cmp(&other.path));
            files
        };
        if let Some(asked) = self.asked.take() {
            return Some(Next::Asked(asked, take(&mut self.changed)));
        }
        (!self.is_paused && !self.changed.is_empty()).then(|| Next::Changed(take(&mut self.changed)))
    }

    /// Adds changes to those that wait.
    fn add(&mut self, files: &[ChangedFile]) {
        self.changed.extend(files.iter().map(|file| (file.path.clone(), file.clone())));
    }
}

impl Passes {
    /// Watches `roots`. When it returns, no later change is missed.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(roots: Vec<WatchRoot>, events: &Events, cancel: &CancellationToken) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        lock(&shared.state).generation = 1;
        let (receiver, told) = (Arc::clone(&shared), events.clone());
        let watcher = Watcher::start(roots, move |event| match event {
            WatchEvent::Warning(message) => told.notice(Level::Warning, message),
            WatchEvent::Ready { generation, files, folders, has_events } => {
                let ready = Ready { generation, files, folders, has_events };
                receiver.update(|state| state.ready = ready);
            }
            WatchEvent::Changed(files) => {
                let running = receiver.update(|state| {
                    state.add(&files);
                    state.running.clone()
                });
                if let Some(running) = running {
                    running.changed(&files);
                }
            }
        })?;
        Ok(Self {
            shared,
            watcher,
            events: events.clone(),
            cancel: cancel.clone(),
            paused: watch::Sender::new(false),
            questions: Questions::new(events),
        })
    }

    /// Watches `roots` instead, whose known state was read after `since`.
    pub fn set_roots(&self, roots: Vec<WatchRoot>, since: Moment) {
        lock(&self.shared.state).generation += 1;
        self.watcher.set_roots(roots, Some(since));
    }

    /// Whether every change of the roots that were set last has been reported, or will be.
    pub fn sees_all(&self) -> bool {
        let state = lock(&self.shared.state);
        state.ready.has_events && state.ready.generation == state.generation
    }

    /// Whether it is paused.
    pub fn paused(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// The questions that keys answer.
    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    /// A function that ends it as after Ctrl-C, from any thread.
    pub fn interrupter(&self) -> impl Fn() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.update(|state| _ = state.end.get_or_insert(End::Interrupted))
    }

    /// A function that ends it, from any thread.
    pub fn ender(&self) -> Arc<dyn Fn(End) + Send + Sync> {
        let (shared, cancel) = (Arc::clone(&self.shared), self.cancel.clone());
        Arc::new(move |end| {
            shared.update(|state| _ = state.end.get_or_insert(end));
            cancel.cancel();
        })
    }

    /// A function that requests a pass, from any thread; while it is paused, it does nothing.
    pub fn again(&self) -> impl Fn() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || {
            shared.update(|state| {
                if !state.is_paused {
                    state.asked.get_or_insert(Asked::Build);
                }
            });
        }
    }

    /// A function that receives keys, from any thread.
    pub fn keys(&self) -> impl Fn(Key) + Send + use<> {
        let (shared, events, cancel) = (Arc::clone(&self.shared), self.events.clone(), self.cancel.clone());
        let (paused, questions) = (self.paused.clone(), self.questions.clone());
        move |key| {
            let event = shared.update(|state| match key {
                Key::Ask(asked) => {
                    state.asked = Some(asked);
                    paused.send_replace(false);
                    std::mem::take(&mut state.is_paused).then_some(Event::WatchResumed)
                }
                Key::Pause => {
                    state.is_paused = !state.is_paused;
                    paused.send_replace(state.is_paused);
                    let reason = "changes have no effect until you press p or b".to_owned();
                    Some(if state.is_paused { Event::WatchPaused { reason } } else { Event::WatchResumed })
                }
                Key::Why => {
                    state.asks_why = true;
                    None
                }
                Key::Open => {
                    state.opens = true;
                    None
                }
                Key::Answer(answer) => {
                    questions.answer(answer);
                    None
                }
                Key::Quit => {
                    state.end.get_or_insert(End::Quit);
                    cancel.cancel();
                    None
                }
            });
            if let Some(event) = event {
                events.emit(event);
            }
        }
    }

    /// Runs `pass`, which `running` informs of changes meanwhile.
    pub fn run<T>(&self, running: Arc<dyn Running>, pass: impl FnOnce() -> T) -> T {
        self.shared.update(|state| {
            state.running = Some(running);
            state.is_announced = false;
        });
        let result = pass();
        self.shared.update(|state| state.running = None);
        result
    }

    /// Waits for the next step, and returns it.
    pub fn next(&self) -> Next {
        let mut state = self.shared.lock();
        loop {
            if let Some(next) = state.next() {
                return next;
            }
            let Ready { generation, files, folders, .. } = state.ready;
            if !state.is_announced && generation == state.generation {
                state.is_announced = true;
                self.events.emit(Event::Watching { files, folders });
            }
            state = self.shared.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.lock());
        self.moved.notify_all();
        value
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::watch::FileChangeKind;

    fn file(name: &str) -> ChangedFile {
        ChangedFile { path: name.into(), kind: FileChangeKind::Changed, at: Instant::now() }
    }

    #[test]
    fn all_changes_are_one_and_wait_while_it_is_paused() {
        let mut state = State::default();
        assert_eq!(state.next(), None);
        let (a, b) = (file("a"), file("b"));
        state.add(std::slice::from_ref(&b));
        state.add(&[a.clone(), b.clone()]);
        state.is_paused = true;
        assert_eq!(state.next(), None);
        state.is_paused = false;
        assert_eq!(state.next(), Some(Next::Changed(vec![a, b.clone()])));
        assert_eq!(state.next(), None);
        state.add(std::slice::from_ref(&b));
        (state.is_paused, state.asked, state.asks_why) = (true, Some(Asked::Build), true);
        assert_eq!(state.next(), Some(Next::Why));
        assert_eq!(state.next(), Some(Next::Asked(Asked::Build, vec![b])));
        state.end = Some(End::Quit);
        assert_eq!(state.next(), Some(Next::End(End::Quit)));
    }
}
