//! Builds through the BuildKit of a real Docker daemon. Without a daemon, the tests print a notice and pass.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use miette::Diagnostic;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use windlass::builder::docker::{BuildKit, CredentialLookup, Endpoint};
use windlass::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use windlass::event::{Event, Events, ImageEvents};
use windlass::image::StatIndex;
use windlass::image::context::{Content, DiskFile, Entry, EntryKind, SentFiles};
use windlass::image::{Dockerfile, Selection};
use windlass::secret::Secret;

use crate::harness::{Daemon, PASSWORD, Registry, TestRepository, USER};

/// A directory to build and a repository in the daemon, which is removed at the end.
struct Project {
    daemon: Daemon,
    repository: TestRepository,
    root: TempDir,
    seen: Arc<Mutex<Vec<Event>>>,
    cancel: CancellationToken,
    credentials: CredentialLookup,
}

impl Project {
    /// `None` if no daemon responds.
    fn new() -> Option<Self> {
        let daemon = Daemon::acquire()?;
        Some(Self {
            repository: daemon.repository("", "buildkit"),
            root: tempfile::tempdir().expect("temporary directory"),
            seen: Arc::default(),
            cancel: CancellationToken::new(),
            credentials: Arc::new(|_| Box::pin(async { None })),
            daemon,
        })
    }

    fn base(&self) -> String {
        self.daemon.base()
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(&path, content).expect("file");
        path
    }

    fn reference(&self) -> String {
        format!("{}:1", self.repository)
    }

    fn events(&self) -> ImageEvents {
        let seen = self.seen.clone();
        Events::new(move |event| seen.lock().expect("events").push(event)).of_image("api")
    }

    fn request(&self, dockerfile: &str, selection: Selection) -> BuildRequest {
        BuildRequest {
            references: vec![self.reference().parse().expect("reference")],
            // These builds need no network, whatever the state of the daemon's networks.
            network: Some("none".into()),
            ..BuildRequest::new(
                "api",
                Dockerfile::parse("Dockerfile", dockerfile).expect("Dockerfile"),
                selection,
                self.root.path(),
            )
        }
    }

    fn builder(&self) -> BuildKit {
        BuildKit {
            endpoint: Endpoint::Unix(socket(&self.daemon).into()),
            api_version: "1.41".into(),
            credentials: self.credentials.clone(),
        }
    }

    async fn run(&self, request: BuildRequest) -> Result<BuiltImage, BuildError> {
        self.builder().build(request, &self.events(), &self.cancel).await
    }

    /// Builds everything in the directory.
    async fn build(&self, dockerfile: &str) -> Result<BuiltImage, BuildError> {
        self.run(self.request(dockerfile, select(self.root.path()))).await
    }

    /// The bytes sent by the builds so far.
    fn bytes_sent(&self) -> Vec<u64> {
        let seen = self.seen.lock().expect("events");
        let sent = seen.iter().filter_map(|event| match event {
            Event::StepProgress { step, done, .. } if step == "sending context" => Some(*done),
            _ => None,
        });
        sent.collect()
    }

    fn output(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("events");
        let lines = seen.iter().filter_map(|event| match event {
            Event::Output { line, .. } => Some(line.clone()),
            _ => None,
        });
        lines.collect()
    }

    fn steps(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("events");
        let steps = seen.iter().filter_map(|event| match event {
            Event::StepStarted { step, .. } => Some(step.clone()),
            _ => None,
        });
        steps.collect()
    }

    /// The output of `command` in a container of the image.
    fn run_image(&self, command: &str) -> String {
        self.daemon.run(&self.reference(), &["sh", "-c", command])
    }
}

/// The socket the tests' daemon listens on.
fn socket(daemon: &Daemon) -> &str {
    daemon.host().strip_prefix("unix://").expect("these tests need a daemon on a socket")
}

/// Selects everything below `root`.
fn select(root: &Path) -> Selection {
    fn walk(root: &Path, folder: &Path, entries: &mut Vec<Entry>) {
        for item in fs::read_dir(folder).expect("directory") {
            let path = item.expect("item").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let kind = if metadata.is_symlink() {
                let target = fs::read_link(&path).expect("link");
                EntryKind::Symlink { target: target.to_str().expect("UTF-8").into() }
            } else if metadata.is_dir() {
                walk(root, &path, entries);
                EntryKind::Directory
            } else {
                EntryKind::File { size: metadata.len(), content: Content::Disk(DiskFile::at(&*path)) }
            };
            let name = path.strip_prefix(root).expect("below root").to_str().expect("UTF-8");
            let modified = metadata.modified().expect("time");
            entries.push(Entry::new(name, kind, metadata.mode() & 0o7777, modified));
        }
    }
    let mut entries = Vec::new();
    walk(root, root, &mut entries);
    Selection::from_entries(entries)
}

