//! Choosing the builder of an image: disabled, custom, BuildKit in the cluster, docker, kaniko.

use super::Image;
use crate::builder::kaniko;
use crate::builder::oci::{Obstacle, needs_daemon};
use crate::event::Level;
use crate::image::Dockerfile;
use crate::script::StageError;

/// The builders that a user may ask for.
const BUILDERS: [&str; 4] = ["buildkit", "docker", "kaniko", "oci"];

impl Image {
    /// The name of the builder to use: `disabled`, `custom`, `docker`, `buildkit`, `kaniko` or `oci`.
    ///
    /// # Errors
    /// `docker::unreachable` when docker is wanted, no daemon answers, and nobody can take its place;
    /// `stage::build::needs_daemon` when it names the line that cannot do without.
    pub fn choose_builder(&self) -> Result<&'static str, StageError> {
        let config = self.config();
        if config.disabled {
            return Ok("disabled");
        }
        if config.custom.is_some() {
            return Ok("custom");
        }
        if let Some(builder) = &self.run().options.builder {
            return Ok(BUILDERS.into_iter().find(|known| known == builder).unwrap_or("docker"));
        }
        if config.is_build_kit_in_cluster() {
            return Ok("buildkit");
        }
        if config.is_kaniko() {
            return Ok("kaniko");
        }
        if self.may_go_without_docker() {
            return self.docker_or_oci();
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

    /// Docker, or where no daemon answers windlass itself, if the Dockerfile lets it.
    fn docker_or_oci(&self) -> Result<&'static str, StageError> {
        let (run, obstacle) = (self.run(), self.obstacle());
        // Plans ask nobody where the answer changes nothing.
        let answer = match &obstacle {
            Ok(None) => run.wait(run.host.docker.ask())?,
            _ => run.wait(run.host.docker.reachable())?,
        };
        match (answer, obstacle) {
            (Ok(()), _) => Ok("docker"),
            (Err(error), Ok(obstacle)) if error.code() == "docker::unreachable" => match obstacle {
                None if run.options.dry_run => Ok("oci"),
                None => {
                    let message =
                        format!("images are built without a daemon, into windlass's own store: {error}");
                    run.notice_once(Level::Info, message);
                    Ok("oci")
                }
                Some((obstacle, dockerfile)) => {
                    Err(obstacle.into_error(self.name(), &dockerfile, Some(&error)).into())
                }
            },
            (Err(error), _) => Err(error),
        }
    }

    /// Whether windlass itself may build in place of docker: nobody asked for docker alone, or meant a cluster to do it.
    fn may_go_without_docker(&self) -> bool {
        let wants_docker = self
            .config()
            .docker
            .as_ref()
            .is_some_and(|docker| docker.disable_fallback || docker.use_cli || !docker.args.is_empty());
        !wants_docker && matches!(self.run().host.cluster.context(), Ok(None))
    }

    /// What in its Dockerfile, as it is configured, only a daemon can do.
    fn obstacle(&self) -> Result<Option<(Obstacle, Dockerfile)>, StageError> {
        let config = self.config();
        let target = config.options.target.as_deref();
        let dockerfile = self.run().dockerfile(config)?;
        let dockerfile = dockerfile.with_instructions(target, &config.append_dockerfile_instructions)?;
        let obstacle = needs_daemon(&dockerfile, target, &self.build_args()?)?;
        Ok(obstacle.map(|obstacle| (obstacle, dockerfile)))
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
