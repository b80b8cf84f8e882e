//! The Rhai engine as windlass sets it up: limits, cancelling, modules, stages.

use std::sync::Arc;

use rhai::{Dynamic, Engine};

use super::resolver::ProjectResolver;
use super::{Execution, stage};
use crate::event::{Event, Level};
use crate::scope::Scope;

/// The maximum depth of function calls.
const CALL_LEVELS: usize = 128;
/// The maximum depth of expressions, outside and inside functions.
const EXPRESSION_DEPTHS: (usize, usize) = (128, 64);
/// The maximum size of a string in bytes, and of an array or map in items.
const STRING_SIZE: usize = 64 << 20;
const COLLECTION_SIZE: usize = 1_000_000;

/// An engine without stages: enough to parse scripts.
pub(super) fn new_parser() -> Engine {
    let mut engine = Engine::new();
    engine.set_max_expr_depths(EXPRESSION_DEPTHS.0, EXPRESSION_DEPTHS.1);
    engine
}

/// An engine whose stages act on the run of `execution`, and whose scripts stop when it is cancelled.
pub fn new_engine(execution: &Arc<Execution>) -> Engine {
    let run = &execution.run;
    let mut engine = new_parser();
    engine
        .set_max_call_levels(CALL_LEVELS)
        .set_max_string_size(STRING_SIZE)
        .set_max_array_size(COLLECTION_SIZE)
        .set_max_map_size(COLLECTION_SIZE)
        .set_fail_on_invalid_map_property(true)
        .set_module_resolver(ProjectResolver::new(run.project.root.clone()))
        .set_default_tag(Dynamic::from(Arc::clone(execution)));

    let cancel = run.session.cancel.clone();
    engine.on_progress(move |_| (cancel.is_cancelled() || Scope::is_over()).then_some(Dynamic::UNIT));
    let events = run.session.events.clone();
    engine.on_print(move |text| notice(&events, Level::Info, text));
    let events = run.session.events.clone();
    engine.on_debug(move |text, source, position| {
        notice(&events, Level::Debug, &format!("{}:{position}: {text}", source.unwrap_or_default()));
    });
    stage::register(&mut engine);
    engine
}

fn notice(events: &crate::event::Events, level: Level, message: &str) {
    events.emit(Event::Notice { image: None, level, message: message.to_owned() });
}
