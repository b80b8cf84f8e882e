//! What can go wrong with Docker's credential store.

/// Why the credential store cannot be read or changed. No variant carries a secret, nor text of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CredentialError {
    /// The file is there but cannot be read.
    #[error("cannot read the docker configuration `{path}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::unreadable),
        help("make the file readable, or set DOCKER_CONFIG to another folder")
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },

    /// The file is not what Docker writes.
    #[error("cannot read the docker configuration `{path}:{line}:{column}`: {reason}")]
    #[diagnostic(code(registry::credentials::malformed), help("correct that line of the file"))]
    Malformed {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        reason: &'static str,
    },

    /// The entry of one registry does not hold `user:password` in base64.
    #[error(
        "cannot read the credentials for `{registry}` in `{path}`: `auth` is not base64 of user:password"
    )]
    #[diagnostic(
        code(registry::credentials::bad_entry),
        help("run `windlass login {registry}` to write the entry anew")
    )]
    BadEntry {
        /// The file.
        path: String,
        /// The registry.
        registry: String,
    },

    /// The file cannot be written.
    #[error("cannot write the docker configuration `{path}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::unwritable),
        help("make its folder writable, or set DOCKER_CONFIG to another folder")
    )]
    Unwritable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },

    /// The program of a credential helper cannot be started.
    #[error("cannot run the credential helper `{helper}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::helper_missing),
        help("install `{helper}`, or remove it from `credsStore` and `credHelpers` in docker's config.json")
    )]
    HelperMissing {
        /// The program.
        helper: String,
        /// What the system said.
        reason: String,
    },

    /// A credential helper failed.
    #[error("the credential helper `{helper}` cannot {verb} the credentials for `{registry}`: {reason}")]
    #[diagnostic(
        code(registry::credentials::helper_failed),
        help("run `{helper} list` to see what is wrong with it")
    )]
    HelperFailed {
        /// The program.
        helper: String,
        /// What it was asked to do: `get`, `store`, `erase`, `list`.
        verb: &'static str,
        /// The registry it was asked about.
        registry: String,
        /// What it said.
        reason: String,
    },

    /// A credential helper gave no answer in time.
    #[error("the credential helper `{helper}` gave no answer on `{registry}` within {seconds} s")]
    #[diagnostic(
        code(registry::credentials::helper_timeout),
        help("run `{helper} list` to see whether it waits for something, such as a keychain to be unlocked")
    )]
    HelperTimeout {
        /// The program.
        helper: String,
        /// The registry it was asked about.
        registry: String,
        /// The limit.
        seconds: u64,
    },

    /// The home folder is unknown, so there is no place for the file.
    #[error("cannot find the docker configuration: the home folder is unknown")]
    #[diagnostic(
        code(registry::credentials::no_home),
        help("set DOCKER_CONFIG to the folder of docker's config.json")
    )]
    NoHome,
}
