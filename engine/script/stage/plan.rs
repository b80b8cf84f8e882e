//! Plans and their results as scripts see them.

use rhai::plugin::*;

use super::current;
use crate::error::StageError;
use crate::plan::Plan;
use crate::run::ShareMode;
use crate::script::RhaiResultOf;

/// Stages that decide, build and push.
#[export_module]
pub mod plan {
    use rhai::{Array, Dynamic, FnPtr, Map};

    use super::super::argument::{self, truth};
    use super::super::current;
    use super::super::option::Options;
    use super::shared;
    use crate::config::BuilderKind;
    use crate::error::StageError;
    use crate::image::{Context, ImageReference};
    use crate::plan::{Built, KnownBase, Plan};
    use crate::run::Image;
    use crate::run::ImageDockerfile as Dockerfile;
    use crate::script::RhaiResultOf;

    /// Plans the build of `image` from `dockerfile` and `context`: computes its cache key, compares it with earlier
    /// builds, and decides whether a build is needed.
    ///
    /// # Errors
    /// `context::...` if a file of the build context cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) { plan_image(image, dockerfile(image), context(image)) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_image(
        call: NativeCallContext,
        image: Image,
        dockerfile: Dockerfile,
        context: Context,
    ) -> RhaiResultOf<Plan> {
        let plan = Plan::of_dockerfile(&image, &dockerfile, &context)?;
        current::execution(&call)?.keep_plan(&plan);
        Ok(plan)
    }

    /// Computes the cache key of `image`, built from `dockerfile` and `context`: 64 hex digits, the same for the same
    /// inputs on every machine. Unlike `plan_image`, it does not compare the key with earlier builds.
    ///
    /// # Errors
    /// `context::...` if a file of the build context cannot be read.
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

    /// Plans the custom build of `image`: compares its command and the files of `onChange` with earlier builds, and
    /// decides whether a build is needed.
    ///
    /// # Errors
    /// `context::...` if a file of `onChange` cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) { plan_custom(image) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_custom(call: NativeCallContext, image: Image) -> RhaiResultOf<Plan> {
        let plan = Plan::of_custom(&image)?;
        current::execution(&call)?.keep_plan(&plan);
        Ok(plan)
    }

    /// Whether a build is needed.
    #[rhai_fn(get = "needs_build", pure)]
    pub fn needs_build(plan: &mut Plan) -> bool {
        plan.needs_build()
    }

    /// The reason for the decision, a phrase: `src/main.go changed`, `unchanged`.
    #[rhai_fn(get = "reason", pure)]
    pub fn reason(plan: &mut Plan) -> String {
        plan.reason().to_owned()
    }

    /// A copy of the plan for an image that machines share through its registry. `mode` is `off`; `read` to reuse the build of another
    /// machine if this one would build or push it; or `write`, which also lets other machines find builds of this one
    /// (see `share`). `--share` and `WINDLASS_SHARE` take precedence. An image that is not pushed is not shared.
    ///
    /// A build is found by one request for the tag `windlass-...` in the repository of the image, which depends on its
    /// inputs, its platforms and the digests of its base images. A registry that does not respond is reported once, and
    /// the image is built.
    ///
    /// # Errors
    /// `share::mode` for another mode; `context::...` if a file of the build context cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image)).with_sharing("read");
    ///     if plan.needs_build { plan.build_with("docker") } else { plan.reuse() }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn with_sharing(call: NativeCallContext, plan: Dynamic, mode: &str) -> RhaiResultOf<Dynamic> {
        shared(&call, plan, mode, true)
    }

    /// As `with_sharing(plan, mode)`, with options: `mode`, and `inputs`. With `inputs: false`, the names of the inputs and
    /// salted hashes of their values are not stored with the image, so that `windlass why` on other machines cannot name the
    /// inputs that differ.
    ///
    /// # Errors
    /// Also `script::unknown_option`, `script::wrong_type`.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image)).with_sharing(#{ mode: "read", inputs: false });
    ///     if plan.needs_build { plan.build_with("docker") } else { plan.reuse() }
    /// }
    /// ```
    #[rhai_fn(name = "with_sharing", return_raw)]
    pub fn with_sharing_options(
        call: NativeCallContext,
        plan: Dynamic,
        options: Map,
    ) -> RhaiResultOf<Dynamic> {
        let options = Options::new("with_sharing", options, &["mode", "inputs"])?;
        let mode = options.text("mode")?.unwrap_or_default();
        shared(&call, plan, &mode, options.truth("inputs", true)?)
    }

    /// Whether the image is shared with other machines: a mode other than `off` applies, and its inputs allow it.
    #[rhai_fn(get = "is_shared", pure)]
    pub fn is_shared(plan: &mut Plan) -> bool {
        plan.is_shared()
    }

    /// The cache key, 64 hex digits.
    ///
    /// # Errors
    /// `context::...` if a file of the build context cannot be read.
    #[rhai_fn(get = "key", return_raw, pure)]
    pub fn key(plan: &mut Plan) -> RhaiResultOf<String> {
        Ok(plan.key()?.to_string())
    }

    /// Its base images outside of the project: a map from references such as `alpine:3.20` to the digests that the last
    /// build was built on, otherwise the last known ones; `()` for an unknown digest. Base images with a digest in the
    /// Dockerfile are omitted.
    #[rhai_fn(get = "bases", pure)]
    pub fn bases(plan: &mut Plan) -> Map {
        let digest = |base: KnownBase| {
            let digest = base.digest.map_or(Dynamic::UNIT, |digest| digest.digest.into());
            (base.reference.to_string().into(), digest)
        };
        plan.outside_bases().into_iter().map(digest).collect()
    }

    /// Reports whether the image is built, as its first line of output, and returns `needs_build`.
    ///
    /// # Errors
    /// `script::wrong_type` if `needs_build` is not `true` or `false`.
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

    /// Returns the current plan: if a hook, `exec`, `sh` or `write_file` ran since this plan was made, the result of
    /// `make`, a plan of the same image; otherwise this plan. The decision stays.
    ///
    /// A build always reads the files of its plan again. This also reads the Dockerfile again.
    ///
    /// # Errors
    /// Those of `make`; `script::wrong_type` if it does not return a plan.
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

    /// Builds the image with the builder `builder`: `docker`, `kaniko`, `buildkit` (in the cluster), `oci` or `custom`.
    /// `--builder` takes precedence.
    ///
    /// # Errors
    /// `stage::build::...` if the build fails; `registry::...` if its registry would reject the push.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) { plan(tagged(image)).build_with("docker") }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn build_with(plan: &mut Plan, builder: &str) -> RhaiResultOf<Built> {
        Ok(plan.build(builder.parse().map_err(StageError::from)?)?)
    }

    /// Builds and pushes the image in a pod of the cluster, with the options of `build.kaniko` in `devspace.yaml`, or
    /// of `with_kaniko`. Equals `plan.build_with("kaniko")`.
    ///
    /// # Errors
    /// `kaniko::...` if the pod cannot build, with the reason: `kaniko::image_pull`, `kaniko::unschedulable`,
    /// `kaniko::quota`, `kaniko::no_limits`, `kaniko::out_of_memory`, `kaniko::evicted`; `stage::build::step_failed` if
    /// an instruction of the Dockerfile fails; `cluster::...` if the cluster is unreachable or denies access.
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

    /// Reuses the last build instead of a new one, and adds tags that are new.
    ///
    /// # Errors
    /// `stage::reuse::nothing` without an earlier build.
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

    /// Pushes the tags that the registry does not have yet, and records the digest.
    ///
    /// Does nothing with `--skip-push`.
    ///
    /// # Errors
    /// `registry::...` if the registry rejects the push or is unreachable.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) { if image.name == "api" { built.push() } else { built } }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn push(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.push()?)
    }

    /// Pushes the image to another reference, such as one in a second registry, and returns its digest there. With
    /// `--skip-push`, it pushes nothing and returns `()`.
    ///
    /// # Errors
    /// `registry::...` if a registry rejects the push or is unreachable; `image::reference` for an invalid reference.
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

    /// Its ID in the Docker daemon, or `()` if no daemon has it.
    #[rhai_fn(get = "id", pure)]
    pub fn id(built: &mut Built) -> Dynamic {
        built.image_id().map_or(Dynamic::UNIT, |id| id.to_owned().into())
    }

    /// Makes the image available to the nodes of a local cluster: loads it into kind, k3d or minikube if they do not
    /// use the daemon that built it. Does nothing for any other cluster or with `--skip-push`, except that an unpushed
    /// image of the builder `oci` is loaded into the Docker daemon, if one is reachable.
    ///
    /// # Errors
    /// `cluster::load` if it cannot be loaded.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) { if image.pushes { built.push() } else { built.load() } }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn load(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.load()?)
    }

    /// Lets other machines find the image that was pushed, if its plan is `with_sharing("write")`. The first build of the same
    /// inputs stays, unless this one was forced. A failure is reported once for each registry, and fails nothing. Any other
    /// value is returned unchanged.
    ///
    /// # Errors
    /// `registry::...` if the tags of an image that another machine built with a custom command cannot be pushed.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) {
    ///     let plan = plan(tagged(image)).with_sharing("write");
    ///     let built = if plan.needs_build { plan.build_with("docker") } else { plan.reuse() };
    ///     built.push().share()
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn share(built: Dynamic) -> RhaiResultOf<Dynamic> {
        // An override of `publish` may return anything.
        match built.read_lock::<Built>().map(|built| built.clone()) {
            Some(known) => Ok(Dynamic::from(known.share()?)),
            None => Ok(built),
        }
    }

    /// Whether no run has finished with the image yet: it was built in this run, or in an earlier run that failed.
    #[rhai_fn(get = "is_new", pure)]
    pub fn is_new(built: &mut Built) -> bool {
        built.is_new()
    }

    /// Calls `check` with the image, unless the current `verify` has already succeeded on it, and records the success
    /// for later runs. If `check` fails, so does this call, and the next run calls it again without a build.
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

    /// Whether everything after the build (`verify`, `publish` and `after_image`) succeeded in an earlier run. Until
    /// then, each run calls them again without a build.
    #[rhai_fn(get = "is_finished", pure)]
    pub fn is_finished(built: &mut Built) -> bool {
        built.is_finished()
    }

    /// Marks everything after the build as done: once the work on the image succeeds, later runs skip it. A build of
    /// this run is marked automatically. For an earlier build, your own pipeline must call this after it did what
    /// `verify`, `publish` and `after_image` do.
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

    /// The image that was built.
    #[rhai_fn(get = "image", pure)]
    pub fn image(built: &mut Built) -> Image {
        built.image().clone()
    }
}

/// A copy of `plan` for an image that is shared.
fn shared(call: &NativeCallContext, plan: Dynamic, mode: &str, stores_inputs: bool) -> RhaiResultOf<Dynamic> {
    // If `plan` returns something else, the stage that uses the result explains it.
    let Some(known) = plan.read_lock::<Plan>().map(|plan| plan.clone()) else { return Ok(plan) };
    let known = known.shared(mode.parse::<ShareMode>().map_err(StageError::from)?, stores_inputs)?;
    current::execution(call)?.keep_plan(&known);
    Ok(Dynamic::from(known))
}
