//! `dependencies`, and what they share with `imports` (spec config §9 and §13.7).

use super::Shape::{Any, Boolean, Fields, List, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// One of `dependencies`.
pub(super) const DEPENDENCY: &Section = &Section {
    noun: "dependency",
    keys: &[
        key("name", Text, "Its name."),
        key("disabled", Boolean, "Leaves it out; `false` by default.").since(V1beta10),
        key("source", Fields(SOURCE), "Where the project is.").until(V1beta11, "write its keys one level up"),
        key("path", Text, "The project's folder, relative to this file.")
            .since_else(V2beta1, "write it below `source`"),
        key("git", Text, "The project's git repository.").since_else(V2beta1, "write it below `source`"),
        key("branch", Text, "The branch to use.").since_else(V2beta1, "write it below `source`"),
        key("tag", Text, "The git tag to use.").since_else(V2beta1, "write it below `source`"),
        key("revision", Text, "The commit to use.").since_else(V2beta1, "write it below `source`"),
        key("subPath", Text, "The project's folder inside the repository.")
            .since_else(V2beta1, "write it below `source`"),
        key("cloneArgs", TEXTS, "More arguments of `git clone`.")
            .since_else(V2beta1, "write it below `source`"),
        key("disableShallow", Boolean, "Fetches the whole history; `false` by default.")
            .since_else(V2beta1, "write it below `source`"),
        key("disablePull", Boolean, "Keeps a checkout as it is; `false` by default.")
            .since_else(V2beta1, "write it below `source`"),
        key("pipeline", Text, "Which of its pipelines runs; `deploy` by default.").since(V2beta1),
        key("config", Text, "The configuration of it that is used.").until(V1beta2, "write `profile`"),
        key("profile", Text, "The profile it is loaded with.")
            .since(V1beta3)
            .until(V1beta11, "write `profiles: [...]`"),
        key("profiles", TEXTS, "The profiles it is loaded with.").since(V1beta10),
        key("profileParents", TEXTS, "Profiles applied before its own.")
            .since(V1beta10)
            .until(V1beta11, "write them first in `profiles`"),
        key("disableProfileActivation", Boolean, "Applies only profiles that are named; `false` by default.")
            .since(V1beta10),
        key("vars", List(&Fields(DEPENDENCY_VARIABLE)), "Variables it gets.")
            .since(V1beta10)
            .changed_after(V1beta11),
        key("vars", TEXT_MAP, "Variables it gets.").since(V2beta1),
        key("overwriteVars", Boolean, "Gives it the variables of this project; `false` by default.")
            .since(V1beta10),
        key("skipBuild", Boolean, "Builds none of its images; `false` by default.")
            .until(V1beta11, "use its `pipeline`"),
        key("ignoreDependencies", Boolean, "Leaves its own dependencies out; `false` by default."),
        key("namespace", Text, "The namespace it is deployed to."),
        key("dev", Any, "Which parts of its `dev` apply.")
            .since(V1beta10)
            .until(V1beta11, "write `pipeline: dev`"),
    ],
};

/// Where another project is.
pub(super) const SOURCE: &Section = &Section {
    noun: "source",
    keys: &[
        key("path", Text, "The project's folder, relative to this file."),
        key("git", Text, "The project's git repository."),
        key("branch", Text, "The branch to use."),
        key("tag", Text, "The git tag to use."),
        key("revision", Text, "The commit to use."),
        key("subPath", Text, "The project's folder inside the repository."),
        key("cloneArgs", TEXTS, "More arguments of `git clone`.").since(V1beta9),
        key("disableShallow", Boolean, "Fetches the whole history; `false` by default.").since(V1beta9),
        key("configName", Text, "The name of its file; `devspace.yaml` by default.").since(V1beta10),
        key("disablePull", Boolean, "Keeps a checkout as it is; `false` by default.").since(V2beta1),
    ],
};

const DEPENDENCY_VARIABLE: &Section = &Section {
    noun: "variable",
    keys: &[key("name", Text, "Its name.").required(), key("value", Text, "Its value.")],
};

/// One of `imports`.
pub(super) const IMPORT: &Section = &Section {
    noun: "import",
    keys: &[
        key("enabled", Boolean, "Whether it is imported; `true` by default."),
        key("path", Text, "The file, relative to this one."),
        key("git", Text, "The git repository it is in."),
        key("branch", Text, "The branch to use."),
        key("tag", Text, "The git tag to use."),
        key("revision", Text, "The commit to use."),
        key("subPath", Text, "The file or folder inside the repository."),
        key("cloneArgs", TEXTS, "More arguments of `git clone`."),
        key("disableShallow", Boolean, "Fetches the whole history; `false` by default."),
        key("disablePull", Boolean, "Keeps a checkout as it is; `false` by default."),
    ],
};
