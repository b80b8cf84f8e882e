//! Events on their way to the thread that owns the terminal.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::text::count;
use crate::event::{Event, Level};

/// How much output may wait, in bytes, before those who write it have to wait too.
const LIMIT: usize = 1 << 20;

/// What an event costs beside its text, in bytes, roughly.
const OVERHEAD: usize = 128;

/// How long a builder waits for a reader that keeps up badly. A reader that took nothing in this time is
/// stuck (a stopped terminal, a full pipe), and must not hold up builds.
const PATIENCE: Duration = Duration::from_millis(250);

/// A queue with bounded memory.
///
/// Output waits for room while the reader makes progress, and is counted and left out when it does not; progress
/// is left out as soon as there is no room, since newer progress replaces it. Everything else always has room:
/// there are a few such events per image.
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
    /// Lines left out since the last event of the image that got through.
    omitted: IndexMap<Option<String>, u64>,
    stuck: bool,
    closed: bool,
}

impl Queue {
    /// Hands `event` over. Takes up to [`PATIENCE`] once, and then no time until the reader goes on.
    pub(super) fn push(&self, at: Timestamp, event: Event) {
        let mut state = self.lock();
        let full = |state: &mut State| state.weight >= LIMIT && !state.stuck && !state.closed;
        match &event {
            Event::StepProgress { .. } if state.weight >= LIMIT => return,
            Event::StepProgress { .. } => state.weight += OVERHEAD,
            Event::Output { image, line } => {
                let cost = line.len() + OVERHEAD;
                if full(&mut state) {
                    let waited = self.drained.wait_timeout_while(state, PATIENCE, full);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    if full(&mut state) {
                        state.stuck = true;
                        // Those who wait beside us need not find out for themselves.
                        self.drained.notify_all();
                    }
                }
                if state.weight >= LIMIT {
                    *state.omitted.entry(image.clone()).or_default() += 1;
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

    /// Moves everything that waits into `events` (empty), waiting for something up to `timeout`, for good without
    /// one. Returns whether more may come.
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

    /// Refuses further events, after telling of output that was left out.
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
    let message = format!("{} of output left out: the terminal is too slow", count(lines, "line"));
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
        // Only the first line that finds no room waits; a wait for each would take over an hour.
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
        assert!(message.starts_with(&format!("{} lines of output left out", 20_000 - kept)), "{message}");
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
    fn closed_queue_takes_nothing_and_hands_out_the_rest() {
        let queue = Queue::default();
        queue.push(Timestamp::UNIX_EPOCH, output("in time"));
        queue.close();
        queue.push(Timestamp::UNIX_EPOCH, output("late"));
        let (events, open) = drain(&queue);
        assert!(!open);
        assert!(matches!(events.as_slice(), [Event::Output { line, .. }] if line == "in time"), "{events:?}");
    }
}
