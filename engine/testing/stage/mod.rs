//! The functions that only tests can call.

mod argument;
mod assertion;
mod call;
mod cluster;
mod host;
mod pipeline;
mod project;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rhai::{Engine, Module, exported_module};

use super::test_context::TestContext;
use crate::error::StageError;
use crate::script::reference::{self, DocKind, Documented};

pub use host::TestHost;

/// Registers the functions that only tests can call in `engine`.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<TestHost>("TestHost");
    for module in modules() {
        engine.register_global_module(module.into());
    }
    let mut constants = Module::new();
    constants.set_var("host", TestHost);
    engine.register_global_module(constants.into());
}

/// Registers each function of a pipeline in `engine`: a test calls `tags(image)` as the pipeline does.
pub(super) fn register_pipeline(engine: &mut Engine, bench: &TestContext) {
    pipeline::register(engine, bench);
}

fn modules() -> [Module; 5] {
    [
        exported_module!(assertion::assertion),
        exported_module!(call::call),
        exported_module!(cluster::cluster),
        exported_module!(host::host),
        exported_module!(project::project),
    ]
}

/// The functions that only tests can call, with documentation.
pub fn documented() -> Vec<Documented> {
    let mut engine = Engine::new_raw();
    register(&mut engine);
    let functions = reference::of_engine(&engine).into_iter();
    functions.map(|function| Documented { kind: DocKind::Test, ..function }).collect()
}

/// The functions that only tests can call, with their numbers of parameters.
pub(super) fn signatures() -> Vec<(String, usize)> {
    let mut engine = Engine::new_raw();
    register(&mut engine);
    crate::script::signatures(&engine)
}

/// A function is called that works only in a test.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("this works only in a test, on its own thread")]
#[diagnostic(code(test::not_here), help("call it before or after `parallel`"))]
struct NotHere;

/// The bench of the running test.
fn bench() -> Result<Arc<TestContext>, StageError> {
    TestContext::current().ok_or_else(|| NotHere.into())
}
