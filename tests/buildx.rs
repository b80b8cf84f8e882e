//! BuildKit in the cluster, with docker's own buildx and a real node: the created builder, the pushed images, the
//! effects of all options, and the report of each failure.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

use crate::harness::{BuildxCluster, Cluster, Output, Project, Registry, Signal, TestRepository, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A configuration with an image in `repository`, built with these fields of `inCluster`.
fn config(repository: &TestRepository, in_cluster: &str) -> String {
    format!(
        "version: v2beta1\nimages:\n  api:\n    image: {repository}\n    tags: [one, two]\n    buildKit: {{inCluster: \
         {{image: '{}', {in_cluster}}}}}\n",
        BuildxCluster::image()
    )
}

/// A project whose image contains a file and the output of a step.
fn project(cluster: &BuildxCluster, repository: &TestRepository, in_cluster: &str) -> Project {
    // The tests share a BuildKit and its cache. Without a label they would also share the image, and an image that one
    // of them removes would still exist under the name of another.
    let dockerfile = format!(
        "FROM scratch\nLABEL of={repository}\nCOPY busybox /bin/sh\nCOPY a.txt /\nRUN [\"/bin/sh\", \"-c\", \"echo made > \
         /made\"]\n"
    );
    cluster
        .project()
        .file("devspace.yaml", config(repository, in_cluster))
        .file("Dockerfile", dockerfile)
        .file("a.txt", "hello")
}

/// Writes a configuration with other fields of `inCluster`.
fn change(project: &Project, repository: &TestRepository, in_cluster: &str) {
    project.write("devspace.yaml", config(repository, in_cluster));
}

/// The pod spec of the builder that buildx created; `None` without a builder.
fn pods(cluster: &Cluster, builder: &str) -> Option<PodSpec> {
    cluster.find::<Deployment>(builder)?.spec?.template.spec
}

/// How often `text` was printed.
fn count(output: &Output, text: &str) -> usize {
    output.stderr.matches(text).count()
}

#[test]
fn the_first_build_creates_a_builder_and_pushes() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "rootless: true");
    let output = project.run(["build", "--result", "result.json"]);
    let namespace = cluster.cluster.namespace();
    output.success().stderr_has(format!("creating the builder devspace-{namespace}")).stderr_has("RUN [");

    // The builder is in the expected place and has the configured options.
    let name = format!("devspace-{namespace}0");
    assert_eq!(cluster.builders(), [format!("{name}: {}", BuildxCluster::image())]);
    let container = pods(&cluster.cluster, &name).expect("the builder").containers.remove(0);
    assert_eq!(container.security_context.expect("rights").privileged, None);

    // The digest is the registry's, and the image matches the Dockerfile.
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
    let digest = cluster.registry.digest(&api, "one").expect("a digest");
    output.stderr_has(format!("pushed {api}:one ({digest})"));
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    assert_eq!(result["images"][0]["digest"], digest);
    assert_eq!(result["images"][0]["pushed"], true);
    cluster.daemon.docker(["pull", &format!("{api}:one")]);
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/a.txt"), "hello");
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/made"), "made\n");

    // Nothing changed: no server is contacted. Another build finds the builder.
    project.run(["build"]).success().stderr_has("1 skipped").lacks("builder");
    project.write("a.txt", "changed");
    let uid = || cluster.cluster.find::<Deployment>(&name).expect("the builder").metadata.uid;
    let before = uid();
    project.run(["build"]).success().stderr_has("a.txt changed").lacks("creating the builder");
    assert_eq!(uid(), before);
    assert_ne!(cluster.registry.digest(&api, "one"), Some(digest));
}

