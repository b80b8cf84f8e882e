//! Images that cannot be pulled.

use serde_json::json;

use crate::deploy::ready::Permanence::{Final, Repeated};
use crate::deploy::ready::tests::fixture::*;
use crate::deploy::ready::{ProblemKind, PullFailure};

const START: &str = "container `web` of Deployment/web (namespace dev) cannot start: image";
const INSPECT: &str = "`kubectl -n dev describe pod web-7d9-x2k`";

/// The message of containerd, of CRI-O or of Docker; the expected cause, message and hint.
const CASES: [(&str, PullFailure, &str, &str); 9] = [
    (
        "rpc error: code = NotFound desc = failed to pull and unpack image \"ghcr.io/shop/web:1.4\": failed to resolve \
         reference \"ghcr.io/shop/web:1.4\": ghcr.io/shop/web:1.4: not found",
        PullFailure::NotFound,
        "not found",
        "check the image and its tag, or build and push it",
    ),
    (
        "Error response from daemon: manifest for ghcr.io/shop/web:1.4 not found: manifest unknown: manifest unknown",
        PullFailure::NotFound,
        "not found",
        "check the image and its tag, or build and push it",
    ),
    (
        "failed to pull and unpack image \"ghcr.io/shop/web:1.4\": failed to resolve reference \"ghcr.io/shop/web:1.4\": \
         failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
         https://ghcr.io/token: 401 Unauthorized",
        PullFailure::Unauthorized,
        "anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized",
        "add the credentials of `ghcr.io` to `pullSecrets`",
    ),
    (
        "rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/shop/web:1.4\": failed to resolve \
         reference \"docker.io/shop/web:1.4\": pull access denied, repository does not exist or may require authorization: \
         server message: insufficient_scope: authorization failed",
        PullFailure::NotFoundOrUnauthorized,
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: \
         authorization failed",
        "check the image and its tag, or add the credentials of `ghcr.io` to `pullSecrets`",
    ),
    (
        "rpc error: code = NotFound desc = failed to pull and unpack image \"ghcr.io/shop/web:1.4\": no match for platform in \
         manifest: not found",
        PullFailure::NoPlatform,
        "failed to pull and unpack image \"ghcr.io/shop/web:1.4\": no match for platform in manifest: not found",
        "build the image for the platform of the cluster's nodes",
    ),
    (
        "rpc error: code = Unknown desc = toomanyrequests: You have reached your pull rate limit.",
        PullFailure::RateLimited,
        "toomanyrequests: You have reached your pull rate limit.",
        "add the credentials of `ghcr.io` to `pullSecrets`, or deploy again later",
    ),
    (
        "failed to pull and unpack image \"ghcr.io/shop/web:1.4\": failed to resolve reference \"ghcr.io/shop/web:1.4\": \
         failed to do request: Head \"https://ghcr.io/v2/shop/web/manifests/1.4\": http: server gave HTTP response to HTTPS \
         client",
        PullFailure::Tls,
        "Head \"https://ghcr.io/v2/shop/web/manifests/1.4\": http: server gave HTTP response to HTTPS client",
        "configure the nodes to trust `ghcr.io`",
    ),
    (
        "failed to pull and unpack image \"ghcr.io/shop/web:1.4\": failed to resolve reference \"ghcr.io/shop/web:1.4\": \
         failed to do request: Head \"https://ghcr.io/v2/shop/web/manifests/1.4\": dial tcp: lookup ghcr.io: no such host",
        PullFailure::Unreachable,
        "Head \"https://ghcr.io/v2/shop/web/manifests/1.4\": dial tcp: lookup ghcr.io: no such host",
        "check that the nodes can reach `ghcr.io`",
    ),
    (
        "rpc error: code = Unknown desc = Error response from daemon: no space left on device",
        PullFailure::Other,
        "no space left on device",
        "",
    ),
];

