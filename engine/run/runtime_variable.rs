//! `${runtime.images.NAME}` and `${runtime.dependencies.DEPENDENCY.images.NAME}`: references of built images (runtime
//! variables in DevSpace). `.image` is only the repository, `.tag` the tag.

use miette::Diagnostic as _;

use super::dependency_images::{ForeignBase, built_before, fixed_reference};
use super::{Run, RunError};
use crate::config::CustomConfig;
use crate::image::ImageReference;

/// A runtime variable has no value.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum RuntimeVariableError {
    /// It refers to a dependency that is not part of the run.
    #[error(
        "cannot resolve `${{runtime.{variable}}}`: the dependency `{dependency}` is not part of this run"
    )]
    #[diagnostic(
        code(run::dependency_left_out),
        help("use `--skip-dependency {dependency}` to skip it but use the images of its last build")
    )]
    LeftOut {
        /// The variable.
        variable: String,
        /// The dependency.
        dependency: String,
    },

    /// It is unknown, or refers to an image that was never built.
    #[error("cannot resolve `${{runtime.{variable}}}`: {reason}")]
    #[diagnostic(code(run::runtime_variable))]
    Unknown {
        /// The variable.
        variable: String,
        /// The reason.
        reason: String,
        /// The hint.
        #[help]
        help: String,
    },
}

/// The image whose custom command is resolved, and its reference, if it has one: without one, its variables are kept.
type Own<'a> = Option<(&'a str, Option<&'a ImageReference>)>;

const START: &str = "${runtime.";

/// Whether `text` has runtime variables.
pub fn has_runtime_variables(text: &str) -> bool {
    text.contains(START)
}

/// `text` with resolved runtime variables.
///
/// # Errors
/// `run::runtime_variable` for one that is unknown, or refers to an image that was never built.
pub fn fill(run: &Run, text: &str) -> Result<String, RunError> {
    fill_for(run, text, None)
}

/// The custom command of the image `own`, with resolved runtime variables.
///
/// # Errors
/// As [`fill`].
pub fn fill_custom(
    run: &Run,
    config: &CustomConfig,
    own: &str,
    reference: Option<&ImageReference>,
) -> Result<CustomConfig, RunError> {
    let own = Some((own, reference));
    let mut filled = config.clone();
    let commands = filled.commands.iter_mut().map(|command| &mut command.command);
    let texts = filled.command.iter_mut().chain(commands).chain(filled.args.iter_mut().flatten());
    for text in texts.chain(&mut filled.append_args).filter(|text| has_runtime_variables(text)) {
        *text = fill_for(run, text, own)?;
    }
    Ok(filled)
}

/// The current images that the custom command of the image `own` refers to: it may build on them.
pub fn named_images(run: &Run, config: &CustomConfig, own: &str) -> Vec<ForeignBase> {
    let commands = config.commands.iter().map(|command| &command.command);
    let texts = config.command.iter().chain(commands).chain(config.args.iter().flatten());
    let mut named: Vec<ForeignBase> = Vec::new();
    for text in texts.chain(&config.append_args) {
        for variable in text.split(START).skip(1).filter_map(|rest| rest.split('}').next()) {
            // An unknown variable is an error when it is resolved.
            let Ok(Named { owner, dependency, image, .. }) = find(run, variable) else { continue };
            if std::ptr::eq(owner, run) && image == own {
                continue;
            }
            let Some(finished) = owner.finished(image).or_else(|| built_before(owner, image)) else {
                continue;
            };
            let name =
                dependency.map_or_else(|| image.to_owned(), |dependency| format!("{dependency}.{image}"));
            if !named.iter().any(|known| known.name == name) {
                named.push(ForeignBase { name, finished });
            }
        }
    }
    named
}

