//! Images of the image store as scripts see them.

use rhai::plugin::*;

/// Stages for images that windlass assembled without a daemon: annotations, attached documents, files.
#[export_module]
pub mod stored {
    use rhai::Map;

    use super::super::option::Options;
    use crate::error::StageError;
    use crate::host::{Attachment, ProjectPath};
    use crate::plan::{Built, SourceCode};
    use crate::script::RhaiResultOf;

    /// Adds OCI annotations to the manifest of an image of the builder `oci`, and returns the annotated image. Unlike
    /// labels, annotations do not change layers or configuration. Annotate before you attach, push or save.
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

    /// Attaches an SBOM of the files that `COPY` and `ADD` added to an image of the builder `oci`: path, SHA-256 and
    /// instruction, as CycloneDX 1.5. The next push includes it as a referrer of the image (OCI distribution spec,
    /// "Listing Referrers").
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

    /// Attaches the provenance of an image of the builder `oci`: profiles, build target, cache key, and the digests of
    /// Dockerfile, build context and scripts, as in-toto Statement v1 with SLSA Provenance v1. The next push includes
    /// it. It contains no values of build arguments.
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

    /// Attaches the provenance of an image of the builder `oci` with its source repository. The map `source` has:
    ///
    /// - `address`: the URI of the git repository,
    /// - `commit`: the commit.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder; `script::...` for an unknown key or a value that is not a
    /// string.
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

    /// Attaches your own document to an image of the builder `oci`; it replaces one with the same media type. The next
    /// push includes it.
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

    /// Writes an image of the builder `oci`, with its references, to a file of the project: an archive for `docker
    /// load`, `podman load`, `ctr image import` and skopeo. If `path` ends with `/`, writes an OCI image layout to that
    /// directory, in which other images stay. Equals `windlass save`.
    ///
    /// # Errors
    /// `stage::not_stored` for an image of another builder; `oci::output` if it cannot be written; `files::...` for a
    /// path outside the project.
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
