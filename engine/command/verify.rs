//! `windlass verify`: whether this checkout makes an image.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use super::dry_run::{DryRun, dry_run};
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_options::builder;
use super::pipeline_run::PipelineCall;
use super::stdout::{print, print_json};
use super::why::Changes;
use super::{PipelineOptions, completions};
use crate::command::cli::GlobalOptions;
use crate::config::{BuilderKind, Project};
use crate::image::{ImageReference, Repository};
use crate::plan::{Plan, SharedBuild};
use crate::run::ShareMode;
use crate::script::ScriptError;

/// The options of `windlass verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows whether the image in the registry is the one that was built from the inputs in this
checkout: the Dockerfile, the files that it can read, the build arguments, the platforms and
the base images of the project. Nothing is built or pulled. It requires shared builds
(`windlass build --share write`), and trusts everyone who can push to the repository.

Exit codes: 0 if it is that image; 1 if it is another one, if the image does not exist, or if
nobody shared a build of these inputs; 2 if this cannot be determined, or for wrong usage.

Examples:
  windlass verify api                    check the first fixed tag of `api`
  windlass verify api:1.4                check another tag
  windlass verify api@sha256:5c9d...     check the image that runs in the cluster
  windlass verify api:1.4 --json         print JSON, with the inputs that differ")]
pub struct VerifyArgs {
    /// Image of the project, with a tag or digest [default: its first tag without `#`]
    #[arg(value_name = "IMAGE[:TAG|@DIGEST]", add = ArgValueCandidates::new(completions::images))]
    pub image: String,

    /// The builder whose platform counts: docker, buildkit, kaniko or oci
    #[arg(long, value_name = "NAME", value_parser = builder(), hide_possible_values = true)]
    pub builder: Option<BuilderKind>,

    /// Skip all dependencies
    #[arg(long)]
    pub skip_dependencies: bool,

    /// Apply this script of overrides last (repeatable)
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The result. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
struct Verified {
    image: String,
    reference: String,
    /// `same`, `other`, `missing` (no such image), `not_shared` or `unknown`.
    result: Outcome,
    /// Details of `not_shared` and `unknown`.
    reason: Option<String>,
    /// The digest of the image.
    digest: Option<String>,
    /// The digest of the image that was built from the inputs of this checkout.
    expected: Option<String>,
    /// Whether files in the checkout differ from the commit.
    dirty: bool,
    /// The inputs that differ from those of the image, as far as they are known.
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Same,
    Other,
    Missing,
    NotShared,
    Unknown,
}

/// The image has no tag that is known before a build.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("image `{image}` has no fixed tag")]
#[diagnostic(
    code(verify::no_tag),
    help("name the tag or the digest to check: `windlass verify {image}:TAG`")
)]
struct NoTag {
    image: String,
}

/// Prints whether this checkout makes an image.
///
/// # Errors
/// If the configuration, a script or the command line is invalid, or a file cannot be read.
pub fn verify(global: &GlobalOptions, args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    let loaded = load_project(global)?;
    let (name, version) = split(&args.image);
    let name = name_of(&loaded.project, name);
    let options = PipelineOptions {
        scripts: args.scripts.clone(),
        skip_dependencies: args.skip_dependencies,
        skip_push_local_kube: true,
        share: Some(ShareMode::Read),
        builder: args.builder,
        ..PipelineOptions::default()
    };
    let dry_run = dry_run(global, &options, loaded, PipelineCall::build(vec![name.clone()]))?;
    let Some(plan) = dry_run.plans.get(&name).filter(|_| dry_run.succeeded()) else {
        return Ok(dry_run.end());
    };
    let verified = Verified::new(&dry_run, &name, plan, version)?;
    if args.json { print_json(&verified) } else { print(&verified.text()) }?;
    let status = verified.result.status();
    dry_run.end_silently();
    Ok(status)
}

/// The name, and the tag or digest with its separator.
fn split(text: &str) -> (&str, &str) {
    let tag = || text.rfind(':').filter(|at| !text[*at..].contains('/'));
    let at = text.find('@').or_else(tag).unwrap_or(text.len());
    text.split_at(at)
}