#[test]
fn parallel_builds_share_one_builder_in_a_new_namespace() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let Some(builds) = Cluster::without_namespace() else { return };
    let repositories =
        ["api", "web", "db"].map(|role| cluster.daemon.repository(&cluster.registry.address(), role));
    let mut config = "version: v2beta1\nimages:\n".to_owned();
    for (number, repository) in repositories.iter().enumerate() {
        config += &format!(
            "  i{number}: {{image: {repository}, tags: [one], dockerfile: D{number}, buildKit: {{inCluster: {{name: Our_Own, \
             namespace: {}, image: '{}', rootless: true}}}}}}\n",
            builds.namespace(),
            BuildxCluster::image()
        );
    }
    let mut project = cluster.project().file("devspace.yaml", config);
    for number in 0..3 {
        project = project.file(format!("D{number}"), format!("FROM scratch\nCOPY busybox /{number}\n"));
    }
    let output = project.run(["build", "--max-concurrent-builds", "3"]);
    output
        .success()
        .stderr_has("3 built")
        .stderr_has(format!("created the namespace {}", builds.namespace()));
    assert_eq!(count(&output, "creating the builder our_own"), 1, "{}", output.stderr);
    assert_eq!(count(&output, "starting the builder our_own"), 1, "{}", output.stderr);
    assert!(repositories.iter().all(|repository| cluster.registry.tags(repository) == ["one"]));
    assert!(pods(&builds, "our-own0").is_some());
    assert_eq!(cluster.builders(), Vec::<String>::new());

    // A name in capitals refers to the same builder the next time.
    project.run(["build", "--force-build"]).success().stderr_has("3 built").lacks("creating");

    // Two images cannot configure the builder differently.
    let other = project.read("devspace.yaml").replacen(", rootless: true", "", 1);
    project.write("devspace.yaml", other.replace("name: Our_Own", "name: both"));
    let output = project.run(["build", "--build-sequential", "--force-build", "i1", "i0"]);
    output
        .exits(1)
        .stderr_has("stage::build::no_builder")
        .stderr_says("another image of this run requires a different configuration");
}

#[test]
fn buildx_is_run_again_if_it_was_never_connected() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let with = |project: &Project, command: &str| {
        let text = config(&api, "rootless: true");
        project.write(
            "devspace.yaml",
            text.replace("buildKit: {", &format!("buildKit: {{command: [{command}], ")),
        );
    };
    let project = project(&cluster, &api, "rootless: true")
        .executable(
            "flaky",
            "#!/bin/sh\ncase $2 in\n  inspect) error='panic: runtime error: nil pointer dereference' ;;\n  build) \
             error='ERROR: listing workers for Build: failed to list workers: Unavailable: closed pipe' ;;\n  *) exec docker \
             \"$@\" ;;\nesac\n[ -e \"failed-$2\" ] && exec docker \"$@\"\n: >\"failed-$2\"\necho \"$error\" >&2\nexit 2\n",
        )
        .executable("dead", "#!/bin/sh\n[ \"$2\" != build ] && exec docker \"$@\"\necho run >>runs\necho 'panic: no' >&2\nexit 2\n");
    with(&project, "./flaky, buildx");
    let output = project.run(["build"]);
    output.success().stderr_has("1 built");
    assert_eq!(count(&output, "running buildx again"), 2, "{}", output.stderr);
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);

    with(&project, "./dead, buildx");
    let output = project.run(["build", "--force-build"]);
    output.exits(1).stderr_has("stage::build::command_failed").stderr_has("panic: no");
    assert_eq!(project.read("runs"), "run\nrun\nrun\n");
}

#[test]
fn a_builder_has_the_configured_options_and_ctrl_c_stops_the_wait() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "name: ours, nodeSelector: 'disk=ssd,zone=a'");
    let running = project.spawn(["build"]);
    running.wait_for_text("the builder is waiting: its pod is unschedulable");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    let pod = pods(&cluster.cluster, "ours0").expect("the builder");
    assert_eq!(pod.containers[0].security_context.as_ref().expect("rights").privileged, Some(true));
    let selector: Vec<_> = pod.node_selector.expect("a selector").into_iter().collect();
    assert_eq!(selector, [("disk".to_owned(), "ssd".to_owned()), ("zone".to_owned(), "a".to_owned())]);
}

