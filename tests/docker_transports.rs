//! The docker builder: where it finds the daemon, and how it applies the options with each of its three transports.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::harness::{
    Daemon, Forwarder, ImageStore, ImageTree, ModernDaemon, Output, Project, TestRepository,
    make_certificates,
};

/// The ways to build: through BuildKit, the classic builder, or the CLI with either.
pub const WAYS: [(&str, &str); 4] = [
    ("buildkit", "{}"),
    ("classic", "{useBuildKit: false}"),
    ("cli-classic", "{useCli: true, useBuildKit: false}"),
    ("cli-buildkit", "{useCli: true, useBuildKit: true}"),
];

/// A docker CLI that can build with BuildKit: the first on PATH that either is old enough to work without buildx or has
/// buildx.
pub fn docker_cli() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("docker"));
    let says = |path: &Path, arguments: &[&str]| {
        let output = std::process::Command::new(path).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let major = |path: &PathBuf| {
        let version = says(path, &["--version"])?;
        version.strip_prefix("Docker version ")?.split('.').next()?.parse::<u32>().ok()
    };
    let fits = |path: &PathBuf| {
        major(path).is_some_and(|major| major < 23) || says(path, &["buildx", "version"]).is_some()
    };
    found.find(|path| path.is_file() && fits(path))
}

/// `project`, with that CLI first on its PATH.
pub fn with_docker_cli(project: Project) -> Project {
    let cli = docker_cli().expect("some docker CLI can build with BuildKit");
    project.program_on_path("docker", format!("#!/bin/sh\nexec {} \"$@\"\n", cli.display()))
}

/// A project with one image, `api`, built by the base image's daemon.
struct Built {
    daemon: Daemon,
    image: TestRepository,
    project: Project,
}

impl Built {
    /// With `docker` (YAML of one line) as `build.docker`, `more` lines of the image, and a Dockerfile, in which `BASE`
    /// is replaced with the base image. `None` if no daemon responds.
    fn new(docker: &str, more: &str, dockerfile: &str) -> Option<Self> {
        let daemon = Daemon::acquire()?;
        let image = daemon.repository("", "docker-builder");
        let config = format!(
            "version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1', '2']\n{more}    build:\n      \
             docker: {docker}\n"
        );
        let mut project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", config)
            .file("Dockerfile", dockerfile.replace("BASE", &daemon.base()));
        if docker.contains("useCli") || docker.contains("args") {
            project = with_docker_cli(project);
        }
        Some(Self { daemon, image, project })
    }

    fn run(&self) -> Output {
        self.project.run(["build", "--skip-push"])
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}:{tag}", self.image)
    }

    /// The output of `command` in a container of the image.
    fn shell(&self, command: &str) -> String {
        self.daemon.run(&self.reference("1"), &["sh", "-c", command])
    }
}

#[test]
fn every_transport_passes_the_options_and_creates_all_tags() {
    let options = "options: {target: Middle, network: none, \
                   buildArgs: {PLAIN: 'a \"b\" & $c', FROM_ENV: null, FROM_FILE: null}}}";
    for (name, docker) in WAYS {
        let separator = if docker == "{}" { "" } else { ", " };
        let Some(built) = Built::new(
            &docker.replace('}', &format!("{separator}{options}")),
            "    context: src\n",
            "FROM BASE AS first\nCOPY . /context\nFROM first AS middle\nARG PLAIN\nARG FROM_ENV\nARG FROM_FILE\n\
             RUN echo \"$PLAIN|$FROM_ENV|$FROM_FILE\" > /said\nRUN ls /sys/class/net > /net\nFROM first\nRUN false\n",
        ) else {
            return;
        };
        built.project.write("src/.dockerignore", "hidden\n");
        built.project.write("src/hidden", "");
        built.project.write("src/deep/file", "content");
        built.project.write(".env", "FROM_FILE=file\n");
        let Built { daemon, image, project } = built;
        let project = project.env("FROM_ENV", "env");
        let output = project.run(["build", "--skip-push"]);
        output.success();
        assert_eq!(daemon.tags(&image), ["1", "2"], "{name}\n{output}");
        let reference = format!("{image}:1");
        assert_eq!(daemon.image_id(&reference), daemon.image_id(&format!("{image}:2")), "{name}");
        let shell = |command: &str| daemon.run(&reference, &["sh", "-c", command]);
        assert_eq!(shell("cat /said"), "a \"b\" & $c|env|file\n", "{name}");
        assert_eq!(shell("cat /net"), "lo\n", "{name}");
        // The context contains the selected files and none of windlass's own.
        let found = shell("cd /context && find . | sort");
        assert_eq!(found, ".\n./.dockerignore\n./deep\n./deep/file\n", "{name}");
        assert!(
            !project
                .path(".windlass")
                .read_dir()
                .unwrap()
                .flatten()
                .any(|entry| { entry.file_name().to_string_lossy().starts_with("context-") })
        );
    }
}

