//! Plans and what comes of them, as scripts see them.

use rhai::plugin::*;

/// Stages that decide, build and push.
#[export_module]
pub mod plan {
    use rhai::{Array, Dynamic, FnPtr};

    use super::super::Dockerfile;
    use super::super::argument::{self, truth};
    use crate::config::BuilderKind;
    use crate::image::{Context, ImageReference};
    use crate::plan::{Built, Plan};
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// Decides whether `image` has to be built from `dockerfile` and `context`: computes its cache key and
    /// compares it with earlier builds.
    ///
    /// # Errors
    /// `context::...` when a file of the context cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) { plan_image(image, dockerfile(image), context(image)) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_image(image: Image, dockerfile: Dockerfile, context: Context) -> RhaiResultOf<Plan> {
        Ok(Plan::of_dockerfile(&image, &dockerfile, &context)?)
    }

    /// Computes the cache key of `image`, built from `dockerfile` and `context`: 64 hex digits, the same wherever the
    /// same is built. Nothing is compared with it; `plan_image` does that.
    ///
    /// # Errors
    /// `context::...` when a file of the context cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) {
    ///     [cache_key(image, prepare(image, dockerfile(image)), context(image)).sub_string(0, 12)]
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cache_key(image: Image, dockerfile: Dockerfile, context: Context) -> RhaiResultOf<String> {
        Ok(Plan::key_of_dockerfile(&image, &dockerfile, &context)?.to_string())
    }

    /// Decides whether the custom command of `image` has to run: compares it, and the files of `onChange`, with
    /// earlier builds.
    ///
    /// # Errors
    /// `context::...` when a file of `onChange` cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) { plan_custom(image) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_custom(image: Image) -> RhaiResultOf<Plan> {
        Ok(Plan::of_custom(&image)?)
    }

    /// Whether the image has to be built.
    #[rhai_fn(get = "needs_build", pure)]
    pub fn needs_build(plan: &mut Plan) -> bool {
        plan.needs_build()
    }

    /// Why, as a phrase: `src/main.go changed`, `unchanged`.
    #[rhai_fn(get = "reason", pure)]
    pub fn reason(plan: &mut Plan) -> String {
        plan.reason().to_owned()
    }

    /// The cache key, 64 hex digits.
    ///
    /// # Errors
    /// `context::...` when a file of the context cannot be read.
    #[rhai_fn(get = "key", return_raw, pure)]
    pub fn key(plan: &mut Plan) -> RhaiResultOf<String> {
        Ok(plan.key()?.to_string())
    }

    /// Tells whether the image is built, the first line about it, and returns the answer it was given.
    ///
    /// # Errors
    /// `script::wrong_type` when the answer is neither `true` nor `false`.
    ///
    /// # Example
    /// ```rhai
    /// fn is_built(image, plan) { plan.decide(needs_build(image, plan)) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn decide(plan: &mut Plan, needs_build: Dynamic) -> RhaiResultOf<bool> {
        let needs_build = truth(&needs_build, "needs_build")?;
        plan.decide(needs_build);
        Ok(needs_build)
    }

    /// The plan as it is now: where something ran since it was made that may have written files (a hook, `exec`, `sh`,
    /// `write_file`), what `make` returns, a plan of the same image; else itself. What was decided stays.
    ///
    /// A plan that is built looks at its files again by itself. This also reads the Dockerfile again.
    ///
    /// # Errors
    /// Those of `make`; `script::wrong_type` when it returns no plan.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let planned = plan(tagged(image));
    ///     sh("echo generated");
    ///     planned.again(|| plan(image)).build_with(builder(image))
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn again(context: NativeCallContext, plan: &mut Plan, make: FnPtr) -> RhaiResultOf<Plan> {
        if !plan.is_outdated() {
            return Ok(plan.clone());
        }
        let made: Dynamic = make.call_within_context(&context, ())?;
        Ok(argument::plan(made)?.in_place_of(plan))
    }

    /// Builds the image with the builder called `builder`: `docker`, `kaniko`, `buildkit` (in the cluster), `oci` or
    /// `custom`. `--builder` outranks it.
    ///
    /// # Errors
    /// `stage::build::...` when it cannot be built; `registry::...` when its registry would refuse it.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) { plan(tagged(image)).build_with("docker") }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn build_with(plan: &mut Plan, builder: &str) -> RhaiResultOf<Built> {
        Ok(plan.build(builder.parse().map_err(StageError::from)?)?)
    }

    /// Builds the image in a pod of the cluster, which pushes it: `plan.build_with("kaniko")`, with the options of
    /// `build.kaniko` of `devspace.yaml`, or of `with_kaniko`.
    ///
    /// # Errors
    /// `kaniko::...` when the pod cannot do it, each with its reason: `kaniko::image_pull`, `kaniko::unschedulable`,
    /// `kaniko::quota`, `kaniko::no_limits`, `kaniko::out_of_memory`, `kaniko::evicted`; `stage::build::step_failed` for a
    /// step of the Dockerfile; `cluster::...` when the cluster cannot be reached or refuses.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image));
    ///     if cluster() == () { plan.build_with("docker") } else { kaniko_build(plan) }
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn kaniko_build(plan: &mut Plan) -> RhaiResultOf<Built> {
        Ok(plan.build(BuilderKind::Kaniko)?)
    }

    /// Uses the earlier build in place of a new one, giving it tags that are new.
    ///
    /// # Errors
    /// `stage::reuse::nothing` when there is none.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image));
    ///     if plan.needs_build { plan.build_with("docker") } else { plan.reuse() }
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn reuse(plan: &mut Plan) -> RhaiResultOf<Built> {
        Ok(plan.reuse()?)
    }

    /// Pushes every tag that is not in the registry yet, and records its digest.
    ///
    /// With `--skip-push` nothing is pushed.
    ///
    /// # Errors
    /// `registry::...` when the registry refuses it or cannot be reached.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) { if image.name == "api" { built.push() } else { built } }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn push(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.push()?)
    }

    /// Pushes it under another name, such as one in a second registry, and returns its digest there. With `--skip-push`
    /// nothing is pushed, and the answer is `()`.
    ///
    /// # Errors
    /// `registry::...` when a registry refuses it or cannot be reached; `image::reference` for no reference.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) {
    ///     if image.pushes { built.push_to(`mirror.example/${image.name}:${built.tags[0]}`); }
    ///     built
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn push_to(built: &mut Built, reference: &str) -> RhaiResultOf<Dynamic> {
        let reference = reference.parse::<ImageReference>().map_err(StageError::from)?;
        Ok(built.push_to(&reference)?.map_or(Dynamic::UNIT, Into::into))
    }

    /// Its ID in the daemon, or `()` when no daemon has it.
    #[rhai_fn(get = "id", pure)]
    pub fn id(built: &mut Built) -> Dynamic {
        built.image_id().map_or(Dynamic::UNIT, |id| id.to_owned().into())
    }

    /// Makes the image available to the nodes of a local cluster: loads it into kind, k3d or minikube when they
    /// cannot see the daemon that built it. Does nothing for any other cluster, and with `--skip-push`; but what `oci`
    /// built and nobody pushes is loaded into the Docker daemon, where there is one.
    ///
    /// # Errors
    /// `cluster::load` when it cannot be loaded.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) { if image.pushes { built.push() } else { built.load() } }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn load(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.load()?)
    }

    /// Whether no run has come to its end with it yet: it was built in this run, or in an earlier one that failed.
    #[rhai_fn(get = "is_new", pure)]
    pub fn is_new(built: &mut Built) -> bool {
        built.is_new()
    }

    /// Calls `check` with it, unless what `verify` is now has succeeded on this image before; remembers that it has, as
    /// soon as it does, for later runs. Where it fails, so does this, and the next run calls it again without a build.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image));
    ///     let built = if plan.needs_build { plan.build_with("docker") } else { plan.reuse() };
    ///     built.verified_by(|built| verify(image, built)).push().finish()
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn verified_by(context: NativeCallContext, built: Built, check: FnPtr) -> RhaiResultOf<Built> {
        if built.is_verified() {
            return Ok(built);
        }
        drop(check.call_within_context::<Dynamic>(&context, (built.clone(),))?);
        Ok(built.verified())
    }

    /// Whether everything that comes after a build was done with it, and succeeded, in an earlier run: `publish` and
    /// `after_image` as well as `verify`. While it was not, each run calls them again, without a build.
    #[rhai_fn(get = "is_finished", pure)]
    pub fn is_finished(built: &mut Built) -> bool {
        built.is_finished()
    }

    /// Says that everything is done with it that comes after a build: once the work on the image succeeds, later runs
    /// skip it. What was built in this run is finished without; of an earlier build, a pipeline of your own has to say
    /// so after it did what `verify`, `publish` and `after_image` do.
    ///
    /// # Example
    /// ```rhai
    /// fn build_or_reuse(image) {
    ///     let plan = plan(image);
    ///     let built = if plan.needs_build { plan.build_with("docker") } else { plan.reuse() };
    ///     let built = built.push();
    ///     if !built.is_finished { exec(["echo", "pushed", built.references[0]]); }
    ///     built.finish()
    /// }
    /// ```
    #[rhai_fn(pure)]
    pub fn finish(built: &mut Built) -> Built {
        built.clone().finish()
    }

    /// Its tags.
    #[rhai_fn(get = "tags", pure)]
    pub fn tags(built: &mut Built) -> Array {
        built.tags().iter().map(|tag| Dynamic::from(tag.to_string())).collect()
    }

    /// Its references: repository and tag.
    #[rhai_fn(get = "references", pure)]
    pub fn references(built: &mut Built) -> Array {
        built.references().iter().map(|reference| Dynamic::from(reference.to_string())).collect()
    }

    /// Its digest in the registry, or `()`.
    #[rhai_fn(get = "digest", pure)]
    pub fn digest(built: &mut Built) -> Dynamic {
        built.digest().map_or(Dynamic::UNIT, Into::into)
    }

    /// The image it is of.
    #[rhai_fn(get = "image", pure)]
    pub fn image(built: &mut Built) -> Image {
        built.image().clone()
    }
}
