//! Here-documents: `<<EOF` and the lines up to `EOF` (Dockerfile reference, "Here-Documents").

/// The first word of a here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeredocMarker {
    /// The line that terminates it.
    pub(super) terminator: String,
    /// `<<-`: leading tabs are removed.
    pub(super) strips_tabs: bool,
    /// Whether variables in it are expanded: no part of the terminator is quoted.
    pub(super) expands: bool,
}

impl HeredocMarker {
    /// The here-documents that the instruction `line` opens, in order.
    ///
    /// # Errors
    /// The error in one of them, as a phrase.
    pub(super) fn all_in(line: &str) -> Result<Vec<Self>, String> {
        if !line.contains("<<") {
            return Ok(Vec::new());
        }
        // A line with an open quote is left to the shell; it is not a here-document.
        let words = words(line, true).unwrap_or_default();
        words.iter().filter_map(|word| Self::parse(word).transpose()).collect()
    }

    /// The here-document that `word` opens, if it is one: digits, `<<`, an optional `-`, the terminator.
    ///
    /// # Errors
    /// A terminator with an open quote, as a phrase.
    pub(super) fn parse(word: &str) -> Result<Option<Self>, String> {
        let Some(rest) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
            return Ok(None);
        };
        let (rest, strips_tabs) = match rest.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rest = rest.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r']);
        if rest.is_empty() || rest.contains('<') {
            return Ok(None);
        }
        let words = words(rest, false)?;
        let [terminator] = words.as_slice() else { return Ok(None) };
        let expands = terminator == rest;
        Ok(Some(Self { terminator: terminator.clone(), strips_tabs, expands }))
    }
}

/// The words of `text` as a shell splits them. `raw` keeps quotes and escapes. Variables are not expanded.
fn words(text: &str, raw: bool) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                if raw {
                    word.push(c);
                }
                loop {
                    let Some(inner) = chars.next() else {
                        return Err("a quote in the name of a here-document is not closed".into());
                    };
                    if inner == c {
                        break;
                    }
                    if inner == '\\' && c == '"' {
                        let escaped = chars.next_if(|c| matches!(c, '"' | '$' | '\\'));
                        if raw || escaped.is_none() {
                            word.push(inner);
                        }
                        word.extend(escaped);
                        continue;
                    }
                    word.push(inner);
                }
                if raw {
                    word.push(c);
                }
            }
            '\\' => {
                if raw {
                    word.push(c);
                }
                word.extend(chars.next());
            }
            // White space between `<<` and the name is allowed.
            '<' if chars.peek() == Some(&'<') => {
                chars.next();
                word.push_str("<<");
                while let Some(space) = chars.next_if(|c| matches!(c, ' ' | '\t')) {
                    word.push(space);
                }
            }
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let heredocs = HeredocMarker::all_in(line).unwrap();
        let terminators: Vec<_> = heredocs.iter().map(|heredoc| heredoc.terminator.as_str()).collect();
        assert_eq!(terminators, expected, "{line}");
    }

    #[test]
    fn heredocs_are_found_as_a_shell_finds_them() {
        check("RUN cat <<EOF > /x", &["EOF"]);
        check("COPY <<A <<-'B' 3<<\"C D\" /x/", &["A", "B", "C D"]);
        check("RUN cat << EOF", &["EOF"]);
        check("RUN echo '<<EOF' \"<<EOF\" \\<<EOF <<<EOF", &[]);
        check("RUN cat <<EOF 'open", &[]);
    }
}
