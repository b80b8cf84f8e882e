//! The run that a script belongs to.

use std::sync::Arc;

use rhai::NativeCallContext;

use crate::run::Run;
use crate::script::RhaiResultOf;

/// The run of the script that calls a stage.
///
/// # Errors
/// If no run is active, because the script is only parsed.
pub fn run(context: &NativeCallContext<'_>) -> RhaiResultOf<Arc<Run>> {
    let tag = context.tag().and_then(|tag| tag.read_lock::<Arc<Run>>().map(|run| Arc::clone(&run)));
    tag.ok_or_else(|| format!("`{}` works only inside a run", context.fn_name()).into())
}
