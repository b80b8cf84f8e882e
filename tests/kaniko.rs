//! Building in pods on a real node: the pushed images, the effects of all options, and the report of each failure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::{Value, json};

use crate::harness::{
    BuildCluster, Cluster, Output, PASSWORD, Project, Registry, Running, Signal, TestRepository, wait_for,
};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A configuration with the image `api` in `repository`, built with these `fields` of kaniko and of the image.
fn config(repository: &TestRepository, kaniko: &str, image: &str) -> String {
    format!(
        "version: v2beta1\nimages:\n  api:\n    image: {repository}\n    tags: [one, two]\n    kaniko: {{insecure: true, \
         {kaniko}}}\n{image}"
    )
}

/// A project whose image contains a file and the output of a step.
fn project(cluster: &BuildCluster, repository: &TestRepository, kaniko: &str) -> Project {
    cluster
        .project()
        .file("devspace.yaml", config(repository, kaniko, ""))
        .file("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nCOPY a.txt /\nRUN [\"/bin/sh\", \"-c\", \"echo made > /made\"]\n")
        .file("a.txt", "hello")
}

/// Asserts that the build pods in a namespace are deleted or being deleted.
#[track_caller]
fn has_no_pod(cluster: &BuildCluster) {
    assert_eq!(cluster.cluster.pods(), Vec::<String>::new());
}

#[test]
fn a_pod_builds_and_pushes_and_is_removed() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api, "");
    let output = project.run(["build", "--result", "result.json"]);
    output.success();
    let place = format!("building with kaniko in the namespace {} of test", cluster.cluster.namespace());
    output.stderr_has(place).stderr_has("RUN [").lacks("Taking snapshot");
    let called = format!(
        "--context=dir:///context --destination={api}:one --destination={api}:two --snapshotMode=time --insecure \
         --skip-tls-verify --digest-file=/dev/termination-log"
    );
    output.stderr_has(called);
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    assert_eq!(result["images"][0]["digest"].as_str(), cluster.registry.digest(&api, "one").as_deref());
    assert_eq!(result["images"][0]["pushed"], true);
    has_no_pod(&cluster);
    assert_eq!(
        cluster.cluster.list::<Secret>().iter().filter(|secret| secret.metadata.labels.is_some()).count(),
        0
    );

    // The image matches the Dockerfile.
    let image = format!("{}/{}:one", cluster.registry.address(), api.path());
    cluster.daemon.docker(["pull", &image]);
    assert_eq!(cluster.daemon.file(&image, "/a.txt"), "hello");
    assert_eq!(cluster.daemon.file(&image, "/made"), "made\n");
    cluster.daemon.docker(["image", "rm", "--force", &image]);

    // Nothing changed: no server is contacted.
    project.run(["build"]).success().stderr_has("1 skipped").lacks("kaniko");
    project.write("a.txt", "changed");
    project.run(["build"]).success().stderr_has("a.txt changed");
}

#[test]
fn permission_bits_reach_the_image() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = cluster
        .project()
        .file("devspace.yaml", config(&api, "", ""))
        .file("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nCOPY . /x/\n")
        .file(".dockerignore", "*\n!src\n!busybox\n");
    // The buildah that replaces kaniko here keeps no setuid.
    let modes = [("key", 0o600), ("tool", 0o751), ("shut", 0o700), ("sticky", 0o1777)];
    for (path, mode) in modes {
        let file =
            if mode == 0o700 || mode == 0o1777 { format!("src/{path}/f") } else { format!("src/{path}") };
        project.write(file, path);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(project.path("src").join(path), mode).expect("set");
    }
    project.run(["build"]).success();
    let image = format!("{}/{}:one", cluster.registry.address(), api.path());
    cluster.daemon.docker(["pull", &image]);
    let tree = crate::harness::ImageTree::of_daemon(&cluster.daemon, &image).tree;
    for (path, mode) in modes {
        let line = &tree[&format!("x/src/{path}")];
        assert!(line.contains(&format!(" {mode:o} ")), "{path}: {line}");
    }
    cluster.daemon.docker(["image", "rm", "--force", &image]);
}