#[test]
fn changed_content_of_equal_size_and_time_is_sent_by_every_transport() {
    for (name, docker) in WAYS {
        let Some(built) = Built::new(docker, "", "FROM BASE\nCOPY kept /kept\n") else { return };
        check_kept_time(&built.project, name, &[], || built.daemon.file(&built.reference("1"), "/kept"));
    }
}

#[test]
fn changed_content_of_equal_size_and_time_is_sent_to_a_modern_docker() {
    for store in [ImageStore::Docker, ImageStore::Containerd] {
        let Some(daemon) = ModernDaemon::acquire(store) else { return };
        let image = daemon.repository("", "kept-time");
        let project = Project::new()
            .daemon(&daemon)
            .file(
                "devspace.yaml",
                format!("version: v1beta11\nimages: {{api: {{image: {image}, tags: ['1']}}}}\n"),
            )
            .file("Dockerfile", format!("FROM {}\nCOPY kept /kept\n", daemon.base()));
        check_kept_time(&project, &format!("{store:?}"), &[], || daemon.file(&format!("{image}:1"), "/kept"));
    }
}

#[test]
fn changed_content_of_equal_size_and_time_is_packed_without_a_daemon() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta11\nimages: {api: {image: team/kept, tags: ['1']}}\n")
        .file("Dockerfile", "FROM scratch\nCOPY kept /kept\n");
    check_kept_time(&project, "oci", &["--builder", "oci"], || {
        let tree = ImageTree::of_store(&project, "team/kept:1").tree;
        let texts = ["one", "two", "six", "ten"];
        let digest = |text: &&str| tree["kept"].ends_with(&windlass::image::Digest::of(text).hex()[..12]);
        texts.into_iter().find(digest).unwrap_or_default().to_owned()
    });
}

/// Builds with versions of `kept` that have the same size and time, as `rsync --times` and unpacked archives produce
/// them; `content` reads the image.
#[track_caller]
fn check_kept_time(project: &Project, way: &str, arguments: &[&str], content: impl Fn() -> String) {
    let build = |text: &str, more: &[&str]| {
        let path = project.write("kept", text);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).unwrap();
        let output = project.run([&["build", "--skip-push"][..], arguments, more].concat());
        output.success();
        assert_eq!(content(), text, "{way}\n{output}");
    };
    build("one", &[]);
    build("two", &[]);
    // By now the daemon may have either version.
    build("one", &["--force-build"]);
    build("six", &["--force-build"]);
    build("two", &["--force-build"]);
    // The daemon keeps its files when the records of windlass are deleted.
    project.remove(".windlass");
    build("ten", &[]);
}

#[test]
fn dockerfile_in_the_context_is_part_of_it_with_every_transport() {
    for (name, docker) in WAYS {
        let Some(built) = Built::new(docker, "    cmd: [env]\n", "FROM BASE\nCOPY . /x\n") else {
            return;
        };
        built.project.write(".dockerignore", "devspace.yaml\n");
        built.run().success();
        assert_eq!(built.shell("ls -A /x"), ".dockerignore\nDockerfile\n", "{name}");
        // It is the user's Dockerfile, although the one that was built is edited.
        assert_eq!(built.shell("cat /x/Dockerfile"), built.project.read("Dockerfile"), "{name}");
    }
}

