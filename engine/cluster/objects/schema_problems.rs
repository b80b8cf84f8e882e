//! The fields that are unknown to the API server, or that have the wrong type.

use super::FieldProblem;

/// The problems in `: .spec.replica: field not declared in schema`, or in a list of them after `errors:`.
pub(super) fn typed_patch(text: &str) -> Vec<FieldProblem> {
    // Newer servers name the object in parentheses.
    let text = match text.strip_prefix(" (") {
        Some(rest) => rest.split_once("): ").map_or(rest, |(_, rest)| rest),
        None => text.strip_prefix(": ").unwrap_or(text),
    };
    let text = text.strip_prefix("errors:").unwrap_or(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (field, message) = match line.strip_prefix('.').and_then(|line| line.split_once(": ")) {
                Some((field, message)) => (field, message),
                None => ("", line),
            };
            let message = if message.starts_with("field not declared") {
                "unknown field".to_owned()
            } else {
                message.replace("got *value.valueUnstructured", "got another type")
            };
            FieldProblem { field: field.to_owned(), message }
        })
        .collect()
}

/// The problems in `unknown field "spec.foo", unknown field "spec.bar"`.
pub(super) fn strict(text: &str) -> Vec<FieldProblem> {
    let problem = |text: &str| match text.split_once('"') {
        Some((message, field)) => {
            FieldProblem { field: field.trim_end_matches('"').to_owned(), message: message.trim().to_owned() }
        }
        None => FieldProblem { field: String::new(), message: text.to_owned() },
    };
    text.split(", ").map(problem).collect()
}
