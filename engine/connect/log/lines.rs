//! Splits the bytes of a log into lines.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;

/// The longest line that is kept in memory, in bytes; a longer one is passed on in parts.
const LONGEST: usize = 1 << 20;

/// The identity of a line: its time, and a hash of its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TimedLine {
    /// Its time, if the node wrote one.
    pub(super) time: Option<Timestamp>,
    hash: u64,
}

impl TimedLine {
    pub(super) fn new(time: Option<Timestamp>, text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { time, hash: hasher.finish() }
    }
}

/// Splits the bytes of a log into lines.
#[derive(Debug, Default)]
pub(super) struct LogLines {
    /// The beginning of a line whose end is missing.
    open: Vec<u8>,
    /// The time of the line, if its beginning was passed on.
    continued: Option<Timestamp>,
}

impl LogLines {
    /// Takes `bytes`; passes each complete line to `take`, with its time.
    pub(super) fn take(&mut self, mut bytes: &[u8], mut take: impl FnMut(Option<Timestamp>, String)) {
        while !bytes.is_empty() {
            let room = LONGEST - self.open.len();
            let part = &bytes[..bytes.len().min(room)];
            let end = memchr::memchr(b'\n', part);
            self.open.extend_from_slice(&part[..end.unwrap_or(part.len())]);
            bytes = &bytes[end.map_or(part.len(), |end| end + 1)..];
            if end.is_some() || self.open.len() == LONGEST {
                let (time, text) = self.line();
                take(time, text);
                self.continued = if end.is_some() { None } else { time };
            }
        }
    }

    /// The last line, if its end is missing because the container has ended.
    pub(super) fn rest(&mut self) -> Option<(Option<Timestamp>, String)> {
        (!self.open.is_empty()).then(|| self.line())
    }

    fn line(&mut self) -> (Option<Timestamp>, String) {
        let line = std::mem::take(&mut self.open);
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
        if let Some(time) = self.continued {
            return (Some(time), text.into_owned());
        }
        let timed = text.split_once(' ').and_then(|(time, text)| Some((time.parse().ok()?, text)));
        match timed {
            Some((time, text)) => (Some(time), text.to_owned()),
            // An empty line has only a time.
            None => match text.parse() {
                Ok(time) => (Some(time), String::new()),
                Err(_) => (None, text.into_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_the_bytes_are_split() {
        let log = "2026-01-01T00:00:01.5Z one\r\n2026-01-01T00:00:02Z \n2026-01-01T00:00:03Z\nno time\n2026-01-01T00:00:04Z \
                   e\u{301}nd";
        for size in [1, 2, 3, 7, 1000] {
            let (mut lines, mut found) = (LogLines::default(), Vec::new());
            for part in log.as_bytes().chunks(size) {
                lines.take(part, |time, text| found.push((time.map(Timestamp::as_second), text)));
            }
            let texts: Vec<_> = found.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, ["one", "", "", "no time"], "parts of {size}");
            assert_eq!(found[0].0.map(|second| second % 60), Some(1));
            assert_eq!(lines.rest().map(|(_, text)| text).as_deref(), Some("e\u{301}nd"));
            assert_eq!(lines.rest(), None);
        }
    }

    #[test]
    fn a_line_without_end_is_passed_on_in_parts() {
        let (mut lines, mut sizes) = (LogLines::default(), Vec::new());
        let log = [b"2026-01-01T00:00:01Z ".to_vec(), vec![b'x'; 2 * LONGEST], b"\n".to_vec()].concat();
        lines.take(&log, |time, text| sizes.push((time.is_some(), text.len())));
        assert_eq!(sizes, [(true, LONGEST - 21), (true, LONGEST), (true, 21)]);
    }
}
