//! What can go wrong around a plan.

use crate::config::BuilderKind;

/// What can go wrong around a plan.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub(super) enum PlanError {
    #[error("`{image}` is built from `{parent}`, which is not built yet")]
    #[diagnostic(
        code(stage::plan::parent_missing),
        help(
            "only a script says so: let the Dockerfile on disk name `{parent}` as well, then it is built first"
        )
    )]
    ParentMissing { image: String, parent: String },

    #[error("there is no earlier build of `{image}` to reuse")]
    #[diagnostic(code(stage::reuse::nothing), help("build it: `plan.build_with(builder(image))`"))]
    NothingToReuse { image: String },

    #[error("cannot build `{image}` without pushing it: `{argument}` of `args` pushes")]
    #[diagnostic(
        code(stage::build::pushes),
        help("remove it from `args`: windlass pushes what is built, unless `--skip-push`")
    )]
    Pushes { image: String, argument: String },

    #[error("`{image}` cannot be built with `{builder}`")]
    #[diagnostic(
        code(builder::unfit),
        help(
            "`custom` needs `build.custom` in devspace.yaml, `buildkit` needs `buildKit.inCluster`, `docker`, `kaniko` and `oci` a Dockerfile"
        )
    )]
    UnfitBuilder { image: String, builder: BuilderKind },
}
