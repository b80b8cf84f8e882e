//! The versions of devspace.yaml.

use std::fmt;
use std::str::FromStr;

use super::node::{Mapping, Span, Value, YamlNode, field};
use super::parse::parse;
use super::problem::{Diagnostics, Report};
use super::reader::Reader;

/// A version of the format, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Version {
    V1alpha1,
    V1alpha2,
    V1alpha3,
    V1alpha4,
    V1beta1,
    V1beta2,
    V1beta3,
    V1beta4,
    V1beta5,
    V1beta6,
    V1beta7,
    V1beta8,
    V1beta9,
    V1beta10,
    V1beta11,
    V2beta1,
}

use Version::*;

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 16] = [
        V1alpha1, V1alpha2, V1alpha3, V1alpha4, V1beta1, V1beta2, V1beta3, V1beta4, V1beta5, V1beta6,
        V1beta7, V1beta8, V1beta9, V1beta10, V1beta11, V2beta1,
    ];

    /// The newest version.
    pub const NEWEST: Self = V2beta1;

    /// The value of `version`.
    pub fn as_str(self) -> &'static str {
        match self {
            V1alpha1 => "v1alpha1",
            V1alpha2 => "v1alpha2",
            V1alpha3 => "v1alpha3",
            V1alpha4 => "v1alpha4",
            V1beta1 => "v1beta1",
            V1beta2 => "v1beta2",
            V1beta3 => "v1beta3",
            V1beta4 => "v1beta4",
            V1beta5 => "v1beta5",
            V1beta6 => "v1beta6",
            V1beta7 => "v1beta7",
            V1beta8 => "v1beta8",
            V1beta9 => "v1beta9",
            V1beta10 => "v1beta10",
            V1beta11 => "v1beta11",
            V2beta1 => "v2beta1",
        }
    }

    /// The version after this one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|version| *version > self)
    }

    /// The newest version whose keys a file of this one may have. DevSpace 4.12 to 5.18 added keys to v1beta9 and
    /// v1beta10 without a new version, so files of these versions are read with all keys up to v1beta11.
    pub fn has_keys_up_to(self) -> Self {
        if (V1beta9..V1beta11).contains(&self) { V1beta11 } else { self }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The version is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVersion;

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnknownVersion)
    }
}

/// Parses the file with the content `source`, which a file of the version `wanted` uses; reports a version other than
/// that under `code`, with the `message` for it.
pub(super) fn read_document(
    source: &str,
    wanted: Version,
    code: &'static str,
    message: impl FnOnce(Version) -> String,
    problems: &mut Diagnostics,
) -> Option<Mapping> {
    let root = parse(source, problems)?;
    let mut reader = Reader { problems };
    let mapping = reader.mapping(&root, "the file")?;
    let version = read(&root, mapping, &mut reader)?;
    if version != wanted {
        let span = field(mapping, "version").map_or(root.span, |node| node.span);
        let report = Report::new(code, message(version), "different version");
        problems.add(span, report.help("upgrade the older file with `windlass upgrade --config FILE`"));
        return None;
    }
    match root.value {
        Value::Mapping(document) => Some(document),
        _ => None,
    }
}

/// The version of the file; reports a missing or unknown one.
pub(super) fn read(root: &YamlNode, mapping: &Mapping, reader: &mut Reader<'_>) -> Option<Version> {
    let Some(node) = field(mapping, "version") else {
        let span = Span { end: root.span.start, ..root.span };
        let report = Report::new("config::version", "the file has no `version`", "add it as the first line");
        let help = "write `version: v2beta1`, or `version: v1beta9` for a file of DevSpace 4 or 5";
        reader.problems.add(span, report.help(help));
        return None;
    };
    let text = reader.text(mapping, "version", "the file")?;
    let version = text.parse().ok();
    if version.is_none() {
        let message = format!("unknown configuration version `{text}`");
        let help = "use `v1alpha1` to `v1alpha4`, `v1beta1` to `v1beta11`, or `v2beta1`";
        reader.problems.add(node.span, Report::new("config::version", message, "unknown version").help(help));
    }
    version
}
