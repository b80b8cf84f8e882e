//! What only tests can call.

mod argument;
mod assertion;
mod call;
mod host;
mod pipeline;
mod project;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rhai::{Engine, Module, exported_module};

use super::bench::Bench;
use crate::script::StageError;
use crate::script::reference::{self, Documented, Kind};

pub use host::TestHost;

/// Makes what only tests can call known to `engine`.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<TestHost>("TestHost");
    for module in modules() {
        engine.register_global_module(module.into());
    }
    let mut constants = Module::new();
    constants.set_var("host", TestHost);
    engine.register_global_module(constants.into());
}

/// Makes each function of a pipeline known to `engine`: a test calls `tags(image)` as the pipeline does.
pub(super) fn register_pipeline(engine: &mut Engine, bench: &Bench) {
    pipeline::register(engine, bench);
}

fn modules() -> [Module; 4] {
    [
        exported_module!(assertion::assertion),
        exported_module!(call::call),
        exported_module!(host::host),
        exported_module!(project::project),
    ]
}

/// What only tests can call, documented.
pub fn documented() -> Vec<Documented> {
    let mut engine = Engine::new_raw();
    register(&mut engine);
    let functions = reference::of_engine(&engine).into_iter();
    functions.map(|function| Documented { kind: Kind::Test, ..function }).collect()
}

/// The names of what only tests can call.
pub(crate) fn names() -> Vec<String> {
    documented().iter().map(|function| function.name().to_owned()).collect()
}

/// Something is called that works in a test alone.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("this works only in a test, on its own thread")]
#[diagnostic(code(test::not_here), help("call it before or after `parallel`"))]
struct NotHere;

/// The bench of the test that runs.
fn bench() -> Result<Arc<Bench>, StageError> {
    Bench::current().ok_or_else(|| NotHere.into())
}
