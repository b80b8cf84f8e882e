//! `windlass update bases`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use clap::Args;

use super::PipelineOptions;
use super::base_line::short_digest;
use super::dry_run::{DryRun, dry_run};
use super::exit_status::{ExitStatus, Failure};
use super::load;
use super::pipeline_run::PipelineCall;
use super::stdout::print;
use crate::command::cli::GlobalOptions;
use crate::image::ImageReference;
use crate::plan::Plan;
use crate::state::{BaseDigest, BaseLock, LockedBase};

/// The options of `windlass update bases`.
#[derive(Debug, Args)]
#[command(after_help = "\
Asks the registries for the digests of base images outside of the project, and writes them to
windlass.lock. With this file, all machines build on these digests, whatever the tags name.
Commit it. `windlass build` adds missing base images; with --locked, it fails instead.

Examples:
  windlass update bases                create windlass.lock, or renew all its digests
  windlass update bases alpine:3.20    renew only this one")]
pub struct UpdateBasesArgs {
    /// Base images to renew, with or without tags [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// No image is built from a given base image.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("no image of the project is built from `{name}`")]
#[diagnostic(code(base_lock::unknown))]
struct UnknownBase {
    name: String,
    #[help]
    help: String,
}

/// The registries did not report the digests of some base images.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot query the registry for {reference}: {reason}")]
#[diagnostic(
    code(base_lock::unanswered),
    help("`windlass.lock` keeps what it has of this base image; try again")
)]
struct Unanswered {
    reference: String,
    reason: String,
}

/// Writes the current digests of base images to the lock file, and prints a line for each.
///
/// # Errors
/// If the configuration, a script or the lock file is invalid, a name is unknown, or a registry does not respond.
pub(super) fn update_bases(global: &GlobalOptions, args: &UpdateBasesArgs) -> Result<ExitStatus, Failure> {
    let options = PipelineOptions { skip_push_local_kube: true, ..PipelineOptions::default() };
    let dry_run = dry_run(global, &options, load::load_project(global)?, PipelineCall::build(Vec::new()))?;
    if !dry_run.succeeded() {
        return Ok(dry_run.end());
    }
    let run = &dry_run.execution.run;
    let used = used_bases(&dry_run);
    let chosen = chosen(&used, &args.names)?;
    let is_local = |reference: &ImageReference| {
        let local = used.get(reference).map(|plan| plan.is_only_in_daemon(reference));
        local.transpose().map(Option::unwrap_or_default).map_err(Failure::of_stage)
    };
    let mut lines = String::new();
    let mut queried = Vec::new();
    for reference in chosen {
        match is_local(&reference)? {
            // Writing to a string cannot fail.
            true => drop(writeln!(lines, "{reference}: only in the Docker daemon")),
            false => queried.push(reference),
        }
    }
    let found = run.query_bases(&queried).map_err(|error| Failure::of_stage(error.into()))?;
    let lock = BaseLock::new(&run.project.root, true);
    let before = lock.entries().map_err(Failure::wrong_use)?.unwrap_or_default();
    let mut entries = Vec::new();
    let mut unanswered = None;
    for (reference, found) in queried.into_iter().zip(found) {
        match found {
            Ok(found) => {
                let _ = writeln!(lines, "{reference}: {}", change(before.get(&reference.full()), &found));
                entries.push((reference, LockedBase::new(&found)));
            }
            Err(reason) => {
                let reference = reference.to_string();
                unanswered = unanswered.or(Some(Unanswered { reference, reason }));
            }
        }
    }
    if !entries.is_empty() {
        lock.set(&entries).map_err(Failure::failed)?;
    }
    if used.is_empty() {
        lines.push_str("no base images outside of the project\n");
    }
    print(&lines)?;
    match unanswered {
        Some(unanswered) => Err(Failure::failed(unanswered)),
        None => Ok(dry_run.end()),
    }
}

/// The base images outside of the project, each with a plan of an image that is built from it.
fn used_bases(dry_run: &DryRun) -> BTreeMap<ImageReference, &Plan> {
    let is_own = |plan: &&Plan| Arc::ptr_eq(plan.image().run(), &dry_run.execution.run);
    let of_plan = |plan| Plan::outside_bases(plan).into_iter().map(move |base| (base.reference, plan));
    dry_run.plans.values().filter(is_own).flat_map(of_plan).collect()
}

/// Those of `used` that `names` select; all without names.
fn chosen(used: &BTreeMap<ImageReference, &Plan>, names: &[String]) -> Result<Vec<ImageReference>, Failure> {
    let selects = |name: &str, base: &ImageReference| {
        let Ok(name) = name.parse::<ImageReference>() else { return false };
        match &name.tag {
            Some(_) => name == *base,
            None => name.digest.is_none() && name.repository == base.repository,
        }
    };
    for name in names {
        if !used.keys().any(|base| selects(name, base)) {
            let all = used.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let help = match all.as_str() {
                "" => "all base images belong to the project or have digests in the Dockerfiles".to_owned(),
                all => format!("its base images are {all}"),
            };
            return Err(Failure::wrong_use(UnknownBase { name: name.clone(), help }));
        }
    }
    let is_chosen = |base: &&ImageReference| names.is_empty() || names.iter().any(|name| selects(name, base));
    Ok(used.keys().filter(is_chosen).cloned().collect())
}

/// `sha256:beefdbd8a1da -> sha256:de4fe7064d8f`.
fn change(before: Option<&LockedBase>, found: &BaseDigest) -> String {
    let now = short_digest(&found.digest);
    match before {
        None => format!("added {now}"),
        Some(before) if before.digest == found.digest => "unchanged".to_owned(),
        Some(before) => format!("{} -> {now}", short_digest(&before.digest)),
    }
}
