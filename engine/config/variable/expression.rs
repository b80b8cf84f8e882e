//! Expressions: a string of the form `$(command)`.

/// A command whose output replaces the string.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expression<'a> {
    /// The shell command line.
    pub line: &'a str,
    pub mode: Mode,
}

/// The conversion of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `$(...)`: without surrounding white space; a boolean, a number, null, a list or a map if it has that form.
    Value,
    /// `$!(...)`: without surrounding white space, always a string.
    Text,
    /// `$#(...)`: unchanged, always a string.
    Verbatim,
}

/// Parses `text` as an expression. A text with `${runtime...}` is not one: its value is known only in a pipeline.
pub(crate) fn expression(text: &str) -> Option<Expression<'_>> {
    let rest = text.trim().strip_prefix('$')?;
    let (mode, rest) = match rest.as_bytes().first()? {
        b'!' => (Mode::Text, &rest[1..]),
        b'#' => (Mode::Verbatim, &rest[1..]),
        _ => (Mode::Value, rest),
    };
    let line = rest.strip_prefix('(')?.strip_suffix(')')?;
    let is_empty = line.trim().is_empty();
    (!is_empty && !text.contains("${runtime.")).then_some(Expression { line, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_in_parentheses_are_expressions() {
        let check = |text: &str, expected: Option<(&str, Mode)>| {
            let expected = expected.map(|(line, mode)| Expression { line, mode });
            assert_eq!(expression(text), expected, "{text}");
        };
        check("$(git describe)", Some(("git describe", Mode::Value)));
        check("$!(echo 1)", Some(("echo 1", Mode::Text)));
        check("$#(echo 1)", Some(("echo 1", Mode::Verbatim)));
        check("$(\necho (a)\n)\n", Some(("\necho (a)\n", Mode::Value)));
        for text in
            ["$", "$()", "$( )", "a $(b)", "$(a) b", "$${A}", "$$(a)", "$!", "${A}", "$(echo ${runtime.a})"]
        {
            check(text, None);
        }
    }
}
