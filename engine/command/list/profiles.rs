//! `windlass list profiles`.

use super::{Row, show};
use crate::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{Explain, ProfileStatus};

/// What `--help` adds.
pub(super) const HELP: &str = "\
A profile is applied because -p names it, because an activation of it holds, or
because it is the parent of one that is applied. Nothing is asked: an activation
that looks at a variable without a value does not hold.

Fields of --json:
  name          its name
  description   its description, or null
  active        whether it is applied
  reasons       why, each with `kind`: flag; activation, with the names it looks at
                in `env` and `vars`; parent_of, with `profile`
  parents       its parents
  origin        file, line and column of its name

Examples:
  windlass list profiles
  windlass list profiles -p dev   what `dev` brings with it";

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
    let (explanation, warnings) = load::load_explained(global, Explain::Survey)?;
    load::tell(&warnings, global);
    show(&explanation.profiles, json, "the project has no profiles")
}