/// The name of the image of the project with the name or repository `text`.
fn name_of(project: &Project, text: &str) -> String {
    let repository = text.parse::<Repository>().ok().filter(|_| !project.images.contains_key(text));
    let found = repository.and_then(|repository| {
        project.images.iter().find(|(_, config)| config.repository == repository).map(|(name, _)| name)
    });
    found.cloned().unwrap_or_else(|| text.to_owned())
}

impl Outcome {
    fn status(self) -> ExitStatus {
        match self {
            Self::Same => ExitStatus::Done,
            Self::Other | Self::Missing | Self::NotShared => ExitStatus::Failed,
            Self::Unknown => ExitStatus::WrongUse,
        }
    }
}

impl Verified {
    /// Compares the image `plan`, in the version `:TAG`, `@DIGEST` or none.
    fn new(dry_run: &DryRun, name: &str, plan: &Plan, version: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(ScriptError::of_stage_error(error));
        let run = plan.image().run();
        let repository = &plan.image().config().repository;
        let reference: ImageReference = match (version, plan.first_tag()) {
            ("", Some(tag)) => repository.with_tag(tag),
            ("", None) => return Err(Failure::wrong_use(NoTag { image: name.to_owned() })),
            _ => format!("{repository}{version}").parse().map_err(Failure::wrong_use)?,
        };
        let shared = plan.shared_build().map_err(failed)?;
        let asked = run.session.wait(run.session.host.registry.find_digest(&reference));
        let asked = asked.map_err(|error| failed(error.into()))?;
        let digest = asked.as_ref().ok().cloned().flatten();
        let expected = match &shared {
            SharedBuild::Found(expected) => Some(expected.clone()),
            SharedBuild::None(_) | SharedBuild::Unknown(_) => None,
        };
        let (result, reason) = match (shared, asked) {
            (SharedBuild::Unknown(reason), _) | (_, Err(reason)) => (Outcome::Unknown, Some(reason)),
            (_, Ok(None)) => (Outcome::Missing, None),
            (SharedBuild::None(reason), Ok(Some(_))) => (Outcome::NotShared, Some(reason)),
            (SharedBuild::Found(expected), Ok(Some(digest))) if expected == digest => (Outcome::Same, None),
            (SharedBuild::Found(_), Ok(Some(_))) => (Outcome::Other, None),
        };
        let changes = match (&digest, result) {
            (Some(digest), Outcome::Other | Outcome::NotShared) => {
                let build = plan.described(reference.clone(), digest.clone(), None).map_err(failed)?;
                build.map(|build| Changes::since(plan, &build)).transpose()?.unwrap_or_default()
            }
            _ => Changes::default(),
        };
        let dirty = dry_run.execution.run.commit().is_some_and(|(_, is_dirty)| is_dirty);
        let (image, reference) = (name.to_owned(), reference.to_string());
        Ok(Self { image, reference, result, reason, digest, expected, dirty, changes })
    }

    /// The result for people.
    fn text(&self) -> String {
        let Self { reference, .. } = self;
        let reason = self.reason.as_deref().unwrap_or_default();
        let expected = self.expected.as_deref().unwrap_or_default();
        let mut text = match self.result {
            Outcome::Same => format!("{reference} is what these inputs were built to"),
            Outcome::Other => format!("{reference} is another image: these inputs were built to {expected}"),
            Outcome::Missing => format!("{reference} does not exist in the registry"),
            Outcome::NotShared => format!("nobody shared a build of these inputs ({reason})"),
            Outcome::Unknown => format!("cannot verify {reference}: {reason}"),
        };
        text.push('\n');
        self.changes.write(&mut text);
        if self.dirty {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "note: the checkout has uncommitted changes");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(split("api"), ("api", ""));
        assert_eq!(split("auth.api:1.4"), ("auth.api", ":1.4"));
        assert_eq!(split("localhost:5000/api"), ("localhost:5000/api", ""));
        assert_eq!(split("localhost:5000/api:1"), ("localhost:5000/api", ":1"));
        assert_eq!(split("api@sha256:5c"), ("api", "@sha256:5c"));
    }
}
