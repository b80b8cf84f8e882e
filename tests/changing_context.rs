//! Files that change during a run: those that hooks, scripts and other images write, and those that change between
//! hashing and sending. The image is consistent, and its content is recorded for the next run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::docker_transports::with_docker_cli;
use crate::harness::{
    BuildCluster, BuildxCluster, Daemon, Fault, FaultProxy, ImageTree, Output, Project, Registry,
    TestRepository, wait_for,
};

/// `build` of each builder on this machine, in one line.
const BUILDERS: [(&str, &str); 5] = [
    ("oci", "docker: {}"),
    ("buildkit", "docker: {useBuildKit: true}"),
    ("classic", "docker: {useBuildKit: false}"),
    ("cli-classic", "docker: {useCli: true, useBuildKit: false}"),
    ("cli-buildkit", "docker: {useCli: true, useBuildKit: true}"),
];

/// A project with the image `api`, which contains the files in `c`, and `more` lines of `devspace.yaml`.
fn project(daemon: &Daemon, repository: &TestRepository, build: &str, more: &str) -> Project {
    let mut project = Project::new()
        .daemon(daemon)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta11\nimages:\n  api:\n    image: {repository}\n    tags: [v1]\n    context: c\n    \
                 dockerfile: c/Dockerfile\n    build:\n      {build}\n{more}"
            ),
        )
        .file("c/Dockerfile", "FROM scratch\nCOPY . /x\n")
        .file("c/.dockerignore", "Dockerfile\n.dockerignore\n")
        .file("c/grow", "1")
        .file("c/shrink", "some rather long text")
        .file("c/same", "same");
    if build.contains("useCli") {
        project = with_docker_cli(project);
    }
    project
}

/// The options of a build by `builder` that pushes nothing.
fn options(builder: &str) -> Vec<&'static str> {
    if builder == "oci" {
        vec!["build", "--skip-push", "--builder", "oci"]
    } else {
        vec!["build", "--skip-push"]
    }
}

/// Every file of the image at `/x`, as `name=content`, sorted.
fn files(
    daemon: &Daemon,
    project: &Project,
    builder: &str,
    repository: &TestRepository,
) -> Vec<(String, String)> {
    let reference = format!("{repository}:v1");
    let image = match builder {
        "oci" => ImageTree::of_store(project, &reference),
        _ => ImageTree::of_daemon(daemon, &reference),
    };
    let below =
        image.tree.into_iter().filter_map(|(path, line)| Some((path.strip_prefix("x/")?.to_owned(), line)));
    below.filter(|(_, line)| line.starts_with("file")).collect()
}

/// The same for the files on disk.
fn on_disk(project: &Project) -> Vec<(String, String)> {
    let entries = fs::read_dir(project.path("c")).expect("a directory").flatten();
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| name != "Dockerfile" && name != ".dockerignore")
        .map(|(name, path)| {
            let content = fs::read(&path).expect("a file");
            let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o7777;
            let digest = windlass::image::Digest::of(&content).hex()[..12].to_owned();
            (name, format!("file {mode:o} 0:0 {} {digest}", content.len()))
        })
        .collect();
    files.sort();
    files
}

/// A hook of the image that changes its files in every way.
const HOOK: &str = "hooks:\n- command: 'echo more >> c/grow; echo new > c/new; echo - > c/shrink; chmod 600 c/shrink; printf emas > \
                    c/same'\n  events: ['before:build:api']\n";

#[test]
fn files_of_an_image_hook_are_in_the_image_and_recorded() {
    let Some(daemon) = Daemon::acquire() else { return };
    for (name, build) in BUILDERS {
        let repository = daemon.repository("", "hook-writes");
        let project = project(&daemon, &repository, build, HOOK);
        for round in 0..2 {
            if round > 0 {
                // A later build has hashed the files before the hook ran.
                project.write("c/other", "1");
            }
            let output = project.run(options(name));
            output.success().stderr_has("api | building");
            assert_eq!(files(&daemon, &project, name, &repository), on_disk(&project), "{name}\n{output}");
            project.run(options(name)).success().stderr_has("skipped: unchanged");
        }
    }
}

#[test]
fn files_of_hooks_before_all_images_are_included() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "before-all");
    let hook = "hooks:\n- command: 'mkdir -p c; printf \"FROM scratch\\nCOPY made.txt /x/\\n\" > c/Dockerfile; echo 1 > c/made.txt'\n  \
                events: ['before:build']\n";
    let project = project(&daemon, &repository, BUILDERS[0].1, hook).file(
        "windlass.rhai",
        "import \"scripts/build\" as base;\nfn before_build(project) { base::before_build(project); \
         write_file(\"c/made.txt\", \"written\"); }\n",
    );
    project.remove("c/Dockerfile");
    project.run(options("oci")).success().stderr_has("api | building: never built here");
    let made = files(&daemon, &project, "oci", &repository);
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].0 == "made.txt" && made[0].1.contains(" 7 "), "{made:?}");
    project.run(options("oci")).success().stderr_has("skipped: unchanged");
}

