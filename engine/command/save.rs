//! `windlass save`: exports an image from the image store.

use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::exit_status::{ExitStatus, Failure, block_on};
use super::load::{load_project, notices};
use crate::builder::docker::Daemon;
use crate::command::cli::GlobalOptions;
use crate::event::Events;
use crate::host::live::registry_client;
use crate::image::{Digest, ImageReference};
use crate::oci::{ArchiveError, BlobStore, ImageOrigin, StoreError};
use crate::registry::{CredentialStore, own_platform};
use crate::state::ImageStore;

/// The options of `windlass save`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file is written as an OCI archive that also contains a Docker manifest: `docker load`,
`podman load`, `ctr image import` and skopeo can read it. A directory is written as an OCI
image layout; images that it already contains are kept. The image store contains only
images of the builder `oci`.

Examples:
  windlass save api api.tar              save the last build of `api`
  windlass save acme/api:1.4 layout/     save an image by its reference to a layout
  windlass save api - | ssh host docker load
  windlass save api --daemon             load it into the local Docker daemon")]
pub struct SaveArgs {
    /// Image of devspace.yaml, or a reference
    #[arg(value_name = "IMAGE")]
    image: String,

    /// File, `-` for standard output, or directory (with a final `/` if it does not exist)
    #[arg(value_name = "FILE", required_unless_present = "daemon")]
    output: Option<PathBuf>,

    /// Load it into the Docker daemon instead
    #[arg(long, conflicts_with = "output")]
    daemon: bool,
}

/// The reasons why nothing is saved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum SaveError {
    #[error("image `{name}` is not in the image store")]
    #[diagnostic(code(save::unknown))]
    Unknown {
        name: String,
        #[help]
        help: String,
    },

    #[error("cannot print archive to a terminal")]
    #[diagnostic(code(save::terminal), help("pass a file name, or redirect standard output"))]
    Terminal,
}

/// The destination of an image.
enum Destination<'a> {
    Daemon,
    Output,
    File(&'a Path),
    Layout(&'a Path),
}

/// Saves the selected image.
///
/// # Errors
/// If the image does not exist, or cannot be written.
pub fn save(global: &GlobalOptions, args: &SaveArgs) -> Result<ExitStatus, Failure> {
    let store = BlobStore::of_user(|name| std::env::var(name).ok());
    let (digest, references) = find(global, &store, &args.image)?;
    let destination = match &args.output {
        None => Destination::Daemon,
        Some(path) if path.as_os_str() == "-" => Destination::Output,
        Some(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            Destination::Layout(path)
        }
        Some(path) => Destination::File(path),
    };
    if matches!(destination, Destination::Output) && std::io::stdout().is_terminal() {
        return Err(Failure::wrong_use(SaveError::Terminal));
    }
    let daemon = Daemon::from_environment();
    block_on(async {
        let events = notices(global);
        let credentials = CredentialStore::from_env().reporting(events.clone());
        let client = registry_client(credentials.into(), daemon.clone()).reporting(events);
        let events = Events::none().of_image(args.image.clone());
        client.complete(&store, &digest, &events).await.map_err(Failure::failed)?;
        match destination {
            Destination::Daemon => daemon.load(&store, &digest, &references).await.map_err(Failure::failed),
            Destination::Layout(folder) => {
                store.write_layout(&digest, &references, folder).map_err(Failure::failed)
            }
            Destination::File(path) => {
                let written = store.write_archive_file(&digest, &references, &own_platform(), path);
                written.map_err(Failure::failed)
            }
            Destination::Output => to_stdout(&store, &digest, &references),
        }
    })
}

fn to_stdout(store: &BlobStore, digest: &Digest, references: &[ImageReference]) -> Result<(), Failure> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let written = store.write_archive(digest, references, &own_platform(), &mut stdout);
    let written = written.and_then(|()| Ok(stdout.flush()?));
    match written {
        Err(ArchiveError::Store(error)) => Err(Failure::failed(error)),
        Err(ArchiveError::Sink(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(StoreError::output(Path::new("standard output"), &error)))
        }
        _ => Ok(()),
    }
}

/// The image `name`: the image of a reference, or the last build of an image of the project.
fn find(
    global: &GlobalOptions,
    store: &BlobStore,
    name: &str,
) -> Result<(Digest, Vec<ImageReference>), Failure> {
    let known = |reference: &ImageReference| {
        let origins = [ImageOrigin::Built, ImageOrigin::Pulled].into_iter();
        origins.filter_map(|origin| store.named(reference, origin)).next()
    };
    let looks_like_a_reference = name.contains(['/', ':']);
    if looks_like_a_reference
        && let Ok(reference) = name.parse::<ImageReference>()
        && let Some(digest) = known(&reference)
    {
        return Ok((digest, vec![reference]));
    }
    let mut names: Vec<_> = store.names().into_iter().map(|name| name.reference).collect();
    if !looks_like_a_reference {
        let project = load_project(global)?.project;
        if let Some(image) = project.images.get(name) {
            let records = ImageStore::new(&project.root).records(name).0;
            for record in records {
                let references = record.references(&image.repository);
                if let Some(digest) = references.iter().find_map(known) {
                    return Ok((digest, references));
                }
            }
        }
        names.extend(project.images.keys().cloned());
    }
    let help = match crate::suggestion::nearest(name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "build it with `windlass build --builder oci`".to_owned(),
    };
    Err(Failure::wrong_use(SaveError::Unknown { name: name.to_owned(), help }))
}
