//! References in a string: `${NAME}`.

/// A part of a string.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Literal text.
    Literal(&'a str),
    /// `${NAME}`, or `$!{NAME}` if `forced` to be a string.
    Reference { name: &'a str, forced: bool },
}

/// The parts of `text`; `None` if it has no reference and no escape, and so stays unchanged.
///
/// A reference is `$`, an optional `!`, and letters, digits, `-`, `_` or `.` in braces. With more than one `$` it is an
/// escape: one `$` is removed and the rest is literal. Names that start with `runtime.` are ignored: their values are
/// known only while the pipeline runs.
pub(crate) fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut from = 0;
    let mut found = false;
    while let Some(start) = text[from..].find('$').map(|at| from + at) {
        let name_start = text[start..].find(|c| c != '$').map_or(text.len(), |at| start + at);
        from = name_start;
        let rest = &text[name_start..];
        let (forced, rest) = rest.strip_prefix('!').map_or((false, rest), |rest| (true, rest));
        let Some((name, after)) = rest.strip_prefix('{').and_then(|inside| inside.split_once('}')) else {
            continue;
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(valid) || name.starts_with("runtime.") {
            continue;
        }
        found = true;
        if literal < start {
            parts.push(Part::Literal(&text[literal..start]));
        }
        let end = text.len() - after.len();
        match name_start - start {
            1 => parts.push(Part::Reference { name, forced }),
            _ => parts.push(Part::Literal(&text[start + 1..end])),
        }
        literal = end;
        from = end;
    }
    if !found {
        return None;
    }
    if literal < text.len() {
        parts.push(Part::Literal(&text[literal..]));
    }
    Some(parts)
}

/// Escapes `text`: adds a `$` before everything that looks like a reference.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        let dollars = rest[start..].chars().take_while(|c| *c == '$').count();
        let (before, after) = rest.split_at(start + dollars);
        escaped.push_str(before);
        // Only the text after the `$` decides; check it with a single `$`.
        let end = after.find('}').map_or(0, |end| end + 1);
        if parts(&format!("${}", &after[..end])).is_some() {
            escaped.push('$');
        }
        rest = after;
    }
    escaped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[Part<'_>]>) {
        assert_eq!(parts(text).as_deref(), expected, "{text}");
    }

    const fn reference(name: &str) -> Part<'_> {
        Part::Reference { name, forced: false }
    }

    #[test]
    fn references_are_found_with_the_text_around_them() {
        check("plain", None);
        check("${X}", Some(&[reference("X")]));
        check("$!{X}", Some(&[Part::Reference { name: "X", forced: true }]));
        check(
            "a-${X}.${devspace.git.commit}",
            Some(&[
                Part::Literal("a-"),
                reference("X"),
                Part::Literal("."),
                reference("devspace.git.commit"),
            ]),
        );
        check("é$é${X}é", Some(&[Part::Literal("é$é"), reference("X"), Part::Literal("é")]));
    }

    #[test]
    fn escapes_lose_one_dollar() {
        check("$${X}", Some(&[Part::Literal("${X}")]));
        check("$$${X}", Some(&[Part::Literal("$${X}")]));
        check("a$$!{X}b", Some(&[Part::Literal("a"), Part::Literal("$!{X}"), Part::Literal("b")]));
    }

    #[test]
    fn escaped_characters_are_literal() {
        for text in ["", "$", "a${X}b", "$$!{X}", "${a:b}${X}", "${}${é}$${x}", "${runtime.a}", "$(date) ${X"]
        {
            let escaped = escape(text);
            let literal = match parts(&escaped) {
                None => escaped.clone(),
                Some(parts) => parts
                    .iter()
                    .map(|part| match part {
                        Part::Literal(literal) => *literal,
                        Part::Reference { .. } => panic!("{text} became {escaped}"),
                    })
                    .collect(),
            };
            assert_eq!(literal, text, "{escaped}");
        }
    }

    #[test]
    fn other_dollars_stay() {
        for text in
            ["$", "$$", "$X", "${", "${}", "${a:b}", "${ X }", "$(date)", "$!", "${runtime.images.api.tag}"]
        {
            check(text, None);
        }
    }
}
