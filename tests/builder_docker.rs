//! The docker and custom builders against a real daemon, and a push to a real registry.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use miette::Diagnostic;
use tokio_util::sync::CancellationToken;
use windlass::builder::docker::{
    AuthLookup, Classic, Daemon, DiscoveredEndpoint, DockerCli, Endpoint, PushError,
};
use windlass::builder::{BuildError, BuildRequest, Builder};
use windlass::event::{Event, Events, ImageEvents};
use windlass::image::context::{Content, Entry, EntryKind};
use windlass::image::{Dockerfile, ImageReference, Selection};

use crate::harness::{self, Registry, TestRepository};

/// A daemon and a repository for one test, which is removed at the end.
struct Fixture {
    real: harness::Daemon,
    daemon: Daemon,
    repository: TestRepository,
    folder: tempfile::TempDir,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Fixture {
    /// `None` if no daemon responds.
    fn new(name: &str) -> Option<Self> {
        Self::in_registry(name, "")
    }

    fn in_registry(name: &str, registry: &str) -> Option<Self> {
        let real = harness::Daemon::acquire()?;
        Some(Self {
            daemon: Daemon::from_environment(),
            repository: real.repository(registry, name),
            folder: tempfile::tempdir().unwrap(),
            events: Arc::default(),
            real,
        })
    }

    fn events(&self) -> ImageEvents {
        let sink = self.events.clone();
        Events::new(move |event| sink.lock().unwrap().push(event)).of_image("api")
    }

    fn reference(&self, tag: &str) -> ImageReference {
        format!("{}:{tag}", self.repository).parse().unwrap()
    }

    /// A request whose context contains busybox, `files`, and 4 MiB of ballast.
    fn request(&self, dockerfile: &str, files: &[(&str, &str)]) -> BuildRequest {
        let entry = |path: &str, mode, content: Vec<u8>| {
            let size = content.len() as u64;
            let kind = EntryKind::File { size, content: Content::Memory(content.into()) };
            Entry::new(path, kind, mode, SystemTime::UNIX_EPOCH)
        };
        let mut entries = vec![
            entry("busybox", 0o755, harness::busybox().expect("the harness has loaded it")),
            entry("ballast", 0o644, vec![b'x'; 4 << 20]),
        ];
        entries.extend(files.iter().map(|(path, text)| entry(path, 0o644, (*text).into())));
        BuildRequest {
            references: vec![self.reference("one"), self.reference("two")],
            network: Some("none".into()),
            build_args: [("GREETING".to_owned(), "hello & more".to_owned())].into_iter().collect(),
            ..BuildRequest::new(
                "api",
                Dockerfile::parse("Dockerfile", dockerfile).unwrap(),
                Selection::from_entries(entries),
                self.folder.path(),
            )
        }
    }

    fn classic(&self) -> Classic {
        let credentials: AuthLookup = Arc::new(|_| Box::pin(async { None }));
        Classic { daemon: self.daemon.clone(), credentials }
    }

    fn cli(&self) -> DockerCli {
        DockerCli {
            daemon: self.daemon.clone(),
            program: "docker".into(),
            words: Vec::new(),
            use_build_kit: Some(false),
            args: Default::default(),
        }
    }

    fn outputs(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let line = |event: &Event| match event {
            Event::Output { line, .. } => Some(line.clone()),
            _ => None,
        };
        events.iter().filter_map(line).collect()
    }
}

const LISTING: &str = "FROM scratch\nCOPY busybox /bin/\nCOPY . /x\nARG GREETING\n\
     RUN [\"/bin/busybox\", \"ls\", \"-A\", \"/x\"]\nRUN [\"/bin/busybox\", \"env\"]\n";

/// Checks that a build by `builder` creates all tags, hides its own files and passes the argument.
async fn check_build(
    fixture: &Fixture,
    builder: &dyn Builder,
    expected_files: &[&str],
    files: &[(&str, &str)],
) {
    // Unique steps: another test that removes its images must not remove the daemon's cache of ours.
    let label = format!("FROM scratch\nLABEL test={}\n", fastrand::u64(..));
    let request = fixture.request(&LISTING.replacen("FROM scratch\n", &label, 1), files);
    let cancel = CancellationToken::new();
    let built = builder.build(request.clone(), &fixture.events(), &cancel).await.unwrap();
    let images = fixture.daemon.images(&request.references).await.unwrap();
    let ids: Vec<_> = request.references.iter().map(|reference| images.get(reference)).collect();
    assert_eq!(ids, [built.image_id.as_ref(), built.image_id.as_ref()]);

    let outputs = fixture.outputs();
    assert!(outputs.iter().any(|line| line == "GREETING=hello & more"), "{outputs:?}");
    let all: Vec<_> = outputs.iter().filter(|line| line.starts_with('.')).map(String::as_str).collect();
    let hidden: Vec<_> = expected_files.iter().copied().filter(|file| file.starts_with('.')).collect();
    assert_eq!(all, hidden, "{outputs:?}");
    for file in expected_files {
        assert!(outputs.iter().any(|line| line == file), "{outputs:?}");
    }
}

#[tokio::test]
async fn classic_builds_all_tags_and_hides_its_own_files() {
    let Some(fixture) = Fixture::new("classic") else { return };
    check_build(&fixture, &fixture.classic(), &["ballast", "busybox"], &[]).await;
    let steps = fixture.events.lock().unwrap();
    let is_step = |event: &Event| matches!(event, Event::StepStarted { step, .. } if step == "Step 3/7 : COPY busybox /bin/");
    assert!(steps.iter().any(is_step), "{steps:?}");
    let is_sent =
        |event: &Event| matches!(event, Event::StepProgress { step, .. } if step == "sending context");
    assert!(steps.iter().any(is_sent), "{steps:?}");
}

#[tokio::test]
async fn classic_keeps_a_selected_ignore_file() {
    let Some(fixture) = Fixture::new("ignore") else { return };
    let files = [(".dockerignore", "unused\n"), (".env", "")];
    check_build(&fixture, &fixture.classic(), &[".dockerignore", ".env", "ballast", "busybox"], &files).await;
}

#[tokio::test]
async fn equal_contexts_give_equal_layers() {
    let Some(fixture) = Fixture::new("layers") else { return };
    let cancel = CancellationToken::new();
    let mut request = fixture.request("FROM scratch\nCOPY . /x\n", &[]);
    let first = fixture.classic().build(request.clone(), &fixture.events(), &cancel).await.unwrap();
    let text = "FROM scratch\n# written differently\nCOPY . /x\n";
    request.dockerfile = Arc::new(Dockerfile::parse("Dockerfile", text).unwrap());
    let second = fixture.classic().build(request, &fixture.events(), &cancel).await.unwrap();
    assert_eq!(first.image_id, second.image_id);
}

#[tokio::test]
async fn the_cli_builds_all_tags_with_arguments_from_its_environment() {
    let Some(fixture) = Fixture::new("cli") else { return };
    check_build(&fixture, &fixture.cli(), &["ballast", "busybox"], &[]).await;
}

#[tokio::test]
async fn a_missing_cli_is_explained() {
    let Some(fixture) = Fixture::new("no-cli") else { return };
    let cli = DockerCli { program: "no-such-docker".into(), ..fixture.cli() };
    let cancel = CancellationToken::new();
    let error = cli.build(fixture.request(LISTING, &[]), &fixture.events(), &cancel).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot build `api`: cannot run `no-such-docker`: command not found");
    assert!(error.help().unwrap().to_string().starts_with("install the docker CLI"));
}

/// Checks that a failing RUN by `builder` shows the step, exit code, instruction and last lines.
async fn check_failure(fixture: &Fixture, builder: &dyn Builder, expected_step: &str) {
    let script = "i=1; while [ $i -le 30 ]; do echo line $i; i=$((i+1)); done; exit 7";
    let text = format!("FROM scratch\nCOPY busybox /bin/sh\nRUN {script}\n");
    let cancel = CancellationToken::new();
    let built = builder.build(fixture.request(&text, &[]), &fixture.events(), &cancel).await;
    match built.unwrap_err() {
        BuildError::StepFailed { step, exit_code, output, instruction, .. } => {
            assert!(step.starts_with(expected_step), "{step}");
            assert_eq!(exit_code, Some(7));
            let expected: Vec<_> = (11..=30).map(|line| format!("line {line}")).collect();
            let output = output.unwrap_or_default();
            assert!(output.ends_with("line 30") || output.contains("line 30\n"), "{output}");
            assert!(output.contains(&expected[5..].join("\n")), "{output}");
            assert_eq!(instruction.map(|span| span.offset()), text.find("RUN"));
        }
        other => panic!("{other:?}"),
    }
    assert!(fixture.outputs().iter().any(|line| line.ends_with("line 1")));
}

#[tokio::test]
async fn a_failing_step_shows_its_last_lines() {
    let Some(fixture) = Fixture::new("failing") else { return };
    check_failure(&fixture, &fixture.classic(), "Step 3/3 : RUN i=1").await;
    check_failure(&fixture, &fixture.cli(), "Step 3/3 : RUN i=1").await;
}

#[tokio::test]
async fn a_refusal_before_the_context_is_read_is_reported() {
    let Some(fixture) = Fixture::new("refused") else { return };
    let mut request = fixture.request(LISTING, &[]);
    request.platform = Some("no/such/platform/at/all".into());
    let error = fixture.classic().build(request, &fixture.events(), &CancellationToken::new()).await;
    match error.unwrap_err() {
        BuildError::Refused { reason, .. } => assert!(reason.contains("platform"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn cancelling_stops_the_build_in_the_daemon() {
    let Some(fixture) = Fixture::new("cancel") else { return };
    let marker = format!("{}", 100_000 + std::process::id());
    let text = format!("FROM scratch\nCOPY busybox /bin/sleep\nRUN [\"/bin/sleep\", \"{marker}\"]\n");
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let events = Events::new(move |event| {
        if matches!(&event, Event::Output { line, .. } if line.contains("Running in")) {
            stop.cancel();
        }
    });
    let built = fixture.classic().build(fixture.request(&text, &[]), &events.of_image("api"), &cancel).await;
    assert!(matches!(built, Err(BuildError::Cancelled)), "{built:?}");
    let is_gone = async {
        loop {
            let listed = fixture.real.docker(["ps", "--no-trunc", "--format", "{{.Command}}"]);
            if !listed.contains(&marker) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), is_gone)
        .await
        .expect("the container still runs");
}

#[tokio::test]
async fn a_daemon_that_stops_is_named() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK",
            "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"ApiVersion\":\"1.41\",\"Os\":\"linux\"}  ",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n18\r\n{\"stream\":\"Step 1/1 : X\"}\r\n",
        ];
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1 << 16];
            let _ = stream.read(&mut request).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let endpoint = Endpoint::Unix(socket.clone());
    let daemon = Daemon::found_by(move || {
        Ok(DiscoveredEndpoint { endpoint, origin: "DOCKER_HOST".into(), config: None })
    });
    let credentials: AuthLookup = Arc::new(|_| Box::pin(async { None }));
    let request = BuildRequest {
        references: vec!["r.io/api:1".parse().unwrap()],
        ..BuildRequest::new(
            "api",
            Dockerfile::parse("Dockerfile", "FROM scratch\n").unwrap(),
            Selection::from_entries(vec![]),
            folder.path(),
        )
    };
    let events = Events::none().of_image("api");
    let classic = Classic { daemon, credentials };
    let error = classic.build(request, &events, &CancellationToken::new()).await.unwrap_err().to_string();
    let expected = format!("lost the connection to the Docker daemon at `unix://{}`: ", socket.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn a_push_reports_progress_and_digest() {
    let Some(registry) = Registry::start() else { return };
    let Some(fixture) = Fixture::in_registry("push", &registry.address()) else { return };
    let (events, cancel) = (fixture.events(), CancellationToken::new());
    let unique = format!("FROM scratch\nCOPY . /{}\n", std::process::id());
    fixture.classic().build(fixture.request(&unique, &[]), &events, &cancel).await.unwrap();
    let reference = fixture.reference("one");
    let pushed = fixture.daemon.push(&reference, None, &events, &cancel).await.unwrap();
    let facts = fixture.daemon.inspect(&reference.to_string()).await.unwrap().unwrap();
    let digest = format!("{}@{}", fixture.repository, pushed.digest.unwrap());
    assert_eq!(facts.repo_digests, [digest]);
    let events = fixture.events.lock().unwrap();
    let last = events.iter().rev().find_map(|event| match event {
        Event::StepProgress { step, done, total, .. } if step.starts_with("pushing") => Some((*done, *total)),
        _ => None,
    });
    let (done, total) = last.unwrap();
    assert!(done > 0 && Some(done) == total, "{done} of {total:?}");
}

#[tokio::test]
async fn a_push_of_a_missing_image_is_rejected_with_the_daemons_message() {
    let Some(fixture) = Fixture::new("nothing") else { return };
    let (events, cancel) = (fixture.events(), CancellationToken::new());
    match fixture.daemon.push(&fixture.reference("none"), None, &events, &cancel).await {
        Err(PushError::Refused { reason, .. }) => {
            assert!(reason.contains("does not exist"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.daemon.inspect(&fixture.reference("none").to_string()).await.unwrap(), None);
    assert!(fixture.daemon.images(&[fixture.reference("none")]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_daemon_reports_its_properties() {
    let Some(fixture) = Fixture::new("facts") else { return };
    let facts = fixture.daemon.facts().await.unwrap();
    assert!(facts.api >= (1, 24) && facts.os == "linux", "{facts:?}");
    assert!(fixture.daemon.insecure_registries().await.unwrap().contains("127.0.0.0/8"));
}
