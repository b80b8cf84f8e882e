//! Parses `.env` files like godotenv and Docker Compose.

/// The maximum nesting of defaults: `${A:-${B:-c}}`.
const DEEPEST: usize = 16;

/// The maximum length of a default in characters. Without it, a file of open braces takes quadratic time.
const LONGEST: usize = 1000;

/// The variables that `text` sets, in file order.
///
/// A line is `NAME=VALUE` or `NAME: VALUE`, with an optional `export` prefix. Single quotes contain literal text;
/// double quotes support `\n`, `\r`, `\t` and escaped characters; both may span several lines. A value without quotes
/// ends at the end of its line or at a comment: a `#` after a space. `$NAME`, `${NAME}`, `${NAME:-default}` and
/// `${NAME:+other}` are replaced with an earlier value of the file, otherwise with that of `outer`, otherwise with
/// nothing; not in single quotes and not after a backslash.
pub(super) fn parse(text: &str, outer: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = next_name(&mut rest) {
        let known = |name: &str| {
            let own = variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            own.or_else(|| outer(name))
        };
        let (value, end) = value(after, &known);
        rest = end;
        // A variable cannot contain NUL.
        if !name.contains('\0') && !value.contains('\0') {
            variables.push((name.to_owned(), value));
        }
    }
    variables
}

/// The next name in `rest` and the text after its `=`; lines that set nothing are skipped.
fn next_name<'a>(rest: &mut &'a str) -> Option<(&'a str, &'a str)> {
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (line, after) = line_of(rest);
        let statement = line.strip_prefix("export").filter(|rest| rest.starts_with(is_blank)).unwrap_or(line);
        let statement = statement.trim_start();
        let name = statement.find(['=', ':']).map(|at| (statement[..at].trim_end(), at + 1));
        match name {
            Some((name, at)) if is_name(name) => {
                let from = line.len() - statement.len() + at;
                return Some((name, &rest[from..]));
            }
            _ => *rest = after,
        }
    }
}

/// Unicode letters, digits, `_`, `.` and `-`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// The value at the start of `text`, and the text after its line.
fn value<'a>(text: &'a str, known: &dyn Fn(&str) -> Option<String>) -> (String, &'a str) {
    let (line, after) = line_of(text);
    let quoted = text.trim_start_matches(is_blank);
    if let Some(quoted) = quoted.strip_prefix('\'')
        && let Some(end) = closing(quoted, '\'')
    {
        return (quoted[..end].to_owned(), line_of(&quoted[end..]).1);
    }
    if let Some(quoted) = quoted.strip_prefix('"')
        && let Some(end) = closing(quoted, '"')
    {
        return (expand(&quoted[..end], true, known, DEEPEST), line_of(&quoted[end..]).1);
    }
    let value = match comment(line) {
        Some(at) => &line[..at],
        None => line,
    };
    // An unclosed quote ends with its line.
    match value.trim() {
        value if value.starts_with('\'') => (value[1..].to_owned(), after),
        value if value.starts_with('"') => (expand(&value[1..], true, known, DEEPEST), after),
        value => (expand(value, false, known, DEEPEST), after),
    }
}

/// The first line of `text` without its line ending (LF, CR or CRLF), and the text after it.
fn line_of(text: &str) -> (&str, &str) {
    match text.find(['\n', '\r']) {
        Some(at) => (&text[..at], text[at + 1..].strip_prefix('\n').unwrap_or(&text[at + 1..])),
        None => (text, ""),
    }
}

/// The index in `text` of the quote that closes it.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, character)| {
        if character == quote && !is_escaped {
            return Some(at);
        }
        is_escaped = character == '\\' && !is_escaped;
        None
    })
}

/// The index of the comment in `line`.
fn comment(line: &str) -> Option<usize> {
    let mut before = None;
    line.char_indices().find_map(|(at, character)| {
        let begins = character == '#' && before.is_some_and(is_blank);
        before = Some(character);
        begins.then_some(at)
    })
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\n' | '\r')
}

/// Expands the references in `text` and, in double quotes, its escapes.
fn expand(text: &str, in_quotes: bool, known: &dyn Fn(&str) -> Option<String>, depth: usize) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '$']) {
        value.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with('$') {
            match reference(after, known, depth) {
                Some((found, end)) => {
                    value.push_str(&found);
                    rest = end;
                }
                None => {
                    value.push('$');
                    rest = after;
                }
            }
            continue;
        }
        let mut characters = after.chars();
        let next = characters.next();
        match next {
            Some('$') => value.push('$'),
            Some('n') if in_quotes => value.push('\n'),
            Some('r') if in_quotes => value.push('\r'),
            Some('t') if in_quotes => value.push('\t'),
            Some(other) if in_quotes => value.push(other),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
        rest = characters.as_str();
    }
    value + rest
}

