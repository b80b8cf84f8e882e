//! Every directory of `examples/` works as its README describes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};

use crate::harness::{
    Cluster, Daemon, ImageTree, Output, PASSWORD, Project, Registry, Running, Signal, TestRepository, USER,
    answer, helms, leave_out_always, wait_for,
};

/// The examples with a test below.
const TESTED: [&str; 20] = [
    "build-image",
    "ci",
    "cluster",
    "daemonless",
    "debug",
    "dependencies",
    "deploy",
    "dev",
    "entrypoint",
    "from-devspace",
    "git-tags",
    "helm",
    "hook",
    "kustomize",
    "release",
    "shop",
    "tags",
    "testing",
    "variables",
    "variants",
];

/// An example in its own directory, with its images in repositories that no other test uses.
struct Example {
    project: Project,
    commands: Vec<Vec<String>>,
    prefix: String,
    _repositories: Vec<crate::harness::TestRepository>,
}

impl Example {
    /// A copy of `examples/NAME`, in which `images` have their own repositories.
    fn copy(name: &str, daemon: &Daemon, images: &[&str]) -> Self {
        let source = examples().join(name);
        let mut project = Project::new().daemon(daemon);
        // The images keep the names of the README, behind a prefix that only this test uses.
        let parent = daemon.repository("", name);
        let prefix = format!("{parent}/");
        let repositories = images.iter().map(|image| daemon.repository_below(&parent, image)).collect();
        for path in files(&source) {
            let relative = path.strip_prefix(&source).expect("the file is inside").to_owned();
            let mut text = fs::read_to_string(&path).expect("the file can be read");
            if relative.ends_with("devspace.yaml") || relative.ends_with("Dockerfile") {
                for image in images {
                    text = text.replace(&format!(" {image}\n"), &format!(" {prefix}{image}\n"));
                }
            }
            let is_program = fs::metadata(&path).expect("the file exists").permissions().mode() & 0o111 != 0;
            project =
                if is_program { project.executable(relative, text) } else { project.file(relative, text) };
        }
        let commands = commands(&project);
        assert!(!commands.is_empty(), "the README of {name} has no command");
        Self { project, commands, prefix, _repositories: repositories }
    }

    /// Runs the README's command with this number.
    #[track_caller]
    fn run(&self, number: usize) -> Output {
        self.project.run(&self.commands[number]).success().clone()
    }

    fn reference(&self, image: &str, tag: &str) -> String {
        format!("{}{image}:{tag}", self.prefix)
    }

    /// The tags that the daemon has of `image`, sorted.
    fn tags(&self, daemon: &Daemon, image: &str) -> Vec<String> {
        let name = format!("{}{image}", self.prefix);
        let mut tags: Vec<_> = daemon
            .docker(["image", "ls", "--format", "{{.Tag}}", &name])
            .lines()
            .map(str::to_owned)
            .collect();
        tags.sort();
        tags
    }
}

/// The commands that the README of `project` begins with, without the name of the program.
fn commands(project: &Project) -> Vec<Vec<String>> {
    let readme = project.read("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    windlass "));
    let words = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    lines.map(words).collect()
}

/// A copy of `examples/NAME` as it is, for commands that need no daemon.
fn copy_without_daemon(name: &str) -> Project {
    let source = examples().join(name);
    files(&source).into_iter().fold(Project::new(), |project, path| {
        let relative = path.strip_prefix(&source).expect("the file is inside").to_owned();
        project.file(relative, fs::read(&path).expect("the file can be read"))
    })
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the directory can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    // An example that was run in place has left its state there.
    let paths = paths.filter(|path| !path.ends_with(".windlass"));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_example_has_a_readme_and_a_test() {
    let entries = fs::read_dir(examples()).expect("the directory can be read");
    let folders =
        entries.map(|entry| entry.expect("the entry can be read").path()).filter(|path| path.is_dir());
    let mut names: Vec<_> = folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    assert_eq!(names, TESTED, "each example needs a test in this file, and each test its example");
    for name in names {
        let readme = fs::read_to_string(examples().join(&name).join("README.md"));
        let readme = readme.unwrap_or_else(|error| panic!("examples/{name} has no README.md: {error}"));
        assert!(readme.contains("\n    windlass "), "the README of {name} runs nothing");
    }
}

#[test]
fn build_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("build-image", &daemon, &["example/build-image"]);
    example.run(0);
    let tags = example.tags(&daemon, "example/build-image");
    let config = &daemon.inspect(&example.reference("example/build-image", &tags[0]))["Config"];
    assert_eq!(config["Labels"]["app"], "app");
    // The repository is in no registry that accepts a push, and yet this succeeds.
    example.run(1);
    assert_eq!(example.tags(&daemon, "example/build-image"), tags);
}