/// The text of the guide between the first `begin` and the next end of a block.
fn block(begin: &str) -> &'static str {
    let (_, guide) = include_str!("../examples/cluster/README.md")
        .split_once("## Build in a cluster\n")
        .expect("the guide");
    let (_, text) = guide.split_once(begin).expect("a block");
    text.split_once("```").expect("the block's end").0
}

#[test]
fn the_guide_shows_the_actual_output() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let (api, namespace) = (cluster.repository("api"), cluster.cluster.namespace());
    let config = block("```yaml\n")
        .replace("registry.example/shop/api", &api.to_string())
        .replace("kaniko:\n", "kaniko:\n      insecure: true\n")
        .replace("namespace: builds", &format!("namespace: {namespace}"))
        .replace("pool: builds", "kubernetes.io/os: linux");
    let project = cluster
        .project()
        .file("devspace.yaml", format!("version: v2beta1\n{config}"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file(".dockerignore", "*\n!a.txt\n")
        .file("a.txt", "hello");
    let (plan, build) =
        block("```console\n$ windlass plan\n").split_once("$ windlass build\n").expect("both");
    let planned = project.run(["plan"]).success().stdout.clone();
    let built = project.run(["build"]).success().stderr.clone();
    assert_eq!(planned.lines().count(), plan.lines().count(), "{planned}");
    // Hashes, of which the guide shows the beginning, tags and times vary from run to run.
    let hash = regex::Regex::new(r"[0-9a-f]+\\\.\\\.\\\.").expect("a pattern");
    for (shown, printed) in [(plan, planned), (build, built)] {
        let mut lines = printed.lines();
        for line in shown.lines() {
            let line = line.replace("registry.example/shop/api", &api.to_string());
            let line = line.replace("builds of prod", &format!("{namespace} of test"));
            let pattern = regex::escape(&line);
            let pattern = hash.replace_all(&pattern, "[0-9a-f]+").replace("Xk3qa", r"\w{5}");
            let pattern = regex::Regex::new(&format!("^{}$", pattern.replace(r"8\.4s", r"[\d.]+m?s")))
                .expect("a pattern");
            assert!(lines.any(|line| pattern.is_match(line)), "no `{line}`, at its place, in\n{printed}");
        }
    }
}

#[test]
fn insecure_registries_of_kaniko_apply_to_windlass() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let print = "fn after_build(project, results) { print(`digest ${image_digest(\"API:one\")}`); }\n";
    let project = project(&cluster, &api, "").file("windlass.rhai", print.replace("API", &api.to_string()));
    let digest = |output: &Output| {
        output
            .success()
            .stderr_has(format!("digest {}", cluster.registry.digest(&api, "one").expect("it is pushed")));
    };
    digest(&project.run(["build", "--debug"]).lacks("cannot check the permission to push").clone());
    // The existing image gets another tag.
    let again = project.run(["build", "-t", "three"]);
    digest(again.lacks("starting kaniko"));
    assert_eq!(cluster.registry.digest(&api, "three"), cluster.registry.digest(&api, "one"));

    // A script can set it as well.
    let plan = "fn plan(image) {\n    let image = image.with_kaniko(#{ insecure: true });\n    plan_image(image, \
                dockerfile(image), context(image))\n}\n";
    project.write("windlass.rhai", project.read("windlass.rhai") + plan);
    project.write("devspace.yaml", project.read("devspace.yaml").replace("insecure: true, ", ""));
    let scripted = project.run(["build", "--debug", "--force-build"]);
    digest(scripted.lacks("cannot check the permission to push"));
}

