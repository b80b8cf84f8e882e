//! Prompts for a variable.

use regex::Regex;

/// A prompt for a variable.
#[derive(Debug, Clone)]
pub struct Question {
    /// The name of the variable.
    pub name: String,
    /// The text of the prompt.
    pub text: String,
    /// The suggested answer.
    pub default: Option<String>,
    /// The answers to choose from; if empty, any text. They take precedence over `password` and `pattern`.
    pub options: Vec<String>,
    /// Whether the answer must not be displayed.
    pub password: bool,
    /// The pattern that an answer must match.
    pub pattern: Option<Regex>,
    /// The message for an answer that does not match.
    pub pattern_message: String,
    /// Whether the answer is saved for later runs.
    pub is_remembered: bool,
    /// The option with which other commands find the same file: ` --config FILE`; empty for the default file.
    pub config_flag: String,
}

/// An error of a prompt.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The user cancelled it.
    #[error("the prompt was cancelled")]
    Cancelled,
    /// A prompt is not possible.
    #[error("{0}")]
    Unavailable(String),
}

/// Shows prompts: the loader itself does not use a terminal.
pub trait Ask: Send + Sync {
    /// The answer to `question`.
    ///
    /// # Errors
    /// [`AskError::Cancelled`] if the user cancelled it, [`AskError::Unavailable`] if a prompt is not possible.
    fn ask(&self, question: &Question) -> Result<String, AskError>;
}

impl Question {
    /// Whether `answer` is valid.
    pub fn accepts(&self, answer: &str) -> bool {
        if !self.options.is_empty() {
            return self.options.iter().any(|option| option == answer);
        }
        self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(answer))
    }
}
