//! The parts of a Dockerfile as scripts see them, and the edits that depend on them.

use rhai::plugin::*;

/// Stages that read or edit parts of a Dockerfile.
#[export_module]
pub mod dockerfile_parts {
    use rhai::{Array, Dynamic, Map};

    use super::Dockerfile;
    use super::{NoBase, assignments, list_or_unit};
    use crate::error::StageError;
    use crate::image::dockerfile::InstructionKind;
    use crate::script::RhaiResultOf;

    /// The names of its build stages, in the order of the file. A build stage without a name has its number.
    ///
    /// # Example
    /// ```rhai
    /// fn plan(image) {
    ///     let has_tests = dockerfile(image).targets.contains("test");
    ///     let image = if has_tests { image.with_target("test") } else { image };
    ///     plan_image(image, dockerfile(image), context(image))
    /// }
    /// ```
    #[rhai_fn(get = "targets", pure)]
    pub fn targets(dockerfile: &mut Dockerfile) -> Array {
        let targets = dockerfile.inner.targets().iter().enumerate();
        targets.map(|(index, target)| target.name().map_or(index.to_string(), Into::into).into()).collect()
    }

    /// The build target, or `()` for the last build stage.
    #[rhai_fn(get = "target", pure)]
    pub fn target(dockerfile: &mut Dockerfile) -> Dynamic {
        dockerfile.target.as_deref().map_or(Dynamic::UNIT, |target| target.to_owned().into())
    }

    /// The references of its base images and of the images that it copies from, without `scratch`.
    #[rhai_fn(get = "bases", pure, return_raw)]
    pub fn bases(dockerfile: &mut Dockerfile) -> RhaiResultOf<Array> {
        let bases = dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args);
        Ok(bases.map_err(StageError::from)?.into_iter().map(|base| base.reference.into()).collect())
    }

    /// The entrypoint that is set in the build target or in a build stage it is based on: a list, or `()` if only the
    /// base image sets it. The list of a shell form begins with the shell.
    #[rhai_fn(get = "entrypoint", pure, return_raw)]
    pub fn entrypoint(dockerfile: &mut Dockerfile) -> RhaiResultOf<Dynamic> {
        let [entrypoint, _] = super::started(dockerfile)?;
        Ok(list_or_unit(entrypoint))
    }

    /// The command that is set, like `entrypoint`.
    #[rhai_fn(get = "command", pure, return_raw)]
    pub fn command(dockerfile: &mut Dockerfile) -> RhaiResultOf<Dynamic> {
        let [_, command] = super::started(dockerfile)?;
        Ok(list_or_unit(command))
    }

    /// The instructions of the build target, its `FROM` first: a list of maps with `name` in upper case, `text` on one
    /// line, and the line number `line`.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) {
    ///     if !dockerfile.instructions.some(|instruction| instruction.name == "USER") {
    ///         print(`${image.name} runs as root`);
    ///     }
    ///     dockerfile
    /// }
    /// ```
    #[rhai_fn(get = "instructions", pure, return_raw)]
    pub fn instructions(dockerfile: &mut Dockerfile) -> RhaiResultOf<Array> {
        let target = dockerfile.inner.target(dockerfile.target.as_deref()).map_err(StageError::from)?;
        let instructions = std::iter::once(target.start()).chain(target.instructions());
        let map = |instruction: &crate::image::dockerfile::Instruction| {
            let line = i64::try_from(instruction.lines().0).unwrap_or_default();
            Dynamic::from(Map::from([
                ("name".into(), instruction.name().to_owned().into()),
                ("text".into(), instruction.text().to_owned().into()),
                ("line".into(), line.into()),
            ]))
        };
        Ok(instructions.map(map).collect())
    }

    /// The build arguments declared before the first `FROM` and in the build target: a map from names to defaults,
    /// which are `()` if not set.
    #[rhai_fn(get = "args", pure, return_raw)]
    pub fn declared_args(dockerfile: &mut Dockerfile) -> RhaiResultOf<Map> {
        let target = dockerfile.inner.target(dockerfile.target.as_deref()).map_err(StageError::from)?;
        let instructions = dockerfile.inner.global_args().iter().chain(target.instructions());
        let mut args = Map::new();
        for instruction in instructions {
            let InstructionKind::Arg(declared) = instruction.kind() else { continue };
            for (name, default) in declared {
                let default = default.clone().map_or(Dynamic::UNIT, Into::into);
                // A later `ARG` without a default keeps the default of an earlier one.
                if !default.is_unit() || !args.contains_key(name.as_str()) {
                    args.insert(name.as_str().into(), default);
                }
            }
        }
        Ok(args)
    }

    /// The labels that the build target sets, as written: a map.
    #[rhai_fn(get = "labels", pure, return_raw)]
    pub fn labels(dockerfile: &mut Dockerfile) -> RhaiResultOf<Map> {
        let labels = dockerfile.inner.labels(dockerfile.target.as_deref()).map_err(StageError::from)?;
        Ok(labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A copy whose build target has these labels, a map from names to strings. Variables in them are not expanded.
    ///
    /// # Errors
    /// `dockerfile::unknown_target` if the build target does not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_labels(#{ "org.opencontainers.image.title": image.name }) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_labels(dockerfile: &mut Dockerfile, labels: Map) -> RhaiResultOf<Dockerfile> {
        let lines = assignments("LABEL", &labels, dockerfile.inner.escape());
        Ok(dockerfile.edited(|inner, target| inner.with_instructions(target, &lines))?)
    }

    /// A copy whose build target sets these environment variables, a map from names to strings. Variables in them are
    /// not expanded.
    ///
    /// # Errors
    /// `dockerfile::unknown_target` if the build target does not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_env(#{ LOG_LEVEL: "debug" }) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_env(dockerfile: &mut Dockerfile, variables: Map) -> RhaiResultOf<Dockerfile> {
        let lines = assignments("ENV", &variables, dockerfile.inner.escape());
        Ok(dockerfile.edited(|inner, target| inner.with_instructions(target, &lines))?)
    }

    /// A copy that uses the image `other` instead of `base`.
    ///
    /// # Errors
    /// `stage::with_base::none` if it does not use `base`.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) {
    ///     if "alpine:3" in dockerfile.bases { dockerfile.with_base("alpine:3", "alpine:edge") } else { dockerfile }
    /// }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_base(dockerfile: &mut Dockerfile, base: &str, other: &str) -> RhaiResultOf<Dockerfile> {
        let bases = dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args);
        let bases = bases.map_err(StageError::from)?;
        let known: Vec<_> = bases.iter().map(|found| format!("`{}`", found.reference)).collect();
        let found = bases.into_iter().filter(|found| found.reference == base);
        let replacements: Vec<_> = found.map(|found| (found, other.to_owned())).collect();
        if replacements.is_empty() {
            return Err(StageError::from(NoBase { base: base.to_owned(), known: known.join(", ") }).into());
        }
        Ok(dockerfile.edited(|inner, _| inner.with_bases(&replacements))?)
    }
}

