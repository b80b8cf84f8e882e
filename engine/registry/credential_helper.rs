//! Docker's credential helpers: `docker-credential-NAME`.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::process::{Pipe, Process, ProcessError};
use crate::secret::Secret;

use super::credential::TOKEN_USER;
use super::{Credential, CredentialError};

/// The timeout of a helper, which may prompt the user to unlock a keychain.
const LIMIT: Duration = Duration::from_secs(15);

/// One credential helper.
pub(super) struct CredentialHelper {
    program: String,
    limit: Duration,
}

/// The JSON that a helper prints for `get` and reads for `store`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl CredentialHelper {
    /// The helper `name` of `config.json`, in the directory `folder`; looked up on the PATH if `folder` is empty.
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let program = folder.join(format!("docker-credential-{name}"));
        Self { program: program.to_string_lossy().into_owned(), limit: LIMIT }
    }

    /// The credential under the store key `key`; anonymous without one.
    pub(super) async fn get(&self, key: &str) -> Result<Credential, CredentialError> {
        let output = match self.run("get", key, key).await? {
            Ok(output) => output,
            // The message of all helpers that use Docker's library (docker-credential-helpers); some add text around
            // it.
            Err(reason) if reason.to_ascii_lowercase().contains("credentials not found") => {
                return Ok(Credential::Anonymous);
            }
            Err(reason) => return Err(self.failed("get", key, reason)),
        };
        let Ok(answer) = serde_json::from_str::<Answer>(&output) else {
            return Err(self.failed("get", key, "its output is not the expected JSON".to_owned()));
        };
        let secret = Secret::new(answer.secret);
        Ok(if secret.is_empty() || answer.username.is_empty() {
            Credential::Anonymous
        } else if answer.username == TOKEN_USER {
            Credential::IdentityToken { username: answer.username, token: secret }
        } else {
            Credential::Basic { username: answer.username, password: secret }
        })
    }

    /// The store keys with credentials.
    pub(super) async fn list(&self) -> Result<Vec<String>, CredentialError> {
        let output = self.run("list", "*", "").await?.map_err(|reason| self.failed("list", "*", reason))?;
        // A map of key to user name; empty output and `null` mean none.
        if output.trim().is_empty() {
            return Ok(Vec::new());
        }
        match serde_json::from_str::<Option<indexmap::IndexMap<String, serde_json::Value>>>(&output) {
            Ok(keys) => Ok(keys.unwrap_or_default().into_keys().collect()),
            Err(_) => Err(self.failed("list", "*", "its output is not the expected JSON".to_owned())),
        }
    }

    /// Stores `credential` under the store key `key`. Registry tokens and anonymous credentials cannot be stored.
    pub(super) async fn store(&self, key: &str, credential: &Credential) -> Result<(), CredentialError> {
        let (username, secret) = match credential {
            Credential::Basic { username, password } => (username.as_str(), password),
            Credential::IdentityToken { token, .. } => (TOKEN_USER, token),
            Credential::Anonymous | Credential::RegistryToken(_) => {
                return Err(self.failed(
                    "store",
                    key,
                    "it stores only passwords and identity tokens".to_owned(),
                ));
            }
        };
        let (server_url, username) = (key.to_owned(), username.to_owned());
        let answer = Answer { server_url, username, secret: secret.expose().to_owned() };
        let input =
            serde_json::to_string(&answer).map_err(|error| self.failed("store", key, error.to_string()))?;
        let failed = |reason: String| self.failed("store", key, reason.replace(secret.expose(), "***"));
        self.run("store", key, &input).await?.map_err(failed)?;
        Ok(())
    }

    /// Removes the credential under the store key `key` and returns whether it existed.
    pub(super) async fn erase(&self, key: &str) -> Result<bool, CredentialError> {
        match self.run("erase", key, key).await? {
            Ok(_) => Ok(true),
            Err(reason) if reason.to_ascii_lowercase().contains("not found") => Ok(false),
            Err(reason) => Err(self.failed("erase", key, reason)),
        }
    }

    /// Runs the helper and returns its output, or its error message. After the timeout, it is stopped with all its
    /// child processes.
    async fn run(
        &self,
        verb: &'static str,
        key: &str,
        input: &str,
    ) -> Result<Result<String, String>, CredentialError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let process = Process::new(&self.program).arg(verb).input(input.to_owned()).limit(self.limit);
        let never = CancellationToken::new();
        let ended = process.run(&never, |pipe, line| match pipe {
            Pipe::Stdout => stdout.push(line.to_owned()),
            Pipe::Stderr => stderr.push(line.to_owned()),
        });
        let code = match ended.await {
            // JSON ignores line ends.
            Ok(0) => return Ok(Ok(stdout.concat())),
            Ok(code) => code,
            Err(error) => return self.not_ended(key, error),
        };
        // Helpers print the reason to stdout; a crashed one prints it to stderr.
        let said = |lines: &[String]| lines.first().map(|line| line.trim().to_owned()).unwrap_or_default();
        let reason = Some(said(&stdout))
            .filter(|text| !text.is_empty() && !text.starts_with('{'))
            .or_else(|| Some(said(&stderr)).filter(|text| !text.is_empty()))
            .unwrap_or_else(|| format!("exit code {code}"));
        Ok(Err(reason))
    }

    /// The error for `key` if the helper has no exit code.
    fn not_ended<T>(&self, key: &str, error: ProcessError) -> Result<Result<T, String>, CredentialError> {
        let missing = |reason| CredentialError::HelperMissing { helper: self.program.clone(), reason };
        Err(match error {
            ProcessError::Killed { signal, .. } => return Ok(Err(format!("killed by signal {signal}"))),
            ProcessError::TimedOut { limit, .. } => CredentialError::HelperTimeout {
                helper: self.program.clone(),
                registry: key.to_owned(),
                seconds: limit.as_secs(),
            },
            ProcessError::NotFound { .. } => missing("command not found".to_owned()),
            ProcessError::NotExecutable { .. } => missing("it is not executable".to_owned()),
            ProcessError::Start { source, .. } => missing(source.to_string()),
            other => missing(other.to_string()),
        })
    }

    fn failed(&self, verb: &'static str, key: &str, reason: String) -> CredentialError {
        CredentialError::HelperFailed { helper: self.program.clone(), verb, registry: key.to_owned(), reason }
    }
}

