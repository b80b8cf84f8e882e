//! Wildcards of Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]`, `\` before a literal.

/// A parsed wildcard pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: any characters except `/`.
    Star,
    /// `?`: one character except `/`.
    Any,
    /// `[...]`: one character in these ranges, or in none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
    /// This character.
    Literal(char),
}

/// Whether `text` has characters that are special in a [`Glob`].
pub(crate) fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '[', '\\'])
}

impl Glob {
    /// Parses `pattern`; `None` if it is malformed: an open or empty class, or a final `\`.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        let mut rest = pattern.chars();
        let mut tokens = Vec::new();
        while let Some(character) = rest.next() {
            tokens.push(match character {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => class(&mut rest)?,
                '\\' => Token::Literal(rest.next()?),
                literal => Token::Literal(literal),
            });
        }
        Some(Self(tokens))
    }

    /// Whether the whole `name` matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (mut tokens, mut rest) = (&self.0[..], name);
        // Where to continue if the characters after the last star do not match: as in Go, earlier
        // stars are not reconsidered.
        let mut retry: Option<(&[Token], &str)> = None;
        loop {
            if let [Token::Star, after @ ..] = tokens {
                retry = Some((after, rest));
                tokens = after;
                continue;
            }
            let mut characters = rest.chars();
            match (tokens, characters.next()) {
                ([], None) => return true,
                ([token, after @ ..], Some(character)) if token.accepts(character) => {
                    (tokens, rest) = (after, characters.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = retry else { return false };
            let mut characters = from.chars();
            match characters.next() {
                Some(character) if character != '/' => {
                    (tokens, rest) = (after, characters.as_str());
                    retry = Some((after, rest));
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn accepts(&self, character: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => character != '/',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&character)) != *negated
            }
            Self::Literal(literal) => *literal == character,
        }
    }
}

/// The class after its `[`.
fn class(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.as_str().starts_with(']') {
            rest.next();
            return Some(Token::Class { negated, ranges });
        }
        let low = class_character(rest)?;
        let high = if rest.as_str().starts_with('-') {
            rest.next();
            class_character(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

fn class_character(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        character => Some(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, expected: Option<bool>) {
        assert_eq!(Glob::parse(pattern).map(|glob| glob.matches(name)), expected, "{pattern} on {name}");
    }

    #[test]
    fn matches_as_filepath_match_does() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[^e-g]", "abc", true),
            ("a[!a]b", "a!b", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[x\\-]", "-", true),
            ("*x", "xxx", true),
            ("", "", true),
            ("*", "", true),
        ] {
            check(pattern, name, Some(expected));
        }
    }

    #[test]
    fn refuses_malformed_patterns() {
        for pattern in ["[]a]", "[-]", "[x-]", "[-x]", "[", "[^", "[^bc", "a[", "a\\", "*[", "[a-b-c]"] {
            check(pattern, "a", None);
        }
    }
}
