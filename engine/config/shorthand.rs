//! The short forms of v2beta1: a string instead of a map.

use super::node::{Entry, Mapping, Scalar, Value, YamlNode};
use super::version::Version;

/// Expands short forms, so that `vars`, `commands` and `pipelines` contain only maps: the variable `X: 1` is
/// `X: {value: 1}` and `X: $(date)` is `X: {command: date}`, the command `test: go test` is
/// `test: {command: go test}`, a pipeline that is a string is `{run: STRING}`.
pub(crate) fn expand(document: &mut YamlNode, version: Version) {
    let Value::Mapping(document) = &mut document.value else { return };
    if version < Version::V2beta1 {
        return;
    }
    for (section, long) in [("vars", variable as fn(_) -> _), ("commands", command), ("pipelines", pipeline)]
    {
        let Some(entry) = document.get_mut(section) else { continue };
        let Value::Mapping(entries) = &mut entry.node.value else { continue };
        for entry in entries.values_mut().filter(|entry| !entry.node.is_null()) {
            let Value::Scalar(scalar) = &entry.node.value else { continue };
            let (key, scalar) = long(scalar.clone());
            let text = YamlNode { span: entry.node.span, value: Value::Scalar(scalar) };
            let entries = Mapping::from([(key.to_owned(), Entry { key: entry.node.span, node: text })]);
            entry.node.value = Value::Mapping(entries);
        }
    }
}

fn variable(scalar: Scalar) -> (&'static str, Scalar) {
    match scalar.text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')) {
        Some(command) => ("command", Scalar { text: command.to_owned(), ..scalar }),
        None => ("value", scalar),
    }
}

fn command(scalar: Scalar) -> (&'static str, Scalar) {
    ("command", scalar)
}

fn pipeline(scalar: Scalar) -> (&'static str, Scalar) {
    ("run", scalar)
}
