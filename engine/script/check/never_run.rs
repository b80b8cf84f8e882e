//! Tests that are not called like tests: the silent trap of finding tests by name.

use super::Mistake;
use crate::script::Pipeline;
use crate::script::near_miss::called_functions;
use crate::script::trace::Place;

impl Pipeline {
    /// The functions of a file of tests that nothing calls, though they take no arguments and are not private; the names
    /// of tests begin with `prefix`. Each is a warning.
    pub fn never_run(&self, prefix: &str) -> Vec<Mistake> {
        let called = called_functions(self);
        let mut idle: Vec<_> = self.functions().collect();
        idle.retain(|function| {
            function.is_public
                && function.parameters.is_empty()
                && !function.name.starts_with(prefix)
                && !called.contains(&function.name)
        });
        idle.sort_by_key(|function| function.span.start);
        let mistakes = idle.into_iter().filter_map(|function| {
            let place = Place::definition(&function.name, &function.file)?;
            let message =
                format!("`{}` never runs: it is no test, and nothing calls it", function.signature());
            let help = format!("the names of tests begin with `{prefix}`; `private fn` says that it is none");
            Some(Mistake::new("test::never_run", message, Some(help), &place).into_warning())
        });
        mistakes.collect()
    }
}