/// An example that is deployed to a separate namespace. Its image is built from the base image of the tests, and pushed
/// to a registry of the test.
struct ClusterExample {
    project: Project,
    commands: Vec<Vec<String>>,
    cluster: Cluster,
    images: Vec<TestRepository>,
    _daemon: Daemon,
    _registry: Registry,
}

/// The grace period and the start of a probe in the examples, and their values in tests.
const GRACE: &str = "terminationGracePeriodSeconds: 1\n";
const NO_GRACE: &str = "terminationGracePeriodSeconds: 0\n";
const PROBE: &str = "        readinessProbe:\n";
const OFTEN: &str = "        readinessProbe:\n          periodSeconds: 1\n";

impl ClusterExample {
    /// A copy of `examples/NAME` with the images `example/IMAGE`. `None`, with a notice, if something is missing.
    fn copy(name: &str, images: &[&str]) -> Option<Self> {
        let cluster = Cluster::with_node()?;
        let (daemon, registry) = Daemon::acquire_with_registry()?;
        let parent = daemon.repository(&registry.address(), name);
        let repositories = images.iter().map(|image| daemon.repository_below(&parent, image)).collect();
        let source = examples().join(name);
        let project = files(&source).into_iter().fold(Project::new().daemon(&daemon), |project, path| {
            let relative = path.strip_prefix(&source).expect("the file is inside").to_owned();
            let text = fs::read_to_string(&path).expect("the file can be read");
            let text = text.replace("FROM busybox:1.37\n", &format!("FROM {}\n", daemon.base()));
            let is_readme = relative.ends_with("README.md");
            // Pods with a grace period take a minute to end, and are probed every 10 seconds.
            let text = if is_readme { text } else { text.replace(GRACE, NO_GRACE).replace(PROBE, OFTEN) };
            // The variable of the example, or the name of each image.
            let text = text.replace("{default: example}", &format!("{{default: '{parent}'}}"));
            let text = if is_readme { text } else { text.replace(" example/", &format!(" {parent}/")) };
            project.file(relative, text)
        });
        let project = project.file("kubeconfig", cluster.kubeconfig("test")).limit(Duration::from_secs(300));
        let kubeconfig = project.path("kubeconfig");
        let project = project.env("KUBECONFIG", kubeconfig);
        let commands = commands(&project);
        Some(Self { project, commands, cluster, images: repositories, _daemon: daemon, _registry: registry })
    }

    /// Runs the README's command with this number, in the namespace of the test.
    #[track_caller]
    fn run(&self, number: usize) -> Output {
        let namespace = ["-n", self.cluster.namespace()].map(str::to_owned);
        self.project.run(self.commands[number].iter().chain(&namespace)).success().clone()
    }

    /// The images of the pods that are not being deleted.
    fn pod_images(&self) -> Vec<String> {
        self.pods().into_iter().map(|(image, _)| image).collect()
    }

    /// The pods that are not being deleted, each with its image and whether it is ready, sorted.
    fn pods(&self) -> Vec<(String, bool)> {
        let pods = self.cluster.list::<Pod>().into_iter();
        let pods = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let pods = pods.map(|pod| {
            let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
            let is =
                |condition: &str| conditions.iter().any(|is| is.type_ == condition && is.status == "True");
            let container = pod.spec.expect("a pod has a description").containers.remove(0);
            (container.image.expect("a container has an image"), is("Ready"))
        });
        let mut pods: Vec<_> = pods.collect();
        pods.sort();
        pods
    }

