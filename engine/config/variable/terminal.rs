//! Asks on the terminal.

use inquire::validator::Validation;
use inquire::{InquireError, Password, PasswordDisplayMode, Select, Text};

use super::ask::{Ask, AskError, Question};

/// Asks on the terminal the program runs in. Use it only where standard input and error are terminals.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminalAsk;

impl Ask for TerminalAsk {
    fn ask(&self, question: &Question) -> Result<String, AskError> {
        let answer = if !question.options.is_empty() {
            let start = question.options.iter().position(|option| Some(option) == question.default.as_ref());
            Select::new(&question.text, question.options.clone())
                .with_starting_cursor(start.unwrap_or(0))
                .prompt()
        } else if question.password {
            let check = question.clone();
            Password::new(&question.text)
                .with_display_mode(PasswordDisplayMode::Masked)
                .without_confirmation()
                .with_validator(move |answer: &str| Ok(validation(&check, answer)))
                .prompt()
        } else {
            let check = question.clone();
            let mut text =
                Text::new(&question.text).with_validator(move |answer: &str| Ok(validation(&check, answer)));
            text.default = question.default.as_deref();
            text.prompt()
        };
        answer.map_err(|error| match error {
            InquireError::OperationCanceled | InquireError::OperationInterrupted => AskError::Cancelled,
            other => AskError::Unavailable(other.to_string()),
        })
    }
}

fn validation(question: &Question, answer: &str) -> Validation {
    if question.accepts(answer) {
        Validation::Valid
    } else {
        Validation::Invalid(question.pattern_message.as_str().into())
    }
}
