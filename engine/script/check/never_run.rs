//! Functions that look like tests but are not named like tests: they silently never run.

use super::Mistake;
use crate::script::Pipeline;
use crate::script::trace::ScriptLocation;
use crate::script::unused_override::called_functions;

impl Pipeline {
    /// A warning for each function of a test file that nothing calls, although it takes no arguments and is not
    /// private. The names of tests begin with `prefix`.
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
            let place = ScriptLocation::definition(&function.name, &function.file)?;
            let message =
                format!("`{}` never runs: it is not a test, and nothing calls it", function.signature());
            let help = format!("begin its name with `{prefix}`, or write `private fn` if it is not a test");
            Some(Mistake::new("test::never_run", message, Some(help), &place).into_warning())
        });
        mistakes.collect()
    }
}