    /// Asserts that `count` pods of each image run, with the tag that was built.
    #[track_caller]
    fn runs(&self, count: usize) {
        let pods = self.pods();
        assert_eq!(pods.len(), count * self.images.len(), "{pods:?}");
        assert!(pods.iter().all(|(_, is_ready)| *is_ready), "{pods:?}");
        for image in &self.images {
            let tagged = |(name, _): &&(String, bool)| {
                name.strip_prefix(image.name()).is_some_and(|tag| tag.len() == ":Xk3qZ".len())
            };
            assert_eq!(pods.iter().filter(tagged).count(), count, "{image}: {pods:?}");
        }
    }

    /// Purges with the README's last command: nothing is left.
    #[track_caller]
    fn purge(&self) {
        self.run(self.commands.len() - 1).stderr_has("1 deleted in");
        // The cluster deletes the objects that a deleted object owns after a while.
        wait_for("the end of all pods", LIMIT, || self.pods().is_empty().then_some(()));
        assert!(self.cluster.list::<Service>().is_empty());
    }
}

#[test]
fn deploy() {
    let Some(example) = ClusterExample::copy("deploy", &["shop-api", "shop-web"]) else { return };
    example.run(0).stderr_has("2 built, 2 deployed");
    example.runs(2);
    example.run(0).stderr_has("backend  | kept: unchanged").stderr_has("2 skipped, 2 kept");
    example.run(1).stderr_has("changed Deployment/api (namespace ").stderr_has("): replicas");
    // The output in the README, with the names of the test.
    let shown = example.project.read("README.md");
    let (_, shown) = shown.split_once("backend\napiVersion").expect("the README shows the output");
    let (shown, _) = shown.split_once("```").expect("a block ends");
    let (image, _) = example.pods().swap_remove(0);
    let rendered = example.run(2).stdout.replace(&image, "example/shop-api:FB561");
    let rendered = rendered.replace(NO_GRACE, GRACE).replace(OFTEN, PROBE);
    assert_eq!(rendered.replace(example.cluster.namespace(), "default"), format!("apiVersion{shown}"));
    example.run(3).stderr_has("2 deleted in");
    assert_eq!(example.pods(), []);
    assert!(example.cluster.list::<Service>().is_empty());
}

/// How long to wait for a page.
const LIMIT: Duration = Duration::from_secs(120);

/// A session of `examples/dev`, whose local ports 8080, 8081 and 8082 are others here.
struct DevSession {
    example: ClusterExample,
    ports: [u16; 3],
    running: Running,
}

impl DevSession {
    fn start(example: ClusterExample) -> Self {
        let ports = free_ports();
        let [app, catalog, later] = ports.map(|port| port.to_string());
        for file in ["devspace.yaml", "README.md"] {
            let text = example.project.read(file).replace("- port: 8080", &format!("- port: {app}"));
            let text = text.replace("localhost:8080", &format!("localhost:{app}"));
            example.project.write(file, text.replace("8082", &later).replace("8081", &catalog));
        }
        let namespace = ["-n", example.cluster.namespace()].map(str::to_owned);
        let running = example.project.spawn(example.commands[0].iter().chain(&namespace));
        Self { example, ports, running }
    }

    /// Changes a file in the way that the README describes.
    #[track_caller]
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.example.project.read(file);
        assert!(text.contains(from), "{file} lacks {from:?}");
        self.example.project.write(file, text.replace(from, to));
    }

    /// Runs the command of the README that begins with `echo WORD`.
    #[track_caller]
    fn echo(&self, word: &str) {
        let readme = self.example.project.read("README.md");
        let line = readme.lines().find(|line| line.starts_with(&format!("    echo {word}")));
        let line = line.unwrap_or_else(|| panic!("the README lacks `echo {word}`"));
        self.example.project.run_program("sh", ["-c", line.trim()]).success();
    }

    /// Waits until one of the local ports has a page with `text`.
    #[track_caller]
    fn page_has(&self, port: usize, text: &str) {
        wait_for(&format!("{text:?} on port {port}"), LIMIT, || {
            answer(self.ports[port], "GET / HTTP/1.0\r\n\r\n").filter(|page| page.contains(text))
        });
    }

    /// Waits until the session prints `text`, which the README shows too.
    #[track_caller]
    fn shows(&self, text: &str) {
        let readme = self.example.project.read("README.md");
        assert!(readme.contains(text), "the README lacks {text:?}");
        self.running.wait_for_text(text);
    }
}

