//! `dependencies`, and the keys that they share with `imports`.

use super::Shape::{Any, Boolean, Fields, List, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// One of `dependencies`.
pub(super) const DEPENDENCY: &Section = &Section {
    noun: "dependency",
    keys: &[
        key("name", Text, "Its name."),
        key("disabled", Boolean, "Skips it; `false` by default.").since(V1beta10),
        key("source", Fields(SOURCE), "The location of the project.")
            .until(V1beta11, "write its keys one level up"),
        key("path", Text, "The project directory, relative to this file.")
            .since_else(V2beta1, "write it below `source`"),
        key("git", Text, "The project's git repository.").since_else(V2beta1, "write it below `source`"),
        key("branch", Text, "The branch to use.").since_else(V2beta1, "write it below `source`"),
        key("tag", Text, "The git tag to use.").since_else(V2beta1, "write it below `source`"),
        key("revision", Text, "The commit to use.").since_else(V2beta1, "write it below `source`"),
        key("subPath", Text, "The project directory in the repository.")
            .since_else(V2beta1, "write it below `source`"),
        key("cloneArgs", TEXTS, "Additional arguments of `git clone`.")
            .since_else(V2beta1, "write it below `source`"),
        key("disableShallow", Boolean, "Fetches the full history; `false` by default.")
            .since_else(V2beta1, "write it below `source`"),
        key("disablePull", Boolean, "Does not update an existing checkout; `false` by default.")
            .since_else(V2beta1, "write it below `source`"),
        key("pipeline", Text, "The pipeline to run; `deploy` by default.").since(V2beta1),
        key("config", Text, "The named configuration to use.").until(V1beta2, "write `profile`"),
        key("profile", Text, "The profile to apply.")
            .since(V1beta3)
            .until(V1beta11, "write `profiles: [...]`"),
        key("profiles", TEXTS, "The profiles to apply.").since(V1beta10),
        key("profileParents", TEXTS, "Profiles to apply first.")
            .since(V1beta10)
            .until(V1beta11, "write them first in `profiles`"),
        key("disableProfileActivation", Boolean, "Disables profile activation; `false` by default.")
            .since(V1beta10),
        key("vars", List(&Fields(DEPENDENCY_VARIABLE)), "Variables to pass to it.")
            .since(V1beta10)
            .changed_after(V1beta11),
        key("vars", TEXT_MAP, "Variables to pass to it.").since(V2beta1),
        key("overwriteVars", Boolean, "Passes the variables of this project to it; `false` by default.")
            .since(V1beta10),
        key("skipBuild", Boolean, "Does not build its images; `false` by default.")
            .until(V1beta11, "use its `pipeline`"),
        key("ignoreDependencies", Boolean, "Skips its dependencies; `false` by default."),
        key("namespace", Text, "The namespace it is deployed to."),
        key("dev", Any, "The parts of its `dev` to use.")
            .since(V1beta10)
            .until(V1beta11, "write `pipeline: dev`"),
    ],
};

/// The location of another project.
pub(super) const SOURCE: &Section = &Section {
    noun: "source",
    keys: &[
        key("path", Text, "The project directory, relative to this file."),
        key("git", Text, "The project's git repository."),
        key("branch", Text, "The branch to use."),
        key("tag", Text, "The git tag to use."),
        key("revision", Text, "The commit to use."),
        key("subPath", Text, "The project directory in the repository."),
        key("cloneArgs", TEXTS, "Additional arguments of `git clone`.").since(V1beta9),
        key("disableShallow", Boolean, "Fetches the full history; `false` by default.").since(V1beta9),
        key("configName", Text, "The name of its configuration file; `devspace.yaml` by default.")
            .since(V1beta10),
        key("disablePull", Boolean, "Does not update an existing checkout; `false` by default.")
            .since(V2beta1),
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
        key("enabled", Boolean, "Whether to import it; `true` by default."),
        key("path", Text, "The file to import, relative to this file."),
        key("git", Text, "The git repository of the file."),
        key("branch", Text, "The branch to use."),
        key("tag", Text, "The git tag to use."),
        key("revision", Text, "The commit to use."),
        key("subPath", Text, "The file or directory in the repository."),
        key("cloneArgs", TEXTS, "Additional arguments of `git clone`."),
        key("disableShallow", Boolean, "Fetches the full history; `false` by default."),
        key("disablePull", Boolean, "Does not update an existing checkout; `false` by default."),
    ],
};
