//! Errors of Docker's credential store.

/// Why the credential store cannot be read or changed. No variant contains a secret or content of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CredentialError {
    /// The file exists but cannot be read.
    #[error("cannot read the Docker configuration `{path}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::unreadable),
        help("make the file readable, or set DOCKER_CONFIG to another directory")
    )]
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's error.
        reason: String,
    },

    /// The file does not have Docker's format.
    #[error("cannot read the Docker configuration `{path}:{line}:{column}`: {reason}")]
    #[diagnostic(code(registry::credentials::malformed), help("correct that line of the file"))]
    Malformed {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// The reason.
        reason: &'static str,
    },

    /// The entry of one registry does not hold `user:password` in base64.
    #[error(
        "cannot read the credentials for `{registry}` in `{path}`: `auth` is not base64 of user:password"
    )]
    #[diagnostic(
        code(registry::credentials::bad_entry),
        help("run `windlass login {registry}` to rewrite the entry")
    )]
    BadEntry {
        /// The file.
        path: String,
        /// The registry.
        registry: String,
    },

    /// The file cannot be written.
    #[error("cannot write the Docker configuration `{path}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::unwritable),
        help("make its directory writable, or set DOCKER_CONFIG to another directory")
    )]
    Unwritable {
        /// The file.
        path: String,
        /// The operating system's error.
        reason: String,
    },

    /// A credential helper cannot be started.
    #[error("cannot run the credential helper `{helper}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::helper_missing),
        help(
            "install `{helper}`, or remove it from `credsStore` and `credHelpers` in Docker's `config.json`"
        )
    )]
    HelperMissing {
        /// The command.
        helper: String,
        /// The operating system's error.
        reason: String,
    },

    /// A credential helper failed.
    #[error("the credential helper `{helper}` cannot {verb} the credentials for `{registry}`: {reason}")]
    #[diagnostic(code(registry::credentials::helper_failed), help("run `{helper} list` to see the error"))]
    HelperFailed {
        /// The command.
        helper: String,
        /// The helper's subcommand: `get`, `store`, `erase`, `list`.
        verb: &'static str,
        /// The registry in the request.
        registry: String,
        /// The helper's error.
        reason: String,
    },

    /// A credential helper timed out.
    #[error("the credential helper `{helper}` timed out after {seconds} seconds for `{registry}`")]
    #[diagnostic(
        code(registry::credentials::helper_timeout),
        help("run `{helper} list` to check whether it waits for input, such as unlocking a keychain")
    )]
    HelperTimeout {
        /// The command.
        helper: String,
        /// The registry in the request.
        registry: String,
        /// The timeout.
        seconds: u64,
    },

    /// The user has no home directory, so the path of the file is unknown.
    #[error("cannot find the Docker configuration: no home directory")]
    #[diagnostic(
        code(registry::credentials::no_home),
        help("set DOCKER_CONFIG to the directory of Docker's `config.json`")
    )]
    NoHome,
}