/// Incompressible bytes, the same for the same `seed`.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn context_arrives_unchanged() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    project.file("a/b/c/deep.txt", "deep");
    project.file("a-b", "a dash sorts before a slash, but not here");
    project.file("a.txt", "top");
    project.file("empty", "");
    fs::create_dir(project.root.path().join("hollow")).expect("directory");
    let tool = project.file("bin/tool", "#!/bin/sh\necho tool\n");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o4755)).expect("mode");
    symlink("../a/b/c/deep.txt", project.root.path().join("bin/link")).expect("link");
    symlink("nowhere", project.root.path().join("dangling")).expect("link");

    let mut entries = select(project.root.path()).entries().to_vec();
    let added = Bytes::from_static(b"from memory");
    let kind = EntryKind::File { size: added.len() as u64, content: Content::Memory(added) };
    entries.push(Entry::new("added", kind, 0o755, UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let dockerfile = format!("FROM {base}\nCOPY . /x\n");
    let built =
        project.run(project.request(&dockerfile, Selection::from_entries(entries))).await.expect("build");

    assert!(built.image_id.is_some_and(|id| id.starts_with("sha256:")));
    let listing = project.run_image("cd /x && find . | sort && stat -c '%a %n' added bin/tool a.txt && readlink bin/link && cat bin/link a/b/c/deep.txt added && stat -c %Y added");
    let mode = fs::metadata(project.root.path().join("a.txt")).expect("metadata").mode() & 0o777;
    let expected = format!(
        "./a\n./a-b\n./a.txt\n./a/b\n./a/b/c\n./a/b/c/deep.txt\n./added\n./bin\n./bin/link\n./bin/tool\n./dangling\n\
         ./empty\n./hollow\n755 added\n4755 bin/tool\n{mode:o} a.txt\n../a/b/c/deep.txt\ndeepdeepfrom memory1000000000\n"
    );
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&listing), [vec![".".to_owned()], sorted(&expected)].concat());
}

#[tokio::test]
async fn second_build_sends_only_changed_files() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    const SIZE: usize = 300_000;
    let files: Vec<_> =
        (0..20).map(|number| project.file(&format!("data-{number}"), noise(number, SIZE))).collect();
    let dockerfile = format!("FROM {base}\nCOPY data-* /data/\n");
    // The state of the files that windlass recorded before the build.
    let request = || {
        let selection = Selection::of_files(project.root.path(), &files).expect("files");
        let index = Arc::new(StatIndex::in_memory());
        selection.digest(&index, &|_, _| ()).expect("the files can be read");
        BuildRequest { sent: Arc::new(SentFiles::new(index)), ..project.request(&dockerfile, selection) }
    };
    let mut sent = Vec::new();
    let mut total = |project: &Project| {
        let bytes = project.bytes_sent().into_iter().max().expect("progress");
        project.seen.lock().expect("events").clear();
        sent.push(bytes);
    };
    project.run(request()).await.expect("first build");
    total(&project);
    project.run(request()).await.expect("second build");
    total(&project);
    project.file("data-7", noise(100, SIZE));
    project.run(request()).await.expect("third build");
    total(&project);

    // The Dockerfile may be transferred each time.
    let (size, dockerfile) = (SIZE as u64, dockerfile.len() as u64);
    assert_eq!(sent[0], 20 * size + dockerfile);
    assert!((0..=dockerfile).contains(&sent[1]), "{sent:?}");
    assert!((size..=size + dockerfile).contains(&sent[2]), "{sent:?}");
    let inside = project.run_image("sha256sum /data/data-7");
    let outside =
        Command::new("sha256sum").arg(project.root.path().join("data-7")).output().expect("sha256sum");
    assert_eq!(inside.split(' ').next(), String::from_utf8_lossy(&outside.stdout).split(' ').next());
}

#[tokio::test]
async fn changed_file_in_memory_is_sent_despite_equal_size_and_time() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    for text in ["one", "two"] {
        let content = Content::Memory(Bytes::from_static(text.as_bytes()));
        let entry = Entry::new("added", EntryKind::File { size: 3, content }, 0o644, UNIX_EPOCH);
        let dockerfile = format!("FROM {base}\nCOPY added /\n");
        let request = project.request(&dockerfile, Selection::from_entries(vec![entry]));
        project.run(request).await.expect("build");
        assert_eq!(project.run_image("cat /added"), text);
    }
}

#[tokio::test]
async fn changed_dockerfile_of_the_same_size_is_noticed() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    for text in ["one", "two"] {
        project.build(&format!("FROM {base}\nRUN echo -n {text} > /said\n")).await.expect("build");
        assert_eq!(project.run_image("cat /said"), text);
    }
}

