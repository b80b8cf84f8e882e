//! Builds manifests with kustomize.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::files::help_for_missing;
use super::{ManifestDocument, ManifestError, ManifestOrigin, load_text};
use crate::process::{CommandLine, Exec, ExecRequest, Pipe, ProcessError, Purpose, Tail};

/// The maximum size in MiB of the output of kustomize.
const MAX_OUTPUT: usize = 64;

/// The names of a kustomization file.
const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// How kustomize is run.
#[derive(Debug, Clone, Copy)]
pub struct KustomizeOptions<'a> {
    /// `kustomizeBinaryPath`; if absent, `kustomize`, or `kubectl kustomize` if that is not installed.
    pub program: Option<&'a str>,
    /// The path or name of kubectl.
    pub kubectl: &'a str,
    /// `kustomizeArgs`.
    pub arguments: &'a [String],
    /// The project directory, to which paths are relative.
    pub directory: &'a Path,
}

/// The objects that kustomize builds from `target`, a directory, its `kustomization.yaml`, or a URL. Equals
/// `kustomize build TARGET`.
///
/// # Errors
/// [`ManifestError`] without a kustomization or kustomize, if kustomize fails, or if its output is invalid.
pub async fn kustomize(
    target: &str,
    options: KustomizeOptions<'_>,
    exec: &dyn Exec,
    cancel: &CancellationToken,
) -> Result<Vec<ManifestDocument>, ManifestError> {
    let target = kustomization(target, options.directory)?;
    let words = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).chain([target.clone()]);
        words.chain(options.arguments.iter().cloned()).collect::<Vec<_>>()
    };
    let text = match options.program {
        Some(program) => run(&target, words(&[program, "build"]), options.directory, exec, cancel).await?,
        None => match run(&target, words(&["kustomize", "build"]), options.directory, exec, cancel).await {
            Err(ManifestError::Process(ProcessError::NotFound { .. })) => {
                let words = words(&[options.kubectl, "kustomize"]);
                match run(&target, words, options.directory, exec, cancel).await {
                    Err(ManifestError::Process(ProcessError::NotFound { .. })) => {
                        let kubectl = options.kubectl.to_owned();
                        return Err(ManifestError::NoKustomize { directory: target, kubectl });
                    }
                    result => result?,
                }
            }
            result => result?,
        },
    };
    load_text(&text, ManifestOrigin::Kustomization(target))
}

/// The directory or URL to build.
fn kustomization(target: &str, directory: &Path) -> Result<String, ManifestError> {
    let is_remote = target.contains("://") || target.contains("?ref=") || target.starts_with("git@");
    let path = directory.join(target);
    if is_remote || (!path.exists() && target.starts_with("github.com/")) {
        return Ok(target.to_owned());
    }
    if !path.exists() {
        return Err(ManifestError::NotFound {
            path: target.to_owned(),
            help: help_for_missing(target, directory),
        });
    }
    let is_kustomization =
        |path: &Path| path.file_name().is_some_and(|name| FILES.iter().any(|file| name == *file));
    if !path.is_dir() && is_kustomization(&path) {
        let parent = Path::new(target).parent().map(|parent| parent.to_string_lossy().into_owned());
        return Ok(parent.filter(|parent| !parent.is_empty()).unwrap_or_else(|| ".".to_owned()));
    }
    if FILES.iter().any(|file| path.join(file).is_file()) {
        return Ok(target.to_owned());
    }
    let entries = path.read_dir().into_iter().flatten().flatten();
    let below =
        entries.map(|entry| entry.path()).filter(|path| FILES.iter().any(|file| path.join(file).is_file()));
    let help = match below.min() {
        Some(below) => {
            format!("did you mean `{}`?", below.strip_prefix(directory).unwrap_or(&below).display())
        }
        None => "create one, or remove `kustomize: true`".to_owned(),
    };
    Err(ManifestError::NoKustomization { directory: target.to_owned(), help })
}

/// The output of the command `words`.
async fn run(
    target: &str,
    words: Vec<String>,
    directory: &Path,
    exec: &dyn Exec,
    cancel: &CancellationToken,
) -> Result<String, ManifestError> {
    let program = words.first().cloned().unwrap_or_default();
    let request = ExecRequest {
        is_pure: true,
        is_captured: true,
        ..ExecRequest::new(Purpose::Script, CommandLine::Program(words), directory)
    };
    let mut output = String::new();
    let mut tail = Tail::default();
    let stop = cancel.child_token();
    let mut on_line = |pipe: Pipe, line: &str| match pipe {
        Pipe::Stdout if output.len() + line.len() < MAX_OUTPUT << 20 => {
            output.push_str(line);
            output.push('\n');
        }
        Pipe::Stdout => {
            output.push('\n');
            stop.cancel();
        }
        Pipe::Stderr => tail.push(line),
    };
    let result = exec.run(&request, &mut on_line, &stop).await;
    if stop.is_cancelled() && !cancel.is_cancelled() {
        return Err(ManifestError::TooLarge {
            what: format!("the output of `{program}`"),
            limit: MAX_OUTPUT,
        });
    }
    match result? {
        0 => Ok(output),
        exit_code => {
            let directory = target.to_owned();
            Err(ManifestError::Kustomize { directory, program, exit_code, help: tail.into_help() })
        }
    }
}

#[cfg(test)]
mod tests;
