//! The build context: Docker's ignore rules, files kept exactly as on disk, and no surprises with huge contexts.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use windlass::oci::BlobStore;

use crate::harness::{
    Daemon, ImageStore, ImageTree, ModernDaemon, Project, TestRepository, leave_out_always,
};

/// Options that select each builder of the daemon.
const BUILDERS: [&str; 2] = ["useBuildKit: true", "useBuildKit: false"];

/// `devspace.yaml` with one image.
fn yaml(repository: &TestRepository, config: &str, builder: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  api:\n    image: {repository}\n{config}    build:\n      docker:\n        \
         {builder}\n"
    )
}

/// The content of `/x` in `reference`, as sorted paths.
fn listing(daemon: &Daemon, reference: &str) -> Vec<String> {
    let listed = daemon.docker([
        "run",
        "--rm",
        "--pull=never",
        "--network=none",
        "--entrypoint=/bin/busybox",
        reference,
        "find",
        "/x",
    ]);
    let mut paths: Vec<String> =
        listed.lines().filter_map(|path| path.strip_prefix("/x/")).map(str::to_owned).collect();
    paths.sort();
    paths
}

#[test]
fn the_image_gets_exactly_the_files_that_are_not_ignored() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in BUILDERS {
        // Once unedited, once with an edited Dockerfile, which must not be visible either.
        for config in ["", "    entrypoint: [x]\n"] {
            let repository = daemon.repository("", "rules");
            let dockerfile = format!("FROM {}\nCOPY . /x\n", daemon.base());
            let project = Project::new()
                .daemon(&daemon)
                .file("devspace.yaml", yaml(&repository, config, builder))
                .file("Dockerfile", &dockerfile)
                .file(
                    ".dockerignore",
                    "# unused files\n*.log\n!keep.log\n**/node_modules\ndocs/*\n!docs/a.md\n",
                )
                .file("a.log", "")
                .file("keep.log", "")
                .file("sub/b.log", "")
                .file("sub/node_modules/c.js", "")
                .file("docs/a.md", "")
                .file("docs/b.md", "")
                .file(".windlass/own", "")
                .file(".devspace/own", "");
            project.run(["build", "--skip-push", "-t", "1"]).success();
            let reference = format!("{repository}:1");
            let expected = [
                ".dockerignore",
                "Dockerfile",
                "devspace.yaml",
                "docs",
                "docs/a.md",
                "keep.log",
                "sub",
                "sub/b.log",
            ];
            assert_eq!(listing(&daemon, &reference), expected, "{builder} {config}");
            assert_eq!(daemon.file(&reference, "/x/Dockerfile"), dockerfile);
        }
    }
}

#[test]
fn exactly_one_ignore_file_applies() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "order");
    let project = Project::new()
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            yaml(&repository, "    context: src\n    dockerfile: app.Dockerfile\n", BUILDERS[0]),
        )
        .file("app.Dockerfile", format!("FROM {}\nCOPY . /x\n", daemon.base()))
        .file("src/devspace.dockerignore", "*ignore\na\n")
        .file("app.Dockerfile.dockerignore", "*ignore\nb\n")
        .file("src/.dockerignore", "*ignore\nc\n")
        .file("src/a", "")
        .file("src/b", "")
        .file("src/c", "");
    let check = |expected: &[&str]| {
        project.run(["build", "--skip-push", "-t", "1"]).success();
        assert_eq!(listing(&daemon, &format!("{repository}:1")), expected);
    };
    check(&["b", "c"]);
    project.remove("src/devspace.dockerignore");
    check(&["a", "c"]);
    project.remove("app.Dockerfile.dockerignore");
    check(&["a", "b"]);
}

