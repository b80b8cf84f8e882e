//! Repeats builds that failed because another client removed an image from the daemon meanwhile.

use std::future::Future;

use crate::builder::{BuildError, BuiltImage};
use crate::event::{ImageEvents, Level};

/// How often a build starts at most.
const ATTEMPTS: usize = 8;

/// Builds with `build`, and repeats it if an image was removed from the daemon meanwhile.
pub(super) async fn with_repeats<F: Future<Output = Result<BuiltImage, BuildError>>>(
    events: &ImageEvents,
    build: impl Fn() -> F,
) -> Result<BuiltImage, BuildError> {
    for _ in 1..ATTEMPTS {
        match build().await {
            Err(error) if is_cache_race(&error) => {
                let message = "building again: an image was removed from the daemon meanwhile";
                events.notice(Level::Info, message);
            }
            ended => return ended,
        }
    }
    build().await
}

/// Whether another client removed an image that the build uses. For an instruction on top of `scratch`, the classic
/// builder lists all images of the daemon and then reads each (moby, `image/cache/cache.go`). BuildKit reads an image
/// again that it has just stored, or that had the same content (moby, `image/fs.go`).
fn is_cache_race(error: &BuildError) -> bool {
    let (BuildError::StepFailed { reason, .. } | BuildError::Refused { reason, .. }) = error else {
        return false;
    };
    reason.starts_with("unable to find image \"sha256:")
        || (reason.starts_with("failed to get digest sha256:")
            && reason.ends_with("no such file or directory"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::event::Events;

    /// How often a build starts that fails with `reason` the first `failures` times, and whether it succeeds.
    async fn starts(reason: &str, failures: usize) -> (usize, bool) {
        let count = Cell::new(0);
        let build = || {
            count.set(count.get() + 1);
            let is_over = count.get() > failures;
            let error = BuildError::Refused { image: "api".into(), reason: reason.into(), help: None };
            async move { if is_over { Ok(BuiltImage::default()) } else { Err(error) } }
        };
        let built = with_repeats(&Events::new(|_| ()).of_image("api"), build).await;
        (count.get(), built.is_ok())
    }

    #[tokio::test]
    async fn only_cache_races_are_repeated() {
        let race = "unable to find image \"sha256:e84e75dcfb53\"";
        assert_eq!(starts(race, 0).await, (1, true));
        assert_eq!(starts(race, 2).await, (3, true));
        assert_eq!(starts(race, 9).await, (ATTEMPTS, false));
        assert_eq!(starts("unable to find image \"acme/base\"", 1).await, (1, false));
        let race =
            "failed to get digest sha256:8031: open /docker/content/sha256/8031: no such file or directory";
        assert_eq!(starts(race, 1).await, (2, true));
    }
}
