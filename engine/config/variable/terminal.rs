//! Prompts on the terminal.

use inquire::validator::Validation;
use inquire::{InquireError, Password, PasswordDisplayMode, Select, Text};

use super::ask::{Ask, AskError, Question};

/// Prompts on the terminal of the process. Use it only if standard input and standard error are terminals.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminalAsk;

impl Ask for TerminalAsk {
    fn ask(&self, question: &Question) -> Result<String, AskError> {
        let keeping = match (question.is_remembered, question.password) {
            (true, _) => {
                format!("saved in .windlass; delete it with `windlass reset vars{}`", question.config_flag)
            }
            (false, true) => "not displayed and not saved".to_owned(),
            (false, false) => "not saved".to_owned(),
        };
        let answer = if !question.options.is_empty() {
            let start = question.options.iter().position(|option| Some(option) == question.default.as_ref());
            Select::new(&question.text, question.options.clone())
                .with_starting_cursor(start.unwrap_or(0))
                .with_help_message(&format!(
                    "arrow keys to choose, letters to search, Enter to confirm; {keeping}"
                ))
                .prompt()
        } else if question.password {
            let check = question.clone();
            Password::new(&question.text)
                .with_display_mode(PasswordDisplayMode::Masked)
                .without_confirmation()
                .with_help_message(&keeping)
                .with_validator(move |answer: &str| Ok(validation(&check, answer)))
                .prompt()
        } else {
            let check = question.clone();
            let mut text = Text::new(&question.text)
                .with_help_message(&keeping)
                .with_validator(move |answer: &str| Ok(validation(&check, answer)));
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
