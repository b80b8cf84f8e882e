//! BuildKit in the cluster: what `docker buildx` is told. The program itself is a stand-in that notes how it was called.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Project, Signal};

/// Stands in for docker with buildx: notes its arguments, keeps builders as buildx does, and tells a digest.
const DOCKER: &str = r#"#!/bin/sh
echo "$*" >> "$PROJECT/said"
[ "$1" = buildx ] || exit 1
folder=$DOCKER_CONFIG/buildx/instances
case $2 in
  version) ;;
  create)
    mkdir -p "$folder"
    options= name=
    shift 2
    while [ $# -gt 0 ]; do
      case $1 in
        --driver-opt) options="$options,\"${2%%=*}\":\"${2#*=}\"" && shift ;;
        --name) name=$2 && shift ;;
      esac
      shift
    done
    # Whoever comes meanwhile must not find half of it.
    sleep 0.2
    echo "{\"Name\":\"$name\",\"Driver\":\"kubernetes\",\"Nodes\":[{\"DriverOpts\":{${options#,}}}]}" > "$folder/$name"
    ;;
  rm) rm "$folder/$3" ;;
  build)
    [ -z "$FAIL" ] || { echo '#5 [2/2] RUN make'; echo '#5 0.1 no rule'; echo '#5 ERROR: exit code: 2'; exit 1; }
    [ -z "$HANG" ] || { echo hanging; exec sleep 600; }
    while [ $# -gt 0 ]; do
      [ "$1" = --metadata-file ] && echo "{\"containerimage.digest\":\"sha256:$(printf %064d 7)\"}" > "$2"
      shift
    done
    ;;
esac
"#;

/// A project whose images are built by BuildKit in a cluster that is never asked itself.
fn project(images: &[&str], in_cluster: &str) -> Project {
    let mut config = "version: v2beta1\nimages:\n".to_owned();
    for name in images {
        config += &format!(
            "  {name}: {{image: r.example/{name}, tags: [one], target: final, buildArgs: {{A: '1'}}, buildKit: {{args: \
             [--no-cache], inCluster: {{{in_cluster}}}}}}}\n"
        );
    }
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "prod",
        "contexts": [
            { "name": "prod", "context": { "cluster": "c", "namespace": "dev" } },
            { "name": "other", "context": { "cluster": "c" } },
        ],
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
    });
    let project = Project::new()
        .program_on_path("docker", DOCKER)
        .file("kubeconfig", kubeconfig.to_string())
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch AS final\nARG A\nCOPY a.txt /\nFROM final\n")
        .file("a.txt", "hello");
    let (kubeconfig, root) = (project.path("kubeconfig"), project.path(""));
    project.env("KUBECONFIG", kubeconfig).env("PROJECT", root)
}

/// What docker was told, without the paths, which are made up anew each time.
fn said(project: &Project) -> Vec<String> {
    let said = project.read("said");
    project.remove("said");
    let shorten = |line: &str| {
        let words = line.split(' ').map(|word| if word.starts_with('/') { "PATH" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    said.lines().map(shorten).collect()
}

const BUILD: &str = "buildx build --build-arg A --tag r.example/api:one --push --file PATH --target final --builder \
                     devspace-dev --metadata-file PATH --no-cache PATH";

#[test]
fn the_builder_is_made_once_and_the_image_is_pushed() {
    let project = project(&["api"], "rootless: true");
    let output = project.run(["build"]);
    output.success().stderr_has("creating the builder devspace-dev");
    output.stderr_has(format!("pushed r.example/api:one (sha256:{:064})", 7));
    let create = "buildx create --driver kubernetes --driver-opt namespace=dev --driver-opt rootless=true --name devspace-dev";
    assert_eq!(said(&project), ["buildx version", create, BUILD]);

    // It is pushed: nothing is left to do. Another build finds the builder.
    project.run(["build"]).success().stderr_has("1 skipped");
    project.run(["build", "--force-build"]).success();
    assert_eq!(said(&project), ["buildx version", BUILD]);

    // One that is made otherwise is made anew, unless that is switched off.
    let with = |in_cluster: &str| {
        let text = project.read("devspace.yaml").replace("rootless: true", in_cluster);
        project.write("devspace.yaml", text);
        project.run(["build", "--force-build"]).success();
        said(&project)
    };
    assert_eq!(with("rootless: true, noRecreate: true, image: b:1"), ["buildx version", BUILD]);
    let text = project.read("devspace.yaml").replace(", noRecreate: true", "");
    project.write("devspace.yaml", text);
    project.run(["build", "--force-build"]).success();
    let create = "buildx create --driver kubernetes --driver-opt namespace=dev --driver-opt rootless=true --driver-opt \
                  image=b:1 --name devspace-dev";
    assert_eq!(said(&project), ["buildx version", "buildx rm devspace-dev", create, BUILD]);
}

#[test]
fn images_that_are_built_at_once_share_one_builder() {
    let project = project(&["api", "web", "db"], "createArgs: [--bootstrap], name: ours, namespace: builds");
    project.run(["build", "--max-concurrent-builds", "3"]).success().stderr_has("3 built");
    let said = said(&project);
    let created: Vec<_> = said.iter().filter(|line| line.starts_with("buildx create")).collect();
    assert_eq!(
        created,
        ["buildx create --driver kubernetes --driver-opt namespace=builds --name ours --bootstrap"],
        "{said:#?}"
    );
    assert_eq!(said.iter().filter(|line| line.starts_with("buildx build")).count(), 3);
}

#[test]
fn what_is_not_pushed_is_loaded() {
    let built = |in_cluster: &str| {
        let project = project(&["api"], in_cluster);
        project.run(["build", "--skip-push"]).success();
        said(&project).pop().expect("a build")
    };
    assert_eq!(built("noCreate: true"), BUILD.replace("--push", "--load"));
    assert_eq!(built("noCreate: true, noLoad: true"), BUILD.replace("--push ", ""));
}

#[test]
fn without_buildx_the_alternatives_are_named() {
    let project = project(&["api"], "").program_on_path("docker", "#!/bin/sh\nexit 1\n");
    let output = project.run(["build"]);
    output.exits(1).stderr_has("stage::build::no_buildx").stderr_has("there is no `docker buildx`");
    output.stderr_has("leave `inCluster` out").stderr_has("`kaniko`");
}

#[test]
fn buildx_would_miss_a_context_that_is_not_current() {
    let output = project(&["api"], "").run(["build", "--kube-context", "other"]);
    output.exits(1).stderr_has("cluster::not_current").stderr_has("kubectl config use-context other");
}

#[test]
fn a_step_that_fails_is_shown() {
    let output = project(&["api"], "").env("FAIL", "1").run(["build"]);
    output.exits(1).stderr_has("stage::build::step_failed").stderr_has("no rule");
}

#[test]
fn ctrl_c_stops_buildx() {
    let project = project(&["api"], "").env("HANG", "1").limit(Duration::from_secs(60));
    let running = project.spawn(["build"]);
    running.wait_for_text("hanging");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
}

#[test]
fn a_plan_names_the_builder_and_calls_nobody() {
    let project = project(&["api"], "namespace: builds");
    let output = project.run(["plan"]);
    output.success().stdout_has("builder  buildkit").stdout_has("push     r.example/api:one");
    output.stdout_has("run      build api with buildkit in the namespace builds of prod");
    assert!(!project.path("said").exists());
}