/// Ports on which nothing listens, and which contain no number that the example has.
fn free_ports() -> [u16; 3] {
    let is_good = |listener: &TcpListener| {
        let port = listener.local_addr().expect("an address").port().to_string();
        !["8080", "8081", "8082"].iter().any(|part| port.contains(part))
    };
    let any = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let listeners = [(); 3].map(|()| std::iter::repeat_with(any).find(is_good).expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

#[test]
fn dev() {
    let Some(example) = ClusterExample::copy("dev", &["dev-app", "dev-catalog"]) else { return };
    let session = DevSession::start(example);
    let [app, catalog, later] = [0, 1, 2];
    session.page_has(app, "<h1>Hello</h1>");
    session.page_has(catalog, "<p>pears: 3</p>");
    session.shows("app -> /app: in sync");
    let pods = session.example.pod_images();
    // The synced program restarts in the same pod.
    session.echo("Welcome");
    session.page_has(app, "<h1>Welcome</h1>");
    session.shows("1 uploaded in");
    session.shows("| serving Welcome");
    assert_eq!(session.example.pod_images(), pods);
    // The compiled program is built and deployed, and the port connects to the new pod.
    session.echo("plums");
    session.page_has(catalog, "<p>plums: 4</p>");
    session.shows("changed: catalog/prices.csv -> catalog\n");
    session.shows("catalog | building: prices.csv changed\n");
    // Another configuration takes effect.
    session.edit("devspace.yaml", &session.ports[catalog].to_string(), &session.ports[later].to_string());
    session.page_has(later, "<p>plums: 4</p>");
    session.shows("changed: devspace.yaml\n");
    session.shows(&format!("localhost:{} -> port 8080 of image `catalog`\n", session.ports[later]));
    // A failed build is reported, and the session continues.
    session.echo("figs");
    session.shows("catalog | /src/prices.csv:4: expected NAME,PRICE\n");
    session.page_has(later, "<p>plums: 4</p>");
    session.edit("catalog/prices.csv", "figs", "figs,5");
    session.page_has(later, "<p>figs: 5</p>");
    // The override holds.
    session.echo("'Prices of May'");
    session.shows("catalog is stale: ");
    let DevSession { example, running, .. } = session;
    running.signal(Signal::Interrupt);
    let output = running.finish();
    output.exits(130);
    assert_eq!(output.stderr.matches("catalog | built").count(), 3, "{output}");
    example.purge();
}

#[test]
fn helm() {
    let Some(helm) = helms().into_iter().next() else { return };
    let Some(mut example) = ClusterExample::copy("helm", &["hello-helm"]) else { return };
    example.project = example.project.env("WINDLASS_HELM", helm);
    example.run(0).stderr_has("hello | deployed revision 1 to namespace");
    example.runs(2);
    example.run(0).stderr_has("hello | kept: unchanged (revision 1)").stderr_has("1 skipped, 1 kept");
    example.run(1).stderr_has("hello | deploying: its values changed");
    example.purge();
}

#[test]
fn kustomize() {
    let Some(kubectl) = std::env::var_os("WINDLASS_TEST_KUBECTL") else {
        return leave_out_always("kubectl: set WINDLASS_TEST_KUBECTL");
    };
    let Some(mut example) = ClusterExample::copy("kustomize", &["hello-kustomize"]) else { return };
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", kubectl.to_str().expect("UTF-8"));
    example.project = example.project.program_on_path("kubectl", script);
    let page = "<p>Hello from a kustomization</p>";
    example.run(0).stderr_has("hello | deployed 2 objects").stderr_has(page);
    example.runs(2);
    example.run(0).stderr_has("hello | kept: unchanged").stderr_has(page);
    example.run(1).stderr_has("changed Deployment/hello (namespace ").stderr_has("): replicas");
    example.purge();
}

/// A kubeconfig whose cluster does not exist.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: me, namespace: shop}}]
clusters: [{name: prod, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: me, user: {token: x}}]
";

#[test]
fn cluster() {
    let project = copy_without_daemon("cluster").file("kubeconfig", KUBECONFIG);
    let commands = commands(&project);
    assert_eq!(commands, [["test"], ["plan"]]);
    project.run(&commands[0]).success().stdout_has("2 passed");
    let kubeconfig = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", kubeconfig);
    let plan = project.run(&commands[1]).success().stdout.clone();
    assert_eq!(plan.matches("builder  kaniko").count(), 2, "{plan}");
    project.run(["check"]).success();
}

#[test]
fn daemonless() {
    let project = copy_without_daemon("daemonless");
    let commands = commands(&project);
    let run = |number: usize| project.run(&commands[number]).success().clone();
    run(0).stderr_has("1 built");
    let image = ImageTree::of_store(&project, "example/daemonless:1.0");
    assert!(image.tree.contains_key("srv/www/index.html"));
    run(1);
    assert!(project.path("site.tar").is_file());
    run(2).stdout_has("0 images");
    run(0).stderr_has("1 skipped");
}

/// A checkout of `examples/ci` in which `windlass` is on `PATH` and the images are in `registry`.
fn ci_checkout(registry: &Registry) -> Project {
    let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_windlass"));
    let project = copy_without_daemon("ci").program_on_path("windlass", program);
    for file in ["devspace.yaml", "api/Dockerfile", "web/Dockerfile", "github.yml", "gitlab-ci.yml"] {
        let text = project.read(file).replace("ghcr.io", &registry.address());
        project.write(file, text);
    }
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        project.run_program("git", who.iter().chain(arguments)).success();
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "main"]);
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    project
}

