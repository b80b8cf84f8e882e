//! Local clusters: images that are pushed, that are loaded, and that the nodes already have.

use serde_json::json;

use crate::harness::{Cluster, Daemon, IdleDaemon, Project, TestRepository};

/// Records its arguments and the daemon that it was pointed to.
const LOADER: &str = "#!/bin/sh\necho \"${0##*/} $*\" >> said\necho \"host $DOCKER_HOST\" >> said\n";

/// A kubeconfig for a cluster named `name`, at `server`.
fn kubeconfig(name: &str, server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "contexts": [{ "name": name, "context": { "cluster": name } }],
        "clusters": [{ "name": name, "cluster": { "server": server } }],
    })
    .to_string()
}

/// A local server that does not exist.
const NEAR: &str = "https://127.0.0.1:1";

fn project(daemon: &Daemon, repository: &TestRepository, docker: &str, kubeconfig: &str) -> Project {
    let config = format!(
        "version: v1beta9\nimages:\n  app:\n    image: {repository}\n    tags: [one, two]\n    build: {{docker: \
         {docker}}}\n"
    );
    let project = Project::new()
        .daemon(daemon)
        .file("devspace.yaml", config)
        .file("Dockerfile", format!("FROM {}\nCOPY a.txt /\n", daemon.base()))
        .file("a.txt", repository.path())
        .file("kubeconfig", kubeconfig);
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

#[test]
fn images_are_loaded_into_kind_and_k3d_and_not_pushed() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    for (program, words) in
        [("kind", ["load docker-image", "--name"]), ("k3d", ["image import", "--cluster"])]
    {
        let repository = daemon.repository(&registry.address(), program);
        let kubeconfig = kubeconfig(&format!("{program}-dev"), NEAR);
        let project = project(&daemon, &repository, "{}", &kubeconfig).program_on_path(program, LOADER);
        let output = project.run(["build"]);
        let line = format!("loading images into the {program} cluster dev instead of pushing");
        output.success().stderr_has(line).lacks("pushed to");
        let [before, after] = words;
        let expected = format!(
            "{program} {before} {repository}:one {repository}:two {after} dev\nhost {}\n",
            daemon.host()
        );
        assert_eq!(project.read("said"), expected);
        assert!(registry.tags(&repository).is_empty());

        // Unchanged, but the cluster may be a new one: its own command lists the images that it has.
        project.run(["build"]).success().stderr_has("unchanged");
        assert_eq!(project.read("said"), expected.repeat(2));

        // An image that was not pushed is pushed as soon as a push is required.
        project.run(["build", "--skip-push-local-kube=false"]).success().stderr_has("unchanged");
        assert_eq!(registry.tags(&repository), ["one", "two"]);
        // Then the nodes can pull it.
        project.run(["build"]).success();
        assert_eq!(project.read("said"), expected.repeat(2));
    }
}

#[test]
fn images_that_the_local_cluster_cannot_see_are_pushed() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let pushes = |role: &str, docker: &str, kubeconfig: String, arguments: &[&str]| {
        let repository = daemon.repository(&registry.address(), role);
        let project = project(&daemon, &repository, docker, &kubeconfig).program_on_path("k3d", LOADER);
        let output = project.run([&["build"], arguments].concat());
        output.success();
        assert_eq!(registry.tags(&repository), ["one", "two"], "{role}: {output}");
        assert!(!project.path("said").exists());
        output
    };
    let kind = || kubeconfig("kind-dev", NEAR);
    let output = pushes("missing", "{}", kind(), &[]);
    output.stderr_has("cannot load images into the kind cluster dev: `kind` is not installed");
    output.stderr_has("pushing images although the kind cluster dev (context kind-dev) is local");

    pushes("far", "{}", kubeconfig("k3d-dev", "https://cluster.example.com"), &[]).lacks("k3d");
    pushes("other", "{}", kubeconfig("prod", NEAR), &[]).lacks("prod");
    pushes("flag", "{}", kubeconfig("k3d-dev", NEAR), &["--skip-push-local-kube=false"]).lacks("k3d");
    pushes("prefer", "{preferMinikube: false}", kubeconfig("k3d-dev", NEAR), &[]).lacks("k3d");
    // Such a cluster is down, and runs its own containers when it is up.
    pushes("down", "{}", kubeconfig("docker-desktop", NEAR), &[])
        .stderr_has("pushing images although docker-desktop");
    // An invalid kubeconfig does not affect a build that does not need it.
    pushes("wrong", "{}", "contexts: {".to_owned(), &[]).lacks("kubeconfig");
}