#[test]
fn a_builder_is_recreated_when_its_options_change() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "name: ours, noCreate: true");
    let output = project.run(["build"]);
    output
        .exits(1)
        .stderr_has("stage::build::no_builder")
        .stderr_has("no builder \"ours\" found")
        .stderr_says("remove `noCreate`");

    let uid = || cluster.cluster.find::<Deployment>("ours0").expect("the builder").metadata.uid;
    change(&project, &api, "name: ours, rootless: true");
    project.run(["build"]).success().stderr_has("creating the builder ours");
    let first = uid();
    let other = "name: ours, rootless: true, nodeSelector: 'kubernetes.io/os=linux'";
    change(&project, &api, &format!("{other}, noRecreate: true"));
    project.run(["build", "--force-build"]).success().lacks("removing the builder ours").lacks("creating");
    change(&project, &api, &format!("{other}, noCreate: true"));
    project.run(["build", "--force-build"]).success().lacks("removing the builder ours").lacks("creating");
    assert_eq!(uid(), first);
    change(&project, &api, other);
    let output = project.run(["build", "--force-build"]);
    output
        .success()
        .stderr_has("removing the builder ours: its configuration is different")
        .stderr_has("creating the builder ours");
    assert_ne!(uid(), first);
    let selector = pods(&cluster.cluster, "ours0").and_then(|pod| pod.node_selector).expect("a selector");
    assert_eq!(selector["kubernetes.io/os"], "linux");

    // Buildx uses the kubeconfig with which a builder was created, so windlass does not use or stop a builder from
    // another kubeconfig.
    let second = uid();
    let kubeconfig = project.read("kubeconfig");
    project.remove("kubeconfig");
    project.write("other", kubeconfig);
    let project = project.env("KUBECONFIG", "other");
    let output = project.run(["build", "--force-build"]);
    output.success().stderr_has("removing the builder ours of another kubeconfig, but not its pods");
    assert_eq!(uid(), second);
    project.run(["build", "--force-build"]).success().lacks("removing the builder ours");
}

#[test]
fn a_context_other_than_the_current_one_is_used() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "name: ours, rootless: true");
    let mut kubeconfig: Value = serde_json::from_str(&project.read("kubeconfig")).expect("JSON");
    kubeconfig["current-context"] = "arn:aws/nowhere".into();
    let mut add = |list: &str, kind: &str, entry: Value| {
        let list = kubeconfig[list].as_array_mut().expect("a list");
        list.push(json!({ "name": "arn:aws/nowhere", kind: entry }));
    };
    add("contexts", "context", json!({ "cluster": "arn:aws/nowhere" }));
    add("clusters", "cluster", json!({ "server": "https://127.0.0.1:1" }));
    let kubeconfig = kubeconfig.to_string();
    project.write("kubeconfig", &kubeconfig);
    project.run(["build"]).exits(1).stderr_has("https://127.0.0.1:1");

    let in_test = ["build", "--kube-context", "test", "--force-build"];
    project.run(in_test).success().stderr_has("creating the builder ours");
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
    assert!(pods(&cluster.cluster, "ours0").is_some());
    project.run(in_test).success().lacks("removing the builder ours");
    assert_eq!(copies(&project), 0);

    // The default path works as well.
    project.remove("kubeconfig");
    let home = project.path("../home/.kube");
    std::fs::create_dir(&home).expect("a directory can be created");
    std::fs::write(home.join("config"), kubeconfig).expect("a file can be written");
    let project = project.env("KUBECONFIG", "");
    project
        .run(in_test)
        .success()
        .stderr_has("removing the builder ours of another kubeconfig, but not its pods");

    // So do several files, of which the first sets the current context, and relative paths.
    project.write(
        "current",
        json!({ "apiVersion": "v1", "kind": "Config", "current-context": "test" }).to_string(),
    );
    let project = project.env("KUBECONFIG", "current:../home/.kube/config");
    project.run(["build", "--force-build"]).success();
    project.run(["build", "--force-build"]).success().lacks("removing the builder ours");
    assert_eq!(copies(&project), 0);
}

