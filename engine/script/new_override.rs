//! Functions of a project that became overrides because a later version of windlass has functions of the same names.

use super::Pipeline;
use super::pipeline::Function;
use crate::state::KnownFunctions;

/// The functions of the default pipelines that did not exist before deployments.
const LATER: &str = "build_images(project)";

impl Pipeline {
    /// The signatures of all functions of the default pipelines, sorted.
    pub fn default_signatures(&self) -> Vec<String> {
        let defaults = self.functions().filter(|function| function.default_pipeline().is_some());
        let mut signatures: Vec<_> = defaults.map(Function::signature).collect();
        signatures.sort();
        signatures.dedup();
        signatures
    }

    /// One line for each function of the project that overrides a new function of windlass: one that is not in `known`,
    /// the functions of windlass at the project's last run. The project may use the name for something else.
    pub fn new_overrides(&self, known: &KnownFunctions) -> Vec<String> {
        let is_new = |function: &&Function| match known {
            KnownFunctions::Recorded(known) => !known.contains(&function.signature()),
            KnownFunctions::OfBuilds => {
                function.default_pipeline() != Some("build") || function.signature() == LATER
            }
            KnownFunctions::Nothing => false,
        };
        let own = self.functions().filter(|function| !function.file.is_built_in());
        let overrides = own.filter(|function| function.default_pipeline().is_some()).filter(is_new);
        let mut lines: Vec<_> = overrides
            .map(|function| {
                let file = function.default_pipeline().unwrap_or_default();
                format!(
                    "`{}` at {} is an override now: `scripts/{file}.rhai` of this version has a function of that name; \
                     rename it if you mean something else",
                    function.signature(),
                    function.place()
                )
            })
            .collect();
        lines.sort();
        lines
    }
}
