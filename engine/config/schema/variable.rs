//! `vars` (spec config §6.1 and §13.2).

use super::Shape::{Any, Boolean, Choice, Fields, List, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `vars`.
pub(super) const VARIABLE: &Section = &Section {
    noun: "variable",
    keys: &[
        key("name", Text, "Its name in `${NAME}`.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("question", Text, "What is asked where there is no value."),
        key("options", TEXTS, "The answers to choose from."),
        key("password", Boolean, "Hides the answer, and never stores it in plain text; `false` by default."),
        key("validationPattern", Text, "A regular expression that an answer has to match."),
        key("validationMessage", Text, "What is said of an answer that does not match."),
        key("default", Any, "The value where none is given."),
        key("value", Any, "The value.").since(V1beta10),
        key(
            "source",
            Choice(&["all", "env", "input", "none", "command"]),
            "Where the value may come from; `all` by default.",
        ),
        key("command", Text, "A command whose output is the value.").since(V1beta10),
        key("args", TEXTS, "The command's arguments; without, it is a shell line.").since(V1beta10),
        key("commands", List(&Fields(COMMAND)), "Commands for some operating systems.").since(V1beta10),
        key("noCache", Boolean, "Asks in every run; `false` by default.").since(V1beta10),
        key("alwaysResolve", Boolean, "Finds the value also where nothing uses it.").since(V1beta10),
    ],
};

const COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("os", Text, "`linux`, `darwin`, `windows`, or several with commas."),
        key("command", Text, "The command.").required(),
        key("args", TEXTS, "The command's arguments."),
    ],
};
