//! The section `vars`.

use indexmap::IndexMap;
use regex::Regex;

use crate::config::OsCommand;
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;

const KEYS: [&str; 14] = [
    "name",
    "question",
    "options",
    "password",
    "validationPattern",
    "validationMessage",
    "default",
    "value",
    "source",
    "command",
    "args",
    "commands",
    "noCache",
    "alwaysResolve",
];

/// The variables of a file, by name.
pub(crate) type Definitions = IndexMap<String, Definition>;

/// One entry of `vars`.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// The location of its name.
    pub span: Span,
    pub question: Option<String>,
    pub options: Vec<String>,
    pub password: bool,
    pub pattern: Option<Regex>,
    pub pattern_message: Option<String>,
    pub default: Option<YamlNode>,
    pub value: Option<YamlNode>,
    pub source: Source,
    /// The commands to try, the one for all systems last.
    pub commands: Vec<(OsCommand, Option<Vec<String>>)>,
    pub no_cache: bool,
    /// `None` if it depends on the version of the file.
    pub always_resolve: Option<bool>,
}

/// The sources of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The environment, a saved answer, a prompt.
    All,
    /// Only the environment.
    Environment,
    /// A saved answer or a prompt.
    Input,
    /// Its `value` or `default`.
    None,
    /// The output of a command.
    Command,
}

impl Definition {
    /// Why `text` is not a valid value, as a phrase that does not contain it; `None` if it is valid.
    pub(crate) fn refusal(&self, text: &str) -> Option<String> {
        match (self.options.as_slice(), &self.pattern) {
            ([], Some(pattern)) if !pattern.is_match(text) => {
                let message = self.pattern_message.clone();
                Some(message.unwrap_or_else(|| format!("it must match `{pattern}`")))
            }
            (options @ [_, ..], _) if !options.iter().any(|option| option == text) => {
                Some(format!("it must be one of `{}`", options.join("`, `")))
            }
            _ => None,
        }
    }
}

/// Reads the section `vars`.
pub(crate) fn read(node: &YamlNode, reader: &mut Reader<'_>) -> Definitions {
    reader.named(node, ("vars", "variable"), &KEYS, |mapping, what, span, reader| {
        definition(mapping, what, span, reader)
    })
}

fn definition(mapping: &Mapping, what: &str, span: Span, reader: &mut Reader<'_>) -> Definition {
    let password = reader.boolean(mapping, "password", what).unwrap_or(false);
    if password {
        // Before a report can display it.
        let secrets = ["default", "value"].iter().filter_map(|key| field(mapping, key)).map(|node| node.span);
        reader.problems.mask(&secrets.collect::<Vec<_>>());
    }
    let commands = commands(mapping, what, reader);
    let definition = Definition {
        span,
        question: reader.text(mapping, "question", what),
        options: reader.texts(mapping, "options", what).unwrap_or_default(),
        password,
        pattern: pattern(mapping, what, reader),
        pattern_message: reader.text(mapping, "validationMessage", what),
        default: field(mapping, "default").cloned(),
        value: field(mapping, "value").cloned(),
        source: source(mapping, what, !commands.is_empty(), reader),
        commands,
        no_cache: reader.boolean(mapping, "noCache", what).unwrap_or(false),
        always_resolve: reader.boolean(mapping, "alwaysResolve", what),
    };
    if let (Some(value), Some(default)) = (mapping.get("value"), mapping.get("default"))
        && definition.value.is_some()
        && definition.default.is_some()
    {
        let report =
            Report::new("config::variable", format!("{what} has both `value` and `default`"), "here")
                .also(default.key, "and here")
                .help("keep `value` for a constant, or `default` for a value that users can change");
        reader.problems.add(value.key, report);
    }
    if definition.source == Source::Command && definition.commands.is_empty() {
        let report = Report::new(
            "config::variable",
            format!("{what} has the source `command` but no `command`"),
            "here",
        )
        .help("add `command`");
        reader.problems.add(span, report);
    }
    definition
}

fn source(mapping: &Mapping, what: &str, has_command: bool, reader: &mut Reader<'_>) -> Source {
    let fallback = if has_command { Source::Command } else { Source::All };
    let Some(node) = field(mapping, "source") else { return fallback };
    match reader.text(mapping, "source", what).as_deref() {
        None => fallback,
        Some("all") => Source::All,
        Some("env") => Source::Environment,
        Some("input") => Source::Input,
        Some("none") => Source::None,
        Some("command") => Source::Command,
        Some(other) => {
            let report = Report::new(
                "config::variable",
                format!("unknown variable source `{other}`"),
                "unknown source",
            )
            .suggest(other, ["all", "env", "input", "none", "command"]);
            reader.problems.add(node.span, report);
            fallback
        }
    }
}

fn pattern(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<Regex> {
    let node = field(mapping, "validationPattern")?;
    let text = reader.text(mapping, "validationPattern", what)?;
    let pattern = Regex::new(&text);
    if pattern.is_err() {
        let message = format!("`validationPattern` of {what} is not a regular expression");
        reader.problems.add(node.span, Report::new("config::pattern", message, "this pattern"));
    }
    pattern.ok()
}

fn commands(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<(OsCommand, Option<Vec<String>>)> {
    let mut commands = Vec::new();
    if let Some(node) = field(mapping, "commands") {
        let item = format!("a command of {what}");
        for node in reader.sequence(node, &format!("`commands` of {what}")).unwrap_or_default() {
            let Some(mapping) = reader.fields(node, &item, &["os", "command", "args"]) else { continue };
            if field(mapping, "command").is_none() {
                reader.missing(node, "command", &item);
                continue;
            }
            let os = reader.text(mapping, "os", &item);
            let args = reader.texts(mapping, "args", &item);
            commands.extend(
                reader.text(mapping, "command", &item).map(|command| (OsCommand { os, command }, args)),
            );
        }
    }
    let args = reader.texts(mapping, "args", what);
    commands
        .extend(reader.text(mapping, "command", what).map(|command| (OsCommand { os: None, command }, args)));
    commands
}
