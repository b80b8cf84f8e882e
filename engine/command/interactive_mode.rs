//! Interactive mode: images that wait instead of running their program, and a terminal in one of them.

use crate::config::{ContainerSelection, Origin, Project, Terminal};

/// The entrypoint in interactive mode, unless the image has one in `interactive.images`.
const SLEEP: [&str; 2] = ["sleep", "999999999"];

/// The configuration does not select the images that wait.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("interactive mode: cannot choose which of {count} images waits instead of running its program")]
#[diagnostic(
    code(dev::interactive),
    help(
        "name it in `dev.interactive.images`; or use `-t`, which opens a terminal and does not change the images"
    )
)]
pub(super) struct NoInteractiveImage {
    count: usize,
}

/// Gives the images of `interactive` another entrypoint: their own, or one that waits. Without the section, it is the
/// only image.
///
/// # Errors
/// [`NoInteractiveImage`] if nothing names one of several images.
pub(super) fn let_images_wait(project: &mut Project) -> Result<(), NoInteractiveImage> {
    let Project { dev, images, .. } = project;
    let of_section = dev.interactive.images.iter();
    let mut changes: Vec<_> =
        of_section.map(|image| (image.name.clone(), image.entrypoint.clone(), image.cmd.clone())).collect();
    if changes.is_empty() {
        match images.len() {
            0 => {}
            1 => changes.extend(images.keys().map(|name| (name.clone(), None, None))),
            count if dev.terminal.is_none() => return Err(NoInteractiveImage { count }),
            // The terminal opens in a container as it is.
            _ => {}
        }
    }
    for (name, entrypoint, cmd) in changes {
        let Some(image) = images.get_mut(&name) else { continue };
        let (entrypoint, cmd) = match (entrypoint, cmd) {
            (None, None) => (Some(SLEEP.map(str::to_owned).to_vec()), Some(Vec::new())),
            own => own,
        };
        image.entrypoint = entrypoint.or_else(|| image.entrypoint.take());
        image.cmd = cmd.or_else(|| image.cmd.take());
    }
    Ok(())
}

/// Adds a terminal with a shell to the section `dev` if it has none. Unless the section selects its container, it is
/// that of the first image of `interactive`, of the only image, or the only container.
pub(super) fn add_terminal(project: &mut Project) {
    let Project { dev, images, .. } = project;
    let waiting = dev.interactive.images.first();
    let only = images.keys().next().filter(|_| images.len() == 1);
    let origin = match waiting {
        Some(image) => image.origin.clone(),
        None => Origin { file: "the command line".into(), line: 1, column: 1 },
    };
    let image = waiting.map(|image| image.name.clone()).or_else(|| only.cloned());
    let terminal =
        dev.terminal.get_or_insert_with(|| Terminal::shell(origin.clone(), ContainerSelection::any(origin)));
    if terminal.selection.is_any() {
        terminal.selection.image = image;
    }
}