#[test]
fn every_permission_bit_reaches_the_image_and_is_an_input() {
    for (name, docker) in WAYS {
        let Some(built) = Built::new(docker, "    context: src\n", "FROM BASE\nCOPY . /x\n") else { return };
        let rights = || built.shell("cd /x && stat -c '%a %n' key tool shut sticky | tr '\n' ' '");
        let set = |path: &str, mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(built.project.path("src").join(path), mode).expect("set");
        };
        for file in ["key", "tool", "shut/f", "sticky/f"] {
            built.project.write(format!("src/{file}"), file);
        }
        let steps = [("key", 0o644), ("tool", 0o755), ("shut", 0o755), ("sticky", 0o755)];
        steps.into_iter().for_each(|(path, mode)| set(path, mode));
        built.run().success();
        assert_eq!(rights(), "644 key 755 tool 755 shut 755 sticky ", "{name}");
        let mut expected = rights();
        // Docker's classic builder removes these two bits from files (`fixPermissions` in moby).
        let tool = if name.contains("classic") { 0o750 } else { 0o6755 };
        let steps = [("key", 0o600), ("tool", tool), ("shut", 0o500), ("sticky", 0o1777)];
        for (path, mode) in steps {
            set(path, mode);
            built.run().success().stderr_has(format!("building: {path} changed"));
            let before = format!("{:o} {path}", if path == "key" { 0o644 } else { 0o755 });
            expected = expected.replace(&before, &format!("{mode:o} {path}"));
            assert_eq!(rights(), expected, "{name}");
            built.run().success().stderr_has("skipped: unchanged");
        }
        let mut left = built.project.path(".windlass").read_dir().expect("the state").flatten();
        assert!(!left.any(|entry| entry.file_name().to_string_lossy().starts_with("context-")), "{name}");
        set("shut", 0o755);
    }
}

