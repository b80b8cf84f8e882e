//! The Dockerfiles of images, and their build arguments.

use std::path::Path;

use super::{Run, RunError};
use crate::config::ImageConfig;
use crate::graph::NamedBase;
use crate::image::Dockerfile;
use crate::image::dockerfile::{BaseImage, BuildArgs};
use crate::lock::lock;
use crate::suggestion::nearest;

impl Run {
    /// The Dockerfile of an image, read and parsed once, and again after a command that may have written it.
    ///
    /// # Errors
    /// If it cannot be read or is invalid.
    pub fn dockerfile(&self, image: &ImageConfig) -> Result<Dockerfile, RunError> {
        self.forest();
        let path = self.project.root.join(&image.dockerfile);
        let mut dockerfiles = lock(&self.memory.dockerfiles);
        let entry = dockerfiles.entry(path.clone());
        entry
            .or_insert_with(|| {
                let shown = display_path(&image.dockerfile);
                let text = crate::input_file::read(&path).map_err(|error| error.to_string());
                let text =
                    text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".into()));
                match text {
                    Ok(text) => Ok(Dockerfile::parse(shown, text)?),
                    Err(reason) => Err(RunError::DockerfileUnreadable {
                        path: shown,
                        reason,
                        help: format!(
                            "{}`images.{}.dockerfile` ({}) is relative to {}",
                            near_file(&path)
                                .map(|near| format!("did you mean `{near}`? "))
                                .unwrap_or_default(),
                            image.name,
                            image.origin,
                            self.project.root.display()
                        ),
                    }),
                }
            })
            .clone()
    }

    /// The build arguments of an image; those without a value are taken from the environment.
    ///
    /// # Errors
    /// [`RunError::BuildArgUnset`] for one that is not set in the environment.
    pub fn build_args(&self, image: &ImageConfig) -> Result<BuildArgs, RunError> {
        let unset = |name: &String| RunError::BuildArgUnset { name: name.clone(), image: image.name.clone() };
        let resolve = |(name, value): (&String, &Option<String>)| {
            let value = value.clone().or_else(|| self.variable(name)).ok_or_else(|| unset(name))?;
            Ok((name.clone(), value))
        };
        let mut args =
            image.options.build_args.iter().map(resolve).collect::<Result<BuildArgs, RunError>>()?;
        let inherited = image.options.inherited_args.iter();
        args.extend(inherited.filter_map(|name| Some((name.clone(), self.variable(name)?))));
        Ok(args)
    }

    /// The base images of an image, as configured; empty if its Dockerfile is invalid or not used.
    pub(super) fn configured_bases(&self, image: &ImageConfig) -> Vec<NamedBase> {
        if image.disabled || image.custom.is_some() {
            return Vec::new();
        }
        let args = self.build_args(image).unwrap_or_default();
        let Ok(dockerfile) = self.dockerfile(image) else { return Vec::new() };
        let bases = dockerfile.bases(image.options.target.as_deref(), &args).unwrap_or_default();
        let named = |base: BaseImage| {
            let before = dockerfile.text().get(..base.span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            NamedBase { reference: base.reference, place: format!("{}:{line}", dockerfile.name()) }
        };
        bases.into_iter().map(named).collect()
    }
}

/// The most similar file name in the directory of the missing file `path`.
fn near_file(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str)).map(ToOwned::to_owned)
}

/// A configured path without a leading `./`.
fn display_path(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