#[cfg(all(test, unix))]
pub(super) mod tests {
    use super::*;

    /// Writes the helper `test` into the directory `folder`.
    pub(in crate::registry) fn write_helper(folder: &Path, script: &str) -> CredentialHelper {
        // Another process writes it: a file that a fork of this process still has open for writing cannot be executed.
        let status = std::process::Command::new("sh")
            .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 700 "$1""#, "sh"])
            .arg(folder.join("docker-credential-test"))
            .arg(script)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "the helper cannot be written");
        CredentialHelper::new(folder, "test")
    }

    async fn check(script: &str, expected: Result<Credential, &str>) {
        let folder = tempfile::tempdir().expect("directory");
        let helper = write_helper(folder.path(), script);
        match (helper.get("ghcr.io").await, expected) {
            (Ok(credential), Ok(expected)) => assert_eq!(credential, expected, "{script}"),
            (Err(error), Err(expected)) => assert!(error.to_string().ends_with(expected), "{error}"),
            (got, expected) => panic!("{script}: {got:?}, expected {expected:?}"),
        }
    }

    #[tokio::test]
    async fn get_reads_the_response_of_a_helper() {
        let basic = |name: &str| Credential::Basic { username: name.into(), password: Secret::new("pw") };
        check(r#"read key; echo "{\"Username\":\"$key-$1\",\"Secret\":\"pw\"}""#, Ok(basic("ghcr.io-get")))
            .await;
        let token = Credential::IdentityToken { username: TOKEN_USER.into(), token: Secret::new("pw") };
        check(r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"pw"}'"#, Ok(token)).await;
        check(r#"echo '{"Username":"","Secret":""}'"#, Ok(Credential::Anonymous)).await;
        check("echo credentials not found in native keychain; exit 1", Ok(Credential::Anonymous)).await;
        check("echo locked; exit 1", Err("cannot get the credentials for `ghcr.io`: locked")).await;
        check("echo broken pipe >&2; exit 3", Err("`ghcr.io`: broken pipe")).await;
        check("exit 3", Err("`ghcr.io`: exit code 3")).await;
        check("kill -9 $$", Err("`ghcr.io`: killed by signal 9")).await;
        check("echo hello", Err("its output is not the expected JSON")).await;
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_named() {
        let folder = tempfile::tempdir().expect("directory");
        let mut helper = write_helper(folder.path(), "exec sleep 600");
        helper.limit = Duration::ZERO;
        let error = helper.get("ghcr.io").await.expect_err("a timeout");
        assert!(matches!(&error, CredentialError::HelperTimeout { helper, .. } if helper.ends_with("-test")));
    }

    #[tokio::test]
    async fn a_missing_helper_is_named() {
        let error =
            CredentialHelper::new(Path::new(""), "of-nobody").get("ghcr.io").await.expect_err("no helper");
        assert!(
            error.to_string().starts_with("cannot run the credential helper `docker-credential-of-nobody`")
        );
    }

    #[tokio::test]
    async fn list_gives_the_keys() {
        let folder = tempfile::tempdir().expect("directory");
        let check = async |script: &str, expected: &[&str]| {
            assert_eq!(write_helper(folder.path(), script).list().await.expect("list"), expected, "{script}");
        };
        check(
            r#"echo '{"https://index.docker.io/v1/":"ann","ghcr.io":"bob"}'"#,
            &["https://index.docker.io/v1/", "ghcr.io"],
        )
        .await;
        check("echo null", &[]).await;
        check("true", &[]).await;
    }
}