#[test]
fn files_arrive_as_they_are_on_disk() {
    let Some(daemon) = Daemon::acquire() else { return };
    let deep = ["a-folder-with-quite-a-long-name-of-its-own"; 8].join("/");
    let long = "x".repeat(200);
    for builder in BUILDERS {
        let repository = daemon.repository("", "kinds");
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", yaml(&repository, "    context: c\n", builder))
            .file("Dockerfile", format!("FROM {}\nCOPY . /x\n", daemon.base()))
            .executable("c/run.sh", "#!/bin/sh\necho ran\n")
            .file("c/plain", "plain")
            .symlink("c/link", "plain")
            .symlink("c/dangling", "../nowhere")
            .symlink("c/long-link", &long)
            .folder("c/empty")
            .file(format!("c/{deep}/{long}"), "deep")
            .file("c/grüße 🦀/ñ", "unicode");
        let pipe = CString::new(project.path("c/pipe").as_os_str().as_bytes()).expect("a path");
        // SAFETY: the path is a C string that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
        let _socket = UnixListener::bind(project.path("c/socket")).expect("a socket");
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        output.success().stderr_has("`pipe`").lacks("socket`");
        let reference = format!("{repository}:1");
        assert_eq!(daemon.run(&reference, &["/x/run.sh"]), "ran\n", "{builder}");
        assert_eq!(daemon.run(&reference, &["sh", "-c", "test -x /x/plain || cat /x/link"]), "plain");
        let links = "for link in link dangling long-link; do /bin/busybox readlink /x/$link; done";
        assert_eq!(daemon.run(&reference, &["sh", "-c", links]), format!("plain\n../nowhere\n{long}\n"));
        assert_eq!(daemon.file(&reference, &format!("/x/{deep}/{long}")), "deep");
        assert_eq!(daemon.file(&reference, "/x/grüße 🦀/ñ"), "unicode");
        let paths = listing(&daemon, &reference);
        assert!(paths.contains(&"empty".to_owned()), "{paths:?}");
        assert!(!paths.iter().any(|path| path == "pipe" || path == "socket"), "{paths:?}");
    }
}

#[test]
fn non_utf8_names_arrive_unchanged() {
    let Some(daemon) = Daemon::acquire() else { return };
    check_names(&daemon, &["docker: {useBuildKit: true}", "docker: {useBuildKit: false}", CLI, OCI]);
}

#[test]
fn non_utf8_names_arrive_unchanged_in_a_modern_daemon() {
    let Some(daemon) = ModernDaemon::acquire(ImageStore::Docker) else { return };
    check_names(&daemon, &["docker: {useBuildKit: true}", "docker: {useBuildKit: false}"]);
}

/// A project whose image copies the whole directory.
fn whole() -> Project {
    Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [v1]\n")
        .file("Dockerfile", "FROM scratch\nCOPY . /src/\n")
        .file("a", "a")
}

const BUILD: [&str; 4] = ["build", "--skip-push", "--builder", "oci"];

#[test]
fn windlass_cache_is_not_in_the_context() {
    for (variable, folder, cache) in
        [("XDG_CACHE_HOME", "[x]/.cache", "[x]/.cache/windlass"), ("HOME", "home", "home/.cache/windlass")]
    {
        let project = whole();
        let (value, cache) = (project.path(folder), project.path(cache));
        let project = project.env(variable, value);
        project.run(BUILD).success().stderr_has("1 built");
        for _ in 0..2 {
            project.run(BUILD).success().stderr_has("1 skipped");
        }
        project.write("a", "another");
        project.run(BUILD).success().stderr_has("1 built");
        let tree = ImageTree::of_blobs(&BlobStore::new(cache.join("oci")), "acme/api:v1").tree;
        assert!(tree.contains_key("src/a"), "{tree:?}");
        assert!(!tree.keys().any(|path| path.contains("cache/")), "{tree:?}");
        let inside = cache.join("oci").strip_prefix(project.path("")).expect("inside").display().to_string();
        project.run(["why", "--if", &inside]).success().stdout_has("this directory is reserved for windlass");
    }
}

/// As in a container of OpenShift or Jenkins.
#[test]
fn cache_of_a_user_without_home_is_not_in_the_context() {
    const NOBODY: u32 = 54_321;
    let windlass = env!("CARGO_BIN_EXE_windlass");
    let as_nobody = |project: &Project, words: &[&str]| {
        let user = NOBODY.to_string();
        let fixed = ["--reuid", &user, "--regid", &user, "--clear-groups"];
        project.run_program("setpriv", fixed.iter().chain(words))
    };
    let project = whole().without_env("HOME");
    let folder = project.path("").parent().expect("a directory").to_owned();
    let owned = Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(&folder).status();
    if !owned.is_ok_and(|status| status.success())
        || as_nobody(&project, &["test", "-x", windlass]).code() != Some(0)
    {
        return leave_out_always("no permission to become another user, or that user cannot run windlass");
    }
    let build: Vec<_> = std::iter::once(windlass).chain(BUILD).collect();
    as_nobody(&project, &build).success().stderr_has("1 built");
    as_nobody(&project, &build).success().stderr_has("1 skipped");
    assert!(project.path(".windlass/cache/oci").is_dir() && !project.path(".cache").exists());
}

