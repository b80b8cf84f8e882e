//! Functions of a project that became overrides because a later version of windlass has functions of the same names.

use std::path::Path;

use super::Pipeline;
use crate::state::FunctionStore;

/// The functions of the default pipelines that did not exist before deployments.
const LATER: &str = "build_images(project)";

impl Pipeline {
    /// The signatures of all functions of the default pipelines, sorted.
    pub fn default_signatures(&self) -> Vec<String> {
        let defaults = self.functions().filter(|function| function.default_pipeline().is_some());
        let mut signatures: Vec<_> = defaults.map(super::pipeline::Function::signature).collect();
        signatures.sort();
        signatures.dedup();
        signatures
    }

    /// One line for each function of the project that overrides a function which windlass did not have when the project in
    /// `root` was last built: it may be meant as something else.
    pub fn new_overrides(&self, root: &Path) -> Vec<String> {
        let store = FunctionStore::new(root, false);
        let known = store.read();
        if known.is_none() && !store.has_builds() {
            return Vec::new();
        }
        let is_new = |function: &&super::pipeline::Function| match &known {
            Some(known) => !known.contains(&function.signature()),
            // A version that recorded nothing could only build.
            None => function.default_pipeline() == Some("deploy") || function.signature() == LATER,
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
