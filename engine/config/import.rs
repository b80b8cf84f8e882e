//! `imports`: files whose sections are merged into this file.

use std::path::{Path, PathBuf};

use super::node::{Mapping, Span, Value, YamlNode, field};
use super::problem::{Diagnostics, Report, shown};
use super::reader::Reader;
use super::schema::check::{Stage, check, check_key};
use super::version::{self, Version};
use crate::git::{Checkouts, GitSource};

/// The sections that are imported. The importing file takes precedence: maps get their missing keys, lists are
/// appended.
const SECTIONS: [&str; 12] = [
    "require",
    "vars",
    "dev",
    "deployments",
    "images",
    "pipelines",
    "commands",
    "functions",
    "pullSecrets",
    "dependencies",
    "profiles",
    "hooks",
];

/// The maximum nesting of imports.
const MAX_DEPTH: usize = 16;

/// Imports files into a document.
pub(crate) struct Importer<'a> {
    /// The version of the importing file, which every import must have.
    pub version: Version,
    /// The base of displayed paths.
    pub base: &'a Path,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> std::io::Result<String>,
    /// The user's checkouts of git repositories.
    pub checkouts: &'a Checkouts,
}

impl Importer<'_> {
    /// Removes `imports` from `document`, the content of `file`, and merges the imported files. The spans of imported
    /// values refer to their files.
    pub(crate) fn resolve(&self, document: &mut Mapping, file: &Path, problems: &mut Diagnostics) {
        self.resolve_in(document, &mut vec![file.to_owned()], problems);
    }

    fn resolve_in(&self, document: &mut Mapping, chain: &mut Vec<PathBuf>, problems: &mut Diagnostics) {
        if self.version < Version::V2beta1 {
            return;
        }
        let Some(mut imports) = document.shift_remove("imports") else { return };
        check_key(&mut imports, "imports", self.version, Stage::Raw, problems);
        for node in imports.node.as_sequence().unwrap_or_default() {
            if let Some(imported) = self.import(node, chain, problems) {
                merge(document, imported);
            }
        }
    }

    /// The document that one entry of `imports` names, with its own imports resolved.
    fn import(
        &self,
        node: &YamlNode,
        chain: &mut Vec<PathBuf>,
        problems: &mut Diagnostics,
    ) -> Option<Mapping> {
        let mapping = node.as_mapping()?;
        let mut reader = Reader { problems };
        if reader.boolean(mapping, "enabled", "an import") == Some(false) {
            return None;
        }
        let (place, mut file) = self.file(node, mapping, chain, &mut reader)?;
        if file.is_dir() {
            file.push(super::locate::FILE);
        }
        let text = shown(&file, self.base);
        if chain.contains(&file) || chain.len() > MAX_DEPTH {
            let report =
                Report::new("config::import", format!("`{text}` imports itself"), "closes the cycle");
            problems.add(place, report.help("remove one of these imports"));
            return None;
        }
        let source = match (self.read)(&file) {
            Ok(source) => source,
            Err(error) => {
                let report = Report::new(
                    "config::import",
                    format!("cannot read the import `{text}`: {error}"),
                    "this file",
                )
                .help("use a path relative to the file that contains it");
                problems.add(place, report);
                return None;
            }
        };
        chain.push(file);
        let imported = self.document(&source, chain, problems);
        chain.pop();
        imported
    }

    /// The file or directory of an entry, and the span of its path or URL.
    fn file(
        &self,
        node: &YamlNode,
        import: &Mapping,
        chain: &[PathBuf],
        reader: &mut Reader<'_>,
    ) -> Option<(Span, PathBuf)> {
        let of = "an import";
        if let Some(path) = field(import, "path") {
            let folder = chain.last().and_then(|file| file.parent()).unwrap_or(Path::new(""));
            return Some((path.span, folder.join(reader.text(import, "path", of)?)));
        }
        let Some(git) = field(import, "git") else {
            reader.missing(node, "path", of);
            return None;
        };
        let mut text = |key: &str| reader.text(import, key, of);
        let mut source = GitSource::new(text("git")?, text("branch"), text("tag"), text("revision"));
        let below = text("subPath").unwrap_or_default();
        source.clone_args = reader.texts(import, "cloneArgs", of).unwrap_or_default();
        source.disable_shallow = reader.boolean(import, "disableShallow", of).unwrap_or(false);
        match self.checkouts.check_out_blocking(&source, false) {
            Ok(checkout) => Some((git.span, checkout.folder.join(below))),
            Err(error) => {
                let report = Report::new("config::import", error.to_string(), "this repository");
                reader
                    .problems
                    .add(git.span, report.help("check the URL, and that `git clone` can reach it"));
                None
            }
        }
    }

    /// Parses and checks an imported file, including its own imports.
    fn document(
        &self,
        source: &str,
        chain: &mut Vec<PathBuf>,
        problems: &mut Diagnostics,
    ) -> Option<Mapping> {
        let file = chain.last().map_or(Path::new(""), PathBuf::as_path);
        let mut own = Diagnostics::new(&shown(file, self.base), source.into());
        let document = self.checked(source, &mut own);
        let number = problems.absorb(own);
        let mut document = document?;
        for entry in document.values_mut() {
            entry.key.file = number;
            entry.node.for_each_span(&mut |span| span.file = number);
        }
        self.resolve_in(&mut document, chain, problems);
        Some(document)
    }

    fn checked(&self, source: &str, own: &mut Diagnostics) -> Option<Mapping> {
        let wanted = self.version;
        let message =
            |version| format!("a file of version {wanted} cannot import a file of version {version}");
        let mut document = version::read_document(source, wanted, "config::import", message, own)?;
        let imports = document.get("imports").cloned();
        check(&mut document, wanted, Stage::Raw, own);
        document.extend(imports.map(|imports| ("imports".to_owned(), imports)));
        Some(document)
    }
}

fn merge(document: &mut Mapping, imported: Mapping) {
    for (section, entry) in imported.into_iter().filter(|(section, _)| SECTIONS.contains(&section.as_str())) {
        let Some(own) = document.get_mut(&section).filter(|own| !own.node.is_null()) else {
            document.insert(section, entry);
            continue;
        };
        match (&mut own.node.value, entry.node.value) {
            (Value::Mapping(own), Value::Mapping(more)) => {
                for (key, entry) in more {
                    own.entry(key).or_insert(entry);
                }
            }
            (Value::Sequence(own), Value::Sequence(more)) => own.extend(more),
            _ => {}
        }
    }
}