#[test]
fn a_hook_can_write_the_dockerfile_of_its_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "hook-dockerfile");
    let hook = "hooks:\n- command: 'printf \"FROM scratch\\nCOPY same /x/renamed\\n\" > c/Dockerfile'\n  events: \
                ['before:build:api']\n";
    let project = project(&daemon, &repository, BUILDERS[0].1, hook);
    project.run(options("oci")).success();
    let names: Vec<_> =
        files(&daemon, &project, "oci", &repository).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["renamed"]);
    project.run(options("oci")).success().stderr_has("skipped: unchanged");
}

#[test]
fn files_that_one_image_writes_are_inputs_of_the_next() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "image-writes");
    let first = "  a:\n    image: acme/a\n    context: .\n    dockerfile: a.Dockerfile\n  b:\n    image: acme/b\n    build:\n      \
                 custom:\n        command: 'echo more >> c/grow; echo b > c/b'\n        onChange: [a.Dockerfile]\n";
    let project =
        project(&daemon, &repository, BUILDERS[0].1, "").file("a.Dockerfile", "FROM scratch\nCOPY c /c\n");
    let config = project.read("devspace.yaml").replace("images:\n", &format!("images:\n{first}"));
    project
        .write("devspace.yaml", config.replace("context: c\n", "context: .\n").replace("COPY .", "COPY c"));
    project.write("c/Dockerfile", "FROM scratch\nCOPY c /x\n");
    project.write(".dockerignore", "c/Dockerfile\nc/.dockerignore\n");
    project.run(["build", "--skip-push", "--builder", "oci", "--build-sequential"]).success();
    assert_eq!(files(&daemon, &project, "oci", &repository), on_disk(&project));
}

#[test]
fn files_that_a_script_writes_after_planning_are_built() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "script-writes");
    let project = project(&daemon, &repository, BUILDERS[0].1, "").file(
        "windlass.rhai",
        "fn build_or_reuse(image) {\n    let plan = plan(image);\n    if !plan.needs_build { return plan.reuse(); }\n    \
         sh(\"echo more >> c/grow\");\n    write_file(\"c/new\", plan.key);\n    plan.build_with(\"oci\")\n}\n",
    );
    project.run(options("oci")).success();
    assert_eq!(files(&daemon, &project, "oci", &repository), on_disk(&project));
    assert!(project.path("c/new").exists());
    project.run(options("oci")).success().stderr_has("skipped: unchanged");
}

#[test]
fn a_custom_command_that_changes_its_own_files_runs_again() {
    let config = "version: v1beta11\nimages:\n  api:\n    image: acme/api\n    build:\n      custom:\n        command: 'test -e \
                  made || echo x > made'\n        onChange: [made, source]\n";
    let project = Project::new().file("devspace.yaml", config).file("source", "1");
    let build = || project.run(["build", "--skip-push"]).success().clone();
    build().stderr_has("`made` changed while the custom command ran: the next run repeats it");
    // A file that appeared while it ran may or may not have been read.
    build().stderr_has("building: the context changed");
    build().stderr_has("skipped: unchanged");
}

/// A registry that holds a build until it is released: after the files were hashed, before they are sent.
struct Held {
    daemon: Daemon,
    proxy: FaultProxy,
    _registry: Registry,
}

impl Held {
    fn new() -> Option<Self> {
        let (daemon, registry) = Daemon::acquire_with_registry()?;
        let proxy = FaultProxy::before(&registry);
        Some(Self { daemon, proxy, _registry: registry })
    }

    /// Builds, and calls `edit` after the files were hashed and before they are sent.
    fn build(
        &self,
        project: &Project,
        repository: &TestRepository,
        more: &[&str],
        edit: impl FnOnce(),
    ) -> Output {
        let uploads = format!("/v2/{}/blobs/uploads/", repository.path());
        let before = self.proxy.count("POST", &uploads);
        self.proxy.fault(1, "POST", &uploads, Fault::Hold);
        let running = project.spawn([&["build"], more].concat());
        wait_for("the question before the upload", Duration::from_secs(60), || {
            (self.proxy.count("POST", &uploads) > before).then_some(())
        });
        edit();
        self.proxy.release();
        running.finish()
    }
}

