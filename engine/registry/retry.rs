//! Retries of requests: the only place that handles delays, including those that servers request.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WARNING};
use tokio::time::Instant;

use super::retry_after::{retry_after, spoken};
use super::{RegistryError, RegistryErrorKind};
use crate::event::{Events, Level};

/// The maximum delay, unless the server requests one.
const LONGEST: Duration = Duration::from_secs(30);

/// Attempts with increasing delays between them, and the delays that servers requested.
pub(super) struct Retry {
    /// The number of attempts, at least 1. Attempts that a server postpones with `Retry-After` do not count.
    pub(super) tries: u32,
    /// The delay after the first failure; doubled after each further one.
    pub(super) pause: Duration,
    /// The timeout without data from a server.
    pub(super) silence: Duration,
    /// The total wait that servers may request per operation.
    pub(super) patience: Duration,
    /// By host: the end of the wait that it requested. All requests to the host wait, not only the refused one.
    pauses: Mutex<HashMap<String, Instant>>,
    /// The warnings that were reported.
    warnings: Mutex<BTreeSet<String>>,
    events: Events,
}

/// The attempts of one operation.
pub(super) struct Tries<'a> {
    retry: &'a Retry,
    may_pass: fn(&RegistryErrorKind) -> bool,
    failed: u32,
    counted: u32,
    begun: Instant,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(500),
            silence: Duration::from_secs(30),
            patience: Duration::from_secs(5 * 60),
            pauses: Mutex::default(),
            warnings: Mutex::default(),
            events: Events::none(),
        }
    }
}

impl Retry {
    /// No retries, and no waits that servers request.
    pub(super) fn once() -> Self {
        Self { tries: 1, patience: Duration::ZERO, ..Self::default() }
    }

    /// Reports waits and warnings to `events`.
    pub(super) fn reporting(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// The attempts of an operation; only problems that match `may_pass` are retried.
    pub(super) fn tries(&self, may_pass: fn(&RegistryErrorKind) -> bool) -> Tries<'_> {
        Tries { retry: self, may_pass, failed: 0, counted: 0, begun: Instant::now() }
    }

    /// Waits until the delay that `host` requested is over, if any.
    pub(super) async fn until_welcome(&self, host: &str) {
        let until = self.pauses.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Handles the `Retry-After` and `Warning` headers of a response of `host`.
    pub(super) fn heed(&self, host: &str, status: StatusCode, headers: &HeaderMap) {
        let asked = is_temporary(status, headers).then(|| retry_after(headers)).flatten();
        if let Some(asked) = asked.filter(|asked| !asked.is_zero() && *asked <= self.patience) {
            let until = Instant::now() + asked;
            let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
            let before = pauses.insert(host.to_owned(), until);
            // Parallel requests share one delay.
            if before.is_none_or(|before| before <= Instant::now()) {
                let message = format!("waiting {}: requested by {host} ({status})", spoken(asked));
                self.events.notice(Level::Info, message);
            } else if let Some(before) = before.filter(|before| *before > until) {
                pauses.insert(host.to_owned(), before);
            }
        }
        for text in headers.get_all(WARNING).iter().filter_map(|value| warning(value.to_str().ok()?)) {
            let message = format!("{host} warns: {text}");
            if self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone()) {
                self.events.notice(Level::Warning, message);
            }
        }
    }

    /// The delay after `failed` failures: 50% to 150% of the doubled delay, so that several clients do not retry at the
    /// same time.
    fn pause_after(&self, failed: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.pause.saturating_mul(doubled).min(LONGEST).mul_f64(0.5 + fastrand::f64()).min(LONGEST)
    }
}

impl Tries<'_> {
    /// Waits before the next attempt. Returns `false` immediately if `problem` is permanent or all attempts are used.
    pub(super) async fn again(&mut self, problem: &RegistryErrorKind) -> bool {
        if !(self.may_pass)(problem) {
            return false;
        }
        self.failed += 1;
        match problem.retry_after() {
            // The requested delay is applied before each request.
            Some(asked) => {
                if self.begun.elapsed().saturating_add(asked) > self.retry.patience {
                    return false;
                }
            }
            None => {
                self.counted += 1;
                if self.counted >= self.retry.tries {
                    return false;
                }
            }
        }
        tokio::time::sleep(self.retry.pause_after(self.failed)).await;
        true
    }

    /// [`Tries::again`] for operations whose requests have their own retries.
    pub(super) async fn again_after(&mut self, error: &RegistryError) -> bool {
        !error.is_retried && self.again(&error.problem).await
    }

    /// Resets the attempts after progress: earlier failures do not count.
    pub(super) fn begin_anew(&mut self) {
        *self = self.retry.tries(self.may_pass);
    }

    /// The number of attempts, including the current one.
    pub(super) fn number(&self) -> u32 {
        self.failed + 1
    }
}

