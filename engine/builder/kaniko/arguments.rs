//! The command line of kaniko.

use super::pod::CONTEXT;
use super::pod_secret::PodSecret;
use crate::builder::BuildRequest;
use crate::config::KanikoConfig;

/// Where kaniko writes the digest of the pushed image: Kubernetes adds its content to the status of the pod.
const DIGEST_FILE: &str = "/dev/termination-log";

/// The arguments of kaniko for the Dockerfile `dockerfile` in the context, in a fixed order; secret values stay in
/// `secret`. If an option is set twice, kaniko uses the last one, so `args` come last and take precedence.
pub(super) fn arguments(
    request: &BuildRequest,
    dockerfile: &str,
    config: &KanikoConfig,
    secret: &mut PodSecret<'_>,
) -> Vec<String> {
    let mut arguments =
        vec![format!("--dockerfile={CONTEXT}/{dockerfile}"), format!("--context=dir://{CONTEXT}")];
    arguments.extend(request.references.iter().map(|reference| format!("--destination={reference}")));
    arguments.extend(request.target.iter().map(|target| format!("--target={target}")));
    arguments.extend(request.platform.iter().map(|platform| format!("--custom-platform={platform}")));
    arguments.extend(request.labels.iter().map(|(name, value)| format!("--label={name}={value}")));
    arguments.push(format!("--snapshotMode={}", config.snapshot_mode.as_deref().unwrap_or("time")));
    if config.insecure {
        arguments.extend(["--insecure", "--skip-tls-verify"].map(String::from));
    }
    for (name, value) in &request.given_args() {
        // Kubernetes expands `$(NAME)` as a variable, and `$$` to `$`.
        let value = secret.argument(value).unwrap_or_else(|| value.replace('$', "$$"));
        arguments.extend(["--build-arg".to_owned(), format!("{name}={value}")]);
    }
    if let (true, Some(reference)) = (config.cache, request.references.first()) {
        let repository = &reference.repository;
        let cache = format!("--cache-repo={}/{}", repository.domain(), repository.path());
        arguments.extend(["--cache=true".to_owned(), cache]);
    }
    arguments.push(format!("--digest-file={DIGEST_FILE}"));
    arguments.extend(config.args.words().map(|word| secret.argument(&word).unwrap_or(word)));
    arguments
}

/// Whether kaniko pushes the image, which `args` can disable.
pub(super) fn pushes(config: &KanikoConfig) -> bool {
    !config.args.words().any(|word| matches!(word.as_str(), "--no-push" | "--no-push=true"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::builder::kaniko::pod::tests::request;
    use crate::config::BuilderArgs;

    fn line(request: &BuildRequest, config: &KanikoConfig, secrets: &[&str]) -> String {
        let texts: HashSet<_> = secrets.iter().map(|text| (*text).to_owned()).collect();
        arguments(request, "D", config, &mut PodSecret::new("p", None, &texts)).join(" ")
    }

    #[test]
    fn arguments_stand_in_the_documented_order() {
        let config = KanikoConfig {
            cache: true,
            insecure: true,
            snapshot_mode: Some("redo".into()),
            args: BuilderArgs::of_kaniko(vec![("--verbosity=debug".into(), None)]),
            ..KanikoConfig::default()
        };
        let mut request = request();
        request.target = Some("final".into());
        assert_eq!(
            line(&request, &config, &[]),
            "--dockerfile=/context/D --context=dir:///context --destination=acme/api:1 --destination=acme/api:2 \
             --target=final --snapshotMode=redo --insecure --skip-tls-verify --build-arg A=1 --build-arg B=2 3 \
             --cache=true --cache-repo=docker.io/acme/api --digest-file=/dev/termination-log --verbosity=debug"
        );
    }

    #[test]
    fn defaults_are_few() {
        let mut request = request();
        request.build_args.clear();
        request.references.truncate(1);
        assert_eq!(
            line(&request, &KanikoConfig::default(), &[]),
            "--dockerfile=/context/D --context=dir:///context --destination=acme/api:1 --snapshotMode=time \
             --digest-file=/dev/termination-log"
        );
    }

    #[test]
    fn secrets_are_named_and_dollars_stay_dollars() {
        let mut request = request();
        request.build_args = [("TOKEN", "hunter2"), ("PRICE", "$(A) $$5")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let config = KanikoConfig {
            args: BuilderArgs::of_kaniko(vec![("--registry-client-cert=hunter2".into(), None)]),
            ..KanikoConfig::default()
        };
        let line = line(&request, &config, &["hunter2", "--registry-client-cert=hunter2"]);
        assert!(
            line.contains("--build-arg TOKEN=$(WINDLASS_SECRET_0) --build-arg PRICE=$$(A) $$$$5 "),
            "{line}"
        );
        assert!(line.ends_with(" $(WINDLASS_SECRET_1)") && !line.contains("hunter2"), "{line}");
    }
}
