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
use candidate::Candidate;

/// The file that is written.
const FILE: &str = "devspace.yaml";

/// The options of `windlass init`.
#[derive(Debug, Args)]
#[command(after_help = "\
The Dockerfiles of this folder, and the services that a compose file builds, become
images; their names come from the folders and the git remote. In a terminal you are
asked about each. A devspace.yaml that is there is never changed.

Examples:
  windlass init                                ask, then write devspace.yaml
  windlass init --yes                          take what is suggested
  windlass init --image ghcr.io/acme/shop      the one image, under this name
  windlass init --image api=acme/api --image web=acme/web   several
  windlass init --dockerfile deploy/Dockerfile --yes")]
pub struct InitArgs {
    /// The repository of the image, or of the image NAME; repeat it for several
    #[arg(long = "image", value_name = "[NAME=]REPOSITORY")]
    pub images: Vec<String>,

    /// Use this Dockerfile and no other; repeat it for several
    #[arg(long = "dockerfile", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub dockerfiles: Vec<PathBuf>,

    /// Ask nothing: take what is suggested
    #[arg(short, long)]
    pub yes: bool,
}

/// Why no devspace.yaml is written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum InitError {
    #[error("the questions were broken off; nothing was written")]
    #[diagnostic(code(init::cancelled))]
    Cancelled,

    #[error("there is a `{FILE}` already")]
    #[diagnostic(
        code(init::exists),
        help("edit it, or remove it first; `windlass print` shows what it says")
    )]
    Exists,

    #[error("there is no image `{name}` to be `{repository}`")]
    #[diagnostic(code(init::unknown_image), help("the images are {known}"))]
    UnknownImage { name: String, repository: String, known: String },

    #[error("there is no file `{path}`")]
    #[diagnostic(code(init::no_such_dockerfile), help("`--dockerfile` is relative to the current folder"))]
    NoSuchDockerfile { path: String },

    #[error("there is no Dockerfile in `{folder}`")]
    #[diagnostic(code(init::no_dockerfile), help("write one first, or name it with `--dockerfile`"))]
    NoDockerfile { folder: String },

    #[error("nobody can be asked which images to build: this is no terminal")]
    #[diagnostic(code(init::nobody_to_ask), help("`--yes` takes what is suggested: {suggested}"))]
    NobodyToAsk { suggested: String },

    #[error("`{image}` needs a name: which of {known} is it?")]
    #[diagnostic(code(init::which_image), help("write `--image NAME={image}`"))]
    WhichImage { image: String, known: String },

    #[error("cannot write `{path}`: {source}")]
    #[diagnostic(code(init::unwritable))]
    Unwritable { path: String, source: std::io::Error },
}

/// Writes a first devspace.yaml.
///
/// # Errors
/// When there is one, when there is nothing to build, or when nobody can be asked.
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
    // Never over one that appeared meanwhile.
    let mut file = std::fs::File::create_new(&path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    tell(&chosen);
    Ok(ExitStatus::Done)
}

/// What could be built: services of a compose file, then Dockerfiles that none of them uses; only those of `wanted` when
/// it names some.
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

/// `candidates` with the repositories that the command line gives.
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

fn tell(chosen: &[Candidate]) {
    let images = if chosen.len() == 1 { "image" } else { "images" };
    eprintln!("wrote {FILE} with {} {images}: {}", chosen.len(), named(chosen.iter()));
    eprintln!("next: `windlass build --skip-push` builds without pushing, `windlass build` also pushes");
}
