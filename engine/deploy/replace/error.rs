//! Errors of tag replacement.

/// Errors of tag replacement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ReplaceError {
    /// Several images have the repository.
    #[error("ambiguous image `{reference}` in `{place}`: {} have this repository", list(names))]
    #[diagnostic(
        code(deploy::ambiguous_image),
        help("name the image in the tag: `tag({})`", names.first().map_or("", |name| name))
    )]
    AmbiguousImage {
        /// The reference as written.
        reference: String,
        /// The names of the images.
        names: Vec<String>,
        /// The place of the reference.
        place: String,
    },

    /// The image was never built.
    #[error("cannot replace the tag in `{place}`: the image `{image}` was never built")]
    #[diagnostic(code(deploy::never_built), help("build it first: `windlass build {image}`"))]
    NeverBuilt {
        /// The name of the image.
        image: String,
        /// The place that refers to it.
        place: String,
    },

    /// A placeholder needs the tag of an image that has none.
    #[error("cannot resolve `{placeholder}` in `{place}`: the image `{image}` has no tag because {reason}")]
    #[diagnostic(code(deploy::no_tag), help("add a tag without `#` to the `tags` of `{image}`"))]
    NoTag {
        /// The placeholder.
        placeholder: String,
        /// The name of the image.
        image: String,
        /// Why the image has no tag.
        reason: String,
        /// The place of the placeholder.
        place: String,
    },

    /// The nesting is too deep to be sensible.
    #[error("cannot replace tags in `{place}`: nested more than {limit} levels deep")]
    #[diagnostic(
        code(deploy::nesting),
        help("flatten it: Kubernetes objects and chart values are seldom nested 20 levels deep")
    )]
    Nesting {
        /// The object, or the values.
        place: String,
        /// The limit.
        limit: usize,
    },

    /// A placeholder names an image that does not exist.
    #[error("unknown image `{image}` in `{place}`")]
    #[diagnostic(code(deploy::unknown_image))]
    UnknownImage {
        /// The name as written.
        image: String,
        /// The place of the placeholder.
        place: String,
        /// The nearest name, or all names.
        #[help]
        help: String,
    },

    /// A runtime variable does not refer to an image of the project or of a dependency.
    #[error("unknown variable `${{runtime.{variable}}}` in `{place}`")]
    #[diagnostic(
        code(deploy::runtime_variable),
        help(
            "write `${{runtime.images.NAME}}` or `${{runtime.dependencies.DEPENDENCY.images.NAME}}`, with `.image` or \
             `.tag` at its end for a part"
        )
    )]
    UnknownVariable {
        /// The variable, without `runtime.`.
        variable: String,
        /// Its place.
        place: String,
    },
}

/// `a` and `b`; `a`, `b` and `c`, in backticks.
fn list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
