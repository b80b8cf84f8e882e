//! Named contexts: directories that Docker's arguments add to the build context.

use std::path::{Path, PathBuf};

use crate::config::BuilderArg;
use crate::error::StageError;
use crate::image::dockerfile::ContextSources;
use crate::image::{Context, Dockerfile, ImageReference};
use crate::run::Image;

/// The words of the arguments of `image` that determine its content. A named context that is a directory is represented
/// by the hash of its files, not by its path.
///
/// # Errors
/// If a file of such a directory cannot be read.
pub(super) fn argument_words(image: &Image) -> Result<Vec<String>, StageError> {
    let mut words = image.config().builder_arguments();
    for arg in docker_args(image) {
        let Some((name, folder)) =
            arg.named_context().and_then(|(name, source)| Some((name, folder(image, source)?)))
        else {
            continue;
        };
        let run = image.run();
        let digest = if run.options.ignores_files {
            String::new()
        } else {
            let context = Context::open(&run.forest(), &folder, None)?;
            let selection = context.select(&ContextSources::Whole { why: None }, &|_| ())?;
            run.hash(&selection, context.root(), |_, _| ())?.digest().to_string()
        };
        words.retain(|word| *word != arg.word());
        words.push(format!("{}={name}={digest}", arg.name));
    }
    Ok(words)
}

/// `reach`, or the whole build context if an argument of `image` lets `dockerfile` read unknown files.
pub(super) fn widened(image: &Image, dockerfile: &Dockerfile, reach: ContextSources) -> ContextSources {
    unknown_reading(image, dockerfile).map_or(reach, |why| ContextSources::Whole { why: Some(why) })
}

/// Why it is unknown which files `dockerfile` reads with the arguments of `image`; `None` if it is known.
pub(super) fn unknown_reading(image: &Image, dockerfile: &Dockerfile) -> Option<String> {
    docker_args(image).find_map(|arg| {
        if arg.flag.is_none() {
            return Some(format!("`{}` of `args` is unknown to windlass", arg.name));
        }
        let (name, _) = arg.named_context()?;
        stands_for_base(dockerfile, name)
            .then(|| format!("the ONBUILD and ENV of `{name}` of `--build-context` are unknown"))
    })
}

/// Whether a named context of `image` replaces its base image `reference`.
pub(super) fn replaces(image: &Image, reference: &str) -> bool {
    let parsed = |text: &str| text.parse::<ImageReference>().ok();
    docker_args(image).filter_map(BuilderArg::named_context).any(|(name, _)| {
        name.eq_ignore_ascii_case(reference)
            || parsed(reference).is_some_and(|reference| Some(reference) == parsed(name))
    })
}

fn docker_args(image: &Image) -> impl Iterator<Item = &BuilderArg> {
    image.config().docker.iter().flat_map(|docker| docker.args.iter())
}

/// Whether a context with the name `name` replaces a base image or a build stage.
fn stands_for_base(dockerfile: &Dockerfile, name: &str) -> bool {
    let reference = |text: &str| text.parse::<ImageReference>().ok();
    dockerfile.targets().iter().any(|target| {
        let base = &target.from().base.text;
        // The base image is unknown here.
        base.contains('$')
            || base.eq_ignore_ascii_case(name)
            || reference(base).is_some_and(|base| Some(base) == reference(name))
            || target.name().is_some_and(|stage| stage.eq_ignore_ascii_case(name))
    })
}

/// The directory of a named context; `None` if it is not a directory.
fn folder(image: &Image, source: &str) -> Option<PathBuf> {
    let path = match source.strip_prefix("oci-layout://") {
        Some(layout) => layout.split(['@', ':']).next().unwrap_or(layout),
        None => source,
    };
    let folder = image.root().join(Path::new(path));
    folder.is_dir().then_some(folder)
}
