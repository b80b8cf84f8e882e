//! The queue of events for the thread that owns the terminal.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::event::{Event, Level};
use crate::plural::counted;

/// The maximum size of queued output in bytes; if it is exceeded, the writers wait.
const LIMIT: usize = 1 << 20;

/// The approximate size of an event without its text, in bytes.
const OVERHEAD: usize = 128;

/// How long a builder waits for a slow reader. A reader without progress in this time is stuck (a stopped terminal, a
/// full pipe), and must not block builds.
const PATIENCE: Duration = Duration::from_millis(250);

/// A queue with bounded memory.
///
/// If the queue is full, output waits while the reader makes progress; otherwise it is counted and omitted. Progress is
/// omitted as soon as the queue is full, since newer progress replaces it. All other events are always queued: there
/// are only a few of them per image.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<(Timestamp, Event)>,
    weight: usize,
    /// The number of lines omitted since the last queued event of the image.
    omitted: IndexMap<Option<String>, u64>,
    stuck: bool,
    closed: bool,
}

impl Queue {
    /// Adds `event` to the queue. Waits at most [`PATIENCE`] once, and then no longer until the reader continues.
    pub(super) fn push(&self, at: Timestamp, event: Event) {
        let mut state = self.lock();
        let full = |state: &mut State| state.weight >= LIMIT && !state.stuck && !state.closed;
        match &event {
            Event::StepProgress { .. } if state.weight >= LIMIT => return,
            Event::StepProgress { .. } => state.weight += OVERHEAD,
            Event::Output { line, .. } | Event::Log { line, .. } => {
                let image = event.image().map(str::to_owned);
                let cost = line.len() + OVERHEAD;
                if full(&mut state) {
                    let waited = self.drained.wait_timeout_while(state, PATIENCE, full);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    if full(&mut state) {
                        state.stuck = true;
                        // Wakes the other waiting writers, so that they do not wait for their own timeouts.
                        self.drained.notify_all();
                    }
                }
                if state.weight >= LIMIT {
                    *state.omitted.entry(image).or_default() += 1;
                    return;
                }
                state.weight += cost;
            }
            _ => {}
        }
        if state.closed {
            return;
        }
        if !state.omitted.is_empty() {
            let image = event.image().map(str::to_owned);
            if let Some(lines) = state.omitted.shift_remove(&image) {
                state.events.push_back((at, omission(image, lines)));
            }
        }
        state.events.push_back((at, event));
        drop(state);
        self.filled.notify_one();
    }

    /// Moves all queued events into `events` (empty); waits for an event for at most `timeout`, or without a limit.
    /// Returns whether more events may follow.
    pub(super) fn take(&self, events: &mut VecDeque<(Timestamp, Event)>, timeout: Option<Duration>) -> bool {
        let idle = |state: &mut State| state.events.is_empty() && !state.closed;
        let state = self.lock();
        let mut state = match timeout {
            Some(timeout) => {
                let waited = self.filled.wait_timeout_while(state, timeout, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.filled.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
        };
        std::mem::swap(&mut state.events, events);
        state.weight = 0;
        state.stuck = false;
        let open = !state.closed;
        drop(state);
        self.drained.notify_all();
        open
    }

    /// Closes the queue for further events, after reporting omitted output.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for (image, lines) in std::mem::take(&mut state.omitted) {
            state.events.push_back((Timestamp::now(), omission(image, lines)));
        }
        drop(state);
        self.filled.notify_all();
        self.drained.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn omission(image: Option<String>, lines: u64) -> Event {
    let message = format!("{} of output omitted: the terminal is too slow", counted(lines, "line"));
    Event::Notice { image, level: Level::Info, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(line: &str) -> Event {
        Event::Output { image: Some("api".to_owned()), line: line.to_owned() }
    }

    fn drain(queue: &Queue) -> (Vec<Event>, bool) {
        let mut events = VecDeque::new();
        let open = queue.take(&mut events, Some(Duration::ZERO));
        (events.into_iter().map(|(_, event)| event).collect(), open)
    }

    #[test]
    fn stuck_reader_costs_lines_and_neither_memory_nor_time() {
        let queue = Queue::default();
        let line = "x".repeat(1000);
        // Only the first line that exceeds the limit waits; a wait for each line would take over an hour.
        for _ in 0..20_000 {
            queue.push(Timestamp::UNIX_EPOCH, output(&line));
        }
        queue.push(Timestamp::UNIX_EPOCH, Event::RunFinished { seconds: 1.0, success: true });
        queue.push(
            Timestamp::UNIX_EPOCH,
            Event::StepStarted { image: Some("api".into()), step: "next".into() },
        );
        let (events, open) = drain(&queue);
        assert!(open);
        let kept = events.iter().filter(|event| matches!(event, Event::Output { .. })).count();
        assert!(kept * 1000 <= LIMIT, "{kept}");
        let [.., finished, notice, step] = events.as_slice() else { panic!("{}", events.len()) };
        assert!(matches!(finished, Event::RunFinished { .. }), "{finished:?}");
        let Event::Notice { message, .. } = notice else { panic!("{notice:?}") };
        assert!(message.starts_with(&format!("{} lines of output omitted", 20_000 - kept)), "{message}");
        assert!(matches!(step, Event::StepStarted { .. }), "{step:?}");
    }

    #[test]
    fn slow_reader_gets_every_line() {
        let queue = Queue::default();
        let line = "x".repeat(10_000);
        let mut received = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1000 {
                    queue.push(Timestamp::UNIX_EPOCH, output(&line));
                }
                queue.close();
            });
            loop {
                let mut events = VecDeque::new();
                let open = queue.take(&mut events, None);
                received += events.len();
                if !open {
                    break;
                }
            }
        });
        assert_eq!(received, 1000);
    }

    #[test]
    fn closed_queue_accepts_nothing_and_returns_the_rest() {
        let queue = Queue::default();
        queue.push(Timestamp::UNIX_EPOCH, output("in time"));
        queue.close();
        queue.push(Timestamp::UNIX_EPOCH, output("late"));
        let (events, open) = drain(&queue);
        assert!(!open);
        assert!(matches!(events.as_slice(), [Event::Output { line, .. }] if line == "in time"), "{events:?}");
    }
}