#[test]
fn modes_links_and_directories_are_sent_by_the_cli() {
    for docker in ["{useCli: true, useBuildKit: false}", "{useCli: true, useBuildKit: true}"] {
        let Some(built) = Built::new(docker, "    context: src\n", "FROM BASE\nCOPY . /x\n") else { return };
        built.project.write("src/tool", "#!/bin/sh\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
        fs::set_permissions(built.project.path("src/tool"), mode).unwrap();
        fs::create_dir(built.project.path("src/empty")).unwrap();
        std::os::unix::fs::symlink("nowhere", built.project.path("src/link")).unwrap();
        built.run().success();
        assert_eq!(
            built.shell("cd /x && stat -c '%a %n' tool && readlink link && ls -A"),
            "750 tool\nnowhere\nempty\nlink\ntool\n",
            "{docker}"
        );
    }
}

#[test]
fn buildkit_is_the_default() {
    let Some(built) = Built::new("{}", "", "FROM BASE\nRUN --mount=type=tmpfs,target=/t test -d /t\n") else {
        return;
    };
    built.run().success().stderr_has("BuildKit");
    // The classic builder does not support the flag.
    let Some(built) =
        Built::new("{useBuildKit: false}", "", "FROM BASE\nRUN --mount=type=tmpfs,target=/t true\n")
    else {
        return;
    };
    built.run().exits(1).stderr_has("the --mount option requires BuildKit");
}

#[test]
fn args_go_to_the_cli_and_secrets_do_not_show_in_its_arguments() {
    let Some(built) = Built::new(
        "{args: ['--label', 'from=args', '--no-cache'], options: {buildArgs: {TOKEN: hunter2}}}",
        "",
        // Docker itself shows the values of arguments that an instruction refers to.
        "FROM BASE\nARG TOKEN\nRUN eval 'echo $TOKEN' > /token\n",
    ) else {
        return;
    };
    let cli = docker_cli().expect("a docker CLI is installed");
    let script = format!("#!/bin/sh\necho \"$@\" >> argv\nexec {} \"$@\"\n", cli.display());
    let Built { daemon, image, project } = built;
    let project = project.program_on_path("docker", script);
    project.run(["build", "--skip-push"]).success().lacks("hunter2");
    let argv = project.read("argv");
    assert!(argv.contains("--build-arg TOKEN ") && !argv.contains("hunter2"), "{argv}");
    let reference = format!("{image}:1");
    assert_eq!(daemon.inspect(&reference)["Config"]["Labels"]["from"], "args");
    assert_eq!(daemon.file(&reference, "/token"), "hunter2\n");
}

#[test]
fn build_argument_without_a_value_is_named() {
    let Some(built) = Built::new("{options: {buildArgs: {NOWHERE: null}}}", "", "FROM BASE\nARG NOWHERE\n")
    else {
        return;
    };
    built
        .run()
        .exits(1)
        .stderr_has("the build argument `NOWHERE` of `api` has no value")
        .stderr_has("environment");
}

#[test]
fn missing_cli_is_explained() {
    let Some(built) = Built::new("{useCli: true}", "", "FROM BASE\n") else { return };
    let project = built.project.env("PATH", "/nowhere");
    project
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("cannot run `docker`: command not found")
        .stderr_says("install the docker CLI, or remove `useCli` and `args`");
}

#[test]
fn failing_step_shows_step_line_and_last_output() {
    for (name, docker) in WAYS {
        let dockerfile = "FROM BASE\nCOPY Dockerfile /\nRUN for i in $(seq 30); do \\\n      echo line $i; \\\n    \
                          done; exit 7\nRUN true\n";
        let Some(built) = Built::new(docker, "", dockerfile) else { return };
        let output = built.run();
        output
            .exits(1)
            .stderr_has("failed with exit code 7")
            .stderr_has("Dockerfile:3:1")
            .stderr_has("this instruction");
        let diagnostic = output.stderr.split_once("stage::build::step_failed").unwrap_or_default().1;
        insta::assert_snapshot!(format!("failing_step_{name}"), diagnostic);
    }
}

#[test]
fn missing_copy_source_shows_its_instruction() {
    for (name, docker) in WAYS {
        let Some(built) = Built::new(docker, "", "FROM BASE\nRUN true\nCOPY absent.txt /x\n") else { return };
        let output = built.run();
        output.exits(1).stderr_has("absent.txt").stderr_has("Dockerfile:3:1");
        assert!(
            output.stderr.contains("not found") || output.stderr.contains("no such file"),
            "{name}\n{output}"
        );
    }
}

/// A project that builds an image from scratch and finds its daemon by itself.
struct Search {
    daemon: Daemon,
    image: TestRepository,
    project: Project,
}

impl Search {
    fn new() -> Option<Self> {
        let daemon = Daemon::acquire()?;
        let image = daemon.repository("", "found");
        let config = format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1']\n");
        let project = Project::new()
            .without_env("DOCKER_HOST")
            .file("devspace.yaml", config)
            .file("Dockerfile", "FROM scratch\nCOPY devspace.yaml /\n");
        Some(Self { daemon, image, project })
    }

    fn env(self, name: &str, value: &str) -> Self {
        Self { project: self.project.env(name, value), ..self }
    }

    /// With a context in the Docker configuration that points to `host`.
    fn context(self, name: &str, host: &str) -> Self {
        let id = hex::encode(Sha256::digest(name));
        let folder = self.project.docker_config_path().parent().unwrap().join("contexts/meta").join(id);
        fs::create_dir_all(&folder).unwrap();
        let meta = serde_json::json!({
            "Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": false}}
        });
        fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
        self
    }

    fn current_context(self, name: &str) -> Self {
        let config = serde_json::json!({ "currentContext": name });
        Self { project: self.project.docker_config(config.to_string()), ..self }
    }

    fn run(&self) -> Output {
        self.project.run(["build", "--skip-push", "-b", "--builder", "docker"])
    }

    /// Asserts that the image is built in the tests' daemon.
    #[track_caller]
    fn finds(&self) {
        let output = self.run();
        output.success();
        assert_eq!(self.daemon.tags(&self.image), ["1"], "{output}");
    }

    /// Asserts that the daemon at `host` is tried and does not respond.
    #[track_caller]
    fn looks_at(&self, host: &str) -> Output {
        let output = self.run();
        output.exits(1).stderr_says(format!("cannot reach the Docker daemon at `{host}`"));
        output
    }
}

