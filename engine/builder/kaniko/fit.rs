//! Whether kaniko can do what is asked of an image.

use super::error::KanikoError;
use crate::config::ImageConfig;

/// An image that kaniko can build, and what of its options is for docker alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The options that only steer how docker builds.
    pub unused: Vec<&'static str>,
}

/// Whether kaniko can build `image` as it is configured, `skips_push` being whether the run pushes nothing.
///
/// # Errors
/// [`KanikoError::Unfit`] for an option that would change the result and that kaniko does not have;
/// [`KanikoError::SkipPush`] when nothing is to be pushed.
pub fn fit(image: &ImageConfig, skips_push: bool) -> Result<Fit, KanikoError> {
    let docker = image.docker.as_ref();
    let skips_by_config = docker.is_some_and(|docker| docker.skip_push)
        || image.kaniko.as_ref().is_some_and(|kaniko| kaniko.skip_push);
    if skips_push || skips_by_config {
        let option = if skips_push { "--skip-push" } else { "skipPush" };
        return Err(KanikoError::SkipPush { image: image.name.clone(), option });
    }
    let network = image.options.network.as_deref().filter(|network| *network != "default");
    let args = docker.filter(|docker| !docker.args.is_empty());
    let unfit = network
        .map(|network| format!("network: {network}"))
        .or_else(|| args.map(|docker| format!("args: [{}]", docker.args.join(", "))));
    if let Some(option) = unfit {
        return Err(KanikoError::Unfit { image: image.name.clone(), option });
    }
    let unused = [
        ("useBuildKit", docker.is_some_and(|docker| docker.use_build_kit == Some(true))),
        ("useCli", docker.is_some_and(|docker| docker.use_cli)),
    ];
    Ok(Fit { unused: unused.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name).collect() })
}
