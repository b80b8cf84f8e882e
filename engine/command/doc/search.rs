//! Finding what a name means.

use crate::script::reference::{Documented, Kind};
use crate::suggestion::nearest;

/// What everything that only tests can call is found as.
const TESTS: &str = "test";

/// What a name means.
pub struct Found<'a> {
    /// What is called so.
    pub exact: Vec<&'a Documented>,
    /// What belongs to the value or module that is called so.
    pub members: Vec<&'a Documented>,
}

/// Nothing has this name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is nothing called `{name}`")]
#[diagnostic(code(doc::unknown))]
pub struct Unknown {
    name: String,
    #[help]
    help: String,
}

/// What `name` means: `tags`, `image.tags`, `tags(image)`, `image`.
///
/// # Errors
/// `doc::unknown`, with the nearest name.
pub fn find<'a>(entries: &'a [Documented], name: &str) -> Result<Found<'a>, Unknown> {
    let wanted = name.trim_end_matches("()");
    let is_meant = |entry: &&Documented| [&*entry.call, entry.path(), entry.name()].contains(&wanted);
    let exact: Vec<_> = entries.iter().filter(is_meant).collect();
    let is_member =
        |entry: &&Documented| entry.owner() == Some(wanted) || (wanted == TESTS && entry.kind == Kind::Test);
    let members: Vec<_> = entries.iter().filter(is_member).collect();
    if exact.is_empty() && members.is_empty() {
        return Err(Unknown { name: name.to_owned(), help: help(entries, wanted) });
    }
    Ok(Found { exact, members })
}

fn help(entries: &[Documented], name: &str) -> String {
    let names = entries
        .iter()
        .flat_map(|entry| [Some(entry.path()), Some(entry.name()), entry.owner()].into_iter().flatten());
    match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`windlass doc` lists everything".to_owned(),
    }
}