/// Runs a line of a workflow, unless it only installs windlass.
#[track_caller]
fn run_line(project: &Project, line: &str) -> Option<Output> {
    let is_windlass = line.contains("windlass") && !line.starts_with("cargo install");
    is_windlass.then(|| project.run_program("sh", ["-ec", line]).success().clone())
}

#[test]
fn ci() {
    let project = copy_without_daemon("ci");
    let names: Vec<_> = commands(&project).iter().map(|words| words[0].clone()).collect();
    assert_eq!(names, ["build", "build"]);
    ci_on_github();
    ci_on_gitlab();
}

fn ci_on_github() {
    let Some(registry) = Registry::with_login() else { return };
    let project = ci_checkout(&registry);
    project.write(".git/info/exclude", "/steps/\n");
    let project = project.folder("steps");
    let file = |name: &str| project.path(name).into_os_string();
    let (root, summary, outputs) = (file(""), file("steps/summary"), file("steps/outputs"));
    let project = project
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", root)
        .env("GITHUB_STEP_SUMMARY", summary)
        .env("GITHUB_OUTPUT", outputs);
    let workflow: serde_json::Value = serde_yaml::from_str(&project.read("github.yml")).expect("YAML");
    let steps = workflow["jobs"]["build"]["steps"].as_array().expect("steps").clone();
    // The lines of a job for one event.
    let run = |event: &str| -> Vec<Output> {
        let is_run = |step: &&serde_json::Value| {
            step["if"].as_str().is_none_or(|condition| condition == format!("github.event_name == '{event}'"))
        };
        let lines = steps.iter().filter(is_run).filter_map(|step| step["run"].as_str());
        let filled = lines.map(|line| {
            let line = line.replace("${{ github.token }}", PASSWORD).replace("${{ github.actor }}", USER);
            line.replace("${{ github.base_ref }}", "main")
        });
        filled.filter_map(|line| run_line(&project, &line)).collect()
    };
    run("push")[2].stderr_has("3 built");
    let digest = registry.digest_at("example/api", "latest");
    assert!(digest.is_none(), "it has a random tag");
    assert!(project.read("steps/outputs").contains("{\"api\":\""), "{}", project.read("steps/outputs"));
    assert!(project.read("steps/summary").contains("| base | built | never built |"));
    assert!(project.path("result.json").is_file());

    // A pull request that changes one image, on another machine.
    project.remove(".windlass");
    project.write("web/index.html", "<h1>Coffee</h1>");
    let checked = run("pull_request");
    checked[2].stderr_has("1 of 3 images affected since").stderr_has("1 built, 1 skipped");
    // And one that changes no image.
    project.run_program("git", ["checkout", "-q", "web/index.html"]).success();
    run("pull_request")[2].stderr_has("0 of 3 images affected since");
}

