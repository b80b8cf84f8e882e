//! Expands variables and removes quotes in one word, as Docker's shell lexer does (Dockerfile
//! reference, "Environment replacement").

use std::borrow::Cow;

use regex::Regex;

/// The maximum nesting depth of `${a:-${b:-...}}`; deeper words are rejected.
const DEEPEST: usize = 64;

/// The known state of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// It has this value.
    Value(String),
    /// It is not set.
    Unset,
    /// Its value is decided elsewhere; the reason, as a phrase.
    Unknown(String),
}

/// An expanded word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The text; not reliable if a variable is unknown.
    pub text: String,
    /// Why the first unknown variable of the word is unknown.
    pub unknown: Option<String>,
}

/// Expands the variables of `word` and removes its quotes. `escape` is the Dockerfile's escape character.
///
/// # Errors
/// The reason, as a phrase: an unclosed quote or brace, a modifier that Docker does not support, an invalid
/// pattern, or an unset variable that is required by `?`.
pub fn expand(word: &str, escape: char, variable: &dyn Fn(&str) -> Variable) -> Result<Expansion, String> {
    if !word.contains(['$', '\'', '"', escape]) {
        return Ok(Expansion { text: word.to_owned(), unknown: None });
    }
    expand_all(word, escape, variable, false)
}

/// Expands the variables of a here-document: quotes are literal there, and `\` escapes the next character.
///
/// # Errors
/// As [`expand`].
pub fn expand_document(text: &str, variable: &dyn Fn(&str) -> Variable) -> Result<Expansion, String> {
    expand_all(text, '\\', variable, true)
}

fn expand_all(
    text: &str,
    escape: char,
    variable: &dyn Fn(&str) -> Variable,
    keeps_quotes: bool,
) -> Result<Expansion, String> {
    let (unknown, raw_escapes) = (None, false);
    let mut lexer = Lexer { rest: text, escape, variable, unknown, raw_escapes, keeps_quotes, depth: 0 };
    let text = lexer.until(None, false)?;
    Ok(Expansion { text, unknown: lexer.unknown })
}

