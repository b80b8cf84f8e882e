//! Expressions: a whole text of the form `$(command)` (spec config §13.2).

/// A command whose output takes the place of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expression<'a> {
    /// The shell line.
    pub line: &'a str,
    pub mode: Mode,
}

/// What becomes of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `$(...)`: without white space around it; a truth value, a number, null, a list or a map if it looks like one.
    Value,
    /// `$!(...)`: without white space around it, always a text.
    Text,
    /// `$#(...)`: as it was printed, always a text.
    Verbatim,
}

/// The expression that `text` is. What refers to `${runtime...}` is none: that is known only while a pipeline runs.
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
