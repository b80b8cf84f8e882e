//! Builds that begin again because a file changed.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use crate::lock::lock;

/// How often the build of an image may begin again in one run: constant saving must not starve it.
const MOST: u32 = 2;

/// The images that are being built, and can begin again.
#[derive(Default)]
pub struct Restarts(Mutex<HashMap<String, Attempt>>);

#[derive(Default)]
struct Attempt {
    /// Cancelled to begin again; `None` while nothing is built, or once the image is being published.
    token: Option<CancellationToken>,
    count: u32,
    cause: Option<String>,
}

impl Restarts {
    /// Begins the work on `image`. It must stop when the token is cancelled, which is a child of `outer`.
    pub fn begin(&self, image: &str, outer: &CancellationToken) -> CancellationToken {
        let token = outer.child_token();
        lock(&self.0).entry(image.to_owned()).or_default().token = Some(token.clone());
        token
    }

    /// From here on, the work on `image` is finished: it is being pushed.
    pub fn close(&self, image: &str) {
        if let Some(attempt) = lock(&self.0).get_mut(image) {
            attempt.token = None;
        }
    }

    /// Cancels the work on `image` so that it begins again because of `cause`. Returns whether it does: not if it is not
    /// being built, is being pushed, or has begun again twice.
    pub fn restart(&self, image: &str, cause: &str) -> bool {
        let mut attempts = lock(&self.0);
        let Some(attempt) = attempts.get_mut(image).filter(|attempt| attempt.count < MOST) else {
            return false;
        };
        let Some(token) = attempt.token.take() else { return false };
        attempt.count += 1;
        attempt.cause = Some(cause.to_owned());
        token.cancel();
        true
    }

    /// Ends the work on `image`; returns why it is to begin again, if it is.
    pub fn end(&self, image: &str) -> Option<String> {
        let mut attempts = lock(&self.0);
        let attempt = attempts.get_mut(image)?;
        attempt.token = None;
        attempt.cause.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_begins_again_twice_and_not_while_it_is_pushed() {
        let (restarts, outer) = (Restarts::default(), CancellationToken::new());
        assert!(!restarts.restart("api", "a"));
        for cause in ["a", "b"] {
            let token = restarts.begin("api", &outer);
            assert!(restarts.restart("api", cause) && token.is_cancelled());
            assert!(!restarts.restart("api", "it is cancelled already"));
            assert_eq!(restarts.end("api").as_deref(), Some(cause));
        }
        let token = restarts.begin("api", &outer);
        assert!(!restarts.restart("api", "c") && !token.is_cancelled());
        assert_eq!(restarts.end("api"), None);

        let token = restarts.begin("web", &outer);
        restarts.close("web");
        assert!(!restarts.restart("web", "a") && !token.is_cancelled());
        assert_eq!(restarts.end("web"), None);
        assert!(!outer.is_cancelled());
    }
}
