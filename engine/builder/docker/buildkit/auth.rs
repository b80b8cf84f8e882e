//! The credentials service, which the daemon queries before it pulls a base image.

use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse, auth_server,
};
use futures_util::future::BoxFuture;
use tonic::{Request, Response, Status};

use crate::secret::Secret;

/// Looks up the user name and the secret for a registry; `None` for anonymous access.
///
/// The registry has the name that BuildKit uses: Docker Hub is `registry-1.docker.io`. An empty user name means
/// that the secret is an identity token.
pub type CredentialLookup = Arc<dyn Fn(String) -> BoxFuture<'static, Option<(String, Secret)>> + Send + Sync>;

/// The timeout of a lookup, during which a credential helper may prompt the user.
const LOOKUP_LIMIT: Duration = Duration::from_secs(120);

/// Serves credentials. Tokens are not served: the daemon then exchanges the credentials itself.
pub(super) struct Auth {
    lookup: CredentialLookup,
}

impl Auth {
    pub(super) fn new(lookup: CredentialLookup) -> Self {
        Self { lookup }
    }
}

#[tonic::async_trait]
impl auth_server::Auth for Auth {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let found = tokio::time::timeout(LOOKUP_LIMIT, (self.lookup)(host.clone())).await;
        let found = found.map_err(|_| {
            Status::deadline_exceeded(format!("the lookup of credentials for {host} timed out"))
        })?;
        Ok(Response::new(match found {
            Some((username, secret)) => CredentialsResponse { username, secret: secret.expose().to_owned() },
            None => CredentialsResponse::default(),
        }))
    }

    async fn fetch_token(
        &self,
        _request: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("fetch token"))
    }

    async fn get_token_authority(
        &self,
        _request: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("get token authority"))
    }

    async fn verify_token_authority(
        &self,
        _request: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("verify token authority"))
    }
}
