//! Versions of helm.

use std::fmt;

use super::ChartRequest;

/// The version of a `helm` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HelmVersion {
    /// The major version.
    pub major: u64,
    /// The minor version.
    pub minor: u64,
    /// The patch version.
    pub patch: u64,
}

impl HelmVersion {
    /// The oldest supported version.
    pub const OLDEST: Self = Self { major: 3, minor: 8, patch: 0 };

    /// Parses the output of `helm version --template {{.Version}}`: `v3.17.3`, `v4.0.0-rc.1`, `v3.9.0+gabcdef0`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.trim().strip_prefix('v')?.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { major: next()?, minor: next()?, patch: next()? })
    }

    /// Whether windlass can use it: 3.8 or newer, up to major version 4.
    pub fn is_supported(self) -> bool {
        self >= Self::OLDEST && self.major <= 4
    }

    /// The flags of `helm upgrade` for the options of `request`.
    pub(super) fn upgrade_flags(self, request: &ChartRequest) -> Vec<String> {
        let is_new = self.major >= 4;
        let mut flags = Vec::new();
        let mut add = |is_set: bool, words: &[&str]| {
            if is_set {
                flags.extend(words.iter().map(|&word| word.to_owned()));
            }
        };
        add(request.wait, &["--wait"]);
        add(request.atomic, &[if is_new { "--rollback-on-failure" } else { "--atomic" }]);
        // Helm 4 replaces objects only without server-side apply.
        add(request.force, if is_new { &["--force-replace", "--server-side=false"] } else { &["--force"] });
        add(request.cleanup_on_fail, &["--cleanup-on-fail"]);
        add(request.disable_hooks, &["--no-hooks"]);
        flags.extend(request.timeout.into_iter().flat_map(super::arguments::timeout));
        flags
    }
}

impl fmt::Display for HelmVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::deploy::chart::ChartLocation;

    #[test]
    fn versions_are_parsed_and_compared() {
        let check = |text: &str, expected: Option<(&str, bool)>| {
            let version =
                HelmVersion::parse(text).map(|version| (version.to_string(), version.is_supported()));
            assert_eq!(version.as_ref().map(|(text, ok)| (text.as_str(), *ok)), expected, "{text}");
        };
        check("v3.17.3\n", Some(("3.17.3", true)));
        check("v3.8.0+gd141386", Some(("3.8.0", true)));
        check("v4.0.0-rc.1", Some(("4.0.0", true)));
        check("v3.7.2", Some(("3.7.2", false)));
        check("v2.17.0", Some(("2.17.0", false)));
        check("v5.0.0", Some(("5.0.0", false)));
        check("Client: v2", None);
        check("", None);
    }

    #[test]
    fn flags_follow_the_major_version() {
        let mut request = ChartRequest::new("web", "dev", "/p", ChartLocation::Path("chart".into()));
        let flags =
            |request: &ChartRequest, text| HelmVersion::parse(text).unwrap().upgrade_flags(request).join(" ");
        assert_eq!(flags(&request, "v3.8.0"), "");
        request.wait = true;
        request.atomic = true;
        request.force = true;
        request.cleanup_on_fail = true;
        request.disable_hooks = true;
        request.timeout = Some(Duration::from_secs(600));
        let three = "--wait --atomic --force --cleanup-on-fail --no-hooks --timeout 600s";
        let four = "--wait --rollback-on-failure --force-replace --server-side=false --cleanup-on-fail --no-hooks \
                    --timeout 600s";
        assert_eq!(flags(&request, "v3.8.0"), three);
        assert_eq!(flags(&request, "v4.1.4"), four);
    }
}
