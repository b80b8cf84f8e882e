//! Errors of plans.

use crate::config::BuilderKind;

/// Errors of plans.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub(super) enum PlanError {
    #[error("`{image}` is built from `{parent}`, which is not built yet")]
    #[diagnostic(
        code(stage::plan::parent_missing),
        help(
            "name `{parent}` in the Dockerfile on disk too, so that it is built first: only a script uses it"
        )
    )]
    ParentMissing { image: String, parent: String },

    #[error("`windlass.lock` does not have the base image {reference} of `{image}` ({place})")]
    #[diagnostic(
        code(base_lock::missing),
        help("run `windlass update bases` and commit `windlass.lock`, or omit `--locked`")
    )]
    NotLocked { image: String, reference: String, place: String },

    #[error("no earlier build of `{image}` to reuse")]
    #[diagnostic(code(stage::reuse::nothing), help("build it: `plan.build_with(builder(image))`"))]
    NothingToReuse { image: String },

    #[error("cannot build `{image}` without pushing it: `{argument}` of `args` pushes")]
    #[diagnostic(
        code(stage::build::pushes),
        help("remove it from `args`: windlass pushes built images, unless `--skip-push` is set")
    )]
    Pushes { image: String, argument: String },

    #[error("cannot build `{image}` with `{builder}`")]
    #[diagnostic(
        code(builder::unfit),
        help(
            "`custom` needs `build.custom` in devspace.yaml, `buildkit` needs `buildKit.inCluster`, `docker`, \
             `kaniko` and `oci` need a Dockerfile"
        )
    )]
    UnfitBuilder { image: String, builder: BuilderKind },
}
