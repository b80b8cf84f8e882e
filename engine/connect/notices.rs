//! Notices of connections, which last long and fail alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Event, Events, Level};
use crate::lock::lock;

/// How long a notice is not repeated.
const PAUSE: Duration = Duration::from_secs(60);

/// Reports each notice at most once a minute, however many connections have a reason for it. Cheap to clone.
#[derive(Clone)]
pub struct Notices {
    events: Events,
    told: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Notices {
    /// Notices that `events` receives.
    pub fn new(events: &Events) -> Self {
        Self { events: events.clone(), told: Arc::default() }
    }

    /// Reports `message`, unless it was reported within the last minute.
    pub fn report(&self, level: Level, message: impl Into<String>) {
        let message = message.into();
        if self.is_new(&message, Instant::now()) {
            self.events.notice(level, message);
        }
    }

    /// A sink whose notices are reported in the same way; other events pass.
    pub fn as_events(&self) -> Events {
        let notices = self.clone();
        Events::new(move |event| match event {
            Event::Notice { image: None, level, message } => notices.report(level, message),
            other => notices.events.emit(other),
        })
    }

    /// Whether `message` was not reported within the minute before `now`; records it.
    fn is_new(&self, message: &str, now: Instant) -> bool {
        let mut told = lock(&self.told);
        told.retain(|_, time| now.duration_since(*time) < PAUSE);
        told.insert(message.to_owned(), now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_not_repeated_within_a_minute() {
        let (notices, now) = (Notices::new(&Events::none()), Instant::now());
        let is_new = |message, later| notices.clone().is_new(message, now + later);
        assert!(is_new("a", Duration::ZERO));
        assert!(is_new("b", Duration::ZERO));
        assert!(!is_new("a", PAUSE / 2));
        assert!(is_new("a", PAUSE + PAUSE / 2));
    }
}
