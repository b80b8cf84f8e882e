//! Asking the user for a variable.

use regex::Regex;

/// A question about one variable.
#[derive(Debug, Clone)]
pub struct Question {
    /// The variable's name.
    pub name: String,
    /// What to ask.
    pub text: String,
    /// What to offer as the answer.
    pub default: Option<String>,
    /// The answers to choose from; empty: any text. They outrank `password` and `pattern`.
    pub options: Vec<String>,
    /// Whether the answer must not be shown.
    pub password: bool,
    /// What an answer must match.
    pub pattern: Option<Regex>,
    /// What to say about an answer that does not match.
    pub pattern_message: String,
    /// Whether the answer is kept for later runs.
    pub is_remembered: bool,
    /// What makes other commands of windlass find the file that asks: ` --config FILE`; empty for the one they find anyway.
    pub config_flag: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The user broke it off.
    #[error("the question was cancelled")]
    Cancelled,
    /// There is nobody to ask.
    #[error("{0}")]
    Unavailable(String),
}

/// Asks questions: the loader itself never touches a terminal.
pub trait Ask: Send + Sync {
    /// The answer to `question`.
    ///
    /// # Errors
    /// [`AskError::Cancelled`] when the user broke it off, [`AskError::Unavailable`] when nobody can be asked.
    fn ask(&self, question: &Question) -> Result<String, AskError>;
}

impl Question {
    /// Whether `answer` may be given.
    pub fn accepts(&self, answer: &str) -> bool {
        if !self.options.is_empty() {
            return self.options.iter().any(|option| option == answer);
        }
        self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(answer))
    }
}