struct Lexer<'a> {
    rest: &'a str,
    escape: char,
    variable: &'a dyn Fn(&str) -> Variable,
    unknown: Option<String>,
    raw_escapes: bool,
    keeps_quotes: bool,
    depth: usize,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Reads up to `stop`, or to the end without one. `raw_escapes` keeps escape characters, for patterns.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<String, String> {
        if self.depth == DEEPEST {
            return Err("its substitutions are nested too deeply".into());
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let text = self.until_inner(stop);
        self.raw_escapes = outer;
        self.depth -= 1;
        text
    }

    fn until_inner(&mut self, stop: Option<char>) -> Result<String, String> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if Some(c) == stop {
                self.next();
                return Ok(text);
            }
            match c {
                '\'' if !self.keeps_quotes => self.single_quoted(&mut text)?,
                '"' if !self.keeps_quotes => self.double_quoted(&mut text)?,
                '$' => text.push_str(&self.dollar()?),
                _ => {
                    self.next();
                    if c != self.escape {
                        text.push(c);
                        continue;
                    }
                    if self.raw_escapes {
                        text.push(c);
                    }
                    text.extend(self.next());
                }
            }
        }
        match stop {
            Some(stop) => Err(format!("a `{stop}` is missing")),
            None => Ok(text),
        }
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), String> {
        let Some((quoted, rest)) = self.rest[1..].split_once('\'') else {
            return Err("a single quote is not closed".into());
        };
        text.push_str(quoted);
        self.rest = rest;
        Ok(())
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), String> {
        self.next();
        loop {
            match self.peek() {
                None => return Err("a double quote is not closed".into()),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('$') => text.push_str(&self.dollar()?),
                Some(mut c) => {
                    self.next();
                    if c == self.escape {
                        if self.raw_escapes {
                            text.push(c);
                        }
                        match self.peek() {
                            None => continue,
                            Some(escaped) if matches!(escaped, '"' | '$') || escaped == self.escape => {
                                self.next();
                                c = escaped;
                            }
                            Some(_) => {}
                        }
                    }
                    text.push(c);
                }
            }
        }
    }

    fn dollar(&mut self) -> Result<String, String> {
        self.next();
        if self.peek() != Some('{') {
            let name = self.name();
            return Ok(if name.is_empty() { "$".into() } else { self.value(name).unwrap_or_default() });
        }
        self.next();
        if matches!(self.peek(), None | Some('{' | '}' | ':')) {
            return Err("`${` is not followed by a name".into());
        }
        let name = self.name();
        match self.next() {
            Some('}') => Ok(self.value(name).unwrap_or_default()),
            Some('/') => self.replace(name),
            Some(':') => match self.next() {
                Some(modifier) => self.modify(name, modifier, true),
                None => Err("a `}` is missing".into()),
            },
            Some(modifier) => self.modify(name, modifier, false),
            None => Err("a `}` is missing".into()),
        }
    }

    /// `${name-word}` and its variants; `null_is_unset` for the forms with a colon.
    fn modify(&mut self, name: &str, modifier: char, null_is_unset: bool) -> Result<String, String> {
        if !matches!(modifier, '+' | '-' | '?' | '#' | '%') {
            return Err(format!("unknown modifier `{modifier}` in `${{{name}...}}`"));
        }
        let word = self.until(Some('}'), matches!(modifier, '#' | '%'))?;
        let unknown_before = self.unknown.is_some();
        let value = self.value(name);
        let usable = value.as_deref().is_some_and(|value| !(null_is_unset && value.is_empty()));
        match modifier {
            '-' => Ok(if usable { value.unwrap_or_default() } else { word }),
            '+' => Ok(if usable { word } else { String::new() }),
            '?' if usable || (self.unknown.is_some() && !unknown_before) => Ok(value.unwrap_or_default()),
            '?' if word.is_empty() => Err(format!("`{name}` has no value")),
            '?' => Err(format!("`{name}`: {word}")),
            _ => trim(&value.unwrap_or_default(), &word, modifier),
        }
    }

    /// `${name/pattern/replacement}`, with a second slash for all matches.
    fn replace(&mut self, name: &str) -> Result<String, String> {
        let all = self.peek() == Some('/');
        if all {
            self.next();
        }
        let pattern = self.until(Some('/'), true)?;
        let replacement = self.until(Some('}'), true)?;
        let value = self.value(name).unwrap_or_default();
        let regex = pattern_regex(&pattern, true, false)?;
        Ok(match all {
            true => regex.replace_all(&value, replacement.as_str()).into_owned(),
            false => regex.replacen(&value, 1, regex::NoExpand(&replacement)).into_owned(),
        })
    }

    /// A name, a number, or one of the shell's special parameters; may be empty.
    fn name(&mut self) -> &'a str {
        let rest = self.rest;
        let end = match self.peek() {
            Some(c) if c.is_numeric() => rest.find(|c: char| !c.is_numeric()).unwrap_or(rest.len()),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            _ => rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len()),
        };
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        name
    }

    fn value(&mut self, name: &str) -> Option<String> {
        match (self.variable)(name) {
            Variable::Value(value) => Some(value),
            Variable::Unset => None,
            Variable::Unknown(why) => {
                self.unknown.get_or_insert(why);
                None
            }
        }
    }
}

/// `${name#pattern}` and `${name%pattern}`; a doubled sign, the rest of which is in `word`, removes the longest match.
fn trim(value: &str, word: &str, sign: char) -> Result<String, String> {
    let (pattern, greedy) = match word.strip_prefix(sign) {
        Some(pattern) => (pattern, true),
        None => (word, false),
    };
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    let (pattern, value): (Cow<str>, Cow<str>) = match sign {
        // A regular expression finds the leftmost match, so a suffix is matched as a prefix of the reversed value.
        '%' => (reversed_pattern(pattern).into(), reversed(value).into()),
        _ => (pattern.into(), value.into()),
    };
    let end = pattern_regex(&pattern, greedy, true)?.find(&value).map_or(0, |found| found.end());
    let rest = &value[end..];
    Ok(if sign == '%' { reversed(rest) } else { rest.to_owned() })
}

