//! Profiles: which are active, in which order, and what they change (spec config §11 and §13.3).

mod merge;
mod patch;
mod path;
mod read;

use indexmap::IndexMap;
use regex::Regex;

use super::explain::{Layer, Part, Reason, stamp};
use super::node::{Mapping, Node, Span, Value};
use super::problem::Report;
use super::reader::Reader;
use patch::Patch;
pub(crate) use read::read;

/// The keys of the document a profile's `replace`, `merge` and `strategicMerge` may have.
pub(crate) const SECTIONS: [&str; 10] = [
    "images",
    "deployments",
    "dev",
    "dependencies",
    "hooks",
    "commands",
    "vars",
    "pullSecrets",
    "require",
    "version",
];

/// The profiles of a file, by name.
pub(crate) type Profiles = IndexMap<String, Profile>;

/// One entry of `profiles`.
pub(crate) struct Profile {
    /// Where its name stands.
    pub span: Span,
    pub description: Option<String>,
    parents: Vec<(String, Span)>,
    replace: Option<Mapping>,
    merge: Option<Mapping>,
    strategic_merge: Option<Mapping>,
    patches: Vec<Patch>,
    activation: Vec<Conditions>,
}

/// One entry of `activation`: all its conditions must hold.
struct Conditions {
    environment: Vec<(String, Regex)>,
    variables: Vec<(String, Regex, Span)>,
}

/// The profiles to apply, in order: those `active` by their conditions, then those asked for, each after
/// its parents and each once. `asked` are names given by the user; `place` is where the profiles stand, for one
/// that is not among them.
pub(crate) fn order(
    profiles: &Profiles,
    place: Span,
    active: &[String],
    asked: &[String],
    reader: &mut Reader<'_>,
) -> Vec<String> {
    let mut ordered = Vec::new();
    for name in active.iter().filter(|name| !asked.contains(name)) {
        visit(profiles, name, place, &mut Vec::new(), &mut ordered, reader);
    }
    for name in asked {
        visit(profiles, name, place, &mut Vec::new(), &mut ordered, reader);
    }
    ordered
}

fn visit(
    profiles: &Profiles,
    name: &str,
    at: Span,
    chain: &mut Vec<String>,
    ordered: &mut Vec<String>,
    reader: &mut Reader<'_>,
) {
    if ordered.iter().any(|done| done == name) {
        return;
    }
    let Some(profile) = profiles.get(name) else {
        let mut report = Report::new("config::profile", format!("there is no profile `{name}`"), "not here")
            .suggest(name, profiles.keys().map(String::as_str));
        if profiles.is_empty() {
            report = report.help("the file has no profiles; leave out `-p`");
        }
        reader.problems.add(at, report);
        return;
    };
    let looped = chain.iter().position(|link| link == name);
    if let Some(start) = looped {
        let path = chain[start..].iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("` -> `");
        let report = Report::new(
            "config::profile",
            format!("profiles are their own parents: `{path}`"),
            "closes the loop",
        )
        .help("remove one of these parents");
        reader.problems.add(at, report);
        return;
    }
    if chain.len() >= 100 {
        let report =
            Report::new("config::profile", "the chain of parents is too long", "the hundredth parent");
        reader.problems.add(profile.span, report);
        return;
    }
    chain.push(name.to_owned());
    for (parent, span) in &profile.parents {
        visit(profiles, parent, *span, chain, ordered, reader);
    }
    chain.pop();
    ordered.push(name.to_owned());
}

impl Profile {
    /// Whether there is anything to evaluate.
    pub(crate) fn has_activation(&self) -> bool {
        !self.activation.is_empty()
    }

    /// Its parents' names.
    pub(crate) fn parents(&self) -> impl Iterator<Item = &str> {
        self.parents.iter().map(|(name, _)| name.as_str())
    }

    /// The first of its activations that holds, as a reason. `environment` and `variable` look up values.
    pub(crate) fn activated_by(
        &self,
        environment: impl Fn(&str) -> Option<String>,
        mut variable: impl FnMut(&str, Span) -> Option<String>,
    ) -> Option<Reason> {
        let matches =
            |pattern: &Regex, value: Option<String>| value.is_some_and(|value| pattern.is_match(&value));
        let holds = |conditions: &&Conditions| {
            conditions.environment.iter().all(|(name, pattern)| matches(pattern, environment(name)))
                && conditions
                    .variables
                    .iter()
                    .all(|(name, pattern, span)| matches(pattern, variable(name, *span)))
        };
        self.activation.iter().find(holds).map(|conditions| Reason::Activation {
            env: conditions.environment.iter().map(|(name, _)| name.clone()).collect(),
            vars: conditions.variables.iter().map(|(name, ..)| name.clone()).collect(),
        })
    }

    /// Changes `document`: replace, merge, strategicMerge, then the patches in order. Each adds a layer.
    pub(crate) fn apply(
        &mut self,
        name: &str,
        document: &mut Node,
        layers: &mut Vec<Layer>,
        reader: &mut Reader<'_>,
    ) {
        if let Value::Mapping(mapping) = &mut document.value {
            if let Some(section) = &mut self.replace {
                stamp(layers, name, Part::Replace, section);
                merge::replace(mapping, section);
            }
            if let Some(section) = &mut self.merge {
                stamp(layers, name, Part::Merge, section);
                merge::merge(mapping, section);
            }
            if let Some(section) = &mut self.strategic_merge {
                stamp(layers, name, Part::StrategicMerge, section);
                merge::strategic_merge(mapping, section);
            }
        }
        for (index, patch) in self.patches.iter_mut().enumerate() {
            let number = index + 1;
            if let Err(refusal) =
                patch.apply(document, |value| stamp(layers, name, Part::Patch(number), value))
            {
                let message = format!("patch {number} of profile `{name}` cannot be applied: {refusal}");
                let mut report = Report::new("config::patch", message, "this path");
                report.help = Some(patch.path.miss(document).unwrap_or_else(|| {
                    "compare it with the file as it is after the profiles before it".to_owned()
                }));
                reader.problems.add(patch.span, report);
            }
        }
    }
}
