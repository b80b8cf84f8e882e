//! Resolves the value of a variable.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ask::{Ask, Question};
use super::cache::Cache;
use super::definition::{Definition, Definitions, Source};
use super::expression::expression;
use super::predefined::{self, Predefined};
use super::provenance::Provenance;
use super::reference::{Part, parts};
use super::substitute::substitute;
use super::value::{Resolved, Use};
use crate::config::environment::Environment;
use crate::config::node::{Span, Value, YamlNode};
use crate::config::problem::{Diagnostics, Report};
use crate::config::{ConfigError, Version};
use crate::secret::Secret;
use crate::suggestion::nearest;

/// The maximum total size of all inserted values in bytes.
const MAX_FILLED: usize = 64 << 20;

/// The maximum nesting of variables in the values of variables.
const MAX_CHAIN: usize = 32;

/// Resolves variables, each once: `--var`, predefined, environment, saved answer, prompt.
pub(crate) struct Resolver<'e> {
    pub definitions: Definitions,
    pub predefined: Predefined,
    flags: HashMap<String, String>,
    pub(super) environment: &'e Environment,
    pub(super) ask: Option<Arc<dyn Ask>>,
    pub(super) cache: Cache,
    resolved: HashMap<String, Option<Resolved>>,
    chain: Vec<String>,
    /// The answers of this run, including those that are not saved.
    pub(super) answers: HashMap<String, String>,
    /// Set if the user cancelled a prompt or interrupted a command.
    pub cancelled: Option<ConfigError>,
    pub(super) root: PathBuf,
    /// The number of bytes that may still be inserted into the document.
    budget: usize,
    /// All references that were resolved, if explanations are requested.
    pub uses: Option<Vec<Use>>,
    /// Allow variables without a value, without a report.
    pub is_survey: bool,
    /// The version of the file, which determines the rules of its variables.
    pub version: Version,
    /// The origin of the values of `--var`, for messages.
    pub flag_origin: &'static str,
    /// The option with which other commands find the same file: ` --config FILE`, or empty.
    pub config_flag: String,
}

impl<'e> Resolver<'e> {
    /// A resolver for the project in `predefined.root`. `flags` are the values of `--var`.
    pub(crate) fn new(
        predefined: Predefined,
        flags: HashMap<String, String>,
        environment: &'e Environment,
        ask: Option<Arc<dyn Ask>>,
    ) -> Self {
        let root = predefined.root.clone();
        Self {
            definitions: Definitions::new(),
            predefined,
            flags,
            environment,
            ask,
            cache: Cache::new(&root),
            resolved: HashMap::new(),
            chain: Vec::new(),
            answers: HashMap::new(),
            cancelled: None,
            root,
            budget: MAX_FILLED,
            uses: None,
            is_survey: false,
            version: Version::V1beta9,
            flag_origin: "`--var`",
            config_flag: String::new(),
        }
    }

    /// Saves answers in `.windlass/` of `folder` instead of the project directory.
    pub(crate) fn keep_answers_in(&mut self, folder: &Path) {
        self.cache = Cache::new(folder);
    }

    /// Sets the definitions after profiles are applied. Keeps only answers.
    pub(crate) fn redefine(&mut self, definitions: Definitions) {
        self.definitions = definitions;
        // The random value, the time and the commit stay the same for the whole load.
        self.resolved.retain(|name, _| {
            predefined::NAMES.contains(&name.as_str()) && !name.starts_with("DEVSPACE_PROFILE")
        });
    }

    /// Resolves the variables that must be resolved even if they are not used.
    pub(crate) fn resolve_always(&mut self, problems: &mut Diagnostics) {
        let by_default = self.version >= Version::V2beta1;
        let wanted =
            self.definitions.iter().filter(|(_, definition)| definition.always_resolve.unwrap_or(by_default));
        let wanted: Vec<_> = wanted.map(|(name, definition)| (name.clone(), definition.span)).collect();
        for (name, span) in wanted {
            self.resolve(&name, span, problems);
        }
    }

    /// The value of `name`, which is used at `span`. A failure is reported once.
    pub(crate) fn resolve(&mut self, name: &str, span: Span, problems: &mut Diagnostics) -> Option<Resolved> {
        // `devspace.git.commit` and `DEVSPACE_GIT_COMMIT` are the same variable, in upper and lower case.
        let upper = name.to_ascii_uppercase();
        let key = if upper.starts_with("DEVSPACE") { upper.replace('.', "_") } else { name.to_owned() };
        let key = if key == "DEVSPACE_USERHOME" { "DEVSPACE_USER_HOME".to_owned() } else { key };
        let is_own = self.definitions.contains_key(name) || self.flags.contains_key(name);
        let key = if is_own { name } else { &key };
        if let Some(uses) = &mut self.uses {
            uses.push(Use { name: key.to_owned(), span });
        }
        self.resolve_as(key, name, span, problems)
    }

