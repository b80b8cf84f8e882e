//! One pattern of an ignore file.

use std::fmt::Write as _;
use std::sync::OnceLock;

use regex::Regex;

use super::glob::Glob;

/// A compiled pattern. It matches a path itself, but not the paths below a matching directory.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Whether it includes paths again that an earlier pattern excluded (`!`).
    pub(crate) negated: bool,
    text: String,
    kind: MatchStrategy,
    /// The maximum number of components of a matching path, if known.
    depth: Option<usize>,
}

/// The cheapest test with the correct result.
#[derive(Debug)]
enum MatchStrategy {
    /// The path equals the pattern.
    Exact,
    /// The path starts with the pattern up to its final `**`.
    Prefix,
    /// The path ends with the pattern after its leading `**`.
    Suffix,
    /// The path's last `components` match the wildcards; without a leading `**/` they must be the whole path.
    Tail { anywhere: bool, components: usize, prefix: String, suffix: String, glob: Glob },
    /// The path starts and ends with these literals and matches the expression.
    Expression { prefix: String, suffix: String, source: String, regex: OnceLock<Option<Regex>> },
}

impl Pattern {
    /// Compiles a cleaned pattern; `None` if it is malformed.
    pub(crate) fn compile(pattern: &str) -> Option<Self> {
        let (negated, text) = match pattern.strip_prefix('!') {
            Some("") => return None,
            Some(text) => (true, text),
            None => (false, pattern),
        };
        Glob::parse(text)?;
        let plain = !text.contains(['[', '\\', '^']) && !text.contains("**");
        let depth = plain.then(|| text.matches('/').count() + 1);
        Some(Self { negated, text: text.to_owned(), kind: MatchStrategy::of(text)?, depth })
    }

    /// The pattern that matches only `path`.
    pub(super) fn literal(path: String) -> Self {
        let depth = Some(path.matches('/').count() + 1);
        Self { negated: false, text: path, kind: MatchStrategy::Exact, depth }
    }

    /// Whether `path` itself matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        match &self.kind {
            MatchStrategy::Exact => path == self.text,
            MatchStrategy::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            MatchStrategy::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix('/').is_some_and(|name| path == name)
            }
            MatchStrategy::Tail { anywhere, components, prefix, suffix, glob } => {
                path.ends_with(suffix.as_str())
                    && path.starts_with(prefix.as_str())
                    && tail(path, *components)
                        .is_some_and(|(above, tail)| (*anywhere || above.is_empty()) && glob.matches(tail))
            }
            MatchStrategy::Expression { prefix, suffix, source, regex } => {
                path.starts_with(prefix.as_str())
                    && path.ends_with(suffix.as_str())
                    && regex
                        .get_or_init(|| Regex::new(source).ok())
                        .as_ref()
                        .is_some_and(|regex| regex.is_match(path))
            }
        }
    }

    /// Whether a path below `folder` could match.
    pub(super) fn may_match_below(&self, folder: &str) -> bool {
        if self.depth.is_some_and(|depth| depth <= folder.matches('/').count() + 1) {
            return false;
        }
        let literal = match &self.kind {
            MatchStrategy::Exact => self.text.as_str(),
            MatchStrategy::Prefix => &self.text[..self.text.len() - 2],
            MatchStrategy::Suffix => "",
            MatchStrategy::Tail { prefix, .. } | MatchStrategy::Expression { prefix, .. } => prefix,
        };
        match literal.strip_prefix(folder) {
            Some(below) => below.is_empty() || below.starts_with('/'),
            None => folder.starts_with(literal),
        }
    }
}

/// A path split into the part before its last `components`, and those.
fn tail(path: &str, components: usize) -> Option<(&str, &str)> {
    match path.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'/').nth(components - 1) {
        Some((slash, _)) => Some((&path[..slash], &path[slash + 1..])),
        None => (path.bytes().filter(|byte| *byte == b'/').count() + 1 == components).then_some(("", path)),
    }
}

impl MatchStrategy {
    /// The common case of `*` and `?` between plain characters, without a regular expression.
    fn tail(text: &str) -> Option<Self> {
        let (anywhere, rest) = match text.strip_prefix("**/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains(['[', ']', '\\', '^']) || rest.contains("**") {
            return None;
        }
        let first = rest.find(['*', '?'])?;
        let last = rest.rfind(['*', '?'])?;
        Some(Self::Tail {
            anywhere,
            components: rest.matches('/').count() + 1,
            prefix: if anywhere { String::new() } else { rest[..first].to_owned() },
            suffix: rest[last + 1..].to_owned(),
            glob: Glob::parse(rest)?,
        })
    }

