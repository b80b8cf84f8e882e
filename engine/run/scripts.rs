//! The scripts of a run that its images depend on.

use crate::image::Digest;

/// The scripts of a run that its images depend on.
#[derive(Debug, Clone, Default)]
pub struct Scripts {
    /// The name and digest of each script, in the order in which they override each other.
    pub files: Vec<(String, Digest)>,
    /// The digest of the check that images must pass: of the user's scripts that define `verify`. `None` if there is
    /// only the default, which checks nothing.
    pub check: Option<Digest>,
}
