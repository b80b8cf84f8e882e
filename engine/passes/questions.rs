//! Questions that a key answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::event::{Events, Level};
use crate::lock::lock;

/// Questions to the user, one after another. Cheap to clone.
#[derive(Clone)]
pub struct Questions {
    events: Events,
    can_ask: Arc<AtomicBool>,
    open: Arc<Mutex<VecDeque<Question>>>,
}

/// A question, and where its answer goes.
type Question = (String, oneshot::Sender<bool>);

impl Questions {
    /// No questions yet; they are shown by `events`.
    pub(super) fn new(events: &Events) -> Self {
        Self { events: events.clone(), can_ask: Arc::default(), open: Arc::default() }
    }

    /// Sets whether questions can be answered: whether keys are read.
    pub fn allow(&self, can_ask: bool) {
        self.can_ask.store(can_ask, Ordering::Relaxed);
        if !can_ask {
            lock(&self.open).clear();
        }
    }

    /// Asks `question` and waits for y or n. `false` if nobody can answer.
    pub async fn ask(&self, question: String) -> bool {
        if !self.can_ask.load(Ordering::Relaxed) {
            return false;
        }
        let (sender, answer) = oneshot::channel();
        let is_first = {
            let mut open = lock(&self.open);
            // Whoever asked it may be gone.
            open.retain(|(_, sender)| !sender.is_closed());
            open.push_back((question.clone(), sender));
            open.len() == 1
        };
        if is_first {
            self.show(&question);
        }
        answer.await.unwrap_or(false)
    }

    /// Answers the first question.
    pub(super) fn answer(&self, answer: bool) {
        let next = {
            let mut open = lock(&self.open);
            open.retain(|(_, sender)| !sender.is_closed());
            if let Some((_, sender)) = open.pop_front() {
                // It was closed meanwhile.
                let _ = sender.send(answer);
            }
            open.front().map(|(question, _)| question.clone())
        };
        if let Some(question) = next {
            self.show(&question);
        }
    }

    fn show(&self, question: &str) {
        self.events.notice(Level::Warning, format!("{question} Press y or n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_question_is_answered_first_and_none_without_keys() {
        let questions = Questions::new(&Events::none());
        assert!(!questions.ask("delete?".to_owned()).await);
        questions.allow(true);
        let ask = |text: &str| {
            let (questions, text) = (questions.clone(), text.to_owned());
            tokio::spawn(async move { questions.ask(text).await })
        };
        let one = ask("one?");
        while lock(&questions.open).is_empty() {
            tokio::task::yield_now().await;
        }
        let two = ask("two?");
        while lock(&questions.open).len() < 2 {
            tokio::task::yield_now().await;
        }
        questions.answer(true);
        questions.answer(false);
        assert!(one.await.expect("no panic"));
        assert!(!two.await.expect("no panic"));
        let three = ask("three?");
        while lock(&questions.open).is_empty() {
            tokio::task::yield_now().await;
        }
        questions.allow(false);
        assert!(!three.await.expect("no panic"));
    }
}
