//! The run that a script belongs to.

use std::sync::Arc;

use rhai::NativeCallContext;

use crate::run::Run;
use crate::script::{Execution, RhaiResultOf};

/// The run of the script that calls a stage.
///
/// # Errors
/// If no run is active, because the script is only parsed.
pub fn run(context: &NativeCallContext<'_>) -> RhaiResultOf<Arc<Run>> {
    Ok(Arc::clone(&execution(context)?.run))
}

/// The run of the script that calls a stage, with its pipeline.
///
/// # Errors
/// As for [`run`].
pub fn execution(context: &NativeCallContext<'_>) -> RhaiResultOf<Arc<Execution>> {
    let tag = context.tag().and_then(|tag| tag.read_lock::<Arc<Execution>>().map(|tag| Arc::clone(&tag)));
    tag.ok_or_else(|| format!("`{}` works only inside a run", context.fn_name()).into())
}