#[test]
fn the_context_arrives_as_with_docker() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    // Incompressible, and larger than the buffers on the way.
    let mut random = fastrand::Rng::with_seed(1);
    let big: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(24 << 20).collect();
    let project = cluster
        .project()
        .file("devspace.yaml", config(&api, "", "    dockerfile: docker/Dockerfile\n"))
        .file("docker/Dockerfile", "FROM scratch\nCOPY . /all/\nCOPY busybox /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"sha256sum /all/big\"]\n")
        .file("Dockerfile", "an innocent file\n")
        .file(".dockerignore", "*.log\n!keep.log\nkubeconfig\nsecret/\n")
        .file("a.log", "ignored")
        .file("keep.log", "kept")
        .file("secret/key", "ignored")
        .executable("run.sh", "#!/bin/sh\n")
        .symlink("link", "run.sh")
        .file("big", &big)
        // A cluster that is not on this machine gets the context compressed.
        .file("kubeconfig", cluster.far_kubeconfig());
    let output = project.run(["build"]);
    output.success().stderr_has("sending context");
    let digest = project.run_program("sha256sum", ["big"]).success().stdout[..64].to_owned();
    output.stderr_has(digest);

    let image = format!("{}/{}:one", cluster.registry.address(), api.path());
    cluster.daemon.docker(["pull", &image]);
    let exported = cluster
        .daemon
        .run(&image, &["/bin/sh", "-c", "cd /all; ls -A; ls -l run.sh; readlink link; cat Dockerfile"]);
    cluster.daemon.docker(["image", "rm", "--force", &image]);
    let (files, rest) = exported.split_once("-rwx").expect("an executable file");
    let files: Vec<_> = files.lines().collect();
    assert_eq!(
        files,
        [
            ".dockerignore",
            "Dockerfile",
            "big",
            "busybox",
            "devspace.yaml",
            "docker",
            "keep.log",
            "link",
            "run.sh"
        ]
    );
    assert!(rest.ends_with("run.sh\nrun.sh\nan innocent file\n"), "{rest}");
}

#[test]
fn arguments_target_and_base_mean_the_same_as_for_docker() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let (api, base) = (cluster.repository("api"), cluster.repository("base"));
    let here = format!("{}/{}:1", cluster.registry.address(), base.path());
    cluster.daemon.docker(["tag", &cluster.daemon.base(), &here]);
    cluster.daemon.docker(["push", &here]);
    cluster.daemon.docker(["image", "rm", &here]);
    let image = "    target: middle\n    buildArgs: {NAME: \"it's $HOME\", COUNT: 2}\n";
    let dockerfile = format!(
        "FROM {base}:1 AS first\nFROM first AS middle\nARG NAME\nARG COUNT\nRUN echo \"got $NAME $COUNT\"\nFROM middle\nRUN \
         echo never\n"
    );
    let project = cluster
        .project()
        .file(
            "devspace.yaml",
            config(&api, "cache: true, args: [--insecure-pull, --skip-tls-verify-pull]", image),
        )
        .file("Dockerfile", dockerfile);
    let output = project.run(["build"]);
    output.success().stderr_has("got it's $HOME 2").lacks("echo never");
    output.stderr_has("--target=middle --snapshotMode=time");
    output.stderr_has(format!(
        "--cache=true --cache-repo={api} --digest-file=/dev/termination-log --insecure-pull"
    ));
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
}

#[test]
fn a_failing_step_is_shown_with_its_last_output() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api, "").file(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"echo it does not compile; exit 3\"]\n",
    );
    let output = project.run(["build"]);
    output.exits(1).stderr_has("failed with exit code 3").stderr_has("stage::build::step_failed");
    output.stderr_has("the end of its output").stderr_has("it does not compile").stderr_has("Dockerfile:3");
    assert!(cluster.registry.tags(&api).is_empty());
    has_no_pod(&cluster);
}

/// Fails with `code` and every one of `words`, and leaves no pod.
#[track_caller]
fn fails(cluster: &BuildCluster, project: &Project, code: &str, words: &[&str]) {
    let output = project.run(["build", "--force-build"]);
    output.exits(1).stderr_has(code);
    // Lines wrap at the width of the terminal.
    let flat = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in words {
        assert!(flat.contains(text), "no `{text}` in {output}");
    }
    has_no_pod(cluster);
}

#[test]
fn causes_that_prevent_a_pod_start_are_reported_immediately() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    // Nothing listens on that port.
    let missing = "127.0.0.1:1/none:1";
    let kaniko = project(&cluster, &api, "").env("WINDLASS_KANIKO_IMAGE", missing);
    fails(
        &cluster,
        &kaniko,
        "kaniko::image_pull",
        &["no node can pull `127.0.0.1:1/none:1`", "choose another image with `image`"],
    );
    let init = project(&cluster, &api, "").env("WINDLASS_KANIKO_INIT_IMAGE", missing);
    fails(&cluster, &init, "kaniko::image_pull", &["choose another image with `initImage`"]);
    let selector = project(&cluster, &api, "nodeSelector: {disk: none}");
    fails(
        &cluster,
        &selector,
        "kaniko::unschedulable",
        &["build pod is unschedulable", "nodes are available"],
    );
    let key = project(&cluster, &api, "envFrom: {KEY: {secretKeyRef: {name: nowhere, key: k}}}");
    fails(&cluster, &key, "kaniko::container", &["`kaniko` of the build pod did not start", "nowhere"]);
    let kaniko = project(&cluster, &api, "command: [/none]");
    fails(&cluster, &kaniko, "kaniko::container", &["`kaniko` of the build pod did not start", "/none"]);
}