    /// The names of the variables: those that the file defines, in file order, then others that were used.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.definitions.keys().cloned().collect();
        let used = self.uses.iter().flatten().map(|used| &used.name);
        for name in used {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The names in `--var` that the file and windlass do not define or use, sorted.
    pub(crate) fn unused_flags(&self) -> Vec<String> {
        let is_unused = |name: &&String| {
            !self.definitions.contains_key(*name)
                && !self.resolved.contains_key(*name)
                && !predefined::is_predefined(name)
        };
        let mut names: Vec<_> = self.flags.keys().filter(is_unused).cloned().collect();
        names.sort();
        names
    }

    /// The values of the passwords that were used.
    pub(crate) fn passwords(&self) -> Vec<Secret> {
        let values = self.resolved.values().flatten().filter(|value| value.is_password);
        values.map(|value| Secret::new(value.text.clone())).collect()
    }

    /// The value of `name`, if it was resolved before.
    pub(crate) fn known(&self, name: &str) -> Option<Resolved> {
        self.resolved.get(name).cloned().flatten()
    }

    /// The value of `name` as from [`Resolver::resolve`], without recording a use.
    pub(crate) fn peek(&mut self, name: &str, span: Span, problems: &mut Diagnostics) -> Option<Resolved> {
        self.resolve_as(name, name, span, problems)
    }

    /// Whether `name` is defined as a password.
    pub(crate) fn is_password(&self, name: &str) -> bool {
        self.definitions.get(name).is_some_and(|definition| definition.password)
    }

    /// Whether `bytes` more bytes may be inserted into the document.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }

    /// Reports values that are too long.
    pub(crate) fn too_long(&self, span: Span, problems: &mut Diagnostics) -> bool {
        let report = Report::new(
            "config::variable",
            "the values of these variables are too long",
            "they exceed 1 MiB here, or 64 MiB in total",
        );
        problems.add(span, report);
        false
    }

    /// Saves the answers of this run. The error is a phrase for a warning.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        let saved = self
            .cache
            .save()
            .map_err(|error| format!("cannot save the answers to `.windlass/vars.json`: {error}"));
        match self.cache.damage.take() {
            Some(reason) => Err(format!("ignoring the saved answers in `.windlass/vars.json`: {reason}")),
            None => saved,
        }
    }

    fn resolve_as(
        &mut self,
        key: &str,
        name: &str,
        span: Span,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        if let Some(resolved) = self.resolved.get(key) {
            return resolved.clone();
        }
        if self.cancelled.is_some() {
            return None;
        }
        if self.chain.iter().any(|link| link == key) || self.chain.len() >= MAX_CHAIN {
            let start = self.chain.iter().position(|link| link == key).unwrap_or(0);
            let path = self.chain[start..]
                .iter()
                .map(String::as_str)
                .chain([name])
                .collect::<Vec<_>>()
                .join("` -> `");
            let report =
                Report::new("config::variable", format!("variable reference cycle: `{path}`"), "used here")
                    .help("set one of them to a value without references");
            problems.add(span, report);
            return None;
        }
        self.chain.push(key.to_owned());
        let resolved = self.find(name, span, problems);
        self.chain.pop();
        self.resolved.insert(key.to_owned(), resolved.clone());
        resolved
    }

    fn find(&mut self, name: &str, span: Span, problems: &mut Diagnostics) -> Option<Resolved> {
        if let Some(text) = self.flags.get(name) {
            let is_password = self.is_password(name);
            let given = Resolved { is_password, ..Resolved::new(text, Provenance::Flag) };
            return match self.definitions.get(name) {
                Some(definition) => self.accepted(name, definition, given, problems),
                None => Some(given),
            };
        }
        match self.predefined.get(name, self.environment) {
            Some(Ok(text)) => return Some(Resolved::new(text, Provenance::Predefined)),
            Some(Err(reason)) => {
                let report = Report::new(
                    "config::variable",
                    format!("cannot resolve `{name}`: {reason}"),
                    "used here",
                )
                .help(format!("pass `--var {name}=VALUE`"));
                problems.add(span, report);
                return None;
            }
            None => {}
        }
        // Cloned, because the resolution may use other definitions.
        let definition = self.definitions.get(name).cloned();
        let Some(definition) = definition else { return self.undefined(name, span, problems) };
        let found = self.defined(name, &definition, problems)?;
        match definition.password {
            true => Some(Resolved { is_password: true, secrets: Vec::new(), ..found }),
            false => Some(found),
        }
    }

