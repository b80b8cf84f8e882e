//! Streams one blob from one repository to another, without storing it.

use futures_util::TryStreamExt as _;

use super::copy::Route;
use super::upload::Content;
use super::{RegistryClient, RegistryError, RegistryErrorKind};

impl RegistryClient {
    /// Copies the blob `digest` along `route`, unless the target has it.
    pub(super) async fn copy_blob(&self, route: &Route<'_>, digest: &str) -> Result<(), RegistryError> {
        let mut tries = self.retry.tries(RegistryErrorKind::may_be_lost_upload);
        loop {
            match self.try_copy_blob(route, digest).await {
                Err(error) => {
                    if !tries.again_after(&error).await {
                        return Err(error);
                    }
                }
                copied => return copied,
            }
        }
    }

    async fn try_copy_blob(&self, route: &Route<'_>, digest: &str) -> Result<(), RegistryError> {
        if self.has_blob(&route.writing, route.to, digest).await? {
            return Ok(());
        }
        let mount = route.is_within_one_registry().then_some(route.from);
        let Some(upload) = self.begin_upload(&route.writing, route.to, digest, mount).await? else {
            return Ok(());
        };
        let source = self.open_blob(&route.reading, route.from, digest, 0).await?;
        let length = source.length();
        let content = Content { length, pieces: Box::pin(source.into_stream().map_err(Into::into)) };
        self.upload_whole(&route.writing, upload, digest, content).await
    }
}
