//! Checks that a cluster can pull the images of a deployment.

use super::Deployment;
use super::known_images::{last_tag, of_repository};
use crate::error::StageError;
use crate::event::Level;
use crate::image::{ImageReference, Tag};
use crate::run::Delivery;

/// An image was not pushed, and the nodes of the cluster cannot get it otherwise.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot deploy {deployment}: `{reference}` is not in its registry, because of `--skip-push`")]
#[diagnostic(
    code(deploy::not_pushed),
    help(
        "omit `--skip-push`: the cluster `{cluster}` is not on this machine, and pulls images from registries"
    )
)]
struct NotPushed {
    deployment: String,
    reference: ImageReference,
    cluster: String,
}

/// With `--skip-push`, checks that the registries have the images of `deployment` that were not pushed, unless the nodes
/// of the cluster get images without a registry. A registry that does not respond is a warning.
///
/// # Errors
/// `deploy::not_pushed`.
pub(super) fn check_pushed(deployment: &Deployment) -> Result<(), StageError> {
    let run = deployment.run();
    if !run.options.skip_push || *run.delivery() != Delivery::Registry {
        return Ok(());
    }
    let session = &run.session;
    for reference in local_images(deployment) {
        match session.wait(session.host.registry.digest(&reference))? {
            Ok(Some(_)) => {}
            Ok(None) => {
                let cluster = session.host.cluster.needed_context()?.name;
                let deployment = deployment.name().to_owned();
                return Err(NotPushed { deployment, reference, cluster }.into());
            }
            Err(error) => {
                let message = format!("cannot check that the cluster can pull {reference}: {error}");
                session.notice_once(Level::Warning, message);
            }
        }
    }
    Ok(())
}

/// The references of the images that `deployment` uses and that no build has pushed.
fn local_images(deployment: &Deployment) -> Vec<ImageReference> {
    let run = deployment.run();
    let mut references = Vec::new();
    for name in deployment.report().used {
        let Some(config) = run.project.images.get(&name) else { continue };
        let records = run.records(&name);
        let is_pushed =
            |tag: &Tag| of_repository(config, &records).any(|record| record.pushed.contains_key(tag));
        if let Some(tag) = last_tag(run, config, &records).filter(|tag| !is_pushed(tag)) {
            references.push(config.repository.with_tag(tag));
        }
    }
    references
}