#[test]
fn images_assembled_without_a_daemon_reach_kind_through_one() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "kind-oci");
    let project = project(&daemon, &repository, "{}", &kubeconfig("kind-dev", NEAR))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .program_on_path("kind", LOADER);
    let build = |project: &Project| {
        let output = project.run(["build", "--builder", "oci", "--progress", "plain"]);
        output.success();
        output
    };
    build(&project).stderr_has("loaded into the Docker daemon").lacks("pushed to");
    let expected = format!(
        "kind load docker-image {repository}:one {repository}:two --name dev\nhost {}\n",
        daemon.host()
    );
    assert_eq!(project.read("said"), expected);
    assert_eq!(daemon.tags(&repository), ["one", "two"]);
    assert!(registry.tags(&repository).is_empty());
    build(&project).stderr_has("unchanged");
    assert_eq!(project.read("said"), expected.repeat(2));

    // Without a daemon the image cannot be loaded into the nodes: they pull it.
    let project = project.env("DOCKER_HOST", "unix:///no/daemon.sock");
    build(&project)
        .stderr_has("unchanged")
        .stderr_has("pushing instead of loading into the cluster: no Docker daemon");
    assert_eq!(registry.tags(&repository), ["one", "two"]);
    assert_eq!(project.read("said"), expected.repeat(2));
}

#[test]
fn a_failed_load_is_an_error() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    let failing = "#!/bin/sh\necho 'ERROR: no nodes found for cluster \"dev\"' >&2\nexit 1\n";
    let project =
        project(&daemon, &repository, "{}", &kubeconfig("kind-dev", NEAR)).program_on_path("kind", failing);
    let output = project.run(["build"]);
    output.exits(1).stderr_has("cannot load `app` into the kind cluster dev: `kind` failed with exit code 1");
    output.stderr_has("no nodes found for cluster").stderr_has("--skip-push-local-kube=false");
}

#[test]
fn a_cluster_in_the_build_daemon_needs_no_load() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let facts = daemon.docker(["info", "--format", "{{.Name}} {{.KernelVersion}}"]);
    let (name, kernel) = facts.trim().split_once(' ').expect("two facts");
    let kubeconfig = cluster.kubeconfig("docker-desktop");
    let tags = |role: &str, script: &str| {
        let repository = daemon.repository(&registry.address(), role);
        let project = project(&daemon, &repository, "{}", &kubeconfig).file("windlass.rhai", script);
        let output = project.run(["build"]);
        output.success();
        (registry.tags(&repository), output)
    };

    // A real node runs in the daemon, so only its name is changed; without one, a node is registered.
    let renamed = cluster.rename_node(name);
    let is_real = renamed.is_some();
    let node = (!is_real).then(|| cluster.register_node(name, "docker://20.10.24", kernel));
    let facts = "fn before_build(project) {\n    let found = cluster();\n    print(`${found} ${found.namespace} \
                 ${found.is_local} ${found.platforms}`);\n}\n";
    let (pushed, output) = tags("shared", facts);
    assert!(pushed.is_empty(), "{output}");
    output.stderr_has("nothing is pushed: docker-desktop runs in the build daemon");
    let line = format!("cluster docker-desktop {} true [\"linux/amd64\"]", cluster.namespace());
    output.stderr_has(line);
    drop((node, renamed));

    if !is_real {
        let node = cluster.register_node(name, "containerd://1.7.2", kernel);
        let (pushed, output) = tags("containerd", "");
        assert_eq!(pushed, ["one", "two"], "{output}");
        drop(node);
    }

    let node = cluster.register_node("another", "docker://20.10.24", kernel);
    let (pushed, output) = tags("another", "");
    assert_eq!(pushed, ["one", "two"], "{output}");
    output.stderr_has("its nodes do not use the build daemon");
    drop(node);
}