    /// Classifies a pattern as moby's `patternmatcher` does, because its choice is visible: an exact or suffix
    /// comparison does not support wildcards.
    fn of(text: &str) -> Option<Self> {
        if let Some(tail) = Self::tail(text) {
            return Some(tail);
        }
        #[derive(PartialEq)]
        enum Class {
            Exact,
            Prefix,
            Suffix,
            Expression,
        }
        let mut class = Class::Exact;
        let mut expression = String::from("^");
        let mut rest = text.chars().peekable();
        let mut first = true;
        while let Some(character) = rest.next() {
            match character {
                '*' if rest.next_if_eq(&'*').is_some() => {
                    rest.next_if_eq(&'/');
                    if rest.peek().is_some() {
                        expression.push_str("(.*/)?");
                        class = Class::Expression;
                    } else if class == Class::Exact {
                        class = Class::Prefix;
                    } else {
                        expression.push_str(".*");
                        class = Class::Expression;
                    }
                    if first {
                        class = Class::Suffix;
                    }
                }
                '*' => {
                    expression.push_str("[^/]*");
                    class = Class::Expression;
                }
                '?' => {
                    expression.push_str("[^/]");
                    class = Class::Expression;
                }
                '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => {
                    expression.push('\\');
                    expression.push(character);
                }
                '\\' => {
                    expression.push('\\');
                    expression.push(rest.next()?);
                    class = Class::Expression;
                }
                '[' | ']' => {
                    expression.push(character);
                    class = Class::Expression;
                }
                literal => expression.push(literal),
            }
            first = false;
        }
        expression.push('$');
        Some(match class {
            Class::Exact => Self::Exact,
            Class::Prefix => Self::Prefix,
            Class::Suffix => Self::Suffix,
            Class::Expression => {
                let Translated { source, prefix, suffix } = translate(&expression)?;
                let regex = OnceLock::new();
                // Only a huge pattern can exceed the limits of the regex engine; that must be an error, not
                // a pattern that never matches.
                if text.len() > 500 {
                    let _ = regex.set(Some(Regex::new(&source).ok()?));
                }
                Self::Expression { prefix, suffix, source, regex }
            }
        })
    }
}

/// A Go expression in the syntax of the regex crate, and the literals that every match starts and ends with.
struct Translated {
    source: String,
    prefix: String,
    suffix: String,
}

/// Translates the expressions that [`MatchStrategy::of`] creates. The dialects differ in escapes and inside classes,
/// where moby leaves a pattern's characters unchanged.
fn translate(expression: &str) -> Option<Translated> {
    let mut source = String::new();
    let mut prefix = None;
    let mut literals = String::new();
    let mut rest = expression.strip_prefix('^')?.strip_suffix('$')?.chars();
    source.push('^');
    while let Some(character) = rest.next() {
        let literal = match character {
            '[' => {
                class(&mut rest, &mut source)?;
                None
            }
            '\\' => {
                let escape = escape(rest.next()?)?;
                match escape {
                    Escape::Literal(_) => {}
                    Escape::Class(class) => write!(source, "[{class}]").ok()?,
                    Escape::Assertion(assertion) => source.push_str(assertion),
                }
                if let Escape::Literal(literal) = escape { Some(literal) } else { None }
            }
            '.' | '(' | ')' | '*' | '?' | '^' => {
                source.push(character);
                None
            }
            literal => Some(literal),
        };
        match literal {
            Some(literal) => {
                push_literal(&mut source, literal);
                literals.push(literal);
            }
            None => {
                let before = std::mem::take(&mut literals);
                prefix.get_or_insert(before);
            }
        }
    }
    source.push('$');
    Some(Translated { source, prefix: prefix.unwrap_or_default(), suffix: literals })
}

/// Translates the class after its `[`.
fn class(rest: &mut std::str::Chars<'_>, source: &mut String) -> Option<()> {
    source.push('[');
    if rest.as_str().starts_with('^') {
        rest.next();
        source.push('^');
    }
    let mut first = true;
    loop {
        if let Some(named) = rest.as_str().strip_prefix("[:")
            && let Some(end) = named.find(":]")
        {
            let name = &named[..end];
            if !POSIX_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return None;
            }
            write!(source, "[:{name}:]").ok()?;
            *rest = named[end + 2..].chars();
            first = false;
            continue;
        }
        let low = match rest.next()? {
            ']' if !first => break,
            '\\' => match escape(rest.next()?)? {
                Escape::Literal(literal) => literal,
                Escape::Class(class) => {
                    write!(source, "[{class}]").ok()?;
                    first = false;
                    continue;
                }
                Escape::Assertion(_) => return None,
            },
            literal => literal,
        };
        first = false;
        let mut ahead = rest.clone();
        if ahead.next() == Some('-') && !ahead.as_str().starts_with(']') {
            let high = match ahead.next()? {
                '\\' => match escape(ahead.next()?)? {
                    Escape::Literal(literal) => literal,
                    Escape::Class(_) | Escape::Assertion(_) => return None,
                },
                literal => literal,
            };
            if high < low {
                return None;
            }
            push_literal(source, low);
            source.push('-');
            push_literal(source, high);
            *rest = ahead;
        } else {
            push_literal(source, low);
        }
    }
    source.push(']');
    Some(())
}

