//! Registries as scripts see them.

use rhai::plugin::*;

/// Stages for images in registries. They need no Docker daemon.
#[export_module]
pub mod registry {
    use rhai::{Array, Dynamic, Map};

    use super::parse;
    use crate::error::StageError;
    use crate::host::ImageCopy;
    use crate::registry::ManifestFacts;
    use crate::script::RhaiResultOf;
    use crate::script::stage::current;

    /// Copies an image from one repository to another, in the same registry or another one, and returns its digest,
    /// which stays the same. An image for several platforms is copied with all of them; existing layers are not
    /// transferred. With `--skip-push`, it copies nothing and returns `()`.
    ///
    /// # Errors
    /// `registry::...` if the image does not exist or a registry denies access; `image::reference` for an invalid
    /// reference.
    ///
    /// # Example
    /// ```rhai
    /// fn release(project) {
    ///     copy_image("ghcr.io/acme/staging/api:1.4", "ghcr.io/acme/production/api:1.4");
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn copy_image(context: NativeCallContext, from: &str, to: &str) -> RhaiResultOf<Dynamic> {
        let run = current::run(&context)?;
        let copy = ImageCopy { from: parse(from)?, to: parse(to)? };
        if !run.may_push(&copy.to) {
            return Ok(Dynamic::UNIT);
        }
        run.session.step(format!("copying {} to {}", copy.from, copy.to));
        Ok(run.session.wait(run.session.host.registry.copy(&copy)).map_err(StageError::from)??.into())
    }

    /// The digest that `reference` resolves to in its registry, or `()` if the image does not exist.
    ///
    /// # Errors
    /// `registry::...` if the registry is unreachable or denies access.
    ///
    /// # Example
    /// ```rhai
    /// fn release(project) {
    ///     if image_digest("ghcr.io/acme/api:1.4") != () { fail("version 1.4 is released already"); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn image_digest(context: NativeCallContext, reference: &str) -> RhaiResultOf<Dynamic> {
        let run = current::run(&context)?;
        let digest = run
            .session
            .wait(run.session.host.registry.digest(&parse(reference)?))
            .map_err(StageError::from)??;
        Ok(digest.map_or(Dynamic::UNIT, Into::into))
    }

    /// The manifest that `reference` resolves to in its registry, or `()` if the image does not exist.
    ///
    /// # Errors
    /// `registry::...` if the registry is unreachable or denies access.
    ///
    /// # Example
    /// ```rhai
    /// fn release(project) {
    ///     let found = inspect_image("ghcr.io/acme/api:1.4");
    ///     if found != () { print(`${found.digest} for ${found.platforms}`); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn inspect_image(context: NativeCallContext, reference: &str) -> RhaiResultOf<Dynamic> {
        let run = current::run(&context)?;
        let facts = run
            .session
            .wait(run.session.host.registry.inspect(&parse(reference)?))
            .map_err(StageError::from)??;
        Ok(facts.map_or(Dynamic::UNIT, Dynamic::from))
    }

    /// Its digest.
    #[rhai_fn(get = "digest", pure)]
    pub fn digest(manifest: &mut ManifestFacts) -> String {
        manifest.digest.clone()
    }

    /// The media type of the manifest: `application/vnd.oci.image.index.v1+json`.
    #[rhai_fn(get = "media_type", pure)]
    pub fn media_type(manifest: &mut ManifestFacts) -> String {
        manifest.media_type.clone()
    }

    /// The platforms of the image: `linux/amd64`.
    #[rhai_fn(get = "platforms", pure)]
    pub fn platforms(manifest: &mut ManifestFacts) -> Array {
        manifest.platforms.iter().map(|platform| platform.clone().into()).collect()
    }

    /// The bytes that a pull without cached layers transfers; 0 for an index.
    #[rhai_fn(get = "size", pure)]
    pub fn size(manifest: &mut ManifestFacts) -> i64 {
        i64::try_from(manifest.size).unwrap_or(i64::MAX)
    }

    /// The labels, a map; empty for an index.
    #[rhai_fn(get = "labels", pure)]
    pub fn labels(manifest: &mut ManifestFacts) -> Map {
        manifest.labels.iter().map(|(name, value)| (name.as_str().into(), value.clone().into())).collect()
    }

    /// The digest, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(manifest: &mut ManifestFacts) -> String {
        manifest.digest.clone()
    }
}

use crate::error::StageError;
use crate::image::ImageReference;

/// The reference in `text`.
fn parse(text: &str) -> Result<ImageReference, StageError> {
    text.parse::<ImageReference>().map_err(StageError::from)
}