#[test]
fn reports_out_of_memory() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api, "resources: {limits: {memory: 12Mi}}");
    let project =
        project.file("Dockerfile", "FROM scratch\nCOPY busybox big /\n").file("big", vec![7; 64 << 20]);
    fails(&cluster, &project, "kaniko::out_of_memory", &["ran out of memory", "its limit is 12Mi"]);
}

#[test]
fn credentials_reach_the_pod_and_are_removed_with_it() {
    let Some(registry) = Registry::with_login() else { return };
    let Some(cluster) = BuildCluster::with(registry) else { return };
    let api = cluster.repository("api");
    let docker = cluster.registry.docker_config().replace(&cluster.registry.address(), &cluster.address());
    let project = project(&cluster, &api, "").docker_config(&docker);
    project.run(["build"]).success().lacks(PASSWORD);
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
    let own = || {
        let secrets = cluster.cluster.list::<Secret>();
        secrets
            .into_iter()
            .filter(|secret| secret.type_.as_deref() == Some("kubernetes.io/dockerconfigjson"))
            .count()
    };
    wait_for("the deletion of the secret", LIMIT, || (own() == 0).then_some(()));

    // Without credentials the registry rejects the push, and the message has a hint.
    let opted_out = project.file("devspace.yaml", config(&api, "skipPullSecretMount: true", ""));
    fails(
        &cluster,
        &opted_out,
        "kaniko::failed",
        &["failed to push to destination", "`windlass login REGISTRY`"],
    );
    let unwanted = opted_out.file("devspace.yaml", config(&api, "", "    createPullSecret: false\n"));
    fails(&cluster, &unwanted, "kaniko::failed", &["failed to push to destination"]);

    // With the credentials of an existing secret.
    let named = unwanted.file("devspace.yaml", config(&api, "pullSecret: mine", "")).docker_config("{}");
    cluster.cluster.apply_secret(
        "mine",
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": docker },
        }),
    );
    named.run(["build", "--force-build"]).success();
    assert_eq!(own(), 1);
}

/// Waits until a build pod runs its container `kaniko`; returns the pod.
#[track_caller]
fn running_pod(cluster: &BuildCluster) -> Pod {
    wait_for("a pod that builds", LIMIT, || {
        cluster.cluster.list::<Pod>().into_iter().find(|pod| {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.clone());
            let mut states = statuses.into_iter().flatten().filter_map(|status| status.state);
            states.any(|state| state.running.is_some())
        })
    })
}

/// A build that runs until it is stopped and has reached its long step.
#[track_caller]
fn long_build(project: &Project) -> Running {
    project.write(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"echo now waiting; sleep 600\"]\n",
    );
    let running = project.spawn(["build"]);
    running.wait_for_text("now waiting");
    running
}

