//! `commands` (spec config §7 and §13.7).

use super::Shape::{Boolean, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `commands`.
pub(super) const COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("name", Text, "Its name in `windlass run NAME`.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("command", Text, "A shell line, or a program where `args` is given.").required(),
        key("args", TEXTS, "The program's arguments.").since(V1beta10),
        key("appendArgs", Boolean, "Adds the arguments of `windlass run` to the command.").since(V1beta10),
        key("description", Text, "What it does.").since(V1beta10),
        key("section", Text, "The group it is listed in.").since(V2beta1),
        key("internal", Boolean, "Whether it is not listed; `false` by default.").since(V2beta1),
        key("after", Text, "A shell line that runs afterwards, also when the command failed.").since(V2beta1),
    ],
};
