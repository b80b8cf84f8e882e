//! Images as scripts see them.

use rhai::plugin::*;
use rhai::{Array, Dynamic};

/// The properties of an image, and the stages that return changed copies.
#[export_module]
pub mod image {
    use std::path::Path;

    use rhai::{Array, Dynamic, Map};

    use super::super::argument::{optional_texts, texts};
    use super::super::option::Options;
    use super::{list_or_unit, unplaced};
    use crate::config::{BuilderArgs, DOCKER_KEYS};
    use crate::error::StageError;
    use crate::image::TagTemplate;
    use crate::plan::Built;
    use crate::run::Image;
    use crate::script::RhaiResultOf;
    use crate::secret::Secret;

    /// The name of the image: its key in `images`.
    #[rhai_fn(get = "name", pure)]
    pub fn name(image: &mut Image) -> String {
        image.name().to_owned()
    }

    /// The repository with its registry, without a tag: `ghcr.io/acme/api`.
    #[rhai_fn(get = "repository", pure)]
    pub fn repository(image: &mut Image) -> String {
        image.config().repository.to_string()
    }

    /// The tags chosen by `with_tags` or `--tag`; before that, those of `devspace.yaml`, possibly empty.
    #[rhai_fn(get = "tags", pure)]
    pub fn tags(image: &mut Image) -> Array {
        match image.templates() {
            Some(templates) => templates.iter().map(|tag| tag.as_str().into()).collect(),
            None => image.config().tags.iter().map(|tag| tag.text.clone().into()).collect(),
        }
    }

    /// A reference of its latest build, in this run or an earlier one; `()` before its first build.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) { print(`api is ${project.image("api").reference}`); }
    /// ```
    #[rhai_fn(get = "reference", pure)]
    pub fn reference(image: &mut Image) -> Dynamic {
        let reference = crate::run::reference(image.run(), image.name());
        reference.map_or(Dynamic::UNIT, |reference| reference.to_string().into())
    }

    /// The name by which machines share its build, 64 hex digits, once `with_sharing` has looked for it; `()` if it is not shared.
    #[rhai_fn(get = "share_key", pure)]
    pub fn share_key(image: &mut Image) -> Dynamic {
        image.run().share_of(image.name()).map_or(Dynamic::UNIT, Into::into)
    }

    /// Whether tags were chosen by `with_tags` or `--tag`.
    #[rhai_fn(get = "is_tagged", pure)]
    pub fn is_tagged(image: &mut Image) -> bool {
        image.templates().is_some()
    }