#[test]
fn every_option_reaches_the_pod_and_ctrl_c_leaves_no_pod() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    cluster.cluster.create_account("builder", &[]);
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "stringData": { "c": "x" } });
    cluster.cluster.apply_secret("aws", secret);
    let options = "labels: {team: a}, annotations: {note: b}, serviceAccount: builder, generateName: 'mine-', nodeSelector: \
         {kubernetes.io/os: linux}, tolerations: [{key: builds, operator: Exists}], initEnv: {A: '1'}, env: {B: '2'}, \
         envFrom: {C: {secretKeyRef: {name: aws, key: c}}}, additionalMounts: [{secret: {name: aws, items: [{key: c, path: \
         cc, mode: 0400}]}, mountPath: /aws, readOnly: true}], resources: {requests: {cpu: 1m}, limits: {memory: 1Gi}}";
    let project = project(&cluster, &api, options);
    let running = long_build(&project);
    let pod = serde_json::to_value(running_pod(&cluster)).expect("JSON");
    let at = |pointer: &str| pod.pointer(pointer).cloned().unwrap_or(Value::Null);
    for (pointer, expected) in [
        ("/metadata/labels/team", json!("a")),
        ("/metadata/labels/app.kubernetes.io~1managed-by", json!("windlass")),
        ("/metadata/annotations/note", json!("b")),
        ("/spec/serviceAccountName", json!("builder")),
        ("/spec/restartPolicy", json!("Never")),
        ("/spec/nodeSelector", json!({ "kubernetes.io/os": "linux" })),
        ("/spec/tolerations/0/key", json!("builds")),
        ("/spec/initContainers/0/env/0", json!({ "name": "A", "value": "1" })),
        ("/spec/containers/0/env/0", json!({ "name": "B", "value": "2" })),
        ("/spec/containers/0/env/1/valueFrom/secretKeyRef/name", json!("aws")),
        ("/spec/containers/0/volumeMounts/1/mountPath", json!("/aws")),
        ("/spec/volumes/1/secret/items/0/mode", json!(0o400)),
        ("/spec/containers/0/resources/requests/cpu", json!("1m")),
        ("/spec/containers/0/resources/limits/memory", json!("1Gi")),
    ] {
        assert_eq!(at(pointer), expected, "{pointer}");
    }
    let name = at("/metadata/name");
    assert!(name.as_str().is_some_and(|name| name.starts_with("mine-")), "{name}");

    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    assert!(cluster.cluster.list::<Pod>().is_empty());
    // The node also stops the running containers.
    let filter = format!("label=io.kubernetes.pod.name={}", name.as_str().unwrap_or_default());
    wait_for("the end of the containers", Duration::from_secs(30), || {
        cluster.daemon.docker(["ps", "--quiet", "--filter", &filter]).trim().is_empty().then_some(())
    });
    assert!(!project.path(".windlass/pods").read_dir().expect("a directory").any(|entry| entry.is_ok()));
}

/// Pod specifications do not contain passwords, and the build gets every value exactly as written.
#[test]
fn secret_build_arguments_reach_kaniko_and_not_the_pod() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let image = "    buildArgs: {TOKEN: '${TOKEN}', OUTSIDE: , PRICE: 'a$$b'}\nvars:\n  TOKEN: {password: true, source: env}\n";
    let step = "[ \\\"$TOKEN\\\" = 'hunter2 secret' ] && [ \\\"$OUTSIDE\\\" = from-outside ] && [ \\\"$PRICE\\\" = 'a$$b' ]";
    let dockerfile = format!(
        "FROM scratch\nCOPY busybox /bin/sh\nARG TOKEN\nARG OUTSIDE\nARG PRICE\nRUN [\"/bin/sh\", \"-c\", \"{step} && echo now \
         waiting && sleep 600\"]\n"
    );
    let project = project(&cluster, &api, "")
        .file("devspace.yaml", config(&api, "env: {LOGIN: 'ann:${TOKEN}'}", image))
        .file("Dockerfile", dockerfile)
        .env("TOKEN", "hunter2 secret")
        .env("OUTSIDE", "from-outside");
    let running = project.spawn(["build"]);
    running.wait_for_text("now waiting");
    let pod = serde_json::to_string(&running_pod(&cluster)).expect("JSON");
    assert!(!pod.contains("hunter2") && !pod.contains("from-outside"), "{pod}");
    let own = || {
        let secrets = cluster.cluster.list::<Secret>();
        secrets.into_iter().filter(|secret| secret.metadata.labels.is_some()).count()
    };
    assert_eq!(own(), 1);
    running.signal(Signal::Interrupt);
    running.finish().exits(130).lacks("hunter2");
    has_no_pod(&cluster);
    wait_for("the deletion of the secret", LIMIT, || (own() == 0).then_some(()));
}

