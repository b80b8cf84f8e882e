//! What of the build context a Dockerfile can read.

/// The part of a build context that the instructions of a build target can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everything: some source is the root of the context, or cannot be known.
    Whole {
        /// Why it cannot be narrowed, as a phrase; `None` when an instruction plainly asks for everything.
        why: Option<String>,
    },
    /// Only these sources and what is below them: cleaned paths relative to the context's root, with `/`,
    /// sorted, without duplicates; may hold the wildcards of Go's `filepath.Match`. Empty: nothing.
    Sources(Vec<String>),
}
