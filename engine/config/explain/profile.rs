//! The active profiles and the reasons.

use std::fmt;

use serde::Serialize;

use crate::config::Origin;
use crate::config::problem::Diagnostics;
use crate::config::profile::Profiles;

/// A profile and whether it is applied.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileStatus {
    /// Its name.
    pub name: String,
    /// Its `description`.
    pub description: Option<String>,
    /// Whether it is applied.
    pub active: bool,
    /// The reasons why it is applied; empty if it is not.
    pub reasons: Vec<Reason>,
    /// Its parents.
    pub parents: Vec<String>,
    /// The location of its name.
    pub origin: Origin,
}

/// The reason why a profile is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// `--profile` names it.
    Flag,
    /// All conditions of one of its activations match.
    Activation {
        /// The environment variables in the conditions.
        env: Vec<String>,
        /// The variables in the conditions.
        vars: Vec<String>,
    },
    /// It is a parent of another profile that is applied.
    ParentOf {
        /// The other profile.
        profile: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("-p"),
            Self::Activation { env, vars } => {
                let env = env.iter().map(|name| format!("${name}"));
                let vars = vars.iter().map(|name| format!("${{{name}}}"));
                write!(formatter, "activated by {}", env.chain(vars).collect::<Vec<_>>().join(" and "))
            }
            Self::ParentOf { profile } => write!(formatter, "parent of {profile}"),
        }
    }
}

/// The profiles in file order. `asked` are those of the command line, `activated` those whose conditions match, and
/// `applied` all that were applied.
pub(crate) fn statuses(
    profiles: &Profiles,
    asked: &[String],
    activated: &[(String, Reason)],
    applied: &[String],
    problems: &Diagnostics,
) -> Vec<ProfileStatus> {
    let status = |(name, profile): (&String, &crate::config::profile::Profile)| {
        let flag = asked.contains(name).then_some(Reason::Flag);
        let activation = activated.iter().filter(|(active, _)| active == name);
        let children = applied.iter().filter(|child| {
            profiles.get(*child).is_some_and(|child| child.parents().any(|parent| parent == name))
        });
        let reasons: Vec<Reason> = flag
            .into_iter()
            .chain(activation.map(|(_, reason)| reason.clone()))
            .chain(children.map(|child| Reason::ParentOf { profile: child.clone() }))
            .collect();
        ProfileStatus {
            name: name.clone(),
            description: profile.description.clone(),
            active: applied.contains(name),
            reasons,
            parents: profile.parents().map(str::to_owned).collect(),
            origin: problems.origin(profile.span),
        }
    };
    profiles.iter().map(status).collect()
}
