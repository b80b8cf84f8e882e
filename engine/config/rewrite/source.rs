//! The old file and the locations of its parts.

use std::collections::{HashMap, HashSet};

use crate::config::node::{Entry, Mapping, Span, Value, YamlNode};

/// The text of a file and its tree.
pub(super) struct Source<'s> {
    text: &'s str,
    /// The starts of lines; the first is line 1.
    starts: Vec<usize>,
    /// The entries by the first byte of their key.
    entries: HashMap<usize, OldEntry<'s>>,
    /// The values by their bytes.
    nodes: HashMap<(usize, usize), &'s YamlNode>,
    /// The line of the dash before an item of a block list, by the item's first byte.
    dashes: HashMap<usize, usize>,
    /// The starts of comments, by line.
    comments: HashMap<usize, usize>,
    /// The lines with content that is in the new document.
    used: HashSet<usize>,
}

/// An entry of the old file.
pub(super) struct OldEntry<'s> {
    pub name: &'s str,
    pub entry: &'s Entry,
    /// The last line of its value.
    pub last_line: usize,
    /// Whether it was inside of brackets.
    pub is_in_flow: bool,
}

impl<'s> Source<'s> {
    /// The file `text` with the tree `old`, from which `new` was made.
    pub(super) fn new(text: &'s str, old: &'s YamlNode, new: &Mapping) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut source = Self {
            text,
            starts,
            entries: HashMap::new(),
            nodes: HashMap::new(),
            dashes: HashMap::new(),
            comments: HashMap::new(),
            used: HashSet::new(),
        };
        let mut scalars = Vec::new();
        source.index(old, false, &mut scalars);
        scalars.sort_unstable();
        source.find_comments(&scalars);
        source.mark_mapping(new);
        source
    }

    fn index(&mut self, node: &'s YamlNode, is_in_flow: bool, scalars: &mut Vec<(usize, usize)>) {
        let is_in_flow = is_in_flow || self.is_flow(node);
        self.nodes.entry((node.span.start, node.span.end)).or_insert(node);
        match &node.value {
            Value::Scalar(_) => scalars.push((node.span.start, node.span.end)),
            Value::Sequence(nodes) => {
                for node in nodes {
                    if !is_in_flow {
                        let dash = self.text[..node.span.start].rfind('-').unwrap_or(node.span.start);
                        self.dashes.insert(node.span.start, self.line_at(dash));
                    }
                    self.index(node, is_in_flow, scalars);
                }
            }
            Value::Mapping(mapping) => {
                for (name, entry) in mapping {
                    scalars.push((entry.key.start, entry.key.end));
                    let last_line = self.last_line(entry);
                    self.entries.entry(entry.key.start).or_insert(OldEntry {
                        name,
                        entry,
                        last_line,
                        is_in_flow,
                    });
                    self.index(&entry.node, is_in_flow, scalars);
                }
            }
        }
    }

    /// Finds every `#` that starts a comment: one after a space, outside of all scalars.
    fn find_comments(&mut self, scalars: &[(usize, usize)]) {
        for line in 1..=self.lines() {
            let start = self.starts[line - 1];
            let text = self.line(line);
            let found = text.match_indices('#').map(|(at, _)| start + at).find(|&at| {
                let is_apart = at == start || self.text[..at].ends_with([' ', '\t']);
                let before = scalars.partition_point(|&(first, _)| first <= at);
                // A scalar that begins before may extend over this position; scalars do not overlap.
                let is_inside = before > 0 && at < scalars[before - 1].1;
                is_apart && !is_inside
            });
            if let Some(at) = found {
                self.comments.insert(line, at);
            }
        }
    }

    fn mark_mapping(&mut self, mapping: &Mapping) {
        for entry in mapping.values() {
            self.used.insert(entry.key.line);
            match self
                .entry(entry)
                .filter(|old| is_same(&old.entry.node, &entry.node))
                .map(|old| old.last_line)
            {
                Some(last) => self.used.extend(entry.key.line..=last),
                None => self.mark(&entry.node),
            }
        }
    }

    fn mark(&mut self, node: &YamlNode) {
        match &node.value {
            Value::Mapping(mapping) if !self.is_flow(node) => self.mark_mapping(mapping),
            Value::Sequence(nodes) if !self.is_flow(node) => {
                for node in nodes {
                    self.used.insert(self.dash_line(node));
                    match self.same_item(node) {
                        Some(last) => self.used.extend(node.span.line..=last),
                        None => self.mark(node),
                    }
                }
            }
            _ => {
                let mut lines = Vec::new();
                self.lines_of(node, &mut lines);
                self.used.extend(lines);
            }
        }
    }

    /// The old entry at the location of the key of `entry`.
    pub(super) fn entry(&self, entry: &Entry) -> Option<&OldEntry<'s>> {
        self.entries.get(&entry.key.start).filter(|old| old.entry.key == entry.key)
    }

    /// The lines that contain a value without separate lines, or its parts.
    pub(super) fn lines_of(&self, node: &YamlNode, lines: &mut Vec<usize>) {
        match &node.value {
            Value::Sequence(nodes) => nodes.iter().for_each(|node| self.lines_of(node, lines)),
            Value::Mapping(mapping) => mapping.values().for_each(|entry| self.lines_of(&entry.node, lines)),
            Value::Scalar(_) => lines.extend(node.span.line..=self.line_at(self.end(node, node.span.start))),
        }
        lines.push(node.span.line);
        if self.is_flow(node) {
            lines.extend(node.span.line..=self.line_at(node.span.end));
        }
        lines.sort_unstable();
        lines.dedup();
    }

    /// The text of `node`, if it is unchanged and not a block.
    pub(super) fn same_text(&self, node: &YamlNode) -> Option<&'s str> {
        let old = self.nodes.get(&(node.span.start, node.span.end))?;
        let is_inline = node.as_scalar().is_some() || self.is_flow(node);
        (is_inline && node.span.start < node.span.end && is_same(old, node))
            .then(|| self.text[node.span.start..node.span.end].trim_end())
    }

    /// The last line of an unchanged item of a block list.
    pub(super) fn same_item(&self, node: &YamlNode) -> Option<usize> {
        self.dashes.get(&node.span.start)?;
        let old = self.nodes.get(&(node.span.start, node.span.end))?;
        is_same(old, node).then(|| self.line_at(self.end(node, node.span.start)))
    }

    /// The line of the dash of an item, or of the item if it has none.
    pub(super) fn dash_line(&self, node: &YamlNode) -> usize {
        self.dashes.get(&node.span.start).copied().unwrap_or(node.span.line)
    }

    /// Whether `node` was inside of brackets.
    pub(super) fn is_flow(&self, node: &YamlNode) -> bool {
        let bracket = match node.value {
            Value::Mapping(_) => "{",
            Value::Sequence(_) => "[",
            Value::Scalar(_) => return false,
        };
        self.text.get(node.span.start..).is_some_and(|rest| rest.starts_with(bracket))
    }

    /// Whether `node` was a list with one item per line.
    pub(super) fn is_block_sequence(&self, node: &YamlNode) -> bool {
        let old = self.nodes.get(&(node.span.start, node.span.end));
        old.is_some_and(|old| old.as_sequence().is_some()) && !self.is_flow(node)
    }

    /// The indentation of a block map relative to its key.
    pub(super) fn step(&self, entry: &Entry, node: &YamlNode) -> Option<usize> {
        let old = self.entry(entry)?.entry.node.as_mapping().filter(|_| !self.is_flow(node))?;
        let first = old.values().find(|child| child.key.start > entry.key.start)?;
        first.key.column.checked_sub(entry.key.column).filter(|step| *step > 0)
    }

    /// The indentation of the dashes of a block list relative to its key.
    pub(super) fn dash_step(&self, entry: &Entry, nodes: &[YamlNode]) -> Option<usize> {
        let node = nodes.iter().find(|node| self.dashes.contains_key(&node.span.start))?;
        let line = self.line(self.dash_line(node));
        let column = line.len() - line.trim_start().len() + 1;
        column.checked_sub(entry.key.column)
    }

    /// The last line of an entry: of its value and of the deeper lines after its key.
    fn last_line(&self, entry: &Entry) -> usize {
        let mut last = self.line_at(self.end(&entry.node, entry.key.end).max(entry.key.end));
        let mut line = last + 1;
        while line <= self.lines() {
            let text = self.line(line);
            let depth = text.len() - text.trim_start().len();
            match text.trim() {
                "" => {}
                _ if depth < entry.key.column => break,
                text if !text.starts_with('#') => last = line,
                _ => {}
            }
            line += 1;
        }
        last
    }

    /// The end of a value that begins after `start`; `start` for an alias, whose value is at an earlier location.
    fn end(&self, node: &YamlNode, start: usize) -> usize {
        if node.span.start < start || node.is_null() {
            return start;
        }
        let trimmed = |end: usize| self.text.get(..end).map_or(start, |text| text.trim_end().len());
        match &node.value {
            Value::Scalar(_) => trimmed(node.span.end).max(start),
            _ if self.is_flow(node) => node.span.end,
            Value::Sequence(nodes) => nodes.iter().map(|node| self.end(node, start)).max().unwrap_or(start),
            Value::Mapping(mapping) => mapping
                .values()
                .filter(|entry| entry.key.start >= node.span.start)
                .map(|entry| self.end(&entry.node, entry.key.end))
                .max()
                .unwrap_or(start),
        }
    }

    pub(super) fn slice(&self, span: Span) -> &'s str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// A line with its line ending.
    pub(super) fn line(&self, line: usize) -> &'s str {
        let start = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    /// The rest of a line from a byte on.
    pub(super) fn rest_of_line(&self, line: usize, start: usize) -> &'s str {
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default()
    }

    /// The number of lines, without an empty one at the end.
    pub(super) fn lines(&self) -> usize {
        self.starts.len() - usize::from(self.text.ends_with('\n') || self.text.is_empty())
    }

    /// The indentation, from 0, of the content at `start` in `line`: after a key, that of the text of the line.
    pub(super) fn column_of(&self, line: usize, start: usize) -> usize {
        let first = self.starts[line - 1];
        let text = &self.text[first..start];
        match text.trim_matches([' ', '-']).is_empty() {
            true => start - first,
            false => text.len() - text.trim_start_matches([' ', '-']).len(),
        }
    }

    /// Whether a line has only a comment or is blank.
    pub(super) fn is_trivia(&self, line: usize) -> bool {
        let text = self.line(line).trim();
        text.is_empty() || (text.starts_with('#') && self.comments.contains_key(&line))
    }

    pub(super) fn is_used(&self, line: usize) -> bool {
        self.used.contains(&line)
    }

    pub(super) fn last_used(&self) -> usize {
        self.used.iter().copied().max().unwrap_or(0)
    }

    /// The comment of a line.
    pub(super) fn comment(&self, line: usize) -> Option<&'s str> {
        let start = *self.comments.get(&line)?;
        Some(self.rest_of_line(line, start).trim_end())
    }

    /// The spaces before the comment that ends a line.
    pub(super) fn gap(&self, line: usize) -> &'s str {
        let Some(&start) = self.comments.get(&line) else { return " " };
        let before = &self.text[..start];
        &before[before.trim_end_matches([' ', '\t']).len()..]
    }

    fn line_at(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).max(1)
    }
}

/// Whether two values have the same notation.
pub(super) fn is_same(one: &YamlNode, other: &YamlNode) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one.text == other.text && one.style == other.style,
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((name, one), (other_name, other))| {
                    name == other_name && is_same(&one.node, &other.node)
                })
        }
        _ => false,
    }
}
