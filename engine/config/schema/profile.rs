//! `profiles`.

use super::Shape::{Any, Choice, Fields, File, List, Text};
use super::dependency::SOURCE;
use super::{Section, TEXT_MAP, key};
use crate::config::version::Version::*;

/// One of `profiles`.
pub(super) const PROFILE: &Section = &Section {
    noun: "profile",
    keys: &[
        key("name", Text, "Its name in `--profile`.").required(),
        key("description", Text, "Its description.").since(V1beta10),
        key("parent", Text, "The profile to apply before it."),
        key("parents", List(&Fields(PARENT)), "The profiles to apply before it.").since(V1beta10),
        key("replace", File, "Sections that replace those of the file."),
        key("merge", File, "Changes to the file as a JSON merge patch (RFC 7386).").since(V1beta10),
        key("strategicMerge", File, "Like `merge`, but lists are merged by the names of their items.")
            .since(V1beta10)
            .until(V1beta11, "write `merge`"),
        key("patches", List(&Fields(PATCH)), "Patches of the file, applied in this order."),
        key("activation", List(&Fields(ACTIVATION)), "Conditions under which it is applied automatically.")
            .since(V1beta10),
    ],
};

const PARENT: &Section = &Section {
    noun: "parent",
    keys: &[
        key("profile", Text, "Its name.").required(),
        key("source", Fields(SOURCE), "The location of its project."),
    ],
};

/// One of `patches`.
const PATCH: &Section = &Section {
    noun: "patch",
    keys: &[
        key("op", Choice(&["add", "remove", "replace", "move", "copy", "test"]), "The operation.").required(),
        key(
            "path",
            Text,
            "The path: `images.api.tags[0]`, `/images/api/tags/0`, `deployments.name=api.helm`.",
        )
        .required(),
        key("value", Any, "The new value."),
        key("from", Text, "The source path of a move or copy."),
    ],
};

const ACTIVATION: &Section = &Section {
    noun: "activation",
    keys: &[
        key("env", TEXT_MAP, "Environment variables and the regular expressions of their values."),
        key("vars", TEXT_MAP, "Variables and the regular expressions of their values."),
    ],
};