#[test]
fn failed_pulls() {
    for (reported, cause, shown, help) in CASES {
        let cluster = Cluster::of_web(web_pod("Pending", &waiting("ErrImagePull", reported)));
        let help = if help.is_empty() { INSPECT.to_owned() } else { format!("{help}; {INSPECT}") };
        let message = format!("{START} `ghcr.io/shop/web:1.4` cannot be pulled: {shown}");
        let problem = cluster.has("deploy::image_pull", Repeated, &message, None, &help);
        assert!(
            matches!(problem.kind, ProblemKind::ImagePull { cause: found, .. } if found == cause),
            "{problem:?}"
        );
        // A registry may be reachable at the next attempt, but will not have the image.
        assert_eq!(problem.occurrence.is_empty(), cause.may_pass());
    }
}

#[test]
fn the_cause_of_a_back_off_is_in_the_event() {
    let pod =
        web_pod("Pending", &waiting("ImagePullBackOff", "Back-off pulling image \"ghcr.io/shop/web:1.4\""));
    let message = format!("{START} `ghcr.io/shop/web:1.4` cannot be pulled: ");
    let help = format!("check the image and its tag, or build and push it; {INSPECT}");
    let reported = format!("Failed to pull image \"ghcr.io/shop/web:1.4\": {}", CASES[0].0);
    Cluster::of_web(pod.clone())
        .with_event(container_event(&pod, "Failed", &reported))
        .with_event(container_event(&pod, "Failed", "Error: ImagePullBackOff"))
        .has("deploy::image_pull", Repeated, &format!("{message}not found"), None, &help);
    Cluster::of_web(pod).has(
        "deploy::image_pull",
        Repeated,
        &format!("{message}Back-off pulling image \"ghcr.io/shop/web:1.4\""),
        None,
        INSPECT,
    );
    // Since Kubernetes 1.32, the state has it as well.
    let reported = format!("Back-off pulling image \"ghcr.io/shop/web:1.4\": ErrImagePull: {}", CASES[0].0);
    Cluster::of_web(web_pod("Pending", &waiting("ImagePullBackOff", &reported))).has(
        "deploy::image_pull",
        Repeated,
        &format!("{message}not found"),
        None,
        &help,
    );
}

#[test]
fn images_that_were_not_pushed() {
    let mut cluster = Cluster::of_web(web_pod("Pending", &waiting("ErrImagePull", CASES[0].0)));
    cluster.unpushed = vec!["ghcr.io/shop/web:1.4"];
    cluster.has(
        "deploy::image_pull",
        Repeated,
        &format!("{START} `ghcr.io/shop/web:1.4` was built but not pushed"),
        None,
        &format!("omit `--skip-push`, or load the image into the cluster; {INSPECT}"),
    );
}

#[test]
fn invalid_and_never_pulled_images() {
    let with_image = |image: &str, status| {
        merged(
            web_pod("Pending", &status),
            &json!({ "spec": { "containers": [{ "name": "web", "image": image }] } }),
        )
    };
    let reported = "Failed to apply default image tag \"ghcr.io/shop/web:1:2\": couldn't parse image name: invalid reference format";
    Cluster::of_web(with_image("ghcr.io/shop/web:1:2", waiting("InvalidImageName", reported))).has(
        "deploy::image_pull",
        Final,
        &format!("{START} `ghcr.io/shop/web:1:2` has two tags"),
        None,
        &format!("write only one of them: `image(NAME)` and `tag(NAME)` already set a tag; {INSPECT}"),
    );
    Cluster::of_web(with_image("localhost:5000/Web", waiting("InvalidImageName", reported))).has(
        "deploy::image_pull",
        Final,
        &format!("{START} `localhost:5000/Web` is not a valid reference"),
        None,
        &format!("correct `image` of the container; {INSPECT}"),
    );
    let reported = "Container image \"web:dev\" is not present with pull policy of Never";
    Cluster::of_web(with_image("web:dev", waiting("ErrImageNeverPull", reported))).has(
        "deploy::image_pull",
        Repeated,
        &format!("{START} `web:dev` is not on the node, and `imagePullPolicy` is `Never`"),
        None,
        &format!("load the image into the cluster, or set `imagePullPolicy: IfNotPresent`; {INSPECT}"),
    );
}
