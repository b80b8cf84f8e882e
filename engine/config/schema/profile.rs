//! `profiles` (spec config §11 and §13.3).

use super::Shape::{Any, Choice, Fields, File, List, Text};
use super::dependency::SOURCE;
use super::{Section, TEXT_MAP, key};
use crate::config::version::Version::*;

/// One of `profiles`.
pub(super) const PROFILE: &Section = &Section {
    noun: "profile",
    keys: &[
        key("name", Text, "Its name in `--profile`.").required(),
        key("description", Text, "What it is for.").since(V1beta10),
        key("parent", Text, "The profile that is applied before it."),
        key("parents", List(&Fields(PARENT)), "The profiles that are applied before it.").since(V1beta10),
        key("replace", File, "Sections that take the place of the file's."),
        key("merge", File, "Changes to the file as a JSON merge patch (RFC 7386).").since(V1beta10),
        key("strategicMerge", File, "As `merge`, but lists are merged by the names in them.")
            .since(V1beta10)
            .until(V1beta11, "write `merge`"),
        key("patches", List(&Fields(PATCH)), "Single changes to the file, in this order."),
        key("activation", List(&Fields(ACTIVATION)), "When it applies without being asked for.")
            .since(V1beta10),
    ],
};

const PARENT: &Section = &Section {
    noun: "parent",
    keys: &[
        key("profile", Text, "Its name.").required(),
        key("source", Fields(SOURCE), "The project it is from."),
    ],
};

/// One of `patches`.
const PATCH: &Section = &Section {
    noun: "patch",
    keys: &[
        key("op", Choice(&["add", "remove", "replace", "move", "copy", "test"]), "What to do.").required(),
        key("path", Text, "Where: `images.api.tags[0]`, `/images/api/tags/0`, `deployments.name=api.helm`.")
            .required(),
        key("value", Any, "The new value."),
        key("from", Text, "Where a moved or copied value comes from."),
    ],
};

const ACTIVATION: &Section = &Section {
    noun: "activation",
    keys: &[
        key("env", TEXT_MAP, "Environment variables and the patterns of their values."),
        key("vars", TEXT_MAP, "Variables and the patterns of their values."),
    ],
};
