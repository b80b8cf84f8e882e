//! Chooses the builder of an image: disabled, custom, BuildKit in the cluster, Docker, kaniko.

use super::Image;
use crate::builder::arguments::{Taker, refusal};
use crate::builder::kaniko;
use crate::builder::oci::{UnsupportedFeature, needs_daemon};
use crate::config::BuilderKind;
use crate::error::{ErrorKind, StageError};
use crate::event::Level;
use crate::image::Dockerfile;

impl Image {
    /// The builder to use. Plans check whether a daemon responds, as builds do.
    ///
    /// # Errors
    /// `docker::unreachable` if Docker is requested, no daemon responds, and no fallback is possible;
    /// `stage::build::needs_daemon`, with the line, if the Dockerfile requires a daemon.
    pub fn choose_builder(&self) -> Result<BuilderKind, StageError> {
        match (self.run().options.builder, self.wanted_builder()) {
            (None, BuilderKind::Docker) => self.docker_or_stand_in(),
            (_, wanted) => Ok(wanted),
        }
    }

    /// Docker, or its fallback if no daemon responds.
    fn docker_or_stand_in(&self) -> Result<BuilderKind, StageError> {
        if self.can_use_oci() {
            return self.docker_or_oci();
        }
        match self.run().session.wait(self.run().session.host.docker.reachable())? {
            Ok(()) => Ok(BuilderKind::Docker),
            Err(unreachable) if self.may_fall_back()? => {
                self.events()
                    .notice(Level::Info, format!("falling back to kaniko in the cluster: {unreachable}"));
                Ok(BuilderKind::Kaniko)
            }
            Err(unreachable) => Err(unreachable),
        }
    }

    /// Docker, or, if no daemon responds, windlass itself if the Dockerfile does not require a daemon.
    fn docker_or_oci(&self) -> Result<BuilderKind, StageError> {
        let run = self.run();
        let Err(error) = run.session.wait(run.session.host.docker.reachable())? else {
            return Ok(BuilderKind::Docker);
        };
        if error.kind() != ErrorKind::DaemonUnreachable {
            return Err(error);
        }
        match self.obstacle() {
            Ok(None) => {
                if let Some(notice) = run.session.host.oci.fallback_notice(&error) {
                    run.session.notice_once(Level::Info, notice);
                }
                Ok(BuilderKind::Oci)
            }
            Ok(Some((obstacle, dockerfile))) => {
                Err(obstacle.into_error(self.name(), &dockerfile, Some(&error)).into())
            }
            Err(_) => Err(error),
        }
    }

    /// Whether windlass itself may build instead of Docker: the image does not require Docker, and no cluster is
    /// configured.
    fn can_use_oci(&self) -> bool {
        let wants_docker = self.config().docker.as_ref().is_some_and(|docker| {
            let is_refused = |arg| refusal(arg, Taker::Oci).is_some();
            docker.disable_fallback || docker.use_cli || docker.args.iter().any(is_refused)
        });
        !wants_docker && matches!(self.run().session.host.cluster.context(), Ok(None))
    }

    /// The part of its Dockerfile, as configured, that requires a daemon.
    fn obstacle(&self) -> Result<Option<(UnsupportedFeature, Dockerfile)>, StageError> {
        let config = self.config();
        let target = config.options.target.as_deref();
        let dockerfile = self.run().dockerfile(config)?;
        let dockerfile = dockerfile.with_instructions(target, &config.append_dockerfile_instructions)?;
        let obstacle = needs_daemon(&dockerfile, target, &self.build_args()?, &|_| None)?;
        Ok(obstacle.map(|obstacle| (obstacle, dockerfile)))
    }

    /// Whether kaniko may and can build instead of Docker. Without a cluster, kaniko is not mentioned.
    fn may_fall_back(&self) -> Result<bool, StageError> {
        let (run, docker) = (self.run(), self.config().docker.as_ref());
        if docker.is_some_and(|docker| docker.disable_fallback)
            || run.session.host.cluster.context()?.is_none()
        {
            return Ok(false);
        }
        match kaniko::check_support(self.config(), run.options.skip_push) {
            Ok(_) => Ok(true),
            Err(error) => {
                self.events().notice(Level::Info, format!("cannot fall back to kaniko: {error}"));
                Ok(false)
            }
        }
    }
}