use rhai::{Array, Dynamic, Map};

use crate::error::StageError;
use crate::run::ImageDockerfile as Dockerfile;

/// A Dockerfile does not use the image to replace.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("the Dockerfile does not use the image `{base}`")]
#[diagnostic(code(stage::with_base::none), help("replace one of the images that it uses: {known}"))]
struct NoBase {
    base: String,
    known: String,
}

fn list_or_unit(list: Option<Vec<String>>) -> Dynamic {
    list.map_or(Dynamic::UNIT, |list| list.into_iter().map(Dynamic::from).collect::<Array>().into())
}

/// The entrypoint and the command that `dockerfile` itself sets.
fn started(dockerfile: &Dockerfile) -> Result<[Option<Vec<String>>; 2], StageError> {
    Ok(dockerfile.inner.entrypoint_and_command(dockerfile.target.as_deref(), &dockerfile.args)?)
}

/// One instruction `name` for each entry of `map`, with its value quoted literally.
fn assignments(name: &str, map: &Map, escape: char) -> Vec<String> {
    let quoted = |text: &str| {
        let special = |char: char| char == '"' || char == '$' || char == escape;
        let mut quoted = String::from('"');
        for char in text.chars() {
            if special(char) {
                quoted.push(escape);
            }
            quoted.push(if char == '\n' || char == '\r' { ' ' } else { char });
        }
        quoted + "\""
    };
    map.iter()
        .map(|(key, value)| format!("{name} {}={}", quoted_key(key), quoted(&value.to_string())))
        .collect()
}

/// A name in the form of an instruction: labels can contain any character in quotes.
fn quoted_key(key: &str) -> String {
    let is_plain = key.chars().all(|char| char.is_ascii_alphanumeric() || "._-/".contains(char));
    if is_plain { key.to_owned() } else { format!("\"{}\"", key.replace(['"', '\n'], " ")) }
}
