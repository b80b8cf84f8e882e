//! Scripts that windlass does not read because of their names.

use std::path::Path;

use miette::{NamedSource, SourceSpan};
use strsim::damerau_levenshtein;

use crate::suggestion::nearest;

/// A script whose name is similar to one that windlass reads, or that is named after an unknown profile.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{file}` is never used: {reason}")]
#[diagnostic(code(script::no_such_profile))]
pub(super) struct UnusedScript {
    file: String,
    reason: String,
    /// The name that was probably intended.
    meant: Option<String>,
    #[help]
    help: String,
    #[source_code]
    text: NamedSource<String>,
    #[label]
    beginning: SourceSpan,
}

impl UnusedScript {
    /// The warning, if the name is a typing error.
    pub(super) fn warning(&self) -> Option<String> {
        let meant = self.meant.as_ref()?;
        Some(format!("{self}; did you mean {meant}?"))
    }
}

/// The scripts in `root` that are never read, given all `profiles` of the project.
pub(super) fn unused_scripts(root: &Path, profiles: &[String]) -> Vec<UnusedScript> {
    let names = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<_> = names
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let (reason, meant) = unused(&file, profiles)?;
            let help = match &meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => "remove it, or add a profile with this name to devspace.yaml".to_owned(),
            };
            let text =
                NamedSource::new(&file, crate::input_file::read_text(&entry.path()).unwrap_or_default());
            Some(UnusedScript { file, reason, meant, help, text, beginning: (0, 0).into() })
        })
        .collect();
    found.sort_by(|one, other| one.file.cmp(&other.file));
    found
}

/// Why a script called `file` is never used, and the name that was probably intended; `None` for any other file.
fn unused(file: &str, profiles: &[String]) -> Option<(String, Option<String>)> {
    let stem = file.strip_suffix(".rhai")?;
    if stem.ends_with("_test") || stem.ends_with(".d") || stem == "windlass" {
        return None;
    }
    if let Some(profile) = stem.strip_prefix("windlass.") {
        if profiles.iter().any(|known| known == profile) {
            return None;
        }
        let near = nearest(profile, profiles.iter().map(String::as_str));
        let meant = near.map(|near| format!("windlass.{near}.rhai, for the profile `{near}`"));
        return Some((format!("unknown profile `{profile}`"), meant));
    }
    let reason = || "windlass reads no script with this name".to_owned();
    if profiles.iter().any(|profile| profile == stem) {
        return Some((reason(), Some(format!("windlass.{stem}.rhai, for the profile `{stem}`"))));
    }
    let names = profiles.iter().map(|profile| format!("windlass.{profile}"));
    let mut names = std::iter::once("windlass".to_owned()).chain(names);
    let is_slip = |name: &String| damerau_levenshtein(&stem.to_lowercase(), &name.to_lowercase()) <= 1;
    names.find(is_slip).map(|name| (reason(), Some(format!("{name}.rhai"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_never_read_are_known() {
        let profiles = ["dev".to_owned(), "staging".to_owned()];
        let check = |file: &str, expected: Option<&str>| {
            let meant = unused(file, &profiles).map(|(_, meant)| meant.unwrap_or_default());
            assert_eq!(meant.as_deref(), expected, "{file}");
        };
        check("windlass.rhai", None);
        check("windlass.dev.rhai", None);
        check("windlass_test.rhai", None);
        check("windlass.d.rhai", None);
        check("names.rhai", None);
        check("windlass.dve.rhai", Some("windlass.dev.rhai, for the profile `dev`"));
        check("windlass.production.rhai", Some(""));
        check("Windlass.rhai", Some("windlass.rhai"));
        check("windlas.rhai", Some("windlass.rhai"));
        check("windlass-dev.rhai", Some("windlass.dev.rhai"));
        check("dev.rhai", Some("windlass.dev.rhai, for the profile `dev`"));
    }
}
