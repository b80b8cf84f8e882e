//! `vars`.

use super::Shape::{Any, Boolean, Choice, Fields, List, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `vars`.
pub(super) const VARIABLE: &Section = &Section {
    noun: "variable",
    keys: &[
        key("name", Text, "Its name in `${NAME}`.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("question", Text, "The prompt if the variable has no value."),
        key("options", TEXTS, "The answers to choose from."),
        key("password", Boolean, "Hides the answer and does not save it; `false` by default."),
        key("validationPattern", Text, "A regular expression that an answer must match."),
        key("validationMessage", Text, "The message for an answer that does not match."),
        key("default", Any, "The default value."),
        key("value", Any, "The value.").since(V1beta10),
        key(
            "source",
            Choice(&["all", "env", "input", "none", "command"]),
            "The source of the value; `all` by default.",
        ),
        key("command", Text, "A command whose output is the value.").since(V1beta10),
        key("args", TEXTS, "The command's arguments; if absent, `command` is a shell command line.")
            .since(V1beta10),
        key("commands", List(&Fields(COMMAND)), "Commands for specific operating systems.").since(V1beta10),
        key("noCache", Boolean, "Prompts in every run; `false` by default.").since(V1beta10),
        key("alwaysResolve", Boolean, "Resolves the variable even if it is not used.").since(V1beta10),
    ],
};

const COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("os", Text, "`linux`, `darwin` or `windows`; separate several with commas."),
        key("command", Text, "The command.").required(),
        key("args", TEXTS, "The command's arguments."),
    ],
};
