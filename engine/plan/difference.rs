//! The differences between an image's inputs and those of an earlier build, from which all reasons are derived.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::image::context::{Change, ChangeKind, shown};
use crate::image::{ENCODING, Inputs};
use crate::state::RecordedInputs;

/// A changed input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The kind of change.
    pub change: Sign,
    /// The kind of input.
    pub input: Input,
    /// Its name: a file, a build argument, a parent. Values are never shown.
    pub name: String,
}

/// The kind of change of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Added.
    Added,
    /// Removed.
    Removed,
    /// Changed.
    Changed,
}

/// A kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The custom command.
    Command,
    /// The Dockerfile, including injected instructions.
    Dockerfile,
    /// The build target.
    Target,
    /// The network of RUN steps.
    Network,
    /// The requested platform.
    Platform,
    /// Additional arguments of the Docker CLI.
    Arguments,
    /// A build argument.
    BuildArg,
    /// A base image that belongs to the project.
    Parent,
    /// The digest of another base image in the lock file.
    LockedBase,
    /// Whether the build context is an input, or the build context if its earlier files are no longer recorded.
    Context,
    /// A file.
    File,
    /// The encoding of cache keys: builds with another encoding cannot be compared.
    Encoding,
}

impl Sign {
    /// The change from `before` to `now`.
    fn of<T>(before: Option<T>, now: Option<T>) -> Self {
        match (before, now) {
            (None, Some(_)) => Self::Added,
            (Some(_), None) => Self::Removed,
            _ => Self::Changed,
        }
    }
}

impl From<ChangeKind> for Sign {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Added => Self::Added,
            ChangeKind::Removed => Self::Removed,
            ChangeKind::Changed => Self::Changed,
        }
    }
}

/// The differences between `inputs` and those `before`. If the build context differs, `changed_files` returns the
/// changed files; `None` if they are no longer recorded.
pub fn differences(
    before: &RecordedInputs,
    inputs: &Inputs,
    changed_files: impl FnOnce() -> Option<Vec<Change>>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note =
        |change, input, name: &str| found.push(Difference { change, input, name: name.to_owned() });
    if before.encoding != ENCODING {
        note(Sign::Changed, Input::Encoding, "");
        return found;
    }
    if !before.has_command_of(inputs) {
        note(Sign::Changed, Input::Command, "");
    }
    if before.dockerfile != inputs.dockerfile {
        note(Sign::of(before.dockerfile, inputs.dockerfile), Input::Dockerfile, "");
    }
    let options = [
        (Input::Target, &before.target, &inputs.target),
        (Input::Network, &before.network, &inputs.network),
        (Input::Platform, &before.platform, &inputs.platform),
    ];
    for (input, before, now) in options {
        if before != now {
            let name = now.as_ref().or(before.as_ref()).map_or("", String::as_str);
            note(Sign::of(before.as_ref(), now.as_ref()), input, name);
        }
    }
    if !before.has_arguments_of(inputs) {
        note(Sign::Changed, Input::Arguments, "");
    }
    for name in before.changed_build_args(inputs) {
        let had = before.has_build_arg(name).then_some(());
        note(Sign::of(had, inputs.build_args.get(name).map(|_| ())), Input::BuildArg, name);
    }
    for (name, key) in &inputs.parents {
        if before.parents.get(name) != Some(key) {
            note(Sign::of(before.parents.get(name), Some(key)), Input::Parent, name);
        }
    }
    for (name, key) in before.parents.iter().filter(|(name, _)| !inputs.parents.contains_key(*name)) {
        note(Sign::of(Some(key), None), Input::Parent, name);
    }
    let bases: BTreeSet<_> = before.bases.keys().chain(inputs.bases.keys()).collect();
    for name in bases {
        let (then, now) = (before.bases.get(name), inputs.bases.get(name));
        if then != now {
            note(Sign::of(then, now), Input::LockedBase, name);
        }
    }
    if before.context != inputs.context {
        match (before.context, inputs.context) {
            (Some(_), Some(_)) => match changed_files().filter(|files| !files.is_empty()) {
                Some(files) => {
                    files.iter().for_each(|file| note(file.kind.into(), Input::File, &shown(&file.path)));
                }
                None => note(Sign::Changed, Input::Context, ""),
            },
            (before, now) => note(Sign::of(before, now), Input::Context, ""),
        }
    }
    found
}