/// The reversed pattern, with each escape still before the escaped character.
fn reversed_pattern(pattern: &str) -> String {
    let mut units = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        units.push((c, escaped));
    }
    units.into_iter().rev().flat_map(|(c, escaped)| [Some(c), escaped]).flatten().collect()
}

/// A shell pattern (`*`, `?`, `\` before one of them) as a regular expression.
fn pattern_regex(pattern: &str, greedy: bool, anchored: bool) -> Result<Regex, String> {
    let mut regex = String::with_capacity(pattern.len() + 4);
    if anchored {
        regex.push('^');
    }
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str(if greedy { ".*" } else { ".*?" }),
            '?' => regex.push('.'),
            // `}` and `/` are escaped for the substitution, not for the pattern.
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => match chars.next() {
                Some(escaped @ ('*' | '?' | '\\')) => regex.extend(['\\', escaped]),
                _ => return Err(format!("the pattern `{pattern}` has an invalid escape")),
            },
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&regex).map_err(|_| format!("the pattern `{pattern}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Result<&str, &str>) {
        let variable = |name: &str| match name {
            "A" => Variable::Value("alpha".into()),
            "EMPTY" => Variable::Value(String::new()),
            "FILE" => Variable::Value("a/b/c.tar.gz".into()),
            "ARCH" => Variable::Unknown("it depends on the builder".into()),
            _ => Variable::Unset,
        };
        match (expand(word, '\\', &variable), expected) {
            (Ok(expansion), Ok(text)) => {
                assert_eq!((expansion.text.as_str(), expansion.unknown), (text, None))
            }
            (Ok(expansion), Err(why)) => assert_eq!(expansion.unknown.as_deref(), Some(why)),
            (Err(reason), expected) => assert_eq!(Err(reason.as_str()), expected),
        }
    }

    #[test]
    fn words_expand_as_in_the_shell() {
        check("$A-${A}-'$A'-\"$A\"-\\$A", Ok("alpha-alpha-$A-alpha-$A"));
        check("${X:-y}${EMPTY:-z}${EMPTY-w}", Ok("yz"));
        check("${A:+y}${EMPTY:+z}${EMPTY+w}", Ok("yw"));
        check("${FILE#*/} ${FILE##*/} ${FILE%.*} ${FILE%%.*}", Ok("b/c.tar.gz c.tar.gz a/b/c.tar a/b/c"));
        check("${FILE/a/X} ${FILE//a/X}", Ok("X/b/c.tar.gz X/b/c.tXr.gz"));
    }

    #[test]
    fn here_documents_keep_their_quotes() {
        let variable = |_: &str| Variable::Value("v".into());
        let text = "a='$A' \"$A\" \\$A don't\n";
        assert_eq!(expand_document(text, &variable).unwrap().text, "a='v' \"v\" $A don't\n");
    }

    #[test]
    fn words_that_cannot_be_expanded_say_why() {
        check("${A", Err("a `}` is missing"));
        check("${X?}", Err("`X` has no value"));
        check("${X:?say x}", Err("`X`: say x"));
        check("'a", Err("a single quote is not closed"));
        check(&"${A+".repeat(100_000), Err("its substitutions are nested too deeply"));
    }

    #[test]
    fn an_unknown_variable_makes_the_word_unknown() {
        for word in ["$ARCH", "${ARCH:-x}", "${ARCH?}", "a-${ARCH%x}-$A"] {
            check(word, Err("it depends on the builder"));
        }
    }
}