/// The value of the reference after a `$`, and the text after it. `None` if it is not a reference: a single dollar
/// sign is literal, and so is an undefined name with lower-case letters, as in passwords.
fn reference<'a>(
    text: &'a str,
    known: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Option<(String, &'a str)> {
    let inner = text.strip_prefix('{').unwrap_or(text);
    let is_braced = inner.len() < text.len();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let found = known(name);
    let has_rule = is_braced && after.starts_with([':', '-', '+']);
    if found.is_none() && !has_rule && name.contains(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    if !is_braced {
        return Some((found.unwrap_or_default(), after));
    }
    let depth = depth.checked_sub(1)?;
    let close = closing_brace(after)?;
    let (rule, after) = (&after[..close], &after[close + 1..]);
    let is_set = found.is_some();
    let is_full = found.as_ref().is_some_and(|value| !value.is_empty());
    let other = |text: &str| expand(text, true, known, depth);
    let value = if let Some(text) = rule.strip_prefix(":-") {
        if is_full { found.unwrap_or_default() } else { other(text) }
    } else if let Some(text) = rule.strip_prefix('-') {
        if is_set { found.unwrap_or_default() } else { other(text) }
    } else if let Some(text) = rule.strip_prefix(":+") {
        if is_full { other(text) } else { String::new() }
    } else if let Some(text) = rule.strip_prefix('+') {
        if is_set { other(text) } else { String::new() }
    } else if rule.is_empty() || rule.starts_with('?') || rule.starts_with(":?") {
        found.unwrap_or_default()
    } else {
        return None;
    };
    Some((value, after))
}

/// The index in `text` of the brace that closes it.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    text.char_indices().take(LONGEST).find_map(|(at, character)| {
        match character {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let outer = |name: &str| (name == "HOME").then(|| "/home/ann".to_owned());
        let found = parse(text, outer);
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn names_and_lines() {
        check("A=1\nB=2\r\nC=3\rD=4", &[("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")]);
        check("  export A = 1\nexport\tB=2\nexportC=3", &[("A", "1"), ("B", "2"), ("exportC", "3")]);
        check("A: yaml\nB:x=y\na.b-c=1", &[("A", "yaml"), ("B", "x=y"), ("a.b-c", "1")]);
        check("# A=1\n\n   # B=2\nC=3\n#", &[("C", "3")]);
        check("nothing\n=1\nA B=2\nC=", &[("C", "")]);
        check("A=1\nA=2", &[("A", "1"), ("A", "2")]);
        check("A=a\0b\nÄ=ö", &[("Ä", "ö")]);
        check("", &[]);
    }

    #[test]
    fn comments_and_blanks() {
        check(
            "A=x # y # z\nB=x#y\nC= # none\nD=#hash",
            &[("A", "x"), ("B", "x#y"), ("C", ""), ("D", "#hash")],
        );
        check("A='x # y' # z\nB=\"x # y\" # z\nC=3", &[("A", "x # y"), ("B", "x # y"), ("C", "3")]);
        check("A=  a b \t\nB=\t'  c '", &[("A", "a b"), ("B", "  c ")]);
    }

    #[test]
    fn quotes_and_escapes() {
        check(r#"A="a\nb\tc\"d\\e\q""#, &[("A", "a\nb\tc\"d\\eq")]);
        check(r"A='a\nb $HOME'", &[("A", r"a\nb $HOME")]);
        check(r"A=a\nb\x", &[("A", r"a\nb\x")]);
        check(r"A='it\'s'", &[("A", r"it\'s")]);
        check("A=it's\nB=say \"x\"", &[("A", "it's"), ("B", "say \"x\"")]);
        check("A=\"\"\nB=''", &[("A", ""), ("B", "")]);
        check("A={\"a\": \"b\"}", &[("A", "{\"a\": \"b\"}")]);
    }

    #[test]
    fn values_go_over_several_lines_in_quotes() {
        check(
            "A=\"one\ntwo # no\n\" # c\nB='x\r\ny'\nC=3",
            &[("A", "one\ntwo # no\n"), ("B", "x\r\ny"), ("C", "3")],
        );
        check("A=\"open\nB=2", &[("A", "open"), ("B", "2")]);
        check("A='open # c\nB=2", &[("A", "open"), ("B", "2")]);
    }

    #[test]
    fn references() {
        check(
            "R=reg\nA=${R}/app\nB=\"$R-1\"\nC='${R}'",
            &[("R", "reg"), ("A", "reg/app"), ("B", "reg-1"), ("C", "${R}")],
        );
        check("A=$HOME/x\nHOME=/root\nB=$HOME", &[("A", "/home/ann/x"), ("HOME", "/root"), ("B", "/root")]);
        check("A=\\$HOME\nB=\"\\${HOME}\"", &[("A", "$HOME"), ("B", "${HOME}")]);
        check(
            "A=[$NONE]\nB=[${NONE}]\nC=$LATER\nLATER=1",
            &[("A", "[]"), ("B", "[]"), ("C", ""), ("LATER", "1")],
        );
        check(
            "A=pa$$word$\nB=5$ 7$8\nlow=1\nC=$low",
            &[("A", "pa$$word$"), ("B", "5$ 7$8"), ("low", "1"), ("C", "1")],
        );
        check(
            "A=${HOME:-x}\nB=${N:-x}\nC=${N-$HOME}\nD=${HOME:+y}",
            &[("A", "/home/ann"), ("B", "x"), ("C", "/home/ann"), ("D", "y")],
        );
        check(
            "E=\nA=${E:-x}\nB=${E-x}\nC=${E:+x}\nD=${E+x}",
            &[("E", ""), ("A", "x"), ("B", ""), ("C", ""), ("D", "x")],
        );
        check("A=${N:-${M:-$HOME}}\nB=${HOME\nC=${}", &[("A", "/home/ann"), ("B", "${HOME"), ("C", "${}")]);
        check("A=$word-x\nB=${word-x}", &[("A", "$word-x"), ("B", "x")]);
        for deep in [format!("A={}x{}", "${N:-".repeat(2000), "}".repeat(2000)), "A=${N".repeat(2000)] {
            assert_eq!(parse(&deep, |_| None).len(), 1, "it terminates");
        }
    }
}
