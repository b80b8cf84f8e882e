//! Whether kaniko supports the configuration of an image.

use super::error::KanikoError;
use crate::builder::arguments::{Taker, check};
use crate::config::{BuilderArg, ImageConfig, Role};

/// An image that kaniko can build, and its options that only apply to Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supported {
    /// The options that only affect how Docker builds.
    pub unused: Vec<&'static str>,
}

/// Checks that kaniko can build `image` as configured; `skips_push` is whether the run disables pushing.
///
/// # Errors
/// [`KanikoError::Unfit`] and [`BuildError::Argument`](crate::builder::BuildError::Argument) for an option that would
/// change the result and that kaniko does not support; [`KanikoError::Steered`] for arguments of kaniko that change
/// which files are read; [`KanikoError::SkipPush`] if pushing is disabled.
pub fn check_support(image: &ImageConfig, skips_push: bool) -> Result<Supported, KanikoError> {
    let docker = image.docker.as_ref();
    let skips_by_config = docker.is_some_and(|docker| docker.skip_push)
        || image.kaniko.as_ref().is_some_and(|kaniko| kaniko.skip_push);
    if skips_push || skips_by_config {
        let option = if skips_push { "--skip-push" } else { "skipPush" };
        return Err(KanikoError::SkipPush { image: image.name.clone(), option });
    }
    let network = image.options.network.as_deref().filter(|network| *network != "default");
    if let Some(network) = network {
        let option = format!("network: {network}");
        return Err(KanikoError::Unfit { image: image.name.clone(), option });
    }
    if let Some(docker) = docker {
        check(&image.name, &docker.args, Taker::Kaniko)?;
    }
    // Kaniko uses the last of several inputs of one kind, but windlass would have sent the files of another one.
    let steers = |arg: &&BuilderArg| matches!(arg.role(), Some(Role::Input | Role::Context));
    if let Some(arg) = image.kaniko.iter().flat_map(|kaniko| kaniko.args.iter()).find(steers) {
        let (argument, place) = (arg.name.clone(), arg.place());
        return Err(KanikoError::Steered { image: image.name.clone(), argument, place });
    }
    let has = |key| docker.is_some_and(|docker| docker.args.iter().any(|arg| arg.key == Some(key)));
    let unused = [
        ("cacheFrom", has("cacheFrom")),
        ("cacheTo", has("cacheTo")),
        ("useBuildKit", docker.is_some_and(|docker| docker.use_build_kit == Some(true))),
        ("useCli", docker.is_some_and(|docker| docker.use_cli)),
    ];
    Ok(Supported { unused: unused.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name).collect() })
}