/// Options that select the docker CLI.
const CLI: &str = "docker: {useCli: true, useBuildKit: false}";
/// Options that select windlass's own builder.
const OCI: &str = "";

fn check_names(daemon: &Daemon, builders: &[&str]) {
    for builder in builders {
        let repository = daemon.repository("", "names");
        let name = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        let project = Project::new()
            .daemon(daemon)
            .file(
                "devspace.yaml",
                format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n    tags: [v1]\n    build: {{{builder}}}\n"),
            )
            .file("Dockerfile", "FROM scratch\nCOPY . /x/\nCOPY caf?.txt /y/\n")
            .file(".dockerignore", b"*\n!caf*\n!d\xff\n!link\n!\xea\x80\x80\n")
            .file(name(b"caf\xe9.txt"), "1")
            .file(name(b"d\xff/\xfe"), "2")
            .file("\u{a000}", "3")
            .symlink("link", name(b"caf\xe9.txt"));
        let by_oci: &[&str] = if *builder == OCI { &["--builder", "oci"] } else { &[] };
        let build = || ["build", "--skip-push"].iter().chain(by_oci);
        project.run(build()).success();
        let reference = format!("{repository}:v1");
        let image = match *builder {
            OCI => ImageTree::of_store(&project, &reference),
            _ => ImageTree::of_daemon(daemon, &reference),
        };
        let files: Vec<_> = image.tree.iter().map(|(path, line)| format!("{path} {line}")).collect();
        let files = files.iter().filter(|line| !line.contains(" folder ")).map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            format!("{} {}", words[0], words[words.len() - 1])
        });
        let content = |text: &str| windlass::image::Digest::of(text).hex()[..12].to_owned();
        let expected = [
            format!("x/caf\\xe9.txt {}", content("1")),
            format!("x/d\\xff/\\xfe {}", content("2")),
            "x/link caf\\xe9.txt".to_owned(),
            format!("x/\u{a000} {}", content("3")),
            format!("y/caf\\xe9.txt {}", content("1")),
        ];
        assert_eq!(files.collect::<Vec<_>>(), expected, "{builder}");
        project.run(build()).success().stderr_has("unchanged");
        project.write(name(b"d\xff/\xfe"), "new");
        project.run(build()).success().stderr_has("building: d\\xFF/\\xFE changed");
    }
}

#[test]
fn the_dockerfile_may_be_outside_or_ignored() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in BUILDERS {
        let outside = daemon.repository("", "outside");
        let ignored = daemon.repository("", "ignored");
        let project = Project::new()
            .daemon(&daemon)
            .file(
                "app/devspace.yaml",
                format!(
                    "{}  ignored:\n    image: {ignored}\n    context: ../ignored\n    dockerfile: \
                     ../ignored/Dockerfile\n    build:\n      docker:\n        {builder}\n",
                    yaml(
                        &outside,
                        "    context: ../src\n    dockerfile: ../docker/api.Dockerfile\n",
                        builder
                    )
                ),
            )
            .file("docker/api.Dockerfile", format!("FROM {}\nCOPY . /x\n", daemon.base()))
            .file("src/a", "a")
            .file("ignored/Dockerfile", format!("FROM {}\nCOPY . /x\n", daemon.base()))
            .file("ignored/.dockerignore", "Dockerfile\n.dockerignore\n")
            .file("ignored/b", "b");
        project.run_in("app", ["build", "--skip-push", "-t", "1"]).success();
        assert_eq!(listing(&daemon, &format!("{outside}:1")), ["a"], "{builder}");
        assert_eq!(listing(&daemon, &format!("{ignored}:1")), ["b"], "{builder}");
    }
}

/// A project without a daemon whose one image copies everything.
fn unbuilt(config: &str) -> Project {
    Project::new()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: acme/api\n{config}"))
        .file("Dockerfile", "FROM scratch\nCOPY . /\n")
}

#[test]
fn a_missing_context_is_named() {
    let output = unbuilt("    context: no/such/folder\n").run(["build", "--skip-push"]);
    output.exits(1).stderr_has("cannot find the build context").stderr_has("no/such/folder");
    let output = unbuilt("    context: Dockerfile\n").run(["build", "--skip-push"]);
    output.exits(1).stderr_has("it is not a directory");
}

