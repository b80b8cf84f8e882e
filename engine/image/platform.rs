//! The platform of an image.

use std::fmt;

use oci_spec::image as oci;

/// Operating system, processor and its variant: `linux/arm64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// The architecture as Go names it: `amd64`, `arm64`.
    pub architecture: String,
    /// The variant of the architecture: `v7`.
    pub variant: Option<String>,
}

impl Platform {
    /// Linux on the architecture of this machine; the daemons of other operating systems run Linux as well.
    pub fn of_this_machine() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "x86" => ("386", None),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            other => (other, None),
        };
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// Parses `linux/arm/v7`; `None` if it is not a platform.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_lowercase);
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts.next();
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        };
        let words = [Some(&os), Some(&architecture), variant.as_ref()];
        if parts.next().is_some() || !words.into_iter().flatten().all(|word| is_word(word)) {
            return None;
        }
        let architecture = match architecture.as_str() {
            "x86_64" | "x86-64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            _ => architecture,
        };
        // `v8` is the only variant of arm64 and is omitted.
        let variant = variant.filter(|variant| !(architecture == "arm64" && variant == "v8"));
        Some(Self { os, architecture, variant })
    }
}

/// Normalizes comma-separated platforms as the user requested them. An invalid platform is kept as written: the builder
/// reports it.
pub fn normal_platforms(text: &str) -> String {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let normal =
        names.map(|name| Platform::parse(name).map_or_else(|| name.to_owned(), |known| known.to_string()));
    normal.collect::<Vec<_>>().join(",")
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(formatter, "/{variant}"))
    }
}

impl From<&Platform> for oci::Platform {
    fn from(platform: &Platform) -> Self {
        let mut found = Self::default();
        found.set_os(platform.os.as_str().into()).set_architecture(platform.architecture.as_str().into());
        found.set_variant(platform.variant.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_form() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                Platform::parse(text).map(|platform| platform.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("linux/amd64", Some("linux/amd64"));
        check("Linux/x86_64", Some("linux/amd64"));
        check("linux/arm64/v8", Some("linux/arm64"));
        check("linux/arm/v7", Some("linux/arm/v7"));
        check("linux", None);
        check("linux/", None);
        check("linux/a/b/c", None);
    }
}
