//! Images of windlass's own store, as scripts see them.

use rhai::plugin::*;

/// Stages for images that windlass assembled without a daemon: annotations, attached documents, files.
#[export_module]
pub mod stored {
    use rhai::Map;

    use super::super::option::Options;
    use crate::host::{Attachment, ProjectPath};
    use crate::plan::{Built, SourceCode};
    use crate::script::{RhaiResultOf, StageError};

    /// Adds OCI annotations to the manifest of an image of the builder `oci`, and returns the image that has them. Unlike
    /// labels, they change neither layers nor configuration. Annotate before you attach, push or save.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder.
    ///
    /// # Example
    /// ```rhai
    /// import "std/labels" as labels;
    ///
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) { built.annotate(labels::from_git()).push() }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn annotate(built: &mut Built, annotations: Map) -> RhaiResultOf<Built> {
        let annotations = annotations.into_iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Ok(built.annotate(&annotations.collect())?)
    }

    /// Attaches a list of the files that COPY and ADD brought into an image of the builder `oci`: path, SHA-256 and
    /// instruction, as CycloneDX 1.5. The next push takes it along, as a referrer of the image (OCI distribution spec,
    /// "listing referrers").
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) { built.attach_sbom().push() }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn attach_sbom(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.attach_sbom()?)
    }

    /// Attaches a statement on how an image of the builder `oci` came to be: profiles, build target, cache key, the
    /// digests of Dockerfile, context and scripts; in-toto Statement v1 with SLSA Provenance v1. The next push takes it
    /// along. No value of a build argument is in it.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) { built.attach_provenance().push() }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn attach_provenance(built: &mut Built) -> RhaiResultOf<Built> {
        Ok(built.attach_provenance(&SourceCode::default())?)
    }

    /// Attaches a statement on how an image came to be that also says where its source is kept. The map `source` has:
    ///
    /// - `address`: the repository in git, as a URI,
    /// - `commit`: the commit.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder; `script::...` for another key or a value that is no text.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) {
    ///     built.attach_provenance(#{ address: "https://git.example/shop/api", commit: git.commit }).push()
    /// }
    /// ```
    #[rhai_fn(name = "attach_provenance", return_raw, pure)]
    pub fn attach_provenance_of(built: &mut Built, source: Map) -> RhaiResultOf<Built> {
        let source = Options::new("attach_provenance", source, &["address", "commit"])?;
        let code = SourceCode { address: source.text("address")?, commit: source.text("commit")? };
        Ok(built.attach_provenance(&code)?)
    }

    /// Attaches a document of your own to an image of the builder `oci`; it takes the place of one with the same media
    /// type. The next push takes it along.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) { built.attach("application/vnd.example.notes", "fixes the login").push() }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn attach(built: &mut Built, media_type: &str, content: &str) -> RhaiResultOf<Built> {
        let (media_type, content) = (media_type.to_owned(), content.as_bytes().to_vec());
        Ok(built.attach(&Attachment::Document { media_type, content })?)
    }

    /// Writes an image of the builder `oci`, with its names, to a file of the project: an archive that `docker load`,
    /// `podman load`, `ctr image import` and skopeo read. With a `/` at its end, `path` is a folder that gets an OCI
    /// image layout; other images in it stay. Equals `windlass save`.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder; `oci::output` when it cannot be written; `files::...` for a
    /// path outside of the project.
    ///
    /// # Example
    /// ```rhai
    /// fn builder(image) { "oci" }
    /// fn publish(image, built) { built.save(`dist/${image.name}.tar`) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn save(built: &mut Built, path: &str) -> RhaiResultOf<Built> {
        let file = ProjectPath::writable(built.image().root(), path).map_err(StageError::from)?;
        Ok(built.save(&file, path.ends_with('/'))?)
    }
}
