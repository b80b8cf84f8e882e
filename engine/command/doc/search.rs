//! Looks up names in the reference.

use crate::script::reference::{DocKind, Documented};
use crate::suggestion::nearest;

/// The name under which the functions for tests are found.
const TESTS: &str = "test";

/// The entries for a name.
pub struct SearchResult<'a> {
    /// The entries with this name.
    pub exact: Vec<&'a Documented>,
    /// The members of the type or module with this name.
    pub members: Vec<&'a Documented>,
}

/// No entry has this name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no documentation for `{name}`")]
#[diagnostic(code(doc::unknown))]
pub struct Unknown {
    name: String,
    #[help]
    help: String,
}

/// The entries for `name`: `tags`, `image.tags`, `tags(image)`, `image`.
///
/// # Errors
/// `doc::unknown`, with the nearest name.
pub fn find<'a>(entries: &'a [Documented], name: &str) -> Result<SearchResult<'a>, Unknown> {
    let wanted = name.trim_end_matches("()");
    let is_meant = |entry: &&Documented| [&*entry.call, entry.path(), entry.name()].contains(&wanted);
    let exact: Vec<_> = entries.iter().filter(is_meant).collect();
    let is_member = |entry: &&Documented| {
        entry.owner() == Some(wanted) || (wanted == TESTS && entry.kind == DocKind::Test)
    };
    let members: Vec<_> = entries.iter().filter(is_member).collect();
    if exact.is_empty() && members.is_empty() {
        return Err(Unknown { name: name.to_owned(), help: help(entries, wanted) });
    }
    Ok(SearchResult { exact, members })
}

fn help(entries: &[Documented], name: &str) -> String {
    let names = entries
        .iter()
        .flat_map(|entry| [Some(entry.path()), Some(entry.name()), entry.owner()].into_iter().flatten());
    match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "run `windlass doc` to list all entries".to_owned(),
    }
}
