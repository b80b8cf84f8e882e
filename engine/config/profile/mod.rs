//! Profiles: selects the active ones, orders them and applies their changes.

mod merge;
pub(crate) mod patch;
pub(crate) mod path;
mod read;
mod source;

use indexmap::IndexMap;
use regex::Regex;

use super::Version;
use super::explain::{Layer, Part, Reason, stamp};
use super::node::{Entry, Mapping, Scalar, Span, Style, Value, YamlNode};
use super::problem::{Diagnostics, Report};
use super::reader::Reader;
use super::schema::check::{Stage, check_key};
use patch::{Outcome, Patch, Refusal};
pub(crate) use path::{Path, PathSegment};
pub(crate) use read::read;
pub(crate) use source::Sources;

/// The profiles of a file, by name.
pub(crate) type Profiles = IndexMap<String, Profile>;

/// One entry of `profiles`.
pub(crate) struct Profile {
    /// The location of its name.
    pub span: Span,
    pub description: Option<String>,
    /// Whether it is from another project, as a parent of a profile of this project.
    pub is_foreign: bool,
    parents: Vec<Parent>,
    /// Sections that are strings with variables, by their key.
    open: Vec<(&'static str, YamlNode)>,
    replace: Option<Mapping>,
    merge: Option<Mapping>,
    strategic_merge: Option<Mapping>,
    patches: Vec<Patch>,
    activation: Vec<Conditions>,
}

/// A parent of a profile.
#[derive(Clone)]
struct Parent {
    name: String,
    /// The location of its name.
    span: Span,
    /// The keys of `source`, for a profile of another project.
    source: Option<Mapping>,
}

/// One entry of `activation`: all its conditions must match.
struct Conditions {
    environment: Vec<(String, Regex)>,
    variables: Vec<(String, Regex, Span)>,
}

/// The profiles to apply, in order: those that are `active` by their conditions, then those of the user, each after its
/// parents and each once. `asked` are the names that the user passed; `place` is the location of the section, to report
/// unknown names.
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
        let mut report =
            Report::new("config::profile", format!("unknown profile `{name}`"), "unknown profile")
                .suggest(name, profiles.keys().map(String::as_str));
        if profiles.is_empty() {
            report = report.help("the file has no profiles: omit `-p`");
        }
        reader.problems.add(at, report);
        return;
    };
    let looped = chain.iter().position(|link| link == name);
    if let Some(start) = looped {
        let path = chain[start..].iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("` -> `");
        let report =
            Report::new("config::profile", format!("profile parent cycle: `{path}`"), "closes the cycle")
                .help("remove one of these parents");
        reader.problems.add(at, report);
        return;
    }
    if chain.len() >= 100 {
        let report = Report::new("config::profile", "the chain of parents is too long", "parent number 100");
        reader.problems.add(profile.span, report);
        return;
    }
    chain.push(name.to_owned());
    for parent in &profile.parents {
        visit(profiles, &parent.name, parent.span, chain, ordered, reader);
    }
    chain.pop();
    ordered.push(name.to_owned());
}

impl Profile {
    /// The names of its parents.
    pub(crate) fn parents(&self) -> impl Iterator<Item = &str> {
        self.parents.iter().map(|parent| parent.name.as_str())
    }

    /// The first of its activations that matches, as a reason. `environment` and `variable` look up values.
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

    /// Takes the sections that are strings with variables, to pass them to [`Profile::close`] once these are known.
    pub(crate) fn take_open(&mut self) -> Vec<(&'static str, YamlNode)> {
        std::mem::take(&mut self.open)
    }

    /// Checks and sets the section `key` of the profile `name` after its variables are filled in.
    pub(crate) fn close(
        &mut self,
        name: &str,
        (key, section): (&'static str, YamlNode),
        version: Version,
        problems: &mut Diagnostics,
    ) {
        let span = section.span;
        let entry = |node| Entry { key: span, node };
        let name = Scalar { text: name.to_owned(), style: Style::Text, ..Scalar::null() };
        let name = YamlNode { span, value: Value::Scalar(name) };
        let profile = Mapping::from([("name".to_owned(), entry(name)), (key.to_owned(), entry(section))]);
        let profile = YamlNode { span, value: Value::Mapping(profile) };
        let mut profiles = entry(YamlNode { span, value: Value::Sequence(vec![profile]) });
        check_key(&mut profiles, "profiles", version, Stage::Raw, problems);
        let Some((_, closed)) = read(&profiles.node, &mut Reader { problems }).pop() else { return };
        match key {
            "replace" => self.replace = closed.replace,
            "merge" => self.merge = closed.merge,
            "strategicMerge" => self.strategic_merge = closed.strategic_merge,
            _ => self.patches = closed.patches,
        }
    }

    /// Changes `document`: `replace`, `merge`, `strategicMerge`, then the patches in order. Each adds a layer.
    pub(crate) fn apply(
        &mut self,
        name: &str,
        document: &mut YamlNode,
        version: Version,
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
            let applied =
                patch.apply(document, version, |value| stamp(layers, name, Part::Patch(number), value));
            report(applied, patch, &format!("patch {number} of profile `{name}`"), document, reader);
        }
    }
}

/// Reports a patch that failed or had no effect.
fn report(
    applied: Result<Outcome, Refusal>,
    patch: &Patch,
    what: &str,
    document: &YamlNode,
    reader: &mut Reader<'_>,
) {
    let report =
        |message: String| {
            let mut report = Report::new("config::patch", message, "this path");
            report.help =
                Some(patch.path.miss(document).unwrap_or_else(|| {
                    "compare the path with the file after the preceding profiles".to_owned()
                }));
            report
        };
    match applied {
        Ok(Outcome::Applied) => {}
        Ok(Outcome::NothingToRemove) => {
            let message = format!("{what} has no effect: its path matches nothing");
            reader.problems.warn(patch.span, report(message));
        }
        Ok(Outcome::AddedInstead) => {
            let message = format!("{what} adds its value: its path matches nothing to replace");
            reader.problems.warn(patch.span, Report::new("config::patch", message, "this path"));
        }
        Err(refusal) => {
            reader.problems.add(patch.span, report(format!("cannot apply {what}: {refusal}")));
        }
    }
}
