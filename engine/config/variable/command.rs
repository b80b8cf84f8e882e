//! Values from commands: `command` of a variable, and expressions.

use std::time::Duration;

use super::definition::Definition;
use super::expression::{Expression, Mode};
use super::program::{NoOutput, output};
use super::provenance::Provenance;
use super::reference::{Part, parts};
use super::resolver::Resolver;
use super::shell_line::ShellLine;
use super::value::Resolved;
use crate::config::ConfigError;
use crate::config::node::{MAX_DEPTH, Scalar, Span, Value, YamlNode};
use crate::config::parse::parse;
use crate::config::problem::{Diagnostics, Report};
use crate::process::{Process, is_for_this_system};
use crate::secret::Secret;

/// The timeout of the command of a variable or of an expression.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

impl Resolver<'_> {
    /// The output of the variable's command for this operating system; if it is empty, the default.
    pub(super) fn command(
        &mut self,
        name: &str,
        definition: &Definition,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        let span = definition.span;
        let mut resolved = Resolved::new("", Provenance::Command);
        let chosen =
            definition.commands.iter().find(|(command, _)| is_for_this_system(command.os.as_deref()));
        let result = match chosen {
            None => Err(NoOutput::Failed("no command for this operating system".to_owned())),
            Some((command, None)) => {
                let process = self.shell(&command.command, &mut resolved, span, problems, |line| {
                    Process::configured(line, None)
                })?;
                self.output_of(process)
            }
            Some((command, Some(args))) => {
                let mut expand = |text: &str| {
                    let part = self.expand(text, Provenance::Command, span, problems)?;
                    resolved.absorb(&part);
                    Some(part.text)
                };
                let program = expand(&command.command)?;
                let args = args.iter().map(|arg| expand(arg)).collect::<Option<Vec<_>>>()?;
                let process = self.environment.pass_to(Process::configured(&program, Some(&args)));
                self.output_of(process)
            }
        };
        match result {
            Ok(text) => match &definition.default {
                Some(default) if text.trim().is_empty() => {
                    self.value_of(default, Provenance::Default, span, problems)
                }
                _ => Some(Resolved { text: text.trim().to_owned(), ..resolved }),
            },
            Err(NoOutput::Interrupted) => {
                self.cancelled = Some(ConfigError::Cancelled { name: name.to_owned() });
                None
            }
            Err(NoOutput::Failed(reason)) => {
                let message = format!("the command of variable `{name}` failed: {reason}");
                let report = Report::new("config::variable", message, "defined here")
                    .help(format!("run it manually to check it, or pass `--var {name}=VALUE`"));
                problems.add(span, report);
                None
            }
        }
    }

    /// The output of `process`, unless commands of the project are disabled.
    fn output_of(&self, process: Process) -> Result<String, NoOutput> {
        if !self.environment.allows_commands() {
            return Err(NoOutput::Failed("disabled by `--no-exec`".to_owned()));
        }
        let question = [vec![self.root.display().to_string()], process.argv()].concat();
        let run = || output(process, &self.root, COMMAND_LIMIT);
        match &self.predefined.copy {
            Some(copy) => copy.output(question, run),
            None => run(),
        }
    }

    /// The result of the expression at `span`.
    pub(super) fn evaluate(
        &mut self,
        expression: &Expression<'_>,
        provenance: Provenance,
        span: Span,
        problems: &mut Diagnostics,
    ) -> Option<Resolved> {
        if self.cancelled.is_some() {
            return None;
        }
        let mut resolved = Resolved::new("", provenance);
        let process = self.shell(expression.line, &mut resolved, span, problems, Process::shell)?;
        match self.output_of(process) {
            Ok(text) => {
                resolved.text = match expression.mode {
                    Mode::Verbatim => text,
                    Mode::Value | Mode::Text => text.trim().to_owned(),
                };
                if expression.mode == Mode::Value {
                    resolved.node = structured(&resolved.text, span, problems).map(Into::into);
                }
                Some(resolved)
            }
            Err(NoOutput::Interrupted) => {
                self.cancelled = Some(ConfigError::Interrupted { expression: shown(expression.line) });
                None
            }
            Err(NoOutput::Failed(reason)) => {
                let message = format!("the expression `$({})` failed: {reason}", shown(expression.line));
                let report = Report::new("config::expression", message, "this expression")
                    .help("run the command manually in the project directory to check it");
                problems.add(span, report);
                None
            }
        }
    }

    /// The process for a shell command line with its references filled in. The secrecy of their values is added to
    /// `resolved`.
    fn shell(
        &mut self,
        line: &str,
        resolved: &mut Resolved,
        span: Span,
        problems: &mut Diagnostics,
        process: impl FnOnce(&str) -> Process,
    ) -> Option<Process> {
        let mut shell = ShellLine::default();
        for part in parts(line).unwrap_or_else(|| vec![Part::Literal(line)]) {
            match part {
                Part::Literal(literal) => shell.push(literal, &[]),
                Part::Reference { name, .. } => {
                    let value = self.resolve(name, span, problems)?;
                    resolved.absorb(&value);
                    shell.push(&value.text, &value.secrets());
                }
            }
            if shell.line.len() > 1 << 20 {
                self.too_long(span, problems);
                return None;
            }
        }
        let (line, environment) = shell.finish();
        let with = |process: Process, (name, value): &(String, Secret)| process.env(name, value.expose());
        let process = self.environment.pass_to(process(&line));
        Some(environment.iter().fold(process, with))
    }
}

/// `text` parsed as a list, a map or null, with the location `span`.
pub(crate) fn structured(text: &str, span: Span, problems: &Diagnostics) -> Option<YamlNode> {
    if text == "null" {
        return Some(YamlNode { span, value: Value::Scalar(Scalar::null()) });
    }
    // Fast path: most outputs are one word, which is never a list or map.
    if !text.contains([':', '-', '{', '[']) {
        return None;
    }
    let mut node = parse(text, &mut problems.silent()).filter(|node| node.as_scalar().is_none())?;
    node.for_each_span(&mut |place| *place = span);
    (node.height() < MAX_DEPTH / 2).then_some(node)
}

/// `line`, truncated if it is long.
fn shown(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}