fn ci_on_gitlab() {
    let Some(registry) = Registry::with_login() else { return };
    let project = ci_checkout(&registry);
    let root = project.path("").into_os_string();
    let project = project
        .env("GITLAB_CI", "true")
        .env("CI_PROJECT_DIR", root)
        .env("CI_REGISTRY", registry.address())
        .env("CI_REGISTRY_USER", USER)
        .env("CI_REGISTRY_PASSWORD", PASSWORD)
        .env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    let pipeline: serde_json::Value = serde_yaml::from_str(&project.read("gitlab-ci.yml")).expect("YAML");
    let run = |job: &str| -> Vec<Output> {
        let lines = pipeline[job]["script"].as_array().expect("lines").iter();
        lines.filter_map(|line| run_line(&project, line.as_str()?)).collect()
    };
    run("build")[1].stderr_has("3 built");
    let variables = project.read("images.env");
    let reference = format!("API_IMAGE={}/example/api@sha256:", registry.address());
    assert!(variables.lines().any(|line| line.starts_with(&reference)), "{variables}");
    project.write("api/prices.json", "{}");
    run("check")[2].stderr_has("1 of 3 images affected since");
    assert_eq!(project.read("problems.json").trim(), "[]");
}

#[test]
fn variables() {
    let project = copy_without_daemon("variables");
    let commands = commands(&project);
    let run = |number: usize| project.run(&commands[number]).success().clone();
    let readme = project.read("README.md");
    let shows = |output: &str| assert!(readme.contains(output), "the README lacks\n{output}");
    shows(&run(0).stdout);
    run(1);
    run(2).stdout_has("1.4-prod");
    let development = run(3);
    development.stdout_has("dev-1.4");
    shows(&development.stdout);
    run(4);
    run(2).stdout_has("1.4-test");
    shows(&project.run(["list", "profiles", "-p", "dev"]).success().stdout);
}

#[test]
fn dependencies() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("dependencies", &daemon, &["example/site", "example/base"]);
    let count = || ["example/site", "example/base"].map(|image| example.tags(&daemon, image).len());
    example.run(0);
    assert_eq!(count(), [1, 1]);
    let site = example.reference("example/site", &example.tags(&daemon, "example/site")[0]);
    assert_eq!(daemon.file(&site, "/etc/motd"), "Welcome\n");
    assert_eq!(daemon.file(&site, "/site/index.html"), "<p>Hello</p>\n");
    example.run(0).stderr_has("2 skipped");
    example.project.write("base/motd", "Changed");
    example.run(1);
    assert_eq!(count(), [1, 2]);
    example.run(0);
    assert_eq!(count(), [2, 2]);
    example.run(2).stdout_has("base");
}

#[test]
fn entrypoint() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("entrypoint", &daemon, &["example/entrypoint"]);
    let entrypoint_of = |tag: &str| {
        daemon.inspect(&example.reference("example/entrypoint", tag))["Config"]["Entrypoint"].clone()
    };
    example.run(0);
    let first = example.tags(&daemon, "example/entrypoint");
    assert_eq!(entrypoint_of(&first[0]), serde_json::json!(["/sbin/tini", "--", "/app"]));
    example.run(1);
    let both = example.tags(&daemon, "example/entrypoint");
    let second = both.iter().find(|tag| **tag != first[0]).expect("the profile built a second image");
    assert_eq!(entrypoint_of(second), serde_json::json!(["sleep", "infinity"]));
}

