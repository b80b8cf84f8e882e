//! Variables that require no definition. Each is computed on its first use.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::program::{NoOutput, output_and_errors};
use crate::cluster::Kubeconfig;
use crate::config::environment::Environment;
use crate::git::{GitUnavailable, TreeCopy};
use crate::process::Process;

/// The timeout of git commands, which normally finish immediately.
const GIT_LIMIT: Duration = Duration::from_secs(10);

/// The environment variable with the user's home directory.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The names of the predefined variables, for suggestions.
pub(crate) const NAMES: [&str; 16] = [
    "DEVSPACE_RANDOM",
    "DEVSPACE_TIMESTAMP",
    "DEVSPACE_GIT_COMMIT",
    "DEVSPACE_GIT_BRANCH",
    "DEVSPACE_NAME",
    "DEVSPACE_PROFILE",
    "DEVSPACE_PROFILES",
    "DEVSPACE_VERSION",
    "DEVSPACE_USER_HOME",
    "DEVSPACE_TMPDIR",
    "DEVSPACE_EXECUTABLE",
    "DEVSPACE_KUBECTL_EXECUTABLE",
    "DEVSPACE_CONTEXT",
    "DEVSPACE_NAMESPACE",
    // The names of DevSpace Cloud, which DevSpace 6 still has for the namespace.
    "DEVSPACE_SPACE",
    "DEVSPACE_SPACE_NAMESPACE",
];

/// Those whose values may change from one load to the next.
const CHANGING: [&str; 4] =
    ["DEVSPACE_RANDOM", "DEVSPACE_TIMESTAMP", "DEVSPACE_GIT_COMMIT", "DEVSPACE_GIT_BRANCH"];

/// Whether `name` is predefined, ignoring upper and lower case and the notation.
pub(crate) fn is_predefined(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('.', "_");
    name == "DEVSPACE_USERHOME" || NAMES.contains(&name.as_str())
}

/// The data from which predefined variables are computed.
pub(crate) struct Predefined {
    pub root: PathBuf,
    /// The copy of the project that is loaded, if any: its values are those of the project.
    pub copy: Option<TreeCopy>,
    /// `name` of the file, which v2beta1 requires.
    pub name: Option<String>,
    /// The applied profiles; before these are known, the requested ones.
    pub profiles: Vec<String>,
    pub kube_context: Option<String>,
    pub namespace: Option<String>,
}

impl Predefined {
    /// The value of `name`, ignoring upper and lower case; `None` if it is not predefined. The error is the reason why
    /// the value is not available.
    pub(crate) fn get(&self, name: &str, environment: &Environment) -> Option<Result<String, String>> {
        let upper = name.to_ascii_uppercase().replace('.', "_");
        match &self.copy {
            Some(copy) if CHANGING.contains(&&*upper) => {
                let question = vec![self.root.display().to_string(), upper];
                Some(copy.output(question, || {
                    self.compute(name, environment).unwrap_or_else(|| Ok(String::new()))
                }))
            }
            _ => self.compute(name, environment),
        }
    }

    fn compute(&self, name: &str, environment: &Environment) -> Option<Result<String, String>> {
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
            "DEVSPACE_NAME" | "DEVSPACE.NAME" => self.name(),
            "DEVSPACE_PROFILE" | "DEVSPACE.PROFILE" => Ok(self.profiles.last().cloned().unwrap_or_default()),
            "DEVSPACE_PROFILES" | "DEVSPACE.PROFILES" => Ok(self.profiles.join(" ")),
            "DEVSPACE_TMPDIR" | "DEVSPACE.TMPDIR" => as_text(Ok(std::env::temp_dir())),
            "DEVSPACE_EXECUTABLE" | "DEVSPACE.EXECUTABLE" => as_text(std::env::current_exe()),
            "DEVSPACE_KUBECTL_EXECUTABLE" | "DEVSPACE.KUBECTL_EXECUTABLE" => Ok(kubectl(environment)),
            "DEVSPACE_VERSION" | "DEVSPACE.VERSION" => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            "DEVSPACE_USER_HOME" | "DEVSPACE.USERHOME" => {
                environment.get(HOME).ok_or_else(|| format!("`{HOME}` is not set"))
            }
            "DEVSPACE_CONTEXT" | "DEVSPACE.CONTEXT" => match &self.kube_context {
                Some(context) => Ok(context.clone()),
                None => kubeconfig(environment).and_then(|config| {
                    let context = config.current_context().map(str::to_owned);
                    context.ok_or_else(|| "the kubeconfig has no current context".to_owned())
                }),
            },
            "DEVSPACE_NAMESPACE"
            | "DEVSPACE.NAMESPACE"
            | "DEVSPACE_SPACE"
            | "DEVSPACE.SPACE"
            | "DEVSPACE_SPACE_NAMESPACE" => match &self.namespace {
                Some(namespace) => Ok(namespace.clone()),
                None => kubeconfig(environment).map(|config| {
                    let context = self.kube_context.as_deref().or(config.current_context());
                    let namespace = context.and_then(|context| config.namespace(context));
                    namespace.unwrap_or("default").to_owned()
                }),
            },
            _ => return None,
        };
        Some(value)
    }

    /// The name of the project: that of the file, otherwise that of the directory.
    fn name(&self) -> Result<String, String> {
        let folder = || self.root.file_name().map(|name| name.to_string_lossy().into_owned());
        self.name.clone().or_else(folder).ok_or_else(|| "the file has no `name`".to_owned())
    }
}

fn as_text(path: std::io::Result<PathBuf>) -> Result<String, String> {
    path.map(|path| path.display().to_string()).map_err(|error| error.to_string())
}

/// The path of `kubectl` in `PATH`; its name if it is not installed.
fn kubectl(environment: &Environment) -> String {
    let name = format!("kubectl{}", std::env::consts::EXE_SUFFIX);
    let search = environment.get("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search).map(|folder| folder.join(&name)).find(|file| file.is_file());
    found.map_or_else(|| "kubectl".to_owned(), |file| file.display().to_string())
}

/// The kubeconfig of the environment, or that of the user.
fn kubeconfig(environment: &Environment) -> Result<Kubeconfig, String> {
    let found = Kubeconfig::find(&|name| environment.get(name)).map_err(|error| error.to_string())?;
    found.ok_or_else(|| "no kubeconfig found".to_owned())
}

fn git(arguments: &[&str], root: &Path, environment: &Environment) -> Result<String, String> {
    let failed = |reason: &str| format!("`git {}`: {reason}", arguments.join(" "));
    let process = environment.pass_to(Process::new("git").args(arguments)).env("LC_ALL", "C");
    let mut errors = String::new();
    let printed = output_and_errors(process, root, GIT_LIMIT, |line| {
        errors.push_str(line);
        errors.push('\n');
    });
    printed.map(|text| text.trim().to_owned()).map_err(|error| match error {
        NoOutput::Failed(_) if !errors.is_empty() => match GitUnavailable::of(&errors) {
            GitUnavailable::NoRepository => "the project is not in a git repository".to_owned(),
            GitUnavailable::NoCommit => "the project has no commit yet".to_owned(),
            GitUnavailable::Other { reason, advice: None } => failed(&reason),
            GitUnavailable::Other { reason, advice: Some(advice) } => {
                failed(&format!("{reason} (git advises: `{advice}`)"))
            }
        },
        NoOutput::Failed(reason) => failed(&reason),
        NoOutput::Interrupted => failed("interrupted"),
    })
}