#[tokio::test]
async fn ignore_file_in_the_context_is_not_applied() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    project.file(".dockerignore", "kept\n");
    project.file("kept", "kept");
    project.build(&format!("FROM {base}\nCOPY . /x\nCOPY .dockerignore /y/\n")).await.expect("build");
    assert_eq!(project.run_image("ls -A /x /y"), "/x:\n.dockerignore\nkept\n\n/y:\n.dockerignore\n");
    project.build(&format!("FROM {base}\nCOPY .dockerignore /y/\n")).await.expect("build");
    assert_eq!(project.run_image("cat /y/.dockerignore"), "kept\n");
}

#[tokio::test]
async fn options_reach_the_daemon() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let dockerfile =
        format!("FROM {base} AS First\nARG WORD\nRUN echo \"$WORD\" > /said\nFROM first\nRUN false\n");
    let mut request = project.request(&dockerfile, Selection::default());
    let second = format!("{}:second", project.repository);
    request.references.push(second.parse().expect("reference"));
    request.target = Some("first".into());
    request.network = Some("host".into());
    request.build_args.insert("WORD".into(), "a \"b\" & c=d+\u{e9}".into());
    project.run(request).await.expect("build");
    assert_eq!(project.run_image("cat /said"), "a \"b\" & c=d+\u{e9}\n");
    assert_eq!(project.daemon.tags(&project.repository), ["1", "second"]);
}

#[tokio::test]
async fn failing_step_is_shown_with_its_output() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let dockerfile = format!("FROM {base}\nRUN for i in $(seq 30); do echo line $i; done; exit 7\n");
    let error = project.build(&dockerfile).await.expect_err("the build fails");
    let BuildError::StepFailed { step, exit_code, output, .. } = &error else { panic!("{error:?}") };
    assert_eq!(step, "[2/2] RUN for i in $(seq 30); do echo line $i; done; exit 7");
    assert_eq!(*exit_code, Some(7));
    let expected: Vec<_> = (11..=30).map(|number| format!("line {number}")).collect();
    assert_eq!(output.as_deref(), Some(format!("the end of its output:\n{}", expected.join("\n")).as_str()));
    assert_eq!(
        error.to_string(),
        "`[2/2] RUN for i in $(seq 30); do echo line $i; done; exit 7` failed with exit code 7"
    );
    assert!(project.steps().contains(step));
    assert_eq!(project.output().iter().filter(|line| line.starts_with("line ")).count(), 30);
}

#[tokio::test]
async fn missing_copy_source_is_reported_as_the_cause() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let error = project.build(&format!("FROM {base}\nCOPY absent /x\n")).await.expect_err("the build fails");
    let text = format!("{error} {}", error.help().map(|help| help.to_string()).unwrap_or_default());
    assert!(text.contains("COPY absent /x") && text.contains("not found"), "{text}");
}

#[tokio::test]
async fn unknown_target_is_rejected_with_the_message_of_the_daemon() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let mut request = project.request(&format!("FROM {base}\n"), Selection::default());
    request.target = Some("nope".into());
    let error = project.run(request).await.expect_err("the build fails");
    // Newer versions put the name in quotes.
    assert_eq!(
        error.to_string().replace('"', ""),
        "the Docker daemon could not build `api`: target stage nope could not be found"
    );
}

#[tokio::test]
async fn removed_file_fails_the_build_and_is_named() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let path = project.file("src/gone", "x");
    let request = project.request(&format!("FROM {base}\nCOPY . /x\n"), select(project.root.path()));
    fs::remove_file(path).expect("remove");
    let error = project.run(request).await.expect_err("the build fails");
    assert_eq!(error.to_string(), "cannot send `src/gone` to the builder: it was removed meanwhile");
}

#[tokio::test]
async fn absent_daemon_is_unreachable() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let mut builder = project.builder();
    builder.endpoint = Endpoint::Unix(project.root.path().join("none.sock"));
    let request = project.request(&format!("FROM {base}\n"), Selection::default());
    let error = builder.build(request, &project.events(), &project.cancel).await.expect_err("no daemon");
    assert_eq!(error.code().map(|code| code.to_string()).as_deref(), Some("docker::unreachable"));
}

/// Builds 300 MB in a separate process, so that its peak memory can be measured.
#[test]
fn large_context_takes_constant_memory() {
    const CHILD: &str = "WINDLASS_TEST_LARGE_CONTEXT";
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "builder_buildkit::large_context_takes_constant_memory", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("this program");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let Some(project) = Project::new() else { return };
    for name in ["a", "b", "c"] {
        let file = fs::File::create(project.root.path().join(name)).expect("file");
        file.set_len(100 << 20).expect("size");
    }
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let dockerfile = "FROM scratch\nCOPY . /x\n";
    runtime.block_on(project.build(dockerfile)).expect("build");
    assert_eq!(project.bytes_sent().into_iter().max(), Some((300 << 20) + dockerfile.len() as u64));
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("number");
    println!("peak: {peak} kB");
    assert!(peak < 64 * 1024, "{peak} kB");
}

