//! Reads JSON documents, one after another, with the location of every value.

use serde_json::{Number, Value as Json};

use super::node::{Content, Entry, Fault, MAX_DEPTH, Mapping, Node, ParsedDocument, Span};
use super::scalar::normalized;

/// Whether `text` is read as JSON first, as in kubectl: it begins with `{`.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The documents of `text`. They may be separated by `---`.
pub(super) fn read_json(text: &str) -> Result<Vec<ParsedDocument>, Box<Fault>> {
    let mut reader = Reader { text, at: 0, line: 1, line_start: 0, counted: (0, 1), depth: 0 };
    let mut documents = Vec::new();
    loop {
        reader.skip_whitespace();
        if reader.line_start == reader.at && reader.rest().starts_with("---") {
            reader.at += 3;
            continue;
        }
        if reader.rest().is_empty() {
            return Ok(documents);
        }
        let node = reader.value()?;
        documents.push(ParsedDocument { number: documents.len() + 1, node });
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
    /// A byte of the line, and its column: all documents may be one long line.
    counted: (usize, usize),
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn span(&mut self) -> Span {
        let (at, column) = self.counted;
        let (from, column) = if at < self.line_start { (self.line_start, 1) } else { (at, column) };
        let column = column + self.text[from..self.at].chars().count();
        self.counted = (self.at, column);
        Span { start: self.at, end: self.at, line: self.line, column }
    }

    fn fault(&mut self, label: &str) -> Box<Fault> {
        Fault::new(self.span(), "this is not valid JSON", label)
    }

    fn skip_whitespace(&mut self) {
        for byte in self.rest().bytes() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                }
                _ => break,
            }
        }
    }

    /// Skips whitespace and then `byte`, if it is next.
    fn accepts(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        let is_next = self.rest().as_bytes().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self) -> Result<Node, Box<Fault>> {
        self.skip_whitespace();
        let span = self.span();
        let content = match self.rest().as_bytes().first() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Content::Scalar(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => Content::Scalar(Json::Number(self.number()?)),
            _ => Content::Scalar(self.word()?),
        };
        Ok(Node { span: Span { end: self.at, ..span }, content })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Content, Box<Fault>>) -> Result<Content, Box<Fault>> {
        if self.depth + 1 >= MAX_DEPTH {
            return Err(Fault::too_deep(self.span()));
        }
        self.depth += 1;
        self.at += 1;
        let content = read(self)?;
        self.depth -= 1;
        Ok(content)
    }

    fn object(&mut self) -> Result<Content, Box<Fault>> {
        let mut entries = Mapping::new();
        if self.accepts(b'}') {
            return Ok(Content::Mapping(entries));
        }
        loop {
            self.skip_whitespace();
            let key = self.span();
            if !self.rest().starts_with('"') {
                return Err(self.fault("expected a key in double quotes"));
            }
            let name = self.string()?;
            let key = Span { end: self.at, ..key };
            if let Some(first) = entries.get(&name) {
                return Err(Fault::duplicate_key(&name, first.key, key));
            }
            if !self.accepts(b':') {
                return Err(self.fault("expected `:`"));
            }
            let node = self.value()?;
            entries.insert(name, Entry { key, is_merged: false, node });
            if self.accepts(b'}') {
                return Ok(Content::Mapping(entries));
            }
            if !self.accepts(b',') {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self) -> Result<Content, Box<Fault>> {
        let mut nodes = Vec::new();
        if self.accepts(b']') {
            return Ok(Content::Sequence(nodes));
        }
        loop {
            nodes.push(self.value()?);
            if self.accepts(b']') {
                return Ok(Content::Sequence(nodes));
            }
            if !self.accepts(b',') {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Box<Fault>> {
        let bytes = self.rest().as_bytes();
        let mut end = 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.fault("this string is not closed")),
            }
        }
        let text = serde_json::from_str(&self.rest()[..=end]);
        let text = text.map_err(|_| self.fault("invalid escape or control character in a string"))?;
        self.at += end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Number, Box<Fault>> {
        let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let length = self.rest().bytes().take_while(is_part).count();
        let number: Number =
            serde_json::from_str(&self.rest()[..length]).map_err(|_| self.fault("invalid number"))?;
        self.at += length;
        Ok(normalized(number))
    }

    fn word(&mut self) -> Result<Json, Box<Fault>> {
        let words = [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("expected a value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: &[Json]) {
        let documents = read_json(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let values: Vec<Json> = documents.into_iter().map(|document| document.node.into_json()).collect();
        assert_eq!(values, expected, "{text}");
    }

    fn refuses(text: &str, line: usize, column: usize, label: &str) {
        let fault = read_json(text).expect_err("refused");
        assert_eq!(
            (fault.span.line, fault.span.column, fault.label.as_str()),
            (line, column, label),
            "{text}"
        );
    }

    #[test]
    fn documents_follow_each_other() {
        check("", &[]);
        check("{}{}\n---\n[]", &[json!({}), json!({}), json!([])]);
        check(
            "{\n\t\"a\": [1, 2.0, -1.5e1, \"\\ud83d\\ude00\\/\", null, true]}",
            &[json!({
                "a": [1, 2, -15, "😀/", null, true],
            })],
        );
    }

    #[test]
    fn errors_have_locations() {
        refuses("{\"a\": 1,\n \"é\": 2, \"a\": 3}", 2, 10, "again here");
        refuses("{a: 1}", 1, 2, "expected a key in double quotes");
        refuses("{\"a\" 1}", 1, 6, "expected `:`");
        refuses("{\"a\": 1 2}", 1, 9, "expected `,` or `}`");
        refuses("[1,]", 1, 4, "expected a value");
        refuses("[1", 1, 3, "expected `,` or `]`");
        refuses("\"a", 1, 1, "this string is not closed");
        refuses("\"a\\", 1, 1, "this string is not closed");
        refuses("\"\\x\"", 1, 1, "invalid escape or control character in a string");
        refuses("[01]", 1, 2, "invalid number");
        refuses("[1e999]", 1, 2, "invalid number");
        refuses(&"[".repeat(100_000), 1, 128, "more than 128 levels");
    }
}