    /// A copy with these tags, in which each `#` becomes one random character.
    ///
    /// # Errors
    /// `image::tag` for an invalid tag.
    ///
    /// # Example
    /// ```rhai
    /// fn released(image) { image.with_tags(["1.4", "latest"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_tags(image: &mut Image, tags: Dynamic) -> RhaiResultOf<Image> {
        let tags = texts(&tags, "tags")?;
        let templates: Result<Vec<TagTemplate>, _> = tags.iter().map(|tag| tag.parse()).collect();
        let templates = templates.map_err(|error| StageError::from(super::WrongTag(error)))?;
        let templates = if templates.is_empty() { vec![TagTemplate::random()] } else { templates };
        Ok(image.with_templates(templates))
    }

    /// The path of the Dockerfile, as configured.
    #[rhai_fn(get = "dockerfile", pure)]
    pub fn dockerfile(image: &mut Image) -> String {
        image.config().dockerfile.display().to_string()
    }

    /// The directory of the build context, as configured.
    #[rhai_fn(get = "context", pure)]
    pub fn context_folder(image: &mut Image) -> String {
        image.config().context.display().to_string()
    }

    /// A copy with another Dockerfile, relative to the project directory.
    ///
    /// # Example
    /// ```rhai
    /// fn dockerfile(image) { load_dockerfile(image.with_dockerfile("Dockerfile.dev")) }
    /// ```
    #[rhai_fn(pure)]
    pub fn with_dockerfile(image: &mut Image, path: &str) -> Image {
        image.with_config(|config| config.dockerfile = Path::new(path).to_owned())
    }

    /// A copy with another build context, relative to the project directory.
    ///
    /// # Example
    /// ```rhai
    /// fn context(image) { load_context(image.with_context("services/api")) }
    /// ```
    #[rhai_fn(pure)]
    pub fn with_context(image: &mut Image, path: &str) -> Image {
        image.with_config(|config| config.context = Path::new(path).to_owned())
    }

    /// `entrypoint` of `devspace.yaml`: a list, or `()` to keep the Dockerfile's.
    #[rhai_fn(get = "entrypoint", pure)]
    pub fn entrypoint(image: &mut Image) -> Dynamic {
        list_or_unit(image.config().entrypoint.as_deref())
    }

    /// `cmd` of `devspace.yaml`: a list, or `()` to keep the Dockerfile's.
    #[rhai_fn(get = "cmd", pure)]
    pub fn cmd(image: &mut Image) -> Dynamic {
        list_or_unit(image.config().cmd.as_deref())
    }

    /// A copy with another entrypoint; `()` keeps the Dockerfile's, `[]` clears it.
    ///
    /// # Errors
    /// `script::wrong_type` if it is not a list of strings.
    ///
    /// # Example
    /// ```rhai
    /// fn waiting(image) { image.with_entrypoint(["sleep", "infinity"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_entrypoint(image: &mut Image, entrypoint: Dynamic) -> RhaiResultOf<Image> {
        let entrypoint = optional_texts(&entrypoint, "entrypoint")?;
        Ok(image.with_config(|config| config.entrypoint = entrypoint))
    }

    /// A copy with another command; `()` keeps the Dockerfile's, `[]` clears it.
    ///
    /// # Errors
    /// `script::wrong_type` if it is not a list of strings.
    ///
    /// # Example
    /// ```rhai
    /// fn serving(image) { image.with_cmd(["serve", "--port", "80"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_cmd(image: &mut Image, cmd: Dynamic) -> RhaiResultOf<Image> {
        let cmd = optional_texts(&cmd, "cmd")?;
        Ok(image.with_config(|config| config.cmd = cmd))
    }

    /// The value of `appendDockerfileInstructions`: a list, possibly empty.
    #[rhai_fn(get = "append_dockerfile_instructions", pure)]
    pub fn append_dockerfile_instructions(image: &mut Image) -> Array {
        image.config().append_dockerfile_instructions.iter().map(|line| line.clone().into()).collect()
    }

    /// The value of `injectRestartHelper`.
    #[rhai_fn(get = "inject_restart_helper", pure)]
    pub fn inject_restart_helper(image: &mut Image) -> bool {
        image.config().inject_restart_helper
    }

    /// The build target, or `()` for the last build stage.
    #[rhai_fn(get = "target", pure)]
    pub fn target(image: &mut Image) -> Dynamic {
        image.config().options.target.clone().map_or(Dynamic::UNIT, Into::into)
    }

    /// A copy with another build target.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) {
    ///     let image = image.with_target("test");
    ///     plan_image(image, dockerfile(image), context(image))
    /// }
    /// ```
    #[rhai_fn(pure)]
    pub fn with_target(image: &mut Image, target: &str) -> Image {
        image.with_config(|config| config.options.target = Some(target.to_owned()))
    }

    /// The build arguments as configured: a map, with `()` for a value that comes from the environment.
    #[rhai_fn(get = "build_args", pure)]
    pub fn build_args(image: &mut Image) -> Map {
        let args = image.config().options.build_args.iter();
        args.map(|(name, value)| (name.as_str().into(), value.clone().map_or(Dynamic::UNIT, Into::into)))
            .collect()
    }

    /// A copy with these build arguments added. Values become strings; `()` takes the value from the environment.
    ///
    /// # Errors
    /// `script::secret_build_arg` for a secret, because all users of an image can read its build arguments.
    ///
    /// # Example
    /// ```rhai
    /// fn versioned(image) { image.with_build_args(#{ VERSION: "1.4" }) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_build_args(image: &mut Image, args: Map) -> RhaiResultOf<Image> {
        if let Some((name, _)) = args.iter().find(|(_, value)| value.is::<Secret>()) {
            return Err(StageError::from(super::SecretBuildArg { name: name.to_string() }).into());
        }
        Ok(image.with_config(|config| {
            for (name, value) in args {
                let value = (!value.is_unit()).then(|| value.to_string());
                config.options.build_args.insert(name.to_string(), value);
            }
        }))
    }

    /// A copy whose `RUN` instructions use another network mode: `none`, `host`.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) {
    ///     let image = image.with_network("none");
    ///     plan_image(image, dockerfile(image), context(image))
    /// }
    /// ```
    #[rhai_fn(pure)]
    pub fn with_network(image: &mut Image, network: &str) -> Image {
        image.with_config(|config| config.options.network = Some(network.to_owned()))
    }

    /// A copy with other options of the Docker builder, a map of:
    ///
    /// - `use_cli`: whether to build with the Docker CLI,
    /// - `use_buildkit`: whether to build with BuildKit,
    /// - `args`: additional arguments of `docker build`, a list. Every builder applies those for the build target,
    ///   build arguments, Dockerfile, labels, network and platform; any other argument implies the Docker CLI,
    /// - `platforms`, `cache_from`, `cache_to`, `secrets`, `ssh`: the keys `platforms`, `cacheFrom`, `cacheTo`, `secrets` and
    ///   `ssh` of `docker`, lists. Only the platforms and the ids of secrets and SSH agents are inputs of the image,
    /// - `skip_push`: whether to skip the push.
    ///
    /// # Errors
    /// `script::unknown_option`, `script::wrong_type`.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) {
    ///     let image = image.with_docker(#{ use_buildkit: false });
    ///     plan_image(image, dockerfile(image), context(image))
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_docker(image: &mut Image, options: Map) -> RhaiResultOf<Image> {
        let keys = DOCKER_KEYS.iter().map(|key| key.option);
        let known: Vec<_> = keys.chain(["args", "skip_push", "use_buildkit", "use_cli"]).collect();
        let options = Options::new("with_docker", options, &known)?;
        let mut docker = image.config().docker.clone().unwrap_or_default();
        docker.use_cli = options.truth("use_cli", docker.use_cli)?;
        docker.skip_push = options.truth("skip_push", docker.skip_push)?;
        if options.get("use_buildkit").is_some() {
            docker.use_build_kit = Some(options.truth("use_buildkit", true)?);
        }
        if let Some(args) = options.get("args") {
            docker.args.set_words(unplaced(texts(args, "args")?));
        }
        for key in &DOCKER_KEYS {
            if let Some(values) = options.get(key.option) {
                docker.args.set_key(key, unplaced(texts(values, key.option)?));
            }
        }
        let has_platforms = options.get("platforms").is_some();
        Ok(image.with_config(|config| {
            config.docker = Some(docker);
            if has_platforms {
                config.options.platform = None;
            }
            config.take_inputs_of_arguments();
        }))
    }

    /// A copy with other options of the kaniko builder, a map of:
    ///
    /// - `args`: additional arguments of kaniko, a list,
    /// - `cache`: whether to cache layers in the repository of the image,
    /// - `image`: the image of kaniko itself,
    /// - `insecure`: whether to push without TLS,
    /// - `namespace`: the namespace of the build pod,
    /// - `pull_secret`: an existing pull secret with credentials,
    /// - `service_account`: the service account of the build pod,
    /// - `node_selector`, `requests`, `limits`: maps of strings.
    ///
    /// # Errors
    /// `script::unknown_option`, `script::wrong_type`.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) {
    ///     let image = image.with_kaniko(#{ limits: #{ memory: "4Gi" } });
    ///     plan_image(image, dockerfile(image), context(image))
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_kaniko(image: &mut Image, options: Map) -> RhaiResultOf<Image> {
        let known = [
            "args",
            "cache",
            "image",
            "insecure",
            "limits",
            "namespace",
            "node_selector",
            "pull_secret",
            "requests",
            "service_account",
        ];
        let options = Options::new("with_kaniko", options, &known)?;
        let mut kaniko = image.config().kaniko.clone().unwrap_or_default();
        kaniko.cache = options.truth("cache", kaniko.cache)?;
        kaniko.insecure = options.truth("insecure", kaniko.insecure)?;
        if kaniko.insecure {
            image.run().session.host.registry.trust(image.config().repository.domain());
        }
        if let Some(args) = options.get("args") {
            kaniko.args = BuilderArgs::of_kaniko(unplaced(texts(args, "args")?));
        }
        for (name, field) in [
            ("image", &mut kaniko.image),
            ("namespace", &mut kaniko.namespace),
            ("pull_secret", &mut kaniko.pull_secret),
            ("service_account", &mut kaniko.service_account),
        ] {
            if let Some(text) = options.text(name)? {
                *field = Some(text);
            }
        }
        for (name, field) in [
            ("limits", &mut kaniko.limits),
            ("node_selector", &mut kaniko.node_selector),
            ("requests", &mut kaniko.requests),
        ] {
            if options.get(name).is_some() {
                *field = options.texts(name)?.into_iter().collect();
            }
        }
        Ok(image.with_config(|config| {
            config.kaniko = Some(kaniko);
            config.take_inputs_of_arguments();
        }))
    }

    /// Whether `build.disabled` is set.
    #[rhai_fn(get = "is_disabled", pure)]
    pub fn is_disabled(image: &mut Image) -> bool {
        image.config().disabled
    }

    /// Whether a custom command builds it.
    #[rhai_fn(get = "is_custom", pure)]
    pub fn is_custom(image: &mut Image) -> bool {
        image.config().custom.is_some()
    }

    /// Whether its tags are pushed: not with `--skip-push` or `skipPush`, not if a local cluster gets the image without
    /// a push, and not for a custom command, which pushes by itself.
    #[rhai_fn(get = "pushes", pure)]
    pub fn pushes(image: &mut Image) -> bool {
        image.pushes()
    }

    /// Whether a build creates a pull secret for its registry: with `createPullSecret: true` and without `--skip-push`.
    #[rhai_fn(get = "wants_pull_secret", pure)]
    pub fn wants_pull_secret(image: &mut Image) -> bool {
        image.wants_pull_secret()
    }

    /// The result of an image that is not built because it is disabled.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) { image.disabled() }
    /// ```
    #[rhai_fn(pure)]
    pub fn disabled(image: &mut Image) -> Built {
        Built::disabled(image)
    }

    /// The name of the builder to use: `disabled`, `custom`, `buildkit` with `buildKit.inCluster`, `kaniko` if only
    /// that is configured, otherwise `docker`. If no Docker daemon is reachable, it is `kaniko` with a configured
    /// cluster, or `oci` for a Dockerfile that runs no command.
    ///
    /// # Errors
    /// `docker::unreachable` if Docker is required, no daemon is reachable, and no other builder can replace it;
    /// `stage::build::needs_daemon`, which names the instruction that requires a daemon.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { if image.name == "api" { "docker" } else { choose_builder(image) } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn choose_builder(image: Image) -> RhaiResultOf<String> {
        Ok(image.choose_builder()?.to_string())
    }

    /// `image api`, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(image: &mut Image) -> String {
        format!("image {}", image.name())
    }
}

/// Arguments without a position in a file.
fn unplaced(words: Vec<String>) -> Vec<(String, Option<crate::config::Origin>)> {
    words.into_iter().map(|word| (word, None)).collect()
}

fn list_or_unit(list: Option<&[String]>) -> Dynamic {
    list.map_or(Dynamic::UNIT, |list| list.iter().cloned().map(Dynamic::from).collect::<Array>().into())
}

/// A secret is used as a build argument.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("a secret cannot be the build argument `{name}`: all users of an image can read its build arguments")]
#[diagnostic(
    code(script::secret_build_arg),
    help("use `RUN --mount=type=secret`, or a custom build command")
)]
struct SecretBuildArg {
    name: String,
}

/// A script sets an invalid tag.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(code(image::tag), help("{}", tag_help(_0)))]
struct WrongTag(crate::image::TagError);

fn tag_help(error: &crate::image::TagError) -> String {
    let rule = miette::Diagnostic::help(error).map(|help| help.to_string()).unwrap_or_default();
    if error.text.contains("${") { rule } else { format!("{rule}; or convert it with `clean` of std/tags") }
}