/// Processes whose command line contains `text`.
fn processes(text: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").contains(text)).count()
}

/// Waits until `condition` holds.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < limit, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A command that only this test runs.
fn long_sleep() -> String {
    format!("sleep {}", fastrand::u32(100_000..900_000))
}

#[tokio::test]
async fn cancelled_build_leaves_nothing_running() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let sleep = long_sleep();
    let dockerfile = format!("FROM {base}\nRUN {sleep}\n");
    let stop = async {
        eventually("the step runs", || processes(&sleep) > 0).await;
        project.cancel.cancel();
    };
    let (built, ()) = tokio::join!(project.build(&dockerfile), stop);
    assert!(matches!(built, Err(BuildError::Cancelled)), "{built:?}");
    eventually("the step has ended", || processes(&sleep) == 0).await;
}

#[tokio::test]
async fn dropped_build_leaves_nothing_running() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let sleep = long_sleep();
    let dockerfile = format!("FROM {base}\nRUN {sleep}\n");
    tokio::select! {
        built = project.build(&dockerfile) => panic!("{built:?}"),
        () = eventually("the step runs", || processes(&sleep) > 0) => {}
    }
    eventually("the step has ended", || processes(&sleep) == 0).await;
}

#[tokio::test]
async fn stopped_daemon_is_reported() {
    let Some(project) = Project::new() else { return };
    let base = project.base();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let mut builder = project.builder();
    builder.endpoint =
        Endpoint::Tcp { host: "127.0.0.1".into(), port: listener.local_addr().expect("address").port() };
    let socket = socket(&project.daemon).to_owned();
    let proxy = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut left, _)) = listener.accept().await {
            let socket = socket.clone();
            connections.spawn(async move {
                let mut right = tokio::net::UnixStream::connect(&socket).await?;
                tokio::io::copy_bidirectional(&mut left, &mut right).await
            });
        }
    });
    let sleep = long_sleep();
    let request = project.request(&format!("FROM {base}\nRUN {sleep}\n"), Selection::default());
    let events = project.events();
    let stop = async {
        eventually("the step runs", || processes(&sleep) > 0).await;
        proxy.abort();
    };
    let (built, ()) = tokio::join!(builder.build(request, &events, &project.cancel), stop);
    let error = built.expect_err("the daemon went away");
    assert_eq!(error.code().map(|code| code.to_string()).as_deref(), Some("docker::lost"), "{error}");
    println!("{error}");
    eventually("the step has ended", || processes(&sleep) == 0).await;
}

#[tokio::test]
async fn builds_run_in_parallel() {
    let (Some(left), Some(right)) = (Project::new(), Project::new()) else { return };
    let base = left.base();
    left.file("name", "left");
    right.file("name", "right");
    let dockerfile = format!("FROM {base}\nCOPY name /\nRUN cat /name\n");
    let (one, two) = tokio::join!(left.build(&dockerfile), right.build(&dockerfile));
    one.and(two).expect("both builds");
    assert_eq!(format!("{}{}", left.run_image("cat /name"), right.run_image("cat /name")), "leftright");
}

#[tokio::test]
async fn base_image_is_pulled_with_credentials() {
    let Some(mut project) = Project::new() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let repository = project.daemon.repository(&registry.address(), "private");
    let base = format!("{repository}:1");
    let config = tempfile::tempdir().expect("temporary directory");
    fs::write(config.path().join("config.json"), registry.docker_config()).expect("file");
    project.daemon.docker(["tag", &project.base(), &base]);
    project.daemon.docker(["--config", &config.path().to_string_lossy(), "push", &base]);
    project.daemon.docker(["image", "rm", &base]);
    let asked = Arc::new(Mutex::new(Vec::new()));
    project.credentials = Arc::new({
        let asked = asked.clone();
        move |host| {
            asked.lock().expect("hosts").push(host);
            Box::pin(async { Some((USER.to_owned(), Secret::new(PASSWORD))) })
        }
    });
    let request = project.request(&format!("FROM {base}\nRUN true\n"), Selection::default());
    project.run(request).await.expect("build");
    assert_eq!(asked.lock().expect("hosts").first(), Some(&registry.address()));

    let refused = project.request(&format!("FROM {repository}:2\n"), Selection::default());
    project.credentials = Arc::new(|_| Box::pin(async { Some((USER.to_owned(), Secret::new("wrong"))) }));
    let error = project.run(refused).await.expect_err("the registry refuses");
    let text = format!("{error:?}");
    assert!(error.help().is_some_and(|help| help.to_string().contains("windlass login")), "{text}");
    assert!(!text.contains("wrong"), "{text}");
}
