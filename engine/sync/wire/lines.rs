//! Lines in one piece of memory.

/// Lines without their line feeds. They share one piece of memory: the list of a large directory has many.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    /// The position after each line.
    ends: Vec<usize>,
}

impl Lines {
    /// The buffer to which the next line is appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// The bytes after the last line.
    pub(super) fn rest(&self) -> &[u8] {
        &self.text[self.ends.last().copied().unwrap_or_default()..]
    }

    /// Ends a line: the bytes after the last one, without the last byte, which is its line feed.
    pub(super) fn end_line(&mut self) {
        self.text.pop();
        self.ends.push(self.text.len());
    }

    /// Drops the bytes after the last line.
    pub(super) fn drop_rest(&mut self) {
        self.text.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// The number of lines.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The last line.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.iter().next_back()
    }

    /// The lines.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        let start = |index: usize| index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (0..self.ends.len()).map(move |index| &self.text[start(index)..self.ends[index]])
    }
}

#[cfg(test)]
impl From<&str> for Lines {
    fn from(text: &str) -> Self {
        let mut lines = Self::default();
        for line in text.lines() {
            lines.buffer().extend_from_slice(line.as_bytes());
            lines.buffer().push(b'\n');
            lines.end_line();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_bytes_become_lines() {
        let mut lines = Lines::from("one\n\nthree\n");
        assert_eq!(lines.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((lines.len(), lines.last(), lines.rest()), (3, Some(&b"three"[..]), &b""[..]));
        lines.buffer().extend_from_slice(b"half");
        assert_eq!((lines.last(), lines.rest()), (Some(&b"three"[..]), &b"half"[..]));
        lines.drop_rest();
        assert_eq!((lines.len(), lines.rest()), (3, &b""[..]));
        assert_eq!(Lines::default().last(), None);
    }
}
