//! `windlass init`.

mod ask;
mod candidate;
mod compose;
mod dockerfiles;
mod remote;
mod yaml;

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::exit_status::{ExitStatus, Failure};
use crate::image::Repository;
use crate::plural::counted;
use candidate::Candidate;

/// The file that is written.
const FILE: &str = "devspace.yaml";

/// The options of `windlass init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each Dockerfile in this directory, and each service that a compose file builds, becomes
an image; the image names come from the directories and the git remote. In a terminal,
windlass prompts for each image. An existing devspace.yaml is never changed.

Examples:
  windlass init                                prompt, then write devspace.yaml
  windlass init --yes                          accept all suggestions
  windlass init --image ghcr.io/acme/shop      set the repository of the only image
  windlass init --image api=acme/api --image web=acme/web   set several repositories
  windlass init --dockerfile deploy/Dockerfile --yes")]
pub struct InitArgs {
    /// Set the repository of the image, or of the image NAME (repeatable)
    #[arg(long = "image", value_name = "[NAME=]REPOSITORY")]
    pub images: Vec<String>,

    /// Use only this Dockerfile (repeatable)
    #[arg(long = "dockerfile", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub dockerfiles: Vec<PathBuf>,

    /// Accept all suggestions
    #[arg(short, long)]
    pub yes: bool,
}

/// The reasons why no devspace.yaml is written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum InitError {
    #[error("cancelled; nothing was written")]
    #[diagnostic(code(init::cancelled))]
    Cancelled,

    #[error("`{FILE}` already exists")]
    #[diagnostic(code(init::exists), help("edit it, or remove it first; run `windlass print` to show it"))]
    Exists,

    #[error("unknown image `{name}` in `--image {name}={repository}`")]
    #[diagnostic(code(init::unknown_image), help("choose one of {known}"))]
    UnknownImage { name: String, repository: String, known: String },

    #[error("file `{path}` not found")]
    #[diagnostic(code(init::no_such_dockerfile), help("pass a path relative to the working directory"))]
    NoSuchDockerfile { path: String },

    #[error("no Dockerfile in `{folder}`")]
    #[diagnostic(code(init::no_dockerfile), help("create one first, or pass its path with `--dockerfile`"))]
    NoDockerfile { folder: String },

    #[error("cannot prompt for the images: not a terminal")]
    #[diagnostic(code(init::nobody_to_ask), help("pass `--yes` to accept the suggestions: {suggested}"))]
    NobodyToAsk { suggested: String },

    #[error("ambiguous `--image {image}`: it must name one of {known}")]
    #[diagnostic(code(init::which_image), help("write `--image NAME={image}`"))]
    WhichImage { image: String, known: String },

    #[error("cannot write `{path}`: {source}")]
    #[diagnostic(code(init::unwritable))]
    Unwritable { path: String, source: std::io::Error },
}

/// Creates a devspace.yaml.
///
/// # Errors
/// If it already exists, if there is nothing to build, or if prompting is impossible.
pub fn init(args: &InitArgs) -> Result<ExitStatus, Failure> {
    let folder = std::env::current_dir().unwrap_or_else(|_| ".".into());
    let path = folder.join(FILE);
    if path.exists() {
        return Err(Failure::wrong_use(InitError::Exists));
    }
    let candidates = candidates(&folder, &args.dockerfiles)?;
    let is_interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let chosen = if args.images.is_empty() && !args.yes {
        if !is_interactive {
            let suggested = named(candidates.iter().filter(|candidate| candidate.is_suggested));
            return Err(Failure::wrong_use(InitError::NobodyToAsk { suggested }));
        }
        ask::choose(candidates).ok_or_else(|| Failure::interrupted(InitError::Cancelled))?
    } else {
        let suggested = candidates.into_iter().filter(|candidate| candidate.is_suggested).collect();
        rename(suggested, &args.images)?
    };
    let name = folder.file_name().map(|name| candidate::identifier(&name.to_string_lossy()));
    let text =
        yaml::text(&name.filter(|name| !name.is_empty()).unwrap_or_else(|| "project".to_owned()), &chosen);
    let unwritable =
        |source| Failure::failed(InitError::Unwritable { path: path.display().to_string(), source });
    // Never overwrite a file that was created in the meantime.
    let mut file = std::fs::File::create_new(&path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    report(&chosen);
    Ok(ExitStatus::Done)
}

/// The images that could be built: the services of a compose file, then the Dockerfiles that no service uses. If
/// `wanted` is not empty, only its Dockerfiles.
fn candidates(folder: &Path, wanted: &[PathBuf]) -> Result<Vec<Candidate>, Failure> {
    if let Some(missing) = wanted.iter().find(|path| !folder.join(path).is_file()) {
        let path = missing.display().to_string();
        return Err(Failure::wrong_use(InitError::NoSuchDockerfile { path }));
    }
    let mut found = if wanted.is_empty() { compose::services(folder) } else { Vec::new() };
    let has_services = !found.is_empty();
    let dockerfiles = if wanted.is_empty() { dockerfiles::find(folder) } else { wanted.to_vec() };
    for dockerfile in dockerfiles {
        if !found.iter().any(|candidate| candidate.dockerfile == dockerfile) {
            let candidate = Candidate::of_dockerfile(folder, &dockerfile);
            found.push(Candidate { is_suggested: !has_services, ..candidate });
        }
    }
    if found.is_empty() {
        let folder = folder.display().to_string();
        return Err(Failure::wrong_use(InitError::NoDockerfile { folder }));
    }
    candidate::make_names_unique(&mut found);
    let prefix = remote::registry(folder);
    let count = found.iter().filter(|candidate| candidate.is_suggested).count();
    for candidate in &mut found {
        candidate.suggest_repository(folder, prefix.as_deref(), count == 1);
    }
    Ok(found)
}

/// `candidates` with the repositories from the command line.
fn rename(mut candidates: Vec<Candidate>, images: &[String]) -> Result<Vec<Candidate>, Failure> {
    for image in images {
        let (name, repository) = match image.split_once('=') {
            Some((name, repository)) => (Some(name), repository),
            None => (None, image.as_str()),
        };
        let repository: Repository = repository.parse().map_err(Failure::wrong_use)?;
        let known = named(candidates.iter());
        let place = match (name, candidates.as_mut_slice()) {
            (None, [one]) => one,
            (None, _) => {
                return Err(Failure::wrong_use(InitError::WhichImage { image: image.clone(), known }));
            }
            (Some(name), several) => {
                several.iter_mut().find(|candidate| candidate.name == name).ok_or_else(|| {
                    let (name, repository) = (name.to_owned(), repository.to_string());
                    Failure::wrong_use(InitError::UnknownImage { name, repository, known })
                })?
            }
        };
        place.repository = repository.to_string();
    }
    Ok(candidates)
}

/// `api` (ghcr.io/acme/api), `web` (...).
fn named<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> String {
    let one = |candidate: &Candidate| format!("`{}` ({})", candidate.name, candidate.repository);
    candidates.map(one).collect::<Vec<_>>().join(", ")
}

fn report(chosen: &[Candidate]) {
    eprintln!("wrote {FILE} with {}: {}", counted(chosen.len(), "image"), named(chosen.iter()));
    eprintln!(
        "next: run `windlass build --skip-push` to build without pushing, or `windlass build` to build and push"
    );
}
