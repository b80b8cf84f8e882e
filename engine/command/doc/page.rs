//! The reference as text for people, and as JSON.

use serde_json::{Value, json};

use super::search::SearchResult;
use crate::script::reference::{DocKind, Documented};

/// The width without a terminal.
const WIDTH: usize = 100;
/// Longer calls are on a separate line.
const LONGEST_CALL: usize = 36;

/// Text of a given width.
pub struct DocPage {
    width: usize,
}

impl DocPage {
    /// The width of the terminal, within readable limits.
    pub fn for_terminal() -> Self {
        let terminal = console::Term::stdout();
        let width = terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
        Self { width: width.clamp(40, WIDTH) }
    }

    /// One line for each of `entries`, by kind.
    pub fn overview(&self, entries: &[Documented]) -> String {
        let of = |kinds: &[DocKind]| {
            entries.iter().filter(|entry| kinds.contains(&entry.kind)).collect::<Vec<_>>()
        };
        let functions = of(&[DocKind::Function]);
        let mut text =
            "Functions of the pipeline: override them in windlass.rhai, or windlass.<profile>.rhai\n"
                .to_owned();
        text += &self.table(&functions);
        text += "\nStages and properties: call them\n";
        text += &self.table(&of(&[DocKind::Stage, DocKind::Property]));
        text += "\nThe standard library: `import \"std/tags\" as tags;`, then `tags::branch()`\n";
        text += &self.table(&of(&[DocKind::Library]));
        text += "\nTests: call them in *_test.rhai\n";
        text += &self.table(&of(&[DocKind::Test]));
        text + "\n`windlass doc NAME` shows one entry, `windlass doc images` the keys of devspace.yaml.\n"
    }

    /// The entries for `name`.
    pub fn about(&self, name: &str, found: &SearchResult<'_>) -> String {
        let (keys, others): (Vec<_>, Vec<_>) =
            found.exact.iter().partition(|entry| entry.kind == DocKind::Key);
        let mut parts: Vec<_> = others.into_iter().map(|entry| self.entry(entry)).collect();
        match keys.as_slice() {
            [] => {}
            [key] => parts.push(self.entry(key)),
            keys => parts.push(format!("Keys of devspace.yaml\n{}", self.table(keys))),
        }
        if !found.members.is_empty() {
            parts.push(format!("Members of `{name}`\n{}", self.table(&found.members)));
        }
        parts.join("\n")
    }

    fn table(&self, entries: &[&Documented]) -> String {
        let longest = entries.iter().map(|entry| entry.call.chars().count()).max().unwrap_or(0);
        let column = longest.min(LONGEST_CALL) + 4;
        let mut text = String::new();
        for entry in entries {
            let first = format!("  {:<width$}", entry.call, width = column - 2);
            let rest = " ".repeat(column);
            // A call that is too long for its column is on a separate line.
            let call =
                if first.chars().count() > column { format!("{}\n{rest}", first.trim_end()) } else { first };
            let options = textwrap::Options::new(self.width).subsequent_indent(&rest).initial_indent(&rest);
            let summary = textwrap::fill(&entry.summary(), options);
            text += &call;
            text += summary.get(column..).unwrap_or_default();
            text.push('\n');
        }
        text
    }

    fn entry(&self, entry: &Documented) -> String {
        let returns = entry.returns.as_ref().map(|returns| format!(" -> {returns}")).unwrap_or_default();
        let kind = match entry.kind {
            DocKind::Function => "a function of the pipeline, which you can override",
            DocKind::Stage => "a stage",
            DocKind::Property => "a property",
            DocKind::Key => "a key of devspace.yaml",
            DocKind::Test => "a function for tests",
            DocKind::Library => "a function of the standard library",
        };
        format!("{}{returns}\n  {kind}\n\n{}", entry.call, self.markdown(&entry.text))
    }

    /// Converts the Markdown of doc comments to plain text: paragraphs, lists, headings, code.
    fn markdown(&self, markdown: &str) -> String {
        let mut writer =
            Writer { width: self.width, text: String::new(), paragraph: String::new(), indent: "  " };
        let mut is_code = false;
        for line in markdown.lines() {
            if line.trim_start().starts_with("```") {
                writer.end_paragraph();
                is_code = !is_code;
            } else if is_code {
                writer.line(&format!("    {line}"));
            } else if let Some(heading) = line.strip_prefix("# ") {
                writer.end_paragraph();
                writer.line(&format!("  {heading}"));
                writer.indent = "    ";
            } else if line.is_empty() {
                writer.end_paragraph();
                writer.line("");
            } else {
                writer.words(line);
            }
        }
        writer.end_paragraph();
        writer.text
    }
}

/// Joins words into paragraphs.
struct Writer {
    width: usize,
    text: String,
    paragraph: String,
    indent: &'static str,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Adds words to the paragraph; a list item starts a new one.
    fn words(&mut self, words: &str) {
        if words.starts_with("- ") {
            self.end_paragraph();
        }
        if !self.paragraph.is_empty() {
            self.paragraph.push(' ');
        }
        self.paragraph += words.trim();
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        if paragraph.is_empty() {
            return;
        }
        let hanging = if paragraph.starts_with("- ") { "  " } else { "" };
        let hanging = format!("{}{hanging}", self.indent);
        let options =
            textwrap::Options::new(self.width).initial_indent(self.indent).subsequent_indent(&hanging);
        let filled = textwrap::fill(&paragraph, options);
        self.line(&filled);
    }
}

/// An entry for programs.
pub fn json(entry: &Documented) -> Value {
    json!({
        "kind": entry.kind,
        "name": entry.path(),
        "call": entry.call,
        "returns": entry.returns,
        "summary": entry.summary(),
        "text": entry.text,
        "examples": entry.examples(),
    })
}
