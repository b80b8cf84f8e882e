//! Questions that a key answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::event::{Event, Events};
use crate::lock::lock;

/// Questions to the user, one after another. Cheap to clone.
#[derive(Clone)]
pub struct Questions {
    events: Events,
    can_ask: Arc<AtomicBool>,
    open: Arc<Mutex<Open>>,
}

/// The questions that wait, and the one that is shown.
#[derive(Default)]
struct Open {
    questions: VecDeque<Question>,
    shown: Option<String>,
}

/// A question, and the receiver of its answer.
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
            self.change(VecDeque::clear);
        }
    }

    /// Asks `question` and waits for y or n. `false` if no one can answer.
    pub async fn ask(&self, question: String) -> bool {
        if !self.can_ask.load(Ordering::Relaxed) {
            return false;
        }
        // The caller may not wait for the answer: dropped after `answer`, this finds it closed.
        let _withdraw = Withdraw(self);
        let (sender, answer) = oneshot::channel();
        self.change(|questions| questions.push_back((question, sender)));
        answer.await.unwrap_or(false)
    }

    /// Answers the first question.
    pub(super) fn answer(&self, answer: bool) {
        self.change(|questions| {
            if let Some((_, sender)) = questions.pop_front() {
                // It was closed meanwhile.
                let _ = sender.send(answer);
            }
        });
    }

    /// Changes the questions that wait, and shows the first one if it is another.
    fn change(&self, change: impl FnOnce(&mut VecDeque<Question>)) {
        let mut open = lock(&self.open);
        open.questions.retain(|(_, sender)| !sender.is_closed());
        change(&mut open.questions);
        let first = open.questions.front().map(|(question, _)| question.clone());
        if open.shown != first {
            open.shown.clone_from(&first);
            self.events.emit(Event::Question { question: first });
        }
    }
}

/// Shows the next question at its end.
struct Withdraw<'a>(&'a Questions);

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.0.change(|_| {});
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
        while lock(&questions.open).questions.is_empty() {
            tokio::task::yield_now().await;
        }
        let two = ask("two?");
        while lock(&questions.open).questions.len() < 2 {
            tokio::task::yield_now().await;
        }
        questions.answer(true);
        questions.answer(false);
        assert!(one.await.expect("no panic"));
        assert!(!two.await.expect("no panic"));
        let three = ask("three?");
        while lock(&questions.open).questions.is_empty() {
            tokio::task::yield_now().await;
        }
        questions.allow(false);
        assert!(!three.await.expect("no panic"));
    }
}