#[test]
fn hook() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("hook", &daemon, &["example/hook"]);
    let output = example.run(0);
    let tag = &example.tags(&daemon, "example/hook")[0];
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(
        text.contains(&format!("app is ready as {}", example.reference("example/hook", tag))),
        "{output}"
    );
    let output = example.run(1);
    assert!(format!("{}{}", output.stdout, output.stderr).contains("app is unchanged"), "{output}");
}

#[test]
fn shop() {
    let Some(daemon) = Daemon::acquire() else { return };
    let images = ["shop/api", "shop/web", "shop/base"];
    let example = Example::copy("shop", &daemon, &images);
    let count = || images.map(|image| example.tags(&daemon, image).len());
    example.run(0);
    assert_eq!(count(), [1, 1, 1]);
    for image in ["shop/api", "shop/web"] {
        let reference = example.reference(image, &example.tags(&daemon, image)[0]);
        assert_eq!(daemon.file(&reference, "/etc/shop/shop.toml"), "currency = \"EUR\"\n");
    }
    example.run(0);
    assert_eq!(count(), [1, 1, 1]);
    example.project.write("web/site/index.html", "new");
    example.run(0);
    assert_eq!(count(), [1, 2, 1]);
    example.project.write("base/files/shop.toml", "currency = \"CHF\"\n");
    example.run(0);
    assert_eq!(count(), [2, 3, 2]);
}

#[test]
fn tags() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("tags", &daemon, &["example/tags"]);
    example.run(0);
    assert_eq!(example.tags(&daemon, "example/tags"), ["1.4.0", "latest"]);
    example.run(1);
    let tags = example.tags(&daemon, "example/tags");
    let [version, dev, latest] = tags.as_slice() else { panic!("three tags expected, found {tags:?}") };
    assert_eq!([version.as_str(), latest.as_str()], ["1.4.0", "latest"]);
    assert!(dev.starts_with("dev-app-") && dev.len() == "dev-app-Xk3q".len(), "{dev}");
    let id = |tag: &str| daemon.image_id(&example.reference("example/tags", tag));
    assert_eq!(id(dev), id("1.4.0"));
}

#[test]
fn testing() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("testing", &daemon, &[]);
    example.run(0).stdout_has("11 passed");
    example.run(1).stdout_has("1 passed").stdout_has("test_staging_has_a_tag_of_its_own");
    let before = example.project.read("windlass_test.snap");
    example.run(2);
    assert_eq!(example.project.read("windlass_test.snap"), before);
}

#[test]
fn git_tags() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("git-tags", &daemon, &["example/git-tags"]);
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
        example
            .project
            .run_program("git", identity.iter().chain(arguments))
            .success()
            .stdout
            .trim()
            .to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["tag", "v1.4.2"]);
    example.run(0);
    assert_eq!(example.tags(&daemon, "example/git-tags"), ["1", "1.4", "1.4.2", "latest"]);
    let labels = &daemon.inspect(&example.reference("example/git-tags", "latest"))["Config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.revision"], git(&["rev-parse", "HEAD"]));
    assert_eq!(labels["org.opencontainers.image.version"], "v1.4.2");
    example.run(1);
    let tag = format!("main-{}", git(&["rev-parse", "--short", "HEAD"]));
    assert!(example.tags(&daemon, "example/git-tags").contains(&tag));
    // A dirty tree is marked as such.
    example.project.write("greeting", "changed");
    example.run(1);
    assert!(example.tags(&daemon, "example/git-tags").contains(&format!("{tag}-dirty")));
}