const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// The meaning of `\` and a character in a Go expression.
enum Escape {
    Literal(char),
    /// The content of a class.
    Class(&'static str),
    Assertion(&'static str),
}

/// Docker passes an escaped letter to Go's regular expressions, so `\d` is a digit and `\y` is an error.
fn escape(character: char) -> Option<Escape> {
    Some(match character {
        'd' => Escape::Class("0-9"),
        'D' => Escape::Class("^0-9"),
        's' => Escape::Class("\\t\\n\\x0c\\r "),
        'S' => Escape::Class("^\\t\\n\\x0c\\r "),
        'w' => Escape::Class("0-9A-Za-z_"),
        'W' => Escape::Class("^0-9A-Za-z_"),
        'b' => Escape::Assertion("(?-u:\\b)"),
        'B' => Escape::Assertion("(?-u:\\B)"),
        'A' => Escape::Assertion("\\A"),
        'z' => Escape::Assertion("\\z"),
        'a' => Escape::Literal('\x07'),
        'f' => Escape::Literal('\x0c'),
        'n' => Escape::Literal('\n'),
        'r' => Escape::Literal('\r'),
        't' => Escape::Literal('\t'),
        'v' => Escape::Literal('\x0b'),
        punctuation if punctuation.is_ascii() && !punctuation.is_ascii_alphanumeric() => {
            Escape::Literal(punctuation)
        }
        _ => return None,
    })
}

fn push_literal(source: &mut String, literal: char) {
    if literal.is_alphanumeric() || literal == '/' {
        source.push(literal);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(source, "\\x{{{:x}}}", u32::from(literal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: Option<bool>) {
        let answer = Pattern::compile(pattern).map(|compiled| compiled.matches(path));
        assert_eq!(answer, expected, "{pattern} on {path}");
    }

    #[test]
    fn matches_as_patternmatcher_does() {
        for (pattern, path, expected) in [
            ("**", "file", true),
            ("**", "file/dir", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "a/b/dir", true),
            ("**/dir", "a/mydir", false),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/file", true),
            ("**file", "dir/xfile", true),
            ("**/file*txt", "dir/dir/file-txt", true),
            ("**/file*.txt*", "dir/file.txtx", true),
            ("**/**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            ("[a-c]*[^d]", "ad", false),
            (".*", "foo", false),
            (".*", ".foo", true),
            ("abc.def", "abcZdef", false),
            ("a\\.b", "a.b", true),
            ("a\\\\b", "a\\b", true),
            ("a^b*", "a^bc", false),
            ("a^b", "a^b", true),
            ("a\\d", "a1", true),
            ("[[:alpha:]x]", "b", true),
            ("*.go", "é.go", true),
            ("a?c", "a/c", false),
            ("*/b", "b", false),
            ("**/a*/b?", "x/ab/bc", true),
            ("**/a*/b?", "ab/bc", true),
            ("**/a*/b?", "b/c", false),
            ("**/a*/b?", "bc", false),
        ] {
            check(pattern, path, Some(expected));
        }
    }

    #[test]
    fn refuses_the_files_that_docker_refuses() {
        for pattern in ["[", "a[", "!", "[]a]", "\\", "[z-a]", "a\\y", "a\\é"] {
            check(pattern, "a", None);
        }
    }

    #[test]
    fn knows_where_it_cannot_match() {
        for (pattern, folder, expected) in [
            ("a/b", "a", true),
            ("a/b", "a/b", false),
            ("a/b", "ab", false),
            ("a*/b", "ab", true),
            ("a*/b", "ab/c", false),
            ("**/x", "any/where", true),
            ("a/**", "a/b", true),
            ("a/**", "b", false),
            ("ab**", "a", false),
            ("ab**", "abc", true),
            ("a[^x]b", "a", true),
        ] {
            let compiled = Pattern::compile(pattern).expect("a valid pattern");
            assert_eq!(compiled.may_match_below(folder), expected, "{pattern} below {folder}");
        }
    }
}