    fn undefined(&mut self, name: &str, span: Span, problems: &mut Diagnostics) -> Option<Resolved> {
        if let Some((text, provenance)) = self.environment.find(name) {
            return Some(Resolved::new(text, provenance));
        }
        if let Some(text) = self.cache.get(name) {
            return Some(Resolved::new(text, Provenance::Cache));
        }
        if self.version >= Version::V2beta1 {
            return Some(self.left(name, span, problems));
        }
        let question = Question {
            name: name.to_owned(),
            text: format!("Please enter a value for {name}"),
            default: None,
            options: Vec::new(),
            password: false,
            pattern: None,
            pattern_message: String::new(),
            is_remembered: true,
            config_flag: self.config_flag.clone(),
        };
        self.answer(&question, span, problems)
    }

    /// In v2beta1, a reference to an unknown variable stays as written: it may be for a shell.
    fn left(&self, name: &str, span: Span, problems: &mut Diagnostics) -> Resolved {
        let known = self.definitions.keys().map(String::as_str);
        if let Some(near) = nearest(name, known) {
            let message = format!("unknown variable `{name}`: `${{{name}}}` stays as written");
            let report = Report::new("config::variable", message, "unknown variable");
            problems.warn(span, report.help(format!("did you mean `{near}`?")));
        }
        Resolved::new(format!("${{{name}}}"), Provenance::Undefined)
    }

    fn defined(
        &mut self,
        name: &str,
        definition: &Definition,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        let span = definition.span;
        if let Some(value) = &definition.value {
            return self.value_of(value, Provenance::Value, span, problems);
        }
        let takes_environment = !matches!(definition.source, Source::Input | Source::None);
        if takes_environment && let Some((text, provenance)) = self.environment.find(name) {
            return self.accepted(name, definition, Resolved::new(text, provenance), problems);
        }
        match definition.source {
            Source::Environment => self.default_or(definition, problems, || {
                Report::new(
                    "config::variable",
                    format!("the environment variable `{name}` is not set"),
                    "defined here",
                )
                .help(format!("export `{name}`, pass `--var {name}=VALUE`, or add a `default`"))
            }),
            Source::None => self.default_or(definition, problems, || {
                Report::new("config::variable", format!("variable `{name}` has no value"), "defined here")
                    .help("add a `value` or a `default`")
            }),
            Source::Command => self.command(name, definition, problems),
            Source::All | Source::Input => self.asked(name, definition, problems),
        }
    }

    /// `given`, the value from the user for `name`, if its definition accepts it.
    fn accepted(
        &self,
        name: &str,
        definition: &Definition,
        given: Resolved,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        let Some(reason) = definition.refusal(&given.text).filter(|_| !self.is_survey) else {
            return Some(given);
        };
        let origin = match given.provenance {
            Provenance::Environment => "the environment",
            Provenance::EnvFile => "`.env`",
            _ => self.flag_origin,
        };
        let message = format!("invalid value of variable `{name}` from {origin}: {reason}");
        problems.add(definition.span, Report::new("config::variable", message, "defined here"));
        None
    }

    /// The default; reports a problem if it is missing.
    fn default_or(
        &mut self,
        definition: &Definition,
        problems: &mut Diagnostics,
        report: impl FnOnce() -> Report<'static>,
    ) -> Option<Resolved> {
        match &definition.default {
            Some(default) => self.value_of(default, Provenance::Default, definition.span, problems),
            None if self.is_survey => None,
            None => {
                problems.add(definition.span, report());
                None
            }
        }
    }

    /// The value of a `value` or `default` of a definition, with its references and expressions filled in.
    pub(super) fn value_of(
        &mut self,
        node: &YamlNode,
        provenance: Provenance,
        span: Span,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        match &node.value {
            Value::Scalar(scalar) => match expression(&scalar.text) {
                Some(expression) => self.evaluate(&expression, provenance, span, problems),
                None => self.expand(&scalar.text, provenance, span, problems),
            },
            Value::Sequence(_) | Value::Mapping(_) => {
                let mut node = node.clone();
                substitute(&mut node, true, self, problems);
                Resolved::structured(node, provenance)
            }
        }
    }

    /// `text` with its references filled in.
    pub(super) fn expand(
        &mut self,
        text: &str,
        provenance: Provenance,
        span: Span,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        let mut expanded = Resolved::new("", provenance);
        let Some(parts) = parts(text) else { return Some(Resolved::new(text, provenance)) };
        for part in parts {
            match part {
                Part::Literal(literal) => expanded.text.push_str(literal),
                Part::Reference { name, .. } => {
                    let value = self.resolve(name, span, problems)?;
                    if expanded.text.len() + value.text.len() > 1 << 20 {
                        self.too_long(span, problems);
                        return None;
                    }
                    expanded.push(&value);
                }
            }
        }
        Some(expanded)
    }
}
