//! The section `commands`.

use indexmap::IndexMap;

use super::entries::entries;
use crate::config::CommandConfig;
use crate::config::node::{Entry, Value, YamlNode};
use crate::config::problem::Report;
use crate::config::reader::{Reader, with_variables};

/// Reads `commands`. Errors inside of a command matter only when it runs, but duplicate names are reported.
pub(crate) fn commands(
    section: Option<&YamlNode>,
    reader: &mut Reader<'_>,
) -> IndexMap<String, CommandConfig> {
    let mut commands: IndexMap<String, CommandConfig> = IndexMap::new();
    for entry in entries(section) {
        let Some(name) = entry.name else { continue };
        let origin = reader.problems.origin(entry.span);
        if let Some(first) = commands.get(&name) {
            let message = format!("duplicate command `{name}`, first defined at {}", first.origin);
            let report = Report::new("config::duplicate", message, "again here").help("rename one of them");
            reader.problems.add(entry.span, report);
            continue;
        }
        let what = format!("command `{name}`");
        let mut command = CommandConfig {
            name: name.clone(),
            origin,
            command: String::new(),
            args: None,
            append_args: true,
            description: None,
            section: None,
            internal: false,
            after: None,
            secrets: Vec::new(),
        };
        match &entry.node.value {
            Value::Scalar(_) => {
                let text = reader.string(entry.node, &what).unwrap_or_default();
                command.command = with_variables(text, entry.node, &mut command.secrets);
            }
            Value::Mapping(mapping) => {
                command.args = reader.texts(mapping, "args", &what);
                let (is_line, secrets) = (command.args.is_none(), &mut command.secrets);
                command.command = reader.command(mapping, &what, is_line, secrets).unwrap_or_default();
                command.append_args = reader.boolean(mapping, "appendArgs", &what).unwrap_or(true);
                command.description = reader.text(mapping, "description", &what);
                command.section = reader.text(mapping, "section", &what);
                command.internal = reader.boolean(mapping, "internal", &what).unwrap_or(false);
                command.after = reader.shell_line(mapping, "after", &what, &mut command.secrets);
            }
            Value::Sequence(_) => continue,
        }
        commands.insert(name, command);
    }
    commands
}

/// The command `name` in the section `commands`.
pub(crate) fn command_mut<'n>(section: &'n mut Entry, name: &str) -> Option<&'n mut YamlNode> {
    match &mut section.node.value {
        Value::Mapping(entries) => entries.get_mut(name).map(|entry| &mut entry.node),
        Value::Sequence(items) => items.iter_mut().find(|item| {
            let scalar = item.get("name").and_then(YamlNode::as_scalar);
            scalar.is_some_and(|scalar| scalar.text.trim() == name)
        }),
        Value::Scalar(_) => None,
    }
}
