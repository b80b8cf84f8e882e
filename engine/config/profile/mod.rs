//! Profiles: which are active, in which order, and what they change (spec config §11 and §13.3).

mod merge;
mod patch;
mod path;
mod read;
mod source;

use indexmap::IndexMap;
use regex::Regex;

use super::Version;
use super::explain::{Layer, Part, Reason, stamp};
use super::node::{Entry, Mapping, Node, Scalar, Span, Style, Value};
use super::problem::{Problems, Report};
use super::reader::Reader;
use super::schema::check::{Stage, check_key};
use patch::{Outcome, Patch, Refusal};
pub(crate) use path::{Path, Step};
pub(crate) use read::read;
pub(crate) use source::Sources;

/// The profiles of a file, by name.
pub(crate) type Profiles = IndexMap<String, Profile>;

/// One entry of `profiles`.
pub(crate) struct Profile {
    /// Where its name stands.
    pub span: Span,
    pub description: Option<String>,
    /// Whether it is from another project, as the parent of one of this.
    pub is_foreign: bool,
    parents: Vec<Parent>,
    /// Sections that are texts with variables, by their key.
    open: Vec<(&'static str, Node)>,
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
    /// Where its name stands.
    span: Span,
    /// The fields of `source`, for a profile of another project.
    source: Option<Mapping>,
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
    for parent in &profile.parents {
        visit(profiles, &parent.name, parent.span, chain, ordered, reader);
    }
    chain.pop();
    ordered.push(name.to_owned());
}

impl Profile {
    /// Its parents' names.
    pub(crate) fn parents(&self) -> impl Iterator<Item = &str> {
        self.parents.iter().map(|parent| parent.name.as_str())
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

    /// The sections that are texts with variables, each to be given to [`Profile::close`] when these are known.
    pub(crate) fn take_open(&mut self) -> Vec<(&'static str, Node)> {
        std::mem::take(&mut self.open)
    }

    /// Takes what the section `key` of the profile `name` turned out to be, and checks it.
    pub(crate) fn close(
        &mut self,
        name: &str,
        (key, section): (&'static str, Node),
        version: Version,
        problems: &mut Problems,
    ) {
        let span = section.span;
        let entry = |node| Entry { key: span, node };
        let name = Scalar { text: name.to_owned(), style: Style::Text, ..Scalar::null() };
        let name = Node { span, value: Value::Scalar(name) };
        let profile = Mapping::from([("name".to_owned(), entry(name)), (key.to_owned(), entry(section))]);
        let profile = Node { span, value: Value::Mapping(profile) };
        let mut profiles = entry(Node { span, value: Value::Sequence(vec![profile]) });
        check_key(&mut profiles, "profiles", version, Stage::Raw, problems);
        let Some((_, closed)) = read(&profiles.node, &mut Reader { problems }).pop() else { return };
        match key {
            "replace" => self.replace = closed.replace,
            "merge" => self.merge = closed.merge,
            "strategicMerge" => self.strategic_merge = closed.strategic_merge,
            _ => self.patches = closed.patches,
        }
    }

    /// Changes `document`: replace, merge, strategicMerge, then the patches in order. Each adds a layer.
    pub(crate) fn apply(
        &mut self,
        name: &str,
        document: &mut Node,
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
            tell(applied, patch, &format!("patch {number} of profile `{name}`"), document, reader);
        }
    }
}

/// Tells what a patch could not do.
fn tell(
    applied: Result<Outcome, Refusal>,
    patch: &Patch,
    what: &str,
    document: &Node,
    reader: &mut Reader<'_>,
) {
    let report = |message: String| {
        let mut report = Report::new("config::patch", message, "this path");
        report.help =
            Some(patch.path.miss(document).unwrap_or_else(|| {
                "compare it with the file as it is after the profiles before it".to_owned()
            }));
        report
    };
    match applied {
        Ok(Outcome::Applied) => {}
        Ok(Outcome::NothingToRemove) => {
            let message = format!("{what} removes nothing: its path matches nothing");
            reader.problems.warn(patch.span, report(message));
        }
        Ok(Outcome::AddedInstead) => {
            let message =
                format!("{what} replaces nothing: its path matched nothing, so its value was added");
            reader.problems.warn(patch.span, Report::new("config::patch", message, "this path"));
        }
        Err(refusal) => {
            reader.problems.add(patch.span, report(format!("{what} cannot be applied: {refusal}")));
        }
    }
}
