//! Secrets to mask.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::{Event, Events};
use crate::secret::SHORTEST;

/// The secrets of a run, which are displayed as `***` in all output of the run. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// Masks `text` from now on; for several lines, each of them.
    pub fn add(&self, text: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            if !known.iter().any(|other| other == line) {
                known.push(line.to_owned());
            }
        }
        // A secret may be a part of another one.
        known.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// `text` with masked secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(Cow::Borrowed(text), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), "***").into() } else { text }
        })
    }

    /// Whether `text` contains a secret.
    pub fn hides(&self, text: &str) -> bool {
        matches!(self.mask(text), Cow::Owned(_))
    }

    /// A sink that masks the secrets and forwards to `events`.
    pub fn masking(&self, events: &Events) -> Events {
        let (secrets, events) = (self.clone(), events.clone());
        Events::new(move |mut event| {
            match &mut event {
                Event::Output { line: text, .. }
                | Event::Log { line: text, .. }
                | Event::Notice { message: text, .. }
                | Event::StepStarted { step: text, .. }
                | Event::ImageDecided { reason: text, .. } => {
                    if let Cow::Owned(masked) = secrets.mask(text) {
                        *text = masked;
                    }
                }
                Event::ImageFinished(result) => {
                    if let Cow::Owned(masked) = secrets.mask(&result.reason) {
                        result.reason = masked;
                    }
                }
                _ => {}
            }
            events.emit(event);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_hidden_the_longest_first() {
        let secrets = Secrets::default();
        for text in ["hunter2", "hunter2-and-more", "first line\nsecond line", "x"] {
            secrets.add(text);
        }
        let check = |text: &str, expected: &str| assert_eq!(secrets.mask(text), expected);
        check("say hunter2!", "say ***!");
        check("hunter2-and-more", "***");
        check("a second line, a first line", "a ***, a ***");
        check("x", "x");
        assert!(matches!(secrets.mask("nothing"), Cow::Borrowed(_)));
    }
}
