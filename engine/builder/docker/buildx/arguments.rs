//! The command line of `docker buildx build`.

use super::BuildxBuild;
use crate::builder::arguments::docker_words;
use crate::builder::docker::cli;
use crate::builder::docker::staging::Staged;

/// The arguments in a fixed order; `builder` is the name of the builder.
pub(super) fn arguments(
    build: &BuildxBuild,
    builder: &str,
    loads: bool,
    staged: &Staged,
    metadata_file: &str,
) -> Vec<String> {
    let request = &build.request;
    let mut arguments = vec!["build".to_owned()];
    arguments.extend(cli::build_args(request));
    arguments.extend(cli::labels(request));
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    if let Some(network) = &request.network {
        option("--network", network);
    }
    for reference in &request.references {
        option("--tag", &reference.to_string());
    }
    let output = if build.pushes { Some("--push") } else { loads.then_some("--load") };
    arguments.extend(output.map(str::to_owned));
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    option("--file", &staged.dockerfile);
    if let Some(target) = &request.target {
        option("--target", target);
    }
    if let Some(platform) = &request.platform {
        option("--platform", platform);
    }
    option("--builder", builder);
    option("--metadata-file", metadata_file);
    arguments.extend(docker_words(&build.args, if build.pushes { "image" } else { "docker" }));
    if let Some(path) = build.args.values("iidfile").last() {
        arguments.extend(["--iidfile".to_owned(), path.to_owned()]);
    }
    arguments.push(staged.context.clone());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::BuildRequest;
    use crate::config::{BuilderArgs, BuildxConfig};

    #[test]
    fn arguments_stand_in_the_documented_order() {
        let request = BuildRequest {
            references: vec!["r.io/api:1".parse().expect("a reference")],
            target: Some("final".into()),
            network: Some("host".into()),
            build_args: [("TOKEN".to_owned(), "hunter2".to_owned())].into(),
            ..BuildRequest::new(
                "api",
                crate::image::Dockerfile::parse("D", "FROM scratch\n").expect("a Dockerfile"),
                Default::default(),
                "/",
            )
        };
        let build = BuildxBuild {
            request,
            config: BuildxConfig::default(),
            args: BuilderArgs::of_docker(vec![("--no-cache".into(), None)]),
            pushes: true,
        };
        let staged = Staged { dockerfile: "/s/D".into(), context: "/s/context".into() };
        let check = |build: &BuildxBuild, loads: bool, output: &str| {
            let expected = format!(
                "build --build-arg TOKEN --network host --tag r.io/api:1 {output}--file /s/D --target final --builder b \
                 --metadata-file /m --no-cache /s/context"
            );
            assert_eq!(arguments(build, "b", loads, &staged, "/m").join(" "), expected);
        };
        check(&build, false, "--push ");
        let kept = BuildxBuild { pushes: false, ..build };
        check(&kept, true, "--load ");
        check(&kept, false, "");
    }
}
