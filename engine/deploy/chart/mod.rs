//! Charts, deployed by the `helm` command.
//!
//! [`Helm::find`] finds the command; [`template()`], [`upgrade()`] and [`uninstall()`] run it for a [`ChartRequest`].
//! [`ValueLayers`] merges values like helm does, [`chart_digest`] and [`deployment_key`] decide whether a chart has
//! changed, and [`Release`] reads the releases in the cluster without running helm.

mod archive;
mod arguments;
mod call_files;
mod content;
mod defaults;
mod dependency;
mod error;
mod exec;
mod failure;
mod failures;
mod glob;
mod helm;
mod helmignore;
mod hook_log;
mod key;
mod known_versions;
mod locate;
mod metadata;
mod output;
mod pattern;
mod prepare;
mod preview;
mod release;
mod release_list;
mod rendered;
mod request;
mod resolve;
mod rollback;
mod run;
mod schema;
mod source;
mod stored;
mod template;
mod template_error;
#[cfg(all(test, unix))]
mod tests;
mod uninstall;
mod upgrade;
mod values;
mod values_file;
mod version;

use content::chart_digest;
pub use defaults::chart_defaults;
pub use dependency::{build_dependencies, has_dependencies};
pub use error::ChartError;
pub use exec::HelmExec;
pub use helm::Helm;
pub use hook_log::hook_log;
pub use key::{ChartIdentity, deployment_key};
pub use known_versions::KnownVersions;
use metadata::{ChartDependency, ChartMetadata};
pub use preview::preview;
pub use release::Release;
pub use release_list::{ReleaseList, StoredRelease};
pub use request::ChartRequest;
pub use resolve::{chart_identity, local_identity};
pub use rollback::roll_back;
pub use run::HelmRun;
use schema::SchemaProblem;
pub use source::{ChartLocation, Credentials};
pub use stored::{check_tiller, release_objects, stored_releases};
pub use template::{RenderOptions, template};
pub use uninstall::{UninstallRequest, uninstall};
pub use upgrade::{Upgraded, upgrade};
pub use values::ValueLayers;
use values::ValuesOrigin;
use version::HelmVersion;
