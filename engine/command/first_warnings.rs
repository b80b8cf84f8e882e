//! Warnings of a loop, which has one pass after another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::event::{Event, Events, Level};
use crate::lock::lock;

/// Passes on the warnings of passes once, until they change: a warning that a whole pass no longer had is new again.
#[derive(Clone, Default)]
pub(super) struct FirstWarnings(Arc<Mutex<Seen>>);

/// Warnings, each with its image if it has one.
#[derive(Default)]
struct Seen {
    earlier: HashSet<(Option<String>, String)>,
    of_this_pass: HashSet<(Option<String>, String)>,
}

impl FirstWarnings {
    /// A sink for the events of passes. Other events than warnings pass.
    pub(super) fn filter(&self, events: &Events) -> Events {
        let (seen, events) = (Arc::clone(&self.0), events.clone());
        Events::new(move |event| {
            if let Event::Notice { image, level: Level::Warning, message } = &event {
                let warning = (image.clone(), message.clone());
                let mut seen = lock(&seen);
                let is_known = seen.earlier.contains(&warning);
                if !seen.of_this_pass.insert(warning) || is_known {
                    return;
                }
            }
            events.emit(event);
        })
    }

    /// Ends a pass; after a `whole` one, which had all warnings that there are, the others are forgotten.
    pub(super) fn end_pass(&self, whole: bool) {
        let mut seen = lock(&self.0);
        let now = std::mem::take(&mut seen.of_this_pass);
        if whole {
            seen.earlier = now;
        } else {
            seen.earlier.extend(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_repeated_only_after_a_whole_pass_without_it() {
        let shown = Arc::<Mutex<Vec<String>>>::default();
        let warnings = FirstWarnings::default();
        let events = {
            let shown = Arc::clone(&shown);
            warnings.filter(&Events::new(move |event| {
                if let Event::Notice { message, .. } = event {
                    lock(&shown).push(message);
                }
            }))
        };
        let check = |messages: &[&str], whole: bool, expected: &[&str]| {
            messages.iter().for_each(|message| events.notice(Level::Warning, *message));
            events.notice(Level::Info, "hint");
            warnings.end_pass(whole);
            let shown = std::mem::take(&mut *lock(&shown));
            assert_eq!(
                shown.split_last(),
                Some((&"hint".to_owned(), &expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]))
            );
        };
        check(&["a", "b", "a"], true, &["a", "b"]);
        check(&["a", "c"], false, &["c"]);
        check(&["a", "b", "c"], true, &[]);
        check(&["b"], true, &[]);
        check(&["a", "b"], true, &["a"]);
        events.of_image("web").notice(Level::Warning, "a");
        assert_eq!(*lock(&shown), ["a"], "it is another warning");
    }
}