#[test]
fn the_next_run_removes_only_the_pod_of_a_killed_run() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let others = |name: &str, labels: Value| {
        let container =
            json!({ "name": "c", "image": BuildCluster::executor(), "command": ["sleep", "600"] });
        cluster.cluster.create::<Pod>(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "containers": [container], "terminationGracePeriodSeconds": 1 },
        }));
    };
    others("somebodys", json!({ "app": "x" }));
    others(
        "another-windlass",
        json!({ "app.kubernetes.io/managed-by": "windlass", "windlass/build": "another-windlass" }),
    );
    let project = project(&cluster, &api, "");
    let running = long_build(&project);
    let pod = running_pod_of(&cluster, "windlass-build-api-");
    running.signal(Signal::Kill);
    running.finish();
    assert!(cluster.cluster.pods().contains(&pod));

    project.write("Dockerfile", "FROM scratch\nCOPY a.txt /\n");
    project.run(["build"]).success().stderr_has(format!("removed the build pod {pod}"));
    let mut left = cluster.cluster.pods();
    left.sort();
    assert_eq!(left, ["another-windlass", "somebodys"]);
}

/// The name of the pod that begins with `prefix`.
#[track_caller]
fn running_pod_of(cluster: &BuildCluster, prefix: &str) -> String {
    let pods = cluster.cluster.pods();
    pods.into_iter().find(|name| name.starts_with(prefix)).expect("the pod exists")
}

#[test]
fn a_deleted_pod_ends_the_build() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api, "");
    let running = long_build(&project);
    let pod = running_pod_of(&cluster, "windlass-build-api-");
    cluster.cluster.delete::<Pod>(&pod);
    running.finish().exits(1).stderr_has("kaniko::deleted").stderr_has(pod);
}

#[test]
fn a_pod_that_exceeds_its_deadline_is_ended_by_the_cluster() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api, "").env("WINDLASS_KANIKO_LIMIT", "20");
    let running = long_build(&project);
    running
        .finish()
        .exits(1)
        .stderr_has("kaniko::evicted")
        .stderr_has("DeadlineExceeded")
        .stderr_has("--kaniko-limit");
    has_no_pod(&cluster);
}

/// Ten images from one Dockerfile, each in a pod.
fn ten(cluster: &BuildCluster, dockerfile: &str) -> (Project, TestRepository) {
    let many = cluster.repository("many");
    let mut config = "version: v2beta1\nimages:\n".to_owned();
    for number in 0..10 {
        config += &format!(
            "  i{number}: {{image: {many}/i{number}, tags: [one], kaniko: {{insecure: true, labels: {{n: i{number}}}}}}}\n"
        );
    }
    let project =
        cluster.project().file("devspace.yaml", config).file("Dockerfile", dockerfile).file("a.txt", "hello");
    (project, many)
}

#[test]
fn ten_images_are_built_a_few_at_a_time() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let (project, many) = ten(&cluster, "FROM scratch\nCOPY a.txt /\n");
    let running = project.spawn(["build", "--max-concurrent-builds", "4"]);
    let tags = |number: usize| cluster.registry.digest_at(&format!("{}/i{number}", many.path()), "one");
    wait_for("ten images", Duration::from_secs(180), || {
        let pods = cluster.cluster.pods().len();
        assert!(pods <= 4, "{pods} pods at once");
        (0..10).all(|number| tags(number).is_some()).then_some(())
    });
    let output = running.finish();
    output.success().stderr_has("10 built");
    let (before, _) = output.stderr.split_once("pushed").expect("images are pushed");
    assert_eq!(before.matches("starting the build pod").count(), 4, "{output}");
    has_no_pod(&cluster);
}

#[test]
fn ctrl_c_in_the_middle_of_ten_images_leaves_no_pod() {
    check_end_of_ten(Signal::Interrupt);
}

#[test]
fn a_closed_terminal_leaves_no_pod() {
    check_end_of_ten(Signal::HangUp);
}

#[track_caller]
fn check_end_of_ten(signal: Signal) {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let dockerfile =
        "FROM scratch\nCOPY busybox /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"echo now waiting; sleep 600\"]\n";
    let (project, _) = ten(&cluster, dockerfile);
    let running = project.spawn(["build", "--max-concurrent-builds", "4"]);
    running.wait_for_text("now waiting");
    running.signal(signal);
    running.finish().exits(130);
    has_no_pod(&cluster);
}

