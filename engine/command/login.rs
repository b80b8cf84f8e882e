//! `windlass login`: checks credentials for a registry and stores them where Docker stores them.

use std::io::{self, IsTerminal, Read, Write};

use inquire::{InquireError, Password, PasswordDisplayMode, Text};

use crate::registry::{RegistryClient, RegistryError, Stored, domain_of};
use crate::secret::Secret;

/// The longest password, in bytes.
const LONGEST: u64 = 1 << 16;

/// The options of `windlass login`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(after_help = "\
Checks the credentials, then stores them with the credential helper that Docker's
config.json names, or in that file if it names none. Docker need not be installed.

Examples:
  windlass login              log in to Docker Hub, prompt for the credentials
  windlass login ghcr.io      log in to another registry
  echo $TOKEN | windlass login ghcr.io --username ann --password-stdin")]
pub struct LoginOptions {
    /// Host and port of the registry [default: Docker Hub]
    pub registry: Option<String>,
    /// User name [default: prompt for it]
    #[arg(short, long, value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password or access token from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// The reasons why a login failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LoginError {
    /// A prompt is needed, but not possible without a terminal.
    #[error("cannot log in to `{registry}`: no terminal to prompt for the {what}")]
    #[diagnostic(code(login::no_terminal), help("pass {flag}"))]
    NoTerminal {
        /// The registry.
        registry: String,
        /// The missing credential.
        what: &'static str,
        /// The flag that provides it.
        flag: &'static str,
    },

    /// The user name or password is empty.
    #[error("cannot log in to `{registry}`: the {what} is empty")]
    #[diagnostic(code(login::empty), help("pass a non-empty {what}"))]
    Empty {
        /// The registry.
        registry: String,
        /// The empty credential.
        what: &'static str,
    },

    /// Reading standard input or the terminal failed.
    #[error("cannot read the {what}: {reason}")]
    #[diagnostic(code(login::unreadable))]
    Unreadable {
        /// The credential to read.
        what: &'static str,
        /// The error of the system.
        reason: String,
    },

    /// The user cancelled the prompt.
    #[error("login cancelled")]
    #[diagnostic(code(login::cancelled))]
    Cancelled,

    /// The registry rejected the credentials, or they could not be stored.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] RegistryError),
}

/// Logs in with `options`, prompts for missing credentials, and writes to `output` where the credentials are stored.
///
/// # Errors
/// [`LoginError`]; in this case nothing is stored.
pub async fn login(
    options: LoginOptions,
    client: &RegistryClient,
    output: &mut dyn Write,
) -> Result<(), LoginError> {
    let domain = domain_of(options.registry.as_deref().unwrap_or("docker.io")).to_owned();
    let asked = domain.clone();
    // Prompts and standard input block; they must not block the runtime.
    let gathered = tokio::task::spawn_blocking(move || {
        let stdin = io::stdin();
        gather(&options, &asked, stdin.is_terminal(), &mut stdin.lock())
    });
    let (username, password) = gathered.await.map_err(|error| LoginError::Unreadable {
        what: "user name and password",
        reason: error.to_string(),
    })??;
    let message = match client.log_in(&domain, username.clone(), password).await? {
        Stored::Helper(name) => {
            format!("logged in to {domain} as {username}; docker-credential-{name} stores the password")
        }
        Stored::File(path) => format!(
            "logged in to {domain} as {username}; the password is stored unencrypted in {}\n\
             hint: set `credsStore` in that file to store it with a credential helper",
            path.display()
        ),
    };
    // The login has succeeded, even if the message cannot be written.
    let _ = writeln!(output, "{message}");
    Ok(())
}

/// The user name and the password: from the options and `stdin`, otherwise from prompts.
fn gather(
    options: &LoginOptions,
    domain: &str,
    terminal: bool,
    stdin: &mut dyn Read,
) -> Result<(String, Secret), LoginError> {
    let registry = || domain.to_owned();
    let missing = |what, flag| LoginError::NoTerminal { registry: registry(), what, flag };
    let username = match &options.username {
        Some(username) => username.trim().to_owned(),
        // Standard input is reserved for the password, even at a terminal.
        None if !terminal || options.password_stdin => return Err(missing("user name", "`--username NAME`")),
        None => Text::new(&format!("User name for {domain}:"))
            .prompt()
            .map_err(|error| failed("user name", error))?,
    };
    if username.is_empty() {
        return Err(LoginError::Empty { registry: registry(), what: "user name" });
    }
    let password = if options.password_stdin {
        let mut text = String::new();
        let read = stdin.take(LONGEST).read_to_string(&mut text);
        read.map_err(|error| LoginError::Unreadable { what: "password", reason: error.to_string() })?;
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        text
    } else if terminal {
        let prompt = format!("Password or access token for {username}:");
        let prompt = Password::new(&prompt).without_confirmation();
        let prompt = prompt.with_display_mode(PasswordDisplayMode::Hidden);
        prompt.prompt().map_err(|error| failed("password", error))?
    } else {
        return Err(missing("password", "the password on standard input, with `--password-stdin`"));
    };
    if password.is_empty() {
        return Err(LoginError::Empty { registry: registry(), what: "password" });
    }
    Ok((username, Secret::new(password)))
}

fn failed(what: &'static str, error: InquireError) -> LoginError {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => LoginError::Cancelled,
        error => LoginError::Unreadable { what, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        username: Option<&str>,
        password_stdin: bool,
        stdin: &str,
        expected: Result<(&str, &str), &str>,
    ) {
        let username = username.map(str::to_owned);
        let options = LoginOptions { registry: None, username, password_stdin };
        match (gather(&options, "r.io", false, &mut stdin.as_bytes()), expected) {
            (Ok((username, password)), Ok(expected)) => {
                assert_eq!((username.as_str(), password.expose()), expected);
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn without_a_terminal_everything_must_be_passed() {
        let user = "cannot log in to `r.io`: no terminal to prompt for the user name";
        let password = "cannot log in to `r.io`: no terminal to prompt for the password";
        check(None, true, "pw", Err(user));
        check(None, false, "", Err(user));
        check(Some("ann"), false, "pw", Err(password));
        check(Some("ann"), true, "pw", Ok(("ann", "pw")));
    }

    #[test]
    fn only_the_line_end_is_cut_from_the_password() {
        check(Some("ann"), true, " p w \r\n", Ok(("ann", " p w ")));
        check(Some("ann"), true, "\n", Err("cannot log in to `r.io`: the password is empty"));
        check(Some(" "), true, "pw", Err("cannot log in to `r.io`: the user name is empty"));
    }
}
