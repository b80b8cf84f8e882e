//! `commands`.

use super::Shape::{Boolean, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `commands`.
pub(super) const COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("name", Text, "Its name in `windlass run NAME`.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("command", Text, "A shell command line, or a command if `args` is given.").required(),
        key("args", TEXTS, "The command's arguments.").since(V1beta10),
        key("appendArgs", Boolean, "Appends the arguments of `windlass run` to the command.").since(V1beta10),
        key("description", Text, "Its description.").since(V1beta10),
        key("section", Text, "The group under which it is listed.").since(V2beta1),
        key("internal", Boolean, "Hides it from lists; `false` by default.").since(V2beta1),
        key("after", Text, "A shell command line that runs afterwards, even if the command fails.")
            .since(V2beta1),
    ],
};
