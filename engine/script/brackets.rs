//! Which brackets of a script are open.

/// The innermost bracket that `text` opens and does not close, and its offset. Brackets in strings and comments do not
/// count.
pub fn innermost_open(text: &str) -> Option<(char, usize)> {
    let mut open = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, char)) = rest.next() {
        match char {
            '(' | '[' | '{' => open.push((char, at)),
            ')' | ']' | '}' => drop(open.pop()),
            '/' if rest.peek().is_some_and(|(_, next)| *next == '/') => {
                rest.by_ref().find(|(_, char)| *char == '\n');
            }
            '"' | '`' => {
                let mut is_escaped = false;
                rest.by_ref().find(|(_, inside)| {
                    let is_end = *inside == char && !is_escaped;
                    is_escaped = char == '"' && *inside == '\\' && !is_escaped;
                    is_end
                });
            }
            _ => {}
        }
    }
    open.pop()
}

/// The bracket that closes `open`.
pub fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn innermost_open_bracket_is_found() {
        let check = |text: &str, expected: Option<(char, usize)>| assert_eq!(innermost_open(text), expected);
        check("fn a() { b(", Some(('(', 10)));
        check("fn a() { b() ", Some(('{', 7)));
        check("fn a() { [\"(\", `{`, // [\n", Some(('[', 9)));
        check("\"\\\"(\" {", Some(('{', 6)));
        check("fn a() { }", None);
    }
}