#[test]
fn an_invalid_pattern_is_shown_with_its_line() {
    let project = unbuilt("").file(".dockerignore", "a\n  [b\n");
    let output = project.run(["build", "--skip-push"]);
    output.exits(1).stderr_has(".dockerignore`: line 2, column 3: `[b` is not a valid pattern");
}

#[test]
fn an_unreadable_file_is_an_error_unless_it_is_ignored() {
    let Some(daemon) = Daemon::acquire() else { return };
    let windlass = env!("CARGO_BIN_EXE_windlass");
    // Root can read everything, unless it drops that capability.
    // SAFETY: geteuid takes no arguments and cannot fail.
    let (program, mut arguments) = match unsafe { libc::geteuid() } {
        0 => ("setpriv", vec!["--bounding-set=-dac_override,-dac_read_search", windlass]),
        _ => (windlass, Vec::new()),
    };
    arguments.extend(["build", "--skip-push"]);
    for builder in BUILDERS {
        let repository = daemon.repository("", "unreadable");
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", yaml(&repository, "", builder))
            .file("Dockerfile", "FROM scratch\nCOPY . /x\n")
            .file("secret.key", "x");
        let mode = fs::Permissions::from_mode(0o000);
        fs::set_permissions(project.path("secret.key"), mode).expect("permissions can be set");
        let output = project.run_program(program, &arguments);
        output.exits(1).stderr_has("secret.key").stderr_has("Permission denied").stderr_has(".dockerignore");
        project.write(".dockerignore", "*.key\n");
        project.run_program(program, &arguments).exits(0).lacks("secret.key");
    }
}

/// A file of `bytes` zeros that takes no space on disk.
fn sparse(path: &Path, bytes: u64) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory can be created");
    fs::File::create(path).and_then(|file| file.set_len(bytes)).expect("a sparse file can be created");
}

#[test]
fn a_huge_context_is_reported_with_its_largest_directories() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "huge");
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", yaml(&repository, "", BUILDERS[0]))
        // Fails before anything is sent: nothing listens on that port.
        .file("Dockerfile", "FROM scratch\nCOPY --from=127.0.0.1:1/x:1 /a /\nCOPY . /\n")
        .file("small/a", "x");
    sparse(&project.path("assets/video/big"), 1_100_000_000);
    let output = project.run(["build", "--skip-push"]);
    output.exits(1);
    output.stderr_has("the build context has").stderr_has("1101 MB").stderr_has("`assets/video` (1100 MB)");

    fs::remove_dir_all(project.path(".windlass")).expect("the state can be removed");
    let output = project.run(["build", "--skip-push", "--progress", "json"]);
    let lines = output.exits(1).stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event"));
    let read = events.filter(|event| event["step"] == "reading the context");
    let progress: Vec<_> = read.map(|event| (event["done"].as_u64(), event["total"].as_u64())).collect();
    let is_part = |(done, total): &(Option<u64>, Option<u64>)| done <= total && *total > Some(1_100_000_000);
    assert!(progress.len() > 1 && progress.iter().all(is_part), "{progress:?}");
}

#[test]
fn memory_does_not_grow_with_the_context() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (small, large) = (peak_of_build(&daemon, 1), peak_of_build(&daemon, 600_000_000));
    assert!(0 < small && large < small + 24 * 1024, "{small} KiB for a byte, {large} KiB for 600 MB");
}

/// The peak memory of a build whose context has this size, in KiB.
fn peak_of_build(daemon: &Daemon, size: u64) -> u64 {
    let repository = daemon.repository("", "memory");
    let project = Project::new()
        .daemon(daemon)
        .file("devspace.yaml", yaml(&repository, "", "useBuildKit: false"))
        // Fails after the context is sent, so that the daemon keeps nothing of it.
        .file("Dockerfile", "FROM scratch\nCOPY missing /\nCOPY big /\n");
    sparse(&project.path("big"), size);
    let running = project.spawn(["build", "--skip-push"]);
    let status = format!("/proc/{}/status", running.pid());
    let mut peak = 0;
    // The process has ended when its status or its memory line is missing.
    while let Some(now) = fs::read_to_string(&status).ok().as_deref().and_then(peak_memory) {
        peak = now;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.finish().exits(1).stderr_has("COPY missing /");
    peak
}

/// The peak memory of a process in KiB, from its `/proc` status.
fn peak_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
