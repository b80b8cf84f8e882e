//! Values from the user.

use super::ask::{AskError, Question};
use super::definition::{Definition, Source};
use super::predefined;
use super::provenance::Provenance;
use super::resolver::Resolver;
use super::value::Resolved;
use crate::config::ConfigError;
use crate::config::node::Span;
use crate::config::problem::{Diagnostics, Report};

impl Resolver<'_> {
    /// The value of a variable that may prompt: the saved answer, the default if a prompt is not possible, otherwise a
    /// new answer.
    pub(super) fn asked(
        &mut self,
        name: &str,
        definition: &Definition,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        if let Some(text) = self.answers.get(name) {
            return Some(Resolved::new(text, Provenance::Answer));
        }
        let record = !definition.password && !definition.no_cache;
        if record && let Some(text) = self.cache.get(name) {
            let Some(reason) = definition.refusal(&text).filter(|_| !self.is_survey) else {
                return Some(Resolved::new(text, Provenance::Cache));
            };
            let message = format!("the saved answer for variable `{name}` is not used: {reason}");
            problems.warn(definition.span, Report::new("config::variable", message, "defined here"));
        }
        let default = match &definition.default {
            Some(default) => Some(self.value_of(default, Provenance::Default, definition.span, problems)?),
            None => None,
        };
        // A default is the suggested answer only with a question or `source: input`; otherwise it is the value.
        let is_asked = definition.question.is_some() || definition.source == Source::Input;
        if default.is_some() && (self.ask.is_none() || !is_asked) {
            return default;
        }
        let pattern_message =
            definition.pattern_message.clone().unwrap_or_else(|| match &definition.pattern {
                Some(pattern) => format!("the answer must match the pattern `{pattern}`"),
                None => String::new(),
            });
        let question = Question {
            name: name.to_owned(),
            text: definition.question.clone().unwrap_or_else(|| format!("Please enter a value for {name}")),
            default: default.map(|default| default.text),
            options: definition.options.clone(),
            password: definition.password,
            pattern: definition.pattern.clone(),
            pattern_message,
            is_remembered: record,
            config_flag: self.config_flag.clone(),
        };
        self.answer(&question, definition.span, problems)
    }

    /// Shows the prompt `question` and records the answer; saves it for later runs only if the question allows it.
    pub(super) fn answer(
        &mut self,
        question: &Question,
        span: Span,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        let name = &question.name;
        let set = match question.is_remembered {
            true => format!("run `windlass set var {name}=VALUE{}`, ", self.config_flag),
            false => String::new(),
        };
        let help = match question.password {
            true => format!("export `{name}`, or pass `--var {name}=VALUE`"),
            false => {
                format!("pass `--var {name}=VALUE`, export `{name}`, {set}or add a `default` in `vars`")
            }
        };
        let Some(ask) = self.ask.clone() else {
            if self.is_survey {
                return None;
            }
            let message = format!("variable `{name}` has no value: cannot prompt without a terminal");
            let label = if self.definitions.contains_key(name) { "defined here" } else { "used here" };
            let mut report = Report::new("config::variable", message, label);
            let known = self.definitions.keys().map(String::as_str).chain(predefined::NAMES);
            report.help = Some(match crate::suggestion::nearest(name, known.filter(|known| known != name)) {
                Some(near) if !self.definitions.contains_key(name) => {
                    format!("did you mean `{near}`? Otherwise, {help}")
                }
                _ => help,
            });
            problems.add(span, report);
            return None;
        };
        match ask.ask(question) {
            Ok(text) if question.accepts(&text) => {
                if question.is_remembered {
                    self.cache.add(name, &text);
                }
                self.answers.insert(name.clone(), text.clone());
                Some(Resolved { is_password: question.password, ..Resolved::new(text, Provenance::Answer) })
            }
            Ok(_) => {
                let message = format!("invalid answer for variable `{name}`");
                problems.add(span, Report::new("config::variable", message, "defined here").help(help));
                None
            }
            Err(AskError::Cancelled) => {
                self.cancelled = Some(ConfigError::Cancelled { name: name.clone() });
                None
            }
            Err(AskError::Unavailable(reason)) => {
                let message = format!("cannot prompt for variable `{name}`: {reason}");
                problems.add(span, Report::new("config::variable", message, "used here").help(help));
                None
            }
        }
    }
}
