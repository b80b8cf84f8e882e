//! What of an image's inputs is not as it was at an earlier build: the one comparison behind every reason.

use serde::Serialize;

use super::{ENCODING, Inputs};
use crate::image::context::{Change, ChangeKind, shown};
use crate::state::Record;

/// An input that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What happened to it.
    pub change: Sign,
    /// What kind of input it is.
    pub input: Input,
    /// Which one: a file, a build argument, a parent. Values are never told.
    pub name: String,
}

/// What happened to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another one.
    Changed,
}

/// A kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The custom command.
    Command,
    /// The Dockerfile, with what is written into it.
    Dockerfile,
    /// The build target.
    Target,
    /// The network of RUN steps.
    Network,
    /// The platform that was asked for.
    Platform,
    /// More arguments of the docker CLI.
    Arguments,
    /// A build argument.
    BuildArg,
    /// An image of the project that this one is built from.
    Parent,
    /// Whether changes of the context count at all, or the context where its files are not known any more.
    Context,
    /// A file.
    File,
    /// How windlass makes cache keys: nothing can be compared with what was built by one that makes others.
    Encoding,
}

impl Sign {
    /// From what was there before and what is there now.
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

/// What `inputs` have otherwise than those of `earlier`. `changed_files` names the files of the context that differ,
/// when the context does; `None` where they are not known any more.
pub fn differences(
    earlier: &Record,
    inputs: &Inputs,
    changed_files: impl FnOnce() -> Option<Vec<Change>>,
) -> Vec<Difference> {
    let before = &earlier.inputs;
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