#[test]
fn the_record_matches_the_files_that_were_sent() {
    for (name, build) in BUILDERS {
        for is_first in [true, false] {
            let Some(held) = Held::new() else { return };
            let repository = held.daemon.repository(&held.proxy.address(), "sent");
            let project = project(&held.daemon, &repository, build, "");
            let builder: &[&str] = if name == "oci" { &["--builder", "oci"] } else { &[] };
            if !is_first {
                project.run([&["build"], builder].concat()).success();
            }
            project.write("c/other", "needs a build");
            let before = on_disk(&project);
            let output = held.build(&project, &repository, builder, || {
                project.write("c/grow", "grown unnoticed");
                project.write("c/shrink", "s");
                project.write("c/same", "emas");
            });
            output.success();
            let what = format!("{name}, first: {is_first}\n{output}");
            let (built, after) = (files(&held.daemon, &project, name, &repository), on_disk(&project));
            let run = || project.run([&["build"], builder].concat()).success().clone();
            match built == after {
                true => drop(run().stderr_has("skipped: unchanged")),
                // If BuildKit already has the file as announced, it does not request it.
                false => {
                    assert!(!is_first && name == "buildkit" && built == before, "{built:?} {after:?} {what}");
                    run().stderr_has("api | building: grow, same and 1 more file changed");
                }
            }
            assert_eq!(files(&held.daemon, &project, name, &repository), after, "{what}");
            // The state for which the key was computed is not recorded as the state that was built.
            project.write("c/grow", "1");
            project.write("c/shrink", "some rather long text");
            project.write("c/same", "same");
            run();
            assert_eq!(files(&held.daemon, &project, name, &repository), before, "{what}");
        }
    }
}

#[test]
fn a_file_removed_before_sending_is_an_error_or_not_in_the_image() {
    for (name, build) in BUILDERS {
        let Some(held) = Held::new() else { return };
        let repository = held.daemon.repository(&held.proxy.address(), "gone");
        let project = project(&held.daemon, &repository, build, "");
        let builder: &[&str] = if name == "oci" { &["--builder", "oci"] } else { &[] };
        let output = held.build(&project, &repository, builder, || project.remove("c/grow"));
        output.success().stderr_has("building again: cannot send `grow` to the builder");
        assert_eq!(files(&held.daemon, &project, name, &repository), on_disk(&project), "{name}\n{output}");
        project.run(["build"]).success().stderr_has("skipped: unchanged");
    }
}

#[test]
fn files_of_a_hook_reach_builders_in_the_cluster() {
    let in_cluster = |build: &str, repository: &TestRepository, project: Project| {
        project
            .file(
                "devspace.yaml",
                format!(
                    "version: v2beta1\nimages:\n  api:\n    image: {repository}\n    tags: [v1]\n    context: c\n    dockerfile: \
                     c/Dockerfile\n    {build}\n{HOOK}"
                ),
            )
            .file("c/Dockerfile", "FROM scratch\nCOPY . /x\n")
            .file("c/.dockerignore", "Dockerfile\n.dockerignore\n")
            .file("c/grow", "1")
            .file("c/shrink", "some rather long text")
            .file("c/same", "same")
    };
    let check = |project: &Project, daemon: &Daemon, image: &str| {
        let output = project.run(["build"]);
        output.success();
        daemon.docker(["pull", image]);
        let tree = ImageTree::of_daemon(daemon, image).tree;
        let below =
            tree.into_iter().filter_map(|(path, line)| Some((path.strip_prefix("x/")?.to_owned(), line)));
        let built: Vec<_> = below.filter(|(_, line)| line.starts_with("file")).collect();
        daemon.docker(["image", "rm", "--force", image]);
        assert_eq!(built, on_disk(project), "{output}");
        project.run(["build"]).success().stderr_has("skipped: unchanged");
    };
    if let Some(cluster) = BuildCluster::acquire() {
        let api = cluster.repository("hook-writes");
        let project = in_cluster("kaniko: {insecure: true}", &api, cluster.project());
        check(&project, &cluster.daemon, &format!("{}/{}:v1", cluster.registry.address(), api.path()));
    }
    if let Some(cluster) = BuildxCluster::acquire() {
        let api = cluster.daemon.repository(&cluster.registry.address(), "hook-writes");
        let build =
            format!("buildKit: {{inCluster: {{image: '{}', rootless: true}}}}", BuildxCluster::image());
        let project = in_cluster(&build, &api, cluster.project());
        check(&project, &cluster.daemon, &format!("{api}:v1"));
    }
}
