//! Variables that need no definition (spec config §6.5). Each is computed when it is first used.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kube::config::Kubeconfig;

use super::program::{NoOutput, output};
use crate::config::environment::Environment;
use crate::process::Process;

/// Git answers at once, or hangs.
const GIT_LIMIT: Duration = Duration::from_secs(10);

/// The variable that names the user's home.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// Their names, for suggestions.
pub(crate) const NAMES: [&str; 9] = [
    "DEVSPACE_RANDOM",
    "DEVSPACE_TIMESTAMP",
    "DEVSPACE_GIT_COMMIT",
    "DEVSPACE_GIT_BRANCH",
    "DEVSPACE_PROFILE",
    "DEVSPACE_VERSION",
    "DEVSPACE_USER_HOME",
    "DEVSPACE_CONTEXT",
    "DEVSPACE_NAMESPACE",
];

/// What predefined variables are made from.
pub(crate) struct Predefined {
    pub root: PathBuf,
    pub profile: String,
    pub kube_context: Option<String>,
    pub namespace: Option<String>,
}

impl Predefined {
    /// The value of `name`, in whatever case; `None` when there is no such predefined variable. The error
    /// says why the value cannot be had.
    pub(crate) fn get(&self, name: &str, environment: &Environment) -> Option<Result<String, String>> {
        let value = match name.to_ascii_uppercase().as_str() {
            "DEVSPACE_RANDOM" | "DEVSPACE.RANDOM" => {
                Ok(std::iter::repeat_with(fastrand::alphanumeric).take(6).collect())
            }
            "DEVSPACE_TIMESTAMP" | "DEVSPACE.TIMESTAMP" => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Ok(since.as_secs().to_string())
            }
            "DEVSPACE_GIT_COMMIT" | "DEVSPACE.GIT.COMMIT" => {
                git(&["rev-parse", "--verify", "HEAD"], &self.root, environment)
                    .map(|commit| commit.chars().take(8).collect())
            }
            "DEVSPACE_GIT_BRANCH" | "DEVSPACE.GIT.BRANCH" => {
                git(&["rev-parse", "--abbrev-ref", "HEAD"], &self.root, environment)
            }
            "DEVSPACE_PROFILE" | "DEVSPACE.PROFILE" => Ok(self.profile.clone()),
            "DEVSPACE_VERSION" | "DEVSPACE.VERSION" => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            "DEVSPACE_USER_HOME" | "DEVSPACE.USERHOME" => {
                environment.get(HOME).ok_or_else(|| format!("`{HOME}` is not set"))
            }
            "DEVSPACE_CONTEXT" | "DEVSPACE.CONTEXT" => match &self.kube_context {
                Some(context) => Ok(context.clone()),
                None => kubeconfig(environment).and_then(|config| {
                    config.current_context.ok_or("the kubeconfig has no current context".into())
                }),
            },
            "DEVSPACE_NAMESPACE" | "DEVSPACE.NAMESPACE" => match &self.namespace {
                Some(namespace) => Ok(namespace.clone()),
                None => kubeconfig(environment).map(|config| namespace(config, self.kube_context.clone())),
            },
            _ => return None,
        };
        Some(value)
    }
}

/// The namespace of `context`, or of the current one.
fn namespace(config: Kubeconfig, context: Option<String>) -> String {
    let context = context.or(config.current_context);
    config
        .contexts
        .into_iter()
        .find(|named| Some(&named.name) == context.as_ref())
        .and_then(|named| named.context?.namespace)
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}

/// The kubeconfig the environment names, or the user's.
fn kubeconfig(environment: &Environment) -> Result<Kubeconfig, String> {
    let mut paths: Vec<PathBuf> = match environment.get("KUBECONFIG") {
        Some(paths) => std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => Vec::new(),
    };
    if paths.is_empty() {
        let home = environment.get(HOME).ok_or_else(|| format!("`{HOME}` is not set"))?;
        paths.push(Path::new(&home).join(".kube").join("config"));
    }
    // As `Kubeconfig::read` does it, but in the environment of the project.
    let config = paths
        .iter()
        .try_fold(Kubeconfig::default(), |merged, path| merged.merge(Kubeconfig::read_from(path)?));
    // The error's own text may quote the file, which holds credentials.
    config.map_err(|_| "the kubeconfig cannot be read".to_owned())
}

fn git(arguments: &[&str], root: &Path, environment: &Environment) -> Result<String, String> {
    let failed = |reason: &str| format!("`git {}`: {reason}", arguments.join(" "));
    output(Process::new("git").args(arguments), environment, root, GIT_LIMIT).map_err(|error| match error {
        NoOutput::Failed(reason) if reason == "it ended with exit code 128" => {
            "the project is in no git repository, or that has no commit".to_owned()
        }
        NoOutput::Failed(reason) => failed(&reason),
        NoOutput::Interrupted => failed("it was interrupted"),
    })
}
