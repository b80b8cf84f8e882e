//! The patterns of `--exclude` of ADD and COPY.

use super::pattern::Pattern;

/// The patterns of `--exclude` of one ADD or COPY (Dockerfile reference, "COPY --exclude").
#[derive(Debug, Default)]
pub(crate) struct Exclusion(Vec<Pattern>);

impl Exclusion {
    /// The patterns as written. BuildKit expands no variables in them.
    ///
    /// # Errors
    /// The first invalid pattern.
    pub(crate) fn parse(patterns: &[String]) -> Result<Self, &str> {
        let parse = |pattern: &'_ String| {
            let names: Vec<_> = pattern.trim().split('/').filter(|name| !["", "."].contains(name)).collect();
            let root = if pattern.trim().starts_with('/') { "/" } else { "" };
            Pattern::compile(&format!("{root}{}", names.join("/")))
        };
        let patterns = patterns.iter().map(|pattern| parse(pattern).ok_or(pattern.as_str()));
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether `inside`, a path below the copied file or directory, is excluded. The last pattern that matches the path
    /// or one of its parent directories decides; the copied file or directory itself is never excluded.
    pub(crate) fn excludes(&self, inside: &str) -> bool {
        let folders = inside.match_indices('/').map(|(end, _)| &inside[..end]);
        let paths: Vec<&str> = folders.chain((!inside.is_empty()).then_some(inside)).collect();
        let matches = |pattern: &&Pattern| paths.iter().any(|path| pattern.matches(path));
        self.0.iter().rfind(matches).is_some_and(|pattern| !pattern.negated)
    }

    /// Whether entries of an excluded directory may be included.
    pub(crate) fn has_exceptions(&self) -> bool {
        self.0.iter().any(|pattern| pattern.negated)
    }
}