/// A project with kaniko in a cluster that needs no node.
fn without_node(cluster: &Cluster, kaniko: &str, image: &str) -> Project {
    let project = Project::new()
        .file("kubeconfig", cluster.kubeconfig("test"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
        .file(
            "devspace.yaml",
            format!("version: v2beta1\nimages:\n  api:\n    image: r.example/api\n    tags: [one]\n    kaniko: {{{kaniko}}}\n{image}"),
        );
    let kubeconfig = project.path("kubeconfig");
    project.env("KUBECONFIG", kubeconfig)
}

#[test]
fn rejections_of_the_cluster_are_reported_before_a_pod_exists() {
    let Some(cluster) = Cluster::acquire() else { return };
    let namespace = cluster.namespace();
    let check = |project: &Project, code: &str, words: &[&str]| {
        let output = project.run(["build"]);
        output.exits(1).stderr_has(code);
        let flat = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in words {
            assert!(flat.contains(text), "no `{text}` in {output}");
        }
        assert!(cluster.pods().is_empty(), "{output}");
    };
    let missing = format!("the secret `nowhere` does not exist in the namespace `{namespace}`");
    check(&without_node(&cluster, "pullSecret: nowhere", ""), "kaniko::missing", &[&missing, "`pullSecret`"]);
    let mount = "additionalMounts: [{configMap: {name: settings}, mountPath: /x}]";
    check(
        &without_node(&cluster, mount, ""),
        "kaniko::missing",
        &["the config map `settings` does not exist", "`additionalMounts`"],
    );
    check(
        &without_node(&cluster, "namespace: no-such", ""),
        "cluster::no_namespace",
        &["namespace `no-such` not found"],
    );
    let tolerations = "tolerations: [{tolerationSeconds: soon}]";
    check(
        &without_node(&cluster, tolerations, ""),
        "kaniko::bad_option",
        &["cannot create a build pod for `api`"],
    );
    let resources = "resources: {limits: {memory: much}}";
    check(&without_node(&cluster, resources, ""), "cluster::refused", &["cannot create a build pod"]);
    cluster.limit(&json!({ "pods": "0" }));
    check(
        &without_node(&cluster, "", ""),
        "kaniko::quota",
        &["the build pod exceeds the quota", "exceeded quota: none"],
    );

    let nobody = without_node(&cluster, "", "")
        .file("kubeconfig", cluster.kubeconfig_as("test", &json!({ "as": "nobody" })));
    check(
        &nobody,
        "cluster::forbidden",
        &["User \"nobody\" cannot list resource \"pods\"", "permission to `list` `pods`"],
    );
}

#[test]
fn a_quota_that_requires_limits_suggests_the_key_for_them() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.limit(&json!({ "limits.memory": "64Gi" }));
    let output = without_node(&cluster, "", "").run(["build"]);
    output.exits(1).stderr_has("kaniko::no_limits").stderr_has("must specify limits.memory");
    output.stderr_has("`kaniko.resources`");
    assert!(cluster.pods().is_empty(), "{output}");
}

#[test]
fn unsupported_kaniko_options_are_errors_before_the_build() {
    let Some(cluster) = Cluster::acquire() else { return };
    let network = without_node(&cluster, "", "    network: host\n");
    network
        .run(["build"])
        .exits(1)
        .stderr_has("kaniko::unfit")
        .stderr_says("no equivalent of `network: host`");
    let project = without_node(&cluster, "", "");
    project
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("kaniko::skip_push")
        .stderr_has("(`--skip-push`)");
    let configured = without_node(&cluster, "", "    skipPush: true\n");
    configured.run(["build"]).exits(1).stderr_has("kaniko::skip_push").stderr_has("(`skipPush`)");
    assert!(cluster.pods().is_empty());
}

#[test]
fn a_plan_shows_the_pod_and_creates_none() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = without_node(&cluster, "namespace: builds", "");
    let output = project.run(["plan"]);
    output.success().stdout_has("builder  kaniko").stdout_has("push     r.example/api:one");
    output.stdout_has("run      build api with kaniko in the namespace builds of test");
    let plan: Value = serde_json::from_str(&project.run(["plan", "--json"]).success().stdout).expect("JSON");
    assert_eq!(plan["images"][0]["effects"][0]["kind"], "build_in_cluster");
    assert!(cluster.pods().is_empty());
}
