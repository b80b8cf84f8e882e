//! `windlass list profiles`.

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{Explain, ProfileStatus};

/// The additional help text.
pub(super) const HELP: &str = "\
A profile is applied if -p selects it, if one of its activations matches, or if it is
the parent of an applied profile. This command does not prompt: an activation does not
match if it uses a variable without a value.

Fields of --json:
  name          its name
  description   its description, or null
  active        whether it is applied
  reasons       why, each with `kind`: flag; activation, with the names that it uses
                in `env` and `vars`; parent_of, with `profile`
  parents       its parents
  origin        file, line and column of its name

Examples:
  windlass list profiles
  windlass list profiles -p dev   show what `dev` applies";

impl Row for ProfileStatus {
    const COLUMNS: &'static [&'static str] = &["name", "active", "why", "parents", "description"];

    fn cells(&self) -> Vec<String> {
        let reasons: Vec<_> = self.reasons.iter().map(ToString::to_string).collect();
        vec![
            self.name.clone(),
            if self.active { "yes" } else { "no" }.to_owned(),
            reasons.join(", "),
            self.parents.join(", "),
            self.description.clone().unwrap_or_default(),
        ]
    }
}

/// Lists the profiles in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let (explanation, warnings) = load::load_explained(global, Explain::ProjectCheck)?;
    load::report(&warnings, global);
    show(&explanation.profiles, json, "the project has no profiles")
}
