//! The quotes at a position in a shell command line.

/// How a shell reads text at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Unquoted: as words.
    None,
    /// Between `'`: literally.
    Single,
    /// Between `"`, or in a here-document: variables are expanded.
    Double,
    /// In a here-document with a quoted delimiter: literally, up to the delimiter.
    Verbatim,
}

/// An open construct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Commands, up to the character; the number is that of open `(`.
    Commands(Option<char>, usize),
    Single,
    Double,
    Comment,
}

/// A here-document that starts with the next line.
struct Heredoc {
    delimiter: String,
    is_verbatim: bool,
    /// `<<-`: tabs before the delimiter are ignored.
    is_indented: bool,
}

/// The quotes at the end of `line`.
pub(super) fn quotes_after(line: &str) -> Quotes {
    let mut open = vec![Open::Commands(None, 0)];
    let mut documents: Vec<Heredoc> = Vec::new();
    let (mut rest, mut last) = (line, ' ');
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let top = open.last().copied().unwrap_or(Open::Commands(None, 0));
        match (top, c) {
            (Open::Single, '\'') | (Open::Double, '"') => drop(open.pop()),
            (Open::Single, _) => {}
            (Open::Comment, '\n') | (Open::Commands(..), '\n') => {
                if top == Open::Comment {
                    open.pop();
                }
                for document in std::mem::take(&mut documents) {
                    match document.skip(rest) {
                        Some(after) => rest = after,
                        None if document.is_verbatim => return Quotes::Verbatim,
                        None => return Quotes::Double,
                    }
                }
            }
            (Open::Comment, _) => {}
            (_, '\\') => {
                let escaped = rest.chars().next().map_or(0, char::len_utf8);
                rest = &rest[escaped..];
            }
            (_, '$') if rest.starts_with('(') => {
                rest = &rest[1..];
                open.push(Open::Commands(Some(')'), 0));
            }
            (Open::Commands(Some('`'), _), '`') | (Open::Commands(Some(')'), 0), ')') => drop(open.pop()),
            (_, '`') => open.push(Open::Commands(Some('`'), 0)),
            (Open::Double, _) => {}
            (Open::Commands(..), '\'') => open.push(Open::Single),
            (Open::Commands(..), '"') => open.push(Open::Double),
            (Open::Commands(..), '#') if last.is_whitespace() || ";&|(".contains(last) => {
                open.push(Open::Comment);
            }
            (Open::Commands(end, count), '(' | ')') => {
                open.pop();
                let count = if c == '(' { count + 1 } else { count.saturating_sub(1) };
                open.push(Open::Commands(end, count));
            }
            (Open::Commands(..), '<') if rest.starts_with('<') => {
                let (document, after) = Heredoc::read(&rest[1..]);
                documents.extend(document);
                rest = after;
            }
            (Open::Commands(..), _) => {}
        }
        last = c;
    }
    match open.last() {
        Some(Open::Single) => Quotes::Single,
        Some(Open::Double) => Quotes::Double,
        _ => Quotes::None,
    }
}

impl Heredoc {
    /// Parses the text after `<<`: the here-document, and the text after its delimiter.
    fn read(text: &str) -> (Option<Self>, &str) {
        let is_indented = text.starts_with('-');
        let text = text[usize::from(is_indented)..].trim_start_matches([' ', '\t']);
        let is_end = |c: char| c.is_whitespace() || ";&|<>()".contains(c);
        let (word, after) = text.split_at(text.find(is_end).unwrap_or(text.len()));
        let is_quote = |c: char| matches!(c, '\'' | '"' | '\\');
        let delimiter = word.replace(is_quote, "");
        let document = Self { is_verbatim: word.contains(is_quote), is_indented, delimiter };
        ((!word.is_empty()).then_some(document), after)
    }

    /// The text after it; `None` if `text` ends inside of it.
    fn skip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            let line = if self.is_indented { line.trim_start_matches('\t') } else { line };
            if line == self.delimiter {
                return Some(after);
            }
            rest = after;
        }
        None
    }
}