#[test]
fn docker_host_names_a_socket_or_a_port() {
    let Some(search) = Search::new() else { return };
    let (socket, forwarder) = (search.daemon.host().to_owned(), Forwarder::plain(&search.daemon));
    let search = search.env("DOCKER_HOST", &socket);
    search.finds();
    let search = search.env("DOCKER_HOST", &format!("tcp://{}", forwarder.address()));
    search.finds();
    assert!(forwarder.connections() > 0);
}

#[test]
fn contexts_of_the_docker_configuration_are_followed() {
    let Some(search) = Search::new() else { return };
    let socket = search.daemon.host().to_owned();
    let search = search.context("here", &socket).context("elsewhere", "unix:///nowhere/else.sock");
    let search = search.current_context("here");
    search.finds();
    let search = search.current_context("elsewhere");
    search.looks_at("unix:///nowhere/else.sock").stderr_says("the Docker context `elsewhere`");
    let search = search.env("DOCKER_CONTEXT", "here");
    search.finds();
    let search = search.env("DOCKER_HOST", "unix:///nowhere/host.sock");
    search.looks_at("unix:///nowhere/host.sock").stderr_says("(from DOCKER_HOST)");
}

#[test]
fn default_socket_is_the_last_resort() {
    let Some(search) = Search::new() else { return };
    if search.daemon.host() == "unix:///var/run/docker.sock" {
        search.finds();
        search.env("DOCKER_CONTEXT", "default").current_context("gone").finds();
    }
}

#[test]
fn unknown_context_suggests_the_nearest_name() {
    let Some(search) = Search::new() else { return };
    let search = search.context("colima", "unix:///c.sock").env("DOCKER_CONTEXT", "colma");
    let output = search.run();
    output.stderr_says("unknown Docker context `colma` (from DOCKER_CONTEXT)");
    output.stderr_has("did you mean `colima`?");
}

#[test]
fn tls_with_certificates_from_the_environment() {
    let Some(search) = Search::new() else { return };
    let certificates = search.project.path("certificates");
    make_certificates(&certificates);
    let forwarder = Forwarder::tls(&search.daemon, &certificates);
    let path = certificates.to_string_lossy().into_owned();
    let search = search
        .env("DOCKER_HOST", &format!("tcp://{}", forwarder.address()))
        .env("DOCKER_TLS_VERIFY", "1")
        .env("DOCKER_CERT_PATH", &path);
    search.finds();
    assert!(forwarder.connections() > 0);

    // A certificate authority that did not sign the daemon's certificate.
    let other = search.project.path("other");
    make_certificates(&other);
    fs::copy(other.join("ca.pem"), certificates.join("ca.pem")).unwrap();
    let host = format!("tcp://{}", forwarder.address());
    search.looks_at(&host).stderr_has("certificate");
}

#[test]
fn warnings_of_docker_are_shown_with_their_line() {
    let Some(daemon) = ModernDaemon::since(27, ImageStore::Docker) else { return };
    let image = daemon.repository("", "warnings");
    let config = format!(
        "version: v2beta1\nimages:\n  api: {{image: {image}, target: one, entrypoint: [sleep, '1']}}\n"
    );
    let dockerfile = "FROM BASE as one\nENTRYPOINT [\"sh\"]\nFROM one\nMAINTAINER me\n";
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", config)
        .file("Dockerfile", dockerfile.replace("BASE", &daemon.base()));
    let output = project.run(["build", "--skip-push"]);
    output.success().stderr_has("warning: Dockerfile:1: FromAsCasing: ").stderr_has("1 built in");
    // The entrypoint that windlass adds after the second line is not counted and causes no warning.
    output.stderr_has("warning: Dockerfile:4: MaintainerDeprecated: ").stderr_has(", 2 warnings");
}
