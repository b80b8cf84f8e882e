//! What arguments of docker read beside the build context: folders that the Dockerfile knows by a name.

use std::path::{Path, PathBuf};

use crate::config::BuilderArg;
use crate::image::dockerfile::Reach;
use crate::image::{Context, Dockerfile, ImageReference};
use crate::run::Image;
use crate::script::StageError;

/// The words of the arguments of `image` that decide what it will be. A named context that is a folder counts with what
/// is in it, wherever it lies.
///
/// # Errors
/// When a file of such a folder cannot be read.
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
            let selection = context.select(&Reach::Whole { why: None }, &|_| ())?;
            run.hash(&selection, context.root(), |_, _| ())??.digest().to_string()
        };
        words.retain(|word| *word != arg.word());
        words.push(format!("{}={name}={digest}", arg.name));
    }
    Ok(words)
}

/// `reach`, unless an argument of `image` lets `dockerfile` read what nobody here knows.
pub(super) fn widened(image: &Image, dockerfile: &Dockerfile, reach: Reach) -> Reach {
    unknown_reading(image, dockerfile).map_or(reach, |why| Reach::Whole { why: Some(why) })
}

/// Why nobody here knows what `dockerfile` reads with the arguments of `image`; `None` where that is known.
pub(super) fn unknown_reading(image: &Image, dockerfile: &Dockerfile) -> Option<String> {
    docker_args(image).find_map(|arg| {
        if arg.flag.is_none() {
            return Some(format!("windlass does not know what `{}` of `args` does", arg.name));
        }
        let (name, _) = arg.named_context()?;
        stands_for_base(dockerfile, name).then(|| {
            format!("what `{name}` of `--build-context` adds to a build (ONBUILD, ENV) is not known")
        })
    })
}

fn docker_args(image: &Image) -> impl Iterator<Item = &BuilderArg> {
    image.config().docker.iter().flat_map(|docker| docker.args.iter())
}

/// Whether a context called `name` takes the place of a base image or of a build stage.
fn stands_for_base(dockerfile: &Dockerfile, name: &str) -> bool {
    let reference = |text: &str| text.parse::<ImageReference>().ok();
    dockerfile.targets().iter().any(|target| {
        let base = &target.from().base.text;
        // Nobody here knows which one it is.
        base.contains('$')
            || base.eq_ignore_ascii_case(name)
            || reference(base).is_some_and(|base| Some(base) == reference(name))
            || target.name().is_some_and(|stage| stage.eq_ignore_ascii_case(name))
    })
}

/// The folder that a named context is; `None` when it comes from elsewhere.
fn folder(image: &Image, source: &str) -> Option<PathBuf> {
    let path = match source.strip_prefix("oci-layout://") {
        Some(layout) => layout.split(['@', ':']).next().unwrap_or(layout),
        None => source,
    };
    let folder = image.root().join(Path::new(path));
    folder.is_dir().then_some(folder)
}
