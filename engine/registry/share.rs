//! Tags that name builds which several machines share: quick look-ups, and writes that lose nothing if they fail.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::image::{ImageReference, Tag};

use super::client::Subject;
use super::manifest_digest::name_of;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};

/// How long a look-up may take: a build must not wait long for the chance to be skipped.
const LIMIT: Duration = Duration::from_secs(5);
/// The total wait that a registry may request per look-up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of attempts, without those that the registry postpones.
const TRIES: u32 = 2;

impl RegistryClient {
    /// The digest of `reference`; `None` if the registry has no such image. Unlike [`RegistryClient::manifest_digest`], it
    /// gives up after a few seconds.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry cannot be queried or refuses.
    pub async fn find_digest(&self, reference: &ImageReference) -> Result<Option<String>, RegistryError> {
        self.find_within(reference, LIMIT).await
    }

    async fn find_within(
        &self,
        reference: &ImageReference,
        limit: Duration,
    ) -> Result<Option<String>, RegistryError> {
        let subject = Subject::new(Action::LookUp, reference.to_string(), &reference.repository, "pull");
        let begun = Instant::now();
        let mut failed = 0;
        loop {
            let error = match timeout(limit, self.digest_with(&subject, reference, &self.once)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => error,
                Err(_) => {
                    let host = subject.domain.to_owned();
                    let reason = format!("no response within {} seconds", limit.as_secs());
                    subject.error(RegistryErrorKind::Timeout { host, reason })
                }
            };
            let after = error.problem.retry_after();
            let waits = after.is_some_and(|after| begun.elapsed().saturating_add(after) <= PATIENCE);
            failed += u32::from(!waits);
            if failed >= TRIES || !error.problem.may_pass() || (after.is_some() && !waits) {
                return Err(error);
            }
            sleep(if waits { after.unwrap_or_default() } else { self.retry.pause }).await;
        }
    }

    /// Adds the tag `tag` to the image `from`. Returns `false` if the registry keeps the image that the tag names: its tags
    /// are immutable.
    ///
    /// # Errors
    /// [`RegistryError`] if the image does not exist or the registry refuses the tag for another reason.
    pub async fn share(&self, from: &ImageReference, tag: &Tag) -> Result<bool, RegistryError> {
        match self.retag(&from.repository, name_of(from), tag).await {
            Ok(_) => Ok(true),
            Err(error) if is_immutable(&error.problem) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether a tag was refused because it names another image.
fn is_immutable(problem: &RegistryErrorKind) -> bool {
    match problem {
        RegistryErrorKind::Conflict { .. } => true,
        // ECR and Harbor report it as an invalid tag, or as a failed precondition.
        RegistryErrorKind::Refused { reason } | RegistryErrorKind::Denied { reason } => {
            let reason = reason.to_lowercase();
            ["immutable", "tag_invalid", "already exists"].iter().any(|word| reason.contains(word))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Registry, Switches};
    use super::*;

    const SHARED: &str = "windlass-1";

    fn reference(registry: &Registry, tag: &str) -> ImageReference {
        format!("{}/acme/api:{tag}", registry.domain()).parse().expect("a reference")
    }

    /// The result of a look-up of an existing tag, and the requests that it took.
    async fn look_up(switches: Switches) -> (Result<Option<String>, RegistryError>, Vec<String>) {
        let registry = Registry::start(switches).await;
        let digest = registry.put("acme/api", SHARED, "{}");
        let found = registry.client().find_digest(&reference(&registry, SHARED)).await;
        let found =
            found.map(|found| found.map(|found| if found == digest { "right".to_owned() } else { found }));
        let lines = registry.lines().into_iter().filter(|line| line.contains("manifests"));
        (found, lines.map(|line| line.split_once(' ').expect("a method").0.to_owned()).collect())
    }

    #[tokio::test]
    async fn one_request_tells_what_a_tag_names() {
        let (found, lines) = look_up(Switches::default()).await;
        assert_eq!((found, lines), (Ok(Some("right".to_owned())), vec!["HEAD".to_owned()]));
        let registry = Registry::start(Switches::default()).await;
        assert_eq!(registry.client().find_digest(&reference(&registry, "none")).await, Ok(None));
    }

    #[tokio::test]
    async fn registries_without_head_are_asked_by_get() {
        let (found, lines) = look_up(Switches { no_head: true, ..Switches::default() }).await;
        assert_eq!((found, lines), (Ok(Some("right".to_owned())), vec!["HEAD".to_owned(), "GET".to_owned()]));
    }

    #[tokio::test]
    async fn requested_wait_is_granted() {
        let busy = Switches { status: Some(429), retry_after: Some(0), refusals: 3, ..Switches::default() };
        let (found, lines) = look_up(busy).await;
        assert_eq!((found, lines.len()), (Ok(Some("right".to_owned())), 4));
        let (found, lines) = look_up(Switches { retry_after: Some(31), ..busy }).await;
        assert!(
            matches!(found, Err(error) if matches!(error.problem, RegistryErrorKind::TooManyRequests { .. }))
        );
        assert_eq!(lines.len(), 1, "the requested wait is too long");
    }

    #[tokio::test]
    async fn trouble_ends_a_look_up() {
        for (status, expected) in [(401, 1), (403, 1), (500, 2), (503, 2)] {
            let refuses = Switches { status: Some(status), refusals: usize::MAX, ..Switches::default() };
            let (found, lines) = look_up(refuses).await;
            assert!(found.is_err(), "{status}");
            assert_eq!(lines.len(), expected, "{status}");
        }
        // One failure is repeated.
        let once = Switches { status: Some(502), refusals: 1, ..Switches::default() };
        assert_eq!(look_up(once).await.0, Ok(Some("right".to_owned())));
    }

    #[tokio::test]
    async fn silence_ends_a_look_up() {
        let silent = Switches { delay: Some(Duration::from_secs(3600)), ..Switches::default() };
        let registry = Registry::start(silent).await;
        let limit = Duration::from_millis(20);
        let found = registry.client().find_within(&reference(&registry, SHARED), limit).await;
        assert!(
            matches!(&found, Err(error) if matches!(error.problem, RegistryErrorKind::Timeout { .. })),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn sharing_writes_a_manifest_and_nothing_else() {
        let registry = Registry::start(Switches::default()).await;
        let digest =
            registry.put("acme/api", "v1", "{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\"}");
        let from = reference(&registry, "v1").repository.with_digest(digest.clone());
        assert_eq!(registry.client().share(&from, &SHARED.parse().expect("a tag")).await, Ok(true));
        assert_eq!(registry.tag("acme/api", SHARED), Some(digest));
        assert!(registry.lines().iter().all(|line| !line.contains("blobs")), "{:?}", registry.lines());
    }

    #[tokio::test]
    async fn refused_tag_is_told_from_a_missing_right() {
        let shared = async |switches: Switches, tag: &str| {
            let registry = Registry::start(switches).await;
            let manifest = "{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\"}";
            registry.put("acme/api", SHARED, "{}");
            let digest = registry.put("acme/api", "v1", manifest);
            let from = reference(&registry, "v1").repository.with_digest(digest);
            registry.client().share(&from, &tag.parse().expect("a tag")).await
        };
        let immutable = Switches { immutable: true, ..Switches::default() };
        assert_eq!(shared(immutable, SHARED).await, Ok(false));
        assert_eq!(shared(immutable, "windlass-2").await, Ok(true));
        let denied = shared(Switches { denies_push: true, ..Switches::default() }, SHARED).await;
        assert!(denied.is_err(), "{denied:?}");
    }
}
