//! Reads the facts about a base image that affect a build.

use serde::{Deserialize, Deserializer};

use crate::image::ImageReference;

use super::client::Subject;
use super::document::{Descriptor, ManifestOrIndex};
use super::manifest::is_digest;
use super::manifest_digest::name_of;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};

/// The maximum size of an image configuration, in bytes.
pub(super) const CONFIG_LIMIT: usize = 8 << 20;

/// The facts about a base image that affect a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Digest that the reference resolves to: that of the index for a multi-platform image.
    pub digest: String,
    /// The image ID: digest of its configuration.
    pub image_id: String,
    /// Dockerfile instructions that run in builds with this base image.
    pub onbuild: Vec<String>,
    /// Its environment, as `NAME=value`.
    pub env: Vec<String>,
    /// Its working directory; empty for `/`.
    pub working_dir: String,
}

/// An image configuration: as in the OCI image spec, with Docker's `OnBuild`.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default, deserialize_with = "nullable")]
    config: Settings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    #[serde(deserialize_with = "nullable")]
    on_build: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    env: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    working_dir: String,
}

fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl RegistryClient {
    /// Reads the configuration of the image that `reference` resolves to on `platform` (`linux/arm64`, `linux/arm/v7`;
    /// default: Linux on this machine's architecture). Every digest is checked.
    ///
    /// # Errors
    /// [`RegistryError`] if the image or platform does not exist, or the registry refuses.
    pub async fn image_config(
        &self,
        reference: &ImageReference,
        platform: Option<&str>,
    ) -> Result<ImageFacts, RegistryError> {
        let repository = &reference.repository;
        let subject = Subject::new(Action::Pull, reference.to_string(), repository, "pull");
        let read = |content: &[u8]| {
            let document = serde_json::from_slice::<ManifestOrIndex>(content);
            document.map_err(|error| subject.error(malformed(format!("invalid manifest: {error}"))))
        };
        let manifest = self.manifest(&subject, repository, name_of(reference)).await?;
        let digest = manifest.digest;
        let mut document = read(&manifest.content)?;
        if let Some(manifests) = document.manifests {
            let own = own_platform();
            let child =
                choose(&manifests, platform.unwrap_or(&own)).map_err(|problem| subject.error(problem))?;
            document = read(&self.manifest(&subject, repository, child).await?.content)?;
        }
        let image_id = document.config.map(|config| config.digest).filter(|digest| is_digest(digest));
        let image_id = image_id
            .ok_or_else(|| subject.error(malformed("the manifest has no image configuration".to_owned())))?;
        let content = self.blob(&subject, repository, &image_id, CONFIG_LIMIT).await?;
        let Configuration { config } = serde_json::from_slice(&content)
            .map_err(|error| subject.error(malformed(format!("invalid image configuration: {error}"))))?;
        let Settings { on_build: onbuild, env, working_dir } = config;
        Ok(ImageFacts { digest, image_id, onbuild, env, working_dir })
    }
}

fn malformed(reason: String) -> RegistryErrorKind {
    RegistryErrorKind::Malformed { reason }
}

/// The default platform: Linux on this machine's architecture.
pub fn own_platform() -> String {
    format!("linux/{}", architecture())
}

/// This machine's architecture under Go's name, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// The digest of the manifest for `wanted`: `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`.
pub(super) fn choose<'a>(manifests: &'a [Descriptor], wanted: &str) -> Result<&'a str, RegistryErrorKind> {
    let mut parts = wanted.splitn(3, '/');
    let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
    let fits = |platform: &&Descriptor| {
        platform.platform.as_ref().is_some_and(|platform| {
            Some(platform.os.as_str()) == os
                && Some(platform.architecture.as_str()) == architecture
                && variant.is_none_or(|variant| platform.variant.as_deref().is_none_or(|own| own == variant))
        })
    };
    match manifests.iter().find(fits) {
        Some(found) if is_digest(&found.digest) => Ok(&found.digest),
        Some(_) => Err(malformed("the index has a digest of an unknown algorithm".to_owned())),
        None => {
            let offered = manifests.iter().filter_map(|manifest| manifest.platform.as_ref());
            let offered = offered.filter(|platform| platform.is_known()).map(ToString::to_string);
            let offered = offered.collect::<Vec<_>>().join(", ");
            Err(RegistryErrorKind::NotFound {
                reason: format!("no image for {wanted}; available: {offered}"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::document::Platform;

    #[test]
    fn the_first_fitting_platform_is_chosen() {
        let descriptor = |digest: &str, os: &str, architecture: &str, variant: Option<&str>| Descriptor {
            digest: format!("sha256:{digest}"),
            size: 0,
            urls: Vec::new(),
            platform: Some(Platform {
                os: os.into(),
                architecture: architecture.into(),
                variant: variant.map(Into::into),
            }),
        };
        let manifests = [
            descriptor("0a", "unknown", "unknown", None),
            descriptor("0b", "linux", "amd64", None),
            descriptor("0c", "linux", "arm", Some("v6")),
            descriptor("0d", "linux", "arm", Some("v7")),
        ];
        let check = |wanted, expected: &str| match choose(&manifests, wanted) {
            Ok(digest) => assert_eq!(digest, expected, "{wanted}"),
            Err(problem) => assert_eq!(problem.to_string(), expected, "{wanted}"),
        };
        check("linux/amd64", "sha256:0b");
        check("linux/amd64/v1", "sha256:0b");
        check("linux/arm", "sha256:0c");
        check("linux/arm/v7", "sha256:0d");
        check(
            "linux/s390x",
            "not found (no image for linux/s390x; available: linux/amd64, linux/arm/v6, linux/arm/v7)",
        );
    }
}
