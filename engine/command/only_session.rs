//! One dev session for each cluster and namespace of a project.

use std::path::Path;
use std::time::Duration;

use super::exit_status::Failure;
use crate::cluster::{ClusterAccess, ClusterContext, ClusterOptions};
use crate::config::Loaded;
use crate::held_file::{HeldFile, Hold};
use crate::image::Digest;
use crate::run::cluster_options;

/// How long the other session may take to end.
const LIMIT: Duration = Duration::from_secs(20);

/// Another dev session of this project deploys to the same namespace.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("another `windlass dev` runs in this project{place}{}", process.map(|id| format!(": process {id}")).unwrap_or_default())]
#[diagnostic(code(dev::in_use), help("{help}"))]
struct InUse {
    /// ` for namespace shop of kind-dev`; empty without a cluster.
    place: String,
    process: Option<u32>,
    help: &'static str,
}

/// The cluster and the namespace of a session, for as long as it lasts.
pub(super) struct SessionTarget {
    context: ClusterContext,
    /// They select it even if the kubeconfig has another context or namespace later.
    pub(super) options: ClusterOptions,
}

impl SessionTarget {
    /// The target of `loaded`; `None` without a cluster. An invalid kubeconfig is reported by the first pass.
    pub(super) fn of(loaded: &Loaded) -> Option<Self> {
        let options = cluster_options(&loaded.project, &loaded.environment);
        let access = ClusterAccess::new(options.clone());
        let context = access.context().ok()??.clone();
        let options = ClusterOptions {
            context: access.named_context().ok()?,
            namespace: Some(context.namespace.clone()),
            ..options
        };
        Some(Self { context, options })
    }
}

/// Makes this the only dev session of the project in `root` for its target, until the result is dropped; with `steals`,
/// the other one is interrupted. Sessions for other namespaces may run at the same time. `None` where files cannot be
/// written or locked.
///
/// # Errors
/// If there is another one.
pub(super) fn only_session(
    root: &Path,
    target: Option<&SessionTarget>,
    steals: bool,
) -> Result<Option<HeldFile>, Failure> {
    let Ok(folder) = crate::state::prepare(root) else { return Ok(None) };
    let context = target.map(|target| &target.context);
    // Two contexts may name one cluster.
    let key = context.map(|context| format!("{}\n{}", context.server, context.namespace)).unwrap_or_default();
    let path = folder.join(format!("dev-{}.lock", &Digest::of(key).hex()[..16]));
    let hold = if steals { HeldFile::take_over(&path, LIMIT) } else { HeldFile::take(&path) };
    match hold {
        Ok(Hold::Acquired(held)) => Ok(Some(held)),
        Ok(Hold::HeldBy(process)) => {
            let in_use = match context {
                Some(context) => InUse {
                    place: format!(" for namespace {} of {}", context.namespace, context.name),
                    process,
                    help: "end it with Ctrl-C there, take over from it with `windlass dev --steal`, or develop in another \
                           namespace with `-n NAME`",
                },
                None => InUse {
                    place: String::new(),
                    process,
                    help: "end it with Ctrl-C there, or take over from it with `windlass dev --steal`",
                },
            };
            Err(Failure::failed(in_use))
        }
        Err(_) => Ok(None),
    }
}