#[test]
fn minikube_names_its_daemon() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "work",
        "contexts": [{ "name": "work", "context": { "cluster": "work" } }],
        "clusters": [{ "name": "work", "cluster": {
            "server": NEAR,
            "extensions": [{ "name": "cluster_info", "extension": { "provider": "minikube.sigs.k8s.io" } }],
        } }],
    })
    .to_string();
    let minikube = format!(
        "#!/bin/sh\necho \"minikube $*\" >> said\n[ $1 = docker-env ] || exit 0\necho DOCKER_TLS_VERIFY=\necho \
         DOCKER_HOST={}\necho MINIKUBE_ACTIVE_DOCKERD=work\n",
        daemon.host()
    );
    let project_of = |repository: &TestRepository, docker: &str| {
        let project =
            project(&daemon, repository, docker, &kubeconfig).program_on_path("minikube", &minikube);
        project.env("DOCKER_HOST", "unix:///no/daemon.sock")
    };
    let repository = daemon.repository(&registry.address(), "app");
    let built = project_of(&repository, "{}");
    let output = built.run(["build"]);
    // The cluster does not report that it has the image, so windlass loads it.
    output.success().stderr_has("loading images into the minikube profile work");
    let expected = format!(
        "minikube docker-env --shell none --profile work\nminikube image load {repository}:one {repository}:two \
         --profile work\n"
    );
    assert_eq!(built.read("said"), expected);
    assert_eq!(daemon.tags(&repository), ["one", "two"]);
    assert!(registry.tags(&repository).is_empty());

    let elsewhere = project_of(&repository, "{preferMinikube: false}");
    elsewhere.run(["build"]).exits(1).stderr_has("/no/daemon.sock");
    assert!(!elsewhere.path("said").exists());

    let stopped = "#!/bin/sh\necho 'X The control plane node must be running' >&2\nexit 83\n";
    let stopped = project_of(&repository, "{}").program_on_path("minikube", stopped).daemon(&daemon);
    let output = stopped.run(["build"]);
    output
        .exits(1)
        .stderr_has("`minikube docker-env` failed: exit code 83: X The control plane node must be");
}

#[test]
fn cluster_properties_need_no_responsive_cluster() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages: {}\n")
        .file("kubeconfig", kubeconfig("kind-dev", NEAR))
        .file("windlass.rhai", "fn build(project) { let c = cluster(); print(if c == () { \"none\" } else { c.to_string() }); }\n");
    project.run(["build"]).success().stderr_has("none");
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    project.run(["build"]).success().stderr_has("cluster kind-dev");
    let asking = project.file("windlass.rhai", "fn build(project) { cluster().platforms }\n");
    asking.run(["build"]).exits(1).stderr_has("cannot reach the cluster at `https://127.0.0.1:1`");
}

#[test]
fn a_plan_loads_no_image_and_writes_no_secret() {
    let config =
        "version: v1beta9\nimages:\n  app: {image: r.example/app, tags: [one], createPullSecret: true}\n";
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
        .file("kubeconfig", kubeconfig("kind-dev", NEAR))
        .program_on_path("kind", LOADER);
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path).env("DOCKER_HOST", IdleDaemon::start().host());
    let output = project.run(["plan"]);
    output.success().stdout_has("load r.example/app:one into the kind cluster dev").lacks("push ");
    output.stdout_has(
        "create the pull secret devspace-auth-r-example for r.example, used by the service account default",
    );
    assert!(!project.path("said").exists());

    let output = project.run(["plan", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    let effects = plan["images"][0]["effects"].to_string();
    assert!(effects.contains(r#""kind":"load""#) && effects.contains(r#""kind":"pull_secret""#), "{plan}");
}