/// The number of kubeconfig copies in the directory where buildx records its builders.
fn copies(project: &Project) -> usize {
    let folder =
        std::fs::read_dir(project.docker_config_path().with_file_name("buildx")).expect("a directory");
    let names = folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("context") && name.ends_with(".json")).count()
}

#[test]
fn images_built_in_the_cluster_without_push_are_loaded_into_the_daemon() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository("", "api");
    let project = project(&cluster, &api, "rootless: true");
    // Nothing is built for a missing daemon.
    project.run(["build", "--skip-push"]).exits(1).stderr_has("daemon").lacks("builder");

    let project = project.daemon(&cluster.daemon);
    project.run(["build", "--skip-push", "--result", "result.json"]).success();
    assert_eq!(cluster.daemon.tags(&api), ["one", "two"]);
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/a.txt"), "hello");
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/made"), "made\n");
    project.run(["build", "--skip-push"]).success().stderr_has("1 skipped");
    // An image that was removed is built again.
    cluster.daemon.docker(["image", "rm", "--force", &format!("{api}:one"), &format!("{api}:two")]);
    project.run(["build", "--skip-push"]).success().stderr_has("1 built");
    assert_eq!(cluster.daemon.tags(&api), ["one", "two"]);
}

#[test]
fn dockers_credentials_are_used_and_a_failing_step_is_shown() {
    let Some(registry) = Registry::with_login() else { return };
    let Some(cluster) = BuildxCluster::with(registry) else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "rootless: true");
    let output = project.run(["build"]);
    output.exits(1).stderr_has("registry::unauthorized").stderr_has("windlass login");
    let project = project.docker_config(cluster.registry.docker_config());
    project.run(["build"]).success();
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);

    project.write(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"echo no rule; exit 2\"]\n",
    );
    let output = project.run(["build"]);
    output.exits(1).stderr_has("stage::build::step_failed").stderr_has("Dockerfile:3").stderr_has("no rule");
}

#[test]
fn a_builder_that_does_not_start_is_explained_and_removed() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "rootless: true").limit(LIMIT);
    let fitting = project.read("devspace.yaml");
    project.write("devspace.yaml", fitting.replace(&BuildxCluster::image(), "127.0.0.1:1/none:1"));
    let output = project.run(["build"]);
    output
        .exits(1)
        .stderr_has("stage::build::no_builder")
        .stderr_has("its image cannot be pulled")
        .stderr_has("`inCluster.image`");
    wait_for("the removal of the builder", LIMIT, || cluster.builders().is_empty().then_some(()));

    // An image without buildkitd.
    project.write("devspace.yaml", fitting.replace(&BuildxCluster::image(), &cluster.daemon.base()));
    let output = project.run(["build"]);
    output.exits(1).stderr_has("BuildKit does not start in its pod").stderr_has("inCluster.rootless");

    project.write("devspace.yaml", &fitting);
    cluster.cluster.limit(&json!({ "pods": "0" }));
    let output = project.run(["build"]);
    output.exits(1).stderr_says("the cluster rejects its pod").stderr_has("exceeded quota");
}

#[test]
fn missing_permissions_of_a_user_are_named() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "rootless: true");
    project.write("kubeconfig", cluster.cluster.kubeconfig_as("test", &json!({ "as": "nobody" })));
    let output = project.run(["build"]);
    output
        .exits(1)
        .stderr_has("stage::build::no_builder")
        .stderr_says("get permission to `get` `deployments`");
    let namespace = cluster.cluster.namespace();
    output.stderr_has(format!("in the namespace \"{namespace}\""));
}