#[test]
fn release() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let example = Example::copy("release", &daemon, &[]);
    let parent = daemon.repository(&registry.address(), "release");
    let staging = daemon.repository_below(&parent, "staging/app");
    for file in ["devspace.yaml", "windlass.rhai"] {
        let text = example.project.read(file).replace("localhost:5000", parent.name());
        example.project.write(file, text);
    }
    let output = example.run(0);
    let digest =
        registry.digest_at(&format!("{}/staging/app", parent.path()), "1.4.0").expect("it is pushed");
    output
        .stderr_has(format!("found nothing in {staging}:1.4.0"))
        .stderr_has(format!("signed {staging}@{digest}"));
    let digests: serde_json::Value =
        serde_json::from_str(&example.project.read("dist/digests.json")).expect("JSON");
    assert_eq!(digests["app"], format!("{staging}@{digest}"));
    example.run(1).stderr_has(format!("app is {parent}/production/app@{digest}"));
    assert_eq!(registry.digest_at(&format!("{}/production/app", parent.path()), "1.4.0"), Some(digest));
}

#[test]
fn debug() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("debug", &daemon, &["example/debug"]);
    let entrypoint_after = |command: usize| {
        let before = example.tags(&daemon, "example/debug");
        example.run(command);
        let tags = example.tags(&daemon, "example/debug");
        let tag = tags.iter().find(|tag| !before.contains(tag)).expect("a new image");
        daemon.inspect(&example.reference("example/debug", tag))["Config"]["Entrypoint"].clone()
    };
    assert_eq!(entrypoint_after(0), serde_json::json!(["node", "/src/server.js"]));
    let watching = entrypoint_after(1);
    assert!(
        watching[2].as_str().is_some_and(|script| script.starts_with("PATHS='/src'\nmark=")),
        "{watching}"
    );
    assert_eq!(watching[5], "/src/server.js");
    assert_eq!(entrypoint_after(2), serde_json::json!(["node", "--inspect=0.0.0.0:9229", "/src/server.js"]));
}

#[test]
fn variants() {
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("variants", &daemon, &["example/variants"]);
    example.run(0);
    let tags = ["1.22-alpine", "1.22-slim", "1.23-alpine", "1.23-slim"];
    assert_eq!(example.tags(&daemon, "example/variants"), tags);
    let config = &daemon.inspect(&example.reference("example/variants", "1.23-slim"))["Config"];
    assert_eq!(config["Labels"]["built.with"], "1.23 on slim");
    let id = |tag: &str| daemon.image_id(&example.reference("example/variants", tag));
    let before = tags.map(id);
    example.run(0);
    assert_eq!(tags.map(id), before);
}

#[test]
fn from_devspace() {
    let project = copy_without_daemon("from-devspace");
    let plan = project.run(["plan"]).success().stdout.clone();
    assert!(plan.contains("example/from-devspace:1.10") && plan.contains("hook after:build"), "{plan}");
    let upgraded = project.run(["upgrade", "--dry-run"]).success().stdout.clone();
    assert!(upgraded.contains("tags: ['${RELEASE}'] # stays 1.10"), "{upgraded}");
    let Some(daemon) = Daemon::acquire() else { return };
    let example = Example::copy("from-devspace", &daemon, &["example/from-devspace"]);
    example.run(1);
    assert_eq!(example.tags(&daemon, "example/from-devspace"), ["1.10"]);
}

/// Each row of the table names an existing test.
#[test]
fn differences_from_devspace_have_their_tests() {
    let table = fs::read_to_string(examples().join("from-devspace/README.md")).expect("the page exists");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = files(&root.join("tests")).into_iter().chain(files(&root.join("engine")));
    let rust = sources.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let sources: Vec<String> = rust.map(|path| fs::read_to_string(path).expect("it can be read")).collect();
    let mut rows = 0;
    for row in table.lines().filter(|row| row.starts_with("| ") && row.ends_with("` |")) {
        let test = row.trim_end_matches("` |").rsplit('`').next().unwrap_or_default();
        assert!(sources.iter().any(|source| source.contains(&format!("fn {test}("))), "no test `{test}`");
        rows += 1;
    }
    assert!(rows > 40, "only {rows} rows");
}
