//! Choosing the builder of an image: disabled, custom, BuildKit in the cluster, docker, kaniko.

use super::Image;
use crate::builder::kaniko;
use crate::event::Level;
use crate::script::StageError;

impl Image {
    /// The name of the builder to use: `disabled`, `custom`, `docker`, `buildkit` or `kaniko`.
    ///
    /// # Errors
    /// `docker::unreachable` when docker is wanted, no daemon answers, and kaniko cannot take its place.
    pub fn choose_builder(&self) -> Result<&'static str, StageError> {
        let config = self.config();
        if config.disabled {
            return Ok("disabled");
        }
        if config.custom.is_some() {
            return Ok("custom");
        }
        if config.is_build_kit_in_cluster() {
            return Ok("buildkit");
        }
        if config.is_kaniko() {
            return Ok("kaniko");
        }
        match self.run().wait(self.run().host.docker.reachable())? {
            Ok(()) => Ok("docker"),
            Err(unreachable) if self.may_fall_back()? => {
                self.events().notice(Level::Info, format!("kaniko builds it in the cluster: {unreachable}"));
                Ok("kaniko")
            }
            Err(unreachable) => Err(unreachable),
        }
    }

    /// Whether kaniko may and can build in docker's place. Without a cluster nobody speaks of it.
    fn may_fall_back(&self) -> Result<bool, StageError> {
        let (run, docker) = (self.run(), self.config().docker.as_ref());
        if docker.is_some_and(|docker| docker.disable_fallback) || run.host.cluster.context()?.is_none() {
            return Ok(false);
        }
        match kaniko::fit(self.config(), run.options.skip_push) {
            Ok(_) => Ok(true),
            Err(error) => {
                self.events().notice(Level::Info, format!("kaniko cannot take docker's place: {error}"));
                Ok(false)
            }
        }
    }
}
