//! The command line of kaniko.

use super::pod::CONTEXT;
use crate::builder::BuildRequest;
use crate::config::KanikoConfig;

/// Where kaniko writes the digest of what it pushed: Kubernetes shows it in the pod's status.
const DIGEST_FILE: &str = "/dev/termination-log";

/// The arguments of kaniko in the documented order (spec image-building §9.3), for a Dockerfile called `dockerfile` in
/// the context. Of an option that is given twice, kaniko takes the last, so `args` have the last word.
pub(super) fn arguments(request: &BuildRequest, dockerfile: &str, config: &KanikoConfig) -> Vec<String> {
    let mut arguments =
        vec![format!("--dockerfile={CONTEXT}/{dockerfile}"), format!("--context=dir://{CONTEXT}")];
    arguments.extend(request.references.iter().map(|reference| format!("--destination={reference}")));
    arguments.extend(request.target.iter().map(|target| format!("--target={target}")));
    arguments.extend(request.platform.iter().map(|platform| format!("--custom-platform={platform}")));
    arguments.push(format!("--snapshotMode={}", config.snapshot_mode.as_deref().unwrap_or("time")));
    if config.insecure {
        arguments.extend(["--insecure", "--skip-tls-verify"].map(String::from));
    }
    for (name, value) in &request.build_args {
        arguments.extend(["--build-arg".to_owned(), format!("{name}={value}")]);
    }
    if let (true, Some(reference)) = (config.cache, request.references.first()) {
        let repository = &reference.repository;
        let cache = format!("--cache-repo={}/{}", repository.domain(), repository.path());
        arguments.extend(["--cache=true".to_owned(), cache]);
    }
    arguments.push(format!("--digest-file={DIGEST_FILE}"));
    arguments.extend(config.args.iter().cloned());
    arguments
}

/// Whether `args` make kaniko push nothing.
pub(super) fn pushes(config: &KanikoConfig) -> bool {
    let says = |word: &String| matches!(word.as_str(), "--no-push" | "--no-push=true");
    !config.args.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::kaniko::pod::tests::request;

    #[test]
    fn arguments_stand_in_the_documented_order() {
        let config = KanikoConfig {
            cache: true,
            insecure: true,
            snapshot_mode: Some("redo".into()),
            args: vec!["--verbosity=debug".into()],
            ..KanikoConfig::default()
        };
        let mut request = request();
        request.target = Some("final".into());
        assert_eq!(
            arguments(&request, "D", &config).join(" "),
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
            arguments(&request, "D", &KanikoConfig::default()).join(" "),
            "--dockerfile=/context/D --context=dir:///context --destination=acme/api:1 --snapshotMode=time \
             --digest-file=/dev/termination-log"
        );
    }
}