/// Whether `status` is temporary (RFC 9110, sections 15.5 and 15.6; RFC 8470).
pub(super) fn is_temporary(status: StatusCode, headers: &HeaderMap) -> bool {
    match status.as_u16() {
        408 | 421 | 425 | 429 => true,
        // Not implemented, version, negotiation, storage, loop, extension, login: permanent.
        501 | 505..=508 | 510 | 511 => false,
        // A temporary limit has a `Retry-After` header (RFC 9110, section 15.5.14).
        413 => retry_after(headers).is_some(),
        code => code >= 500,
    }
}

/// The message of a `Warning` header for the user (distribution spec, "warnings": `299 - "..."`).
fn warning(value: &str) -> Option<String> {
    let quoted = value.trim().strip_prefix("299 - \"")?.strip_suffix('"')?;
    let text: String = quoted.replace("\\\"", "\"").replace("\\\\", "\\");
    Some(text.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_limits() {
        let retry = Retry { pause: Duration::from_secs(1), ..Retry::default() };
        for _ in 0..100 {
            let (first, third) = (retry.pause_after(1), retry.pause_after(3));
            assert!((500..=1500).contains(&first.as_millis()) && (2000..=6000).contains(&third.as_millis()));
            assert!(retry.pause_after(u32::MAX) <= LONGEST);
        }
    }

    fn busy(after: Option<Duration>) -> RegistryErrorKind {
        RegistryErrorKind::TooManyRequests { reason: String::new(), after }
    }

    #[tokio::test]
    async fn tries_are_counted_unless_the_server_names_a_time() {
        let patience = Duration::from_secs(1);
        let retry = Retry { pause: Duration::ZERO, patience, ..Retry::default() };
        let mut tries = retry.tries(RegistryErrorKind::may_pass);
        assert!(tries.again(&busy(None)).await && tries.again(&busy(None)).await);
        assert!(!tries.again(&busy(None)).await, "the third attempt is the last");
        let mut tries = retry.tries(RegistryErrorKind::may_pass);
        let mut asked = 0;
        while tries.again(&busy(Some(Duration::from_millis(1)))).await {
            asked += 1;
        }
        assert!(asked > 3, "the wait is limited: {asked}");
        let long = busy(Some(Duration::MAX));
        assert!(
            !retry.tries(RegistryErrorKind::may_pass).again(&long).await,
            "the requested wait is too long"
        );
        let refused = RegistryErrorKind::Refused { reason: String::new() };
        assert!(!retry.tries(RegistryErrorKind::may_pass).again(&refused).await);
    }

    #[tokio::test]
    async fn a_pause_applies_to_every_request_to_its_host_and_is_reported_once() {
        let told = std::sync::Arc::new(Mutex::new(Vec::new()));
        let log = std::sync::Arc::clone(&told);
        let retry = Retry::default().reporting(Events::new(move |event| {
            if let crate::event::Event::Notice { message, .. } = event {
                log.lock().expect("log").push(message);
            }
        }));
        let headers = |name: &'static str, value: &str| {
            let name = reqwest::header::HeaderName::from_static(name);
            HeaderMap::from_iter([(name, value.parse().expect("a header"))])
        };
        let begun = Instant::now();
        for seconds in ["1", "0", "1"] {
            retry.heed("r.io", StatusCode::TOO_MANY_REQUESTS, &headers("retry-after", seconds));
        }
        retry.heed("fine.io", StatusCode::OK, &headers("retry-after", "60"));
        retry.heed("long.io", StatusCode::SERVICE_UNAVAILABLE, &headers("retry-after", "7200"));
        assert_eq!(retry.pauses.lock().expect("pauses").keys().collect::<Vec<_>>(), ["r.io"]);
        retry.until_welcome("r.io").await;
        assert!(begun.elapsed() >= Duration::from_secs(1));
        for _ in 0..2 {
            retry.heed("r.io", StatusCode::OK, &headers("warning", "299 - \"end \\\"of\\\" life\""));
            retry.heed("r.io", StatusCode::OK, &headers("warning", "110 cache \"stale\""));
        }
        let expected =
            ["waiting 1 second: requested by r.io (429 Too Many Requests)", "r.io warns: end \"of\" life"];
        assert_eq!(*told.lock().expect("log"), expected);
    }

    #[test]
    fn temporary_statuses_are_distinguished_from_permanent_ones() {
        let with = |status: u16, headers: &HeaderMap| {
            is_temporary(StatusCode::from_u16(status).expect("a status"), headers)
        };
        let none = HeaderMap::new();
        for status in [408, 421, 425, 429, 500, 502, 503, 504, 520, 522, 599] {
            assert!(with(status, &none), "{status}");
        }
        for status in [400, 401, 403, 404, 405, 409, 413, 416, 501, 505, 507, 511] {
            assert!(!with(status, &none), "{status}");
        }
        let after = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, "1".parse().expect("a header"))]);
        assert!(with(413, &after) && !with(403, &after));
    }
}