fn fill_for(run: &Run, text: &str, own: Own<'_>) -> Result<String, RunError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(START) {
        let (before, reference) = rest.split_at(start);
        filled.push_str(before);
        let Some(end) = reference.find('}') else {
            rest = reference;
            break;
        };
        match value(run, &reference[START.len()..end], own)? {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&reference[..=end]),
        }
        rest = &reference[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The image that a variable refers to.
struct Named<'a> {
    /// The run of its project.
    owner: &'a Run,
    /// The dependency of that project; `None` for the project itself.
    dependency: Option<&'a str>,
    image: &'a str,
    part: Part,
}

fn unknown(variable: &str, reason: String, help: &str) -> RunError {
    let (variable, help) = (variable.to_owned(), help.to_owned());
    RuntimeVariableError::Unknown { variable, reason, help }.into()
}

/// The image that `variable` refers to.
fn find<'a>(run: &'a Run, variable: &'a str) -> Result<Named<'a>, RunError> {
    let unknown = |reason: String, help: &str| unknown(variable, reason, help);
    let form = "write `${runtime.images.NAME}` or `${runtime.dependencies.DEPENDENCY.images.NAME}`, with `.image` or \
                `.tag` at its end for a part";
    let (owner, dependency, image) = if let Some(rest) = variable.strip_prefix("dependencies.") {
        let found = run.links().dependencies.iter().find_map(|(name, dependency)| {
            let image = rest.strip_prefix(name.as_str())?.strip_prefix(".images.")?;
            Some((&**dependency, dependency.links().name.as_deref(), image))
        });
        let left_out =
            |name: &&String| rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        let missing = || match run.project.dependencies.keys().find(left_out) {
            Some(dependency) => RunError::from(RuntimeVariableError::LeftOut {
                variable: variable.to_owned(),
                dependency: dependency.clone(),
            }),
            None => unknown("unknown dependency".to_owned(), form),
        };
        found.ok_or_else(missing)?
    } else if let Some(image) = variable.strip_prefix("images.") {
        (run, None, image)
    } else {
        return Err(unknown("not available during a build".to_owned(), form));
    };
    let parts = [(".image", Part::Repository), (".tag", Part::Tag)];
    let part = parts.into_iter().find_map(|(suffix, part)| Some((image.strip_suffix(suffix)?, part)));
    let known = |name: &str| owner.project.images.contains_key(name);
    let (image, part) = part.filter(|(name, _)| known(name)).unwrap_or((image, Part::Whole));
    if !known(image) {
        let error = owner.unknown_image(image);
        let help = error.help().map(|help| help.to_string());
        return Err(unknown(error.to_string(), help.as_deref().unwrap_or(form)));
    }
    Ok(Named { owner, dependency, image, part })
}

/// The value of a variable; `None` for an image that has no reference yet.
fn value(run: &Run, variable: &str, own: Own<'_>) -> Result<Option<String>, RunError> {
    let Named { owner, image, part, .. } = find(run, variable)?;
    let own = own.filter(|(name, _)| std::ptr::eq(owner, run) && *name == image);
    let reference = match own {
        Some((_, None)) => return Ok(None),
        Some((_, Some(reference))) => Some(reference.clone()),
        None => reference(owner, image),
    };
    let never_built = || format!("`{image}` was never built");
    let reference =
        reference.ok_or_else(|| unknown(variable, never_built(), "build it first: `windlass build`"))?;
    Ok(Some(match part {
        Part::Whole => reference.to_string(),
        Part::Repository => reference.repository.to_string(),
        Part::Tag => reference.tag.map(|tag| tag.to_string()).unwrap_or_default(),
    }))
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    Repository,
    Tag,
}

/// A reference of `image` from this run or an earlier one; for a disabled image, with the tag in `tags`.
pub fn reference(run: &Run, image: &str) -> Option<ImageReference> {
    if let Some(finished) = run.finished(image) {
        return Some(finished.reference);
    }
    let config = run.project.images.get(image)?;
    // It is built elsewhere, with the configured tag.
    if let Some(reference) = fixed_reference(config).filter(|_| config.disabled) {
        return Some(reference);
    }
    let records = run.records(image);
    let mut last = records.iter().filter(|record| record.repository == config.repository.to_string());
    last.next()?.references(&config.repository).into_iter().next()
}
