//! Only files that the Dockerfile can read are inputs: the rest of the context does not rebuild an image and is not
//! transferred.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tokio_util::sync::CancellationToken;
use windlass::builder::docker::{BuildKit, Classic, Daemon as DaemonClient, Endpoint};
use windlass::builder::{BuildRequest, Builder};
use windlass::event::Events;
use windlass::image::context::Forest;
use windlass::image::dockerfile::{BaseConfig, BuildArgs, ContextSources};
use windlass::image::{Context, Dockerfile};

use crate::harness::{Daemon, Fault, FaultProxy, Project, TestRepository};

/// A project with one image that is never pushed.
fn project(daemon: &Daemon, repository: &TestRepository, builder: &str, dockerfile: &str) -> Project {
    let dockerfile = dockerfile.replace("BASE", &daemon.base());
    let yaml = format!(
        "version: v1beta9\nimages:\n  api:\n    image: {repository}\n    build:\n      docker:\n        {builder}\n"
    );
    Project::new().daemon(daemon).file("devspace.yaml", yaml).file("Dockerfile", dockerfile)
}

const BUILD: [&str; 4] = ["build", "--skip-push", "-t", "1"];

#[track_caller]
fn builds(project: &Project) -> crate::harness::Output {
    let output = project.run(BUILD);
    output.success().lacks("skipped:");
    output
}

#[track_caller]
fn skips(project: &Project) {
    project.run(BUILD).success().stderr_has("skipped");
}

#[test]
fn an_excluded_file_is_not_an_input() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n")
        .file("Dockerfile", "FROM scratch\nCOPY --exclude=docs --exclude=**/*.md . /app/\nCOPY b.md /\n")
        .file("src/a.go", "a")
        .file("src/a.md", "a")
        .file("docs/a.txt", "a")
        .file("b.md", "b");
    let run = || project.run(["build", "--builder", "oci", "--skip-push", "-t", "1"]);
    run().success().stderr_has("built");
    for path in ["src/a.md", "docs/a.txt", "docs/new"] {
        project.write(path, "changed");
        run().success().stderr_has("skipped");
    }
    let report = project.run(["why", "--if", "docs/a.txt", "--if", "src/a.go"]);
    report
        .success()
        .stdout_has("api is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it")
        .stdout_has("api is built: its Dockerfile reads every file that `--exclude` does not name");
    for path in ["src/a.go", "b.md"] {
        project.write(path, "changed");
        run().success().stderr_has(format!("{path} changed"));
    }
}

#[test]
fn a_file_that_no_instruction_reads_is_not_an_input() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "reach");
    let dockerfile = "ARG D=src\nFROM BASE AS tools\nRUN echo tool >/tool\nFROM BASE\nARG D\nENV E=$D/sub\n\
                      COPY $E/*.txt /x/\nCOPY --from=tools /tool /tool\nADD conf /conf/\n";
    let project = project(&daemon, &repository, "useBuildKit: true", dockerfile)
        .file("src/sub/a.txt", "a")
        .file("src/sub/b.md", "b")
        .file("conf/c", "c")
        .file("tool", "not this one");
    // If this directory were walked, its name would be an error.
    let odd = project.path("other").join(OsStr::from_bytes(b"not-utf8-\xff"));
    std::fs::create_dir_all(&odd).expect("a directory can be created");
    builds(&project).lacks("every file of the build context is an input");
    let reference = format!("{repository}:1");
    assert_eq!(daemon.file(&reference, "/x/a.txt"), "a");
    assert_eq!(daemon.file(&reference, "/tool"), "tool\n");
    assert_eq!(daemon.try_file(&reference, "/x/b.md"), None);
    skips(&project);
    for unreachable in ["src/sub/b.md", "src/new.txt", "tool", "other/new"] {
        project.write(unreachable, "changed");
        skips(&project);
    }
    for reachable in ["src/sub/a.txt", "src/sub/new.txt", "conf/c", "conf/new"] {
        project.write(reachable, "changed");
        builds(&project);
    }
}

#[test]
fn files_of_an_unneeded_stage_are_not_inputs_but_are_sent_if_built() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in ["useBuildKit: true", "useBuildKit: false"] {
        let repository = daemon.repository("", "targets");
        let project = project(
            &daemon,
            &repository,
            builder,
            "FROM BASE AS unneeded\nCOPY tool /\nFROM BASE\nCOPY a /\n",
        )
        .file("tool", "tool")
        .file("a", "a");
        builds(&project);
        project.write("tool", "changed");
        skips(&project);
        project.write("a", "changed");
        builds(&project);
    }
}

#[test]
fn unknown_sources_make_every_file_an_input_and_are_explained() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "unknown");
    let project =
        project(&daemon, &repository, "useBuildKit: true", "FROM BASE\nARG TARGETOS\nCOPY a-$TARGETOS /a\n")
            .file("a-linux", "a")
            .file("other", "other");
    builds(&project).stderr_has(
        "every file of the build context is an input: line 3, COPY: `TARGETOS` is set by the builder",
    );
    skips(&project);
    project.write("other", "changed");
    builds(&project);
}

/// Pushes a base image with `instructions` to `reference`, and removes it from the daemon.
fn push_base(daemon: &Daemon, reference: &str, instructions: &str) {
    let project = Project::new()
        .daemon(daemon)
        .env("DOCKER_BUILDKIT", "0")
        .file("Dockerfile", format!("FROM {}\n{instructions}", daemon.base()));
    project.run_program("docker", ["build", "--tag", reference, "."]).success();
    project.run_program("docker", ["push", reference]).success();
    daemon.docker(["image", "rm", "--force", reference]);
}

#[test]
fn inherited_instructions_are_looked_up_once_and_recorded() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let base = daemon.repository(&proxy.address(), "base");
    let reference = format!("{base}:1");
    push_base(&daemon, &reference, "ENV DIR=data\nONBUILD COPY package.json /app/\n");
    let repository = daemon.repository("", "onbuild");
    let project =
        project(&daemon, &repository, "useBuildKit: true", &format!("FROM {reference}\nCOPY $DIR /d/\n"))
            .file("package.json", "{}")
            .file("data/a", "a")
            .file("other", "other");
    builds(&project).lacks("every file of the build context is an input");
    let built = format!("{repository}:1");
    assert_eq!(daemon.file(&built, "/app/package.json"), "{}");
    assert_eq!(daemon.file(&built, "/d/a"), "a");
    let asked = proxy.count("", "");
    project.write("other", "changed");
    skips(&project);
    assert_eq!(proxy.count("", ""), asked);
    project.write("package.json", "{ }");
    builds(&project);
    // The tag moves to an image that passes on other instructions: the next build notices before it sends the context.
    push_base(&daemon, &reference, "ONBUILD COPY other /app/\n");
    project.write("package.json", "{  }");
    project.write("Dockerfile", format!("FROM {reference}\nARG DIR=data\nCOPY $DIR /d/\n"));
    builds(&project);
    assert_eq!(daemon.file(&built, "/app/other"), "changed");
    project.write("package.json", "unreachable by now");
    skips(&project);
    project.write("other", "changed again");
    builds(&project);
}

#[test]
fn a_base_discovered_during_the_build_does_not_build_twice() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let base = daemon.repository(&proxy.address(), "base");
    let reference = format!("{base}:1");
    push_base(&daemon, &reference, "ENV A=b\n");
    let repository = daemon.repository("", "late");
    let project =
        project(&daemon, &repository, "useBuildKit: true", &format!("FROM {reference}\nCOPY a /\n"))
            .file("a", "a")
            .file("other", "other");
    proxy.fault(1, "", &format!("/v2/{}/manifests/", base.path()), Fault::Status(404));
    let why = format!("the ONBUILD and ENV of `{reference}` are unknown");
    builds(&project).stderr_has(format!("every file of the build context is an input: {why}"));
    project.write("other", "changed");
    skips(&project);
    project.write("a", "changed");
    builds(&project).lacks("every file of the build context is an input");
}

/// The layers of the image `reference` that `builder` makes of `dockerfile` and the part of `root` that `reach`
/// selects; `None` if it cannot be built. A failed build is retried twice, because a test that runs in parallel may
/// remove an image whose layer the daemon was about to reuse.
async fn layers(
    daemon: &Daemon,
    builder: &dyn Builder,
    root: &Path,
    dockerfile: &Dockerfile,
    reach: &ContextSources,
    reference: &str,
) -> Option<serde_json::Value> {
    let context = Context::open(&Arc::new(Forest::default()), root, None).expect("a context");
    let request = BuildRequest {
        references: vec![reference.parse().expect("a reference")],
        network: Some("none".into()),
        ..BuildRequest::new(
            "api",
            dockerfile.clone(),
            context.select(reach, &|_| ()).expect("a selection"),
            root,
        )
    };
    for _ in 0..3 {
        let events = Events::none().of_image("api");
        match builder.build(request.clone(), &events, &CancellationToken::new()).await {
            Ok(_) => return Some(daemon.inspect(reference)["RootFS"]["Layers"].clone()),
            Err(error) => eprintln!("{reference}: {error}"),
        }
    }
    None
}

/// A small tree of files: `a`, `d/b`, `d/e/c` and the like.
fn trees() -> impl Strategy<Value = Vec<(String, String)>> {
    let path = prop::sample::select(vec![
        "a",
        "b",
        "c.txt",
        "d/a",
        "d/b",
        "d/c.txt",
        "d/e/a",
        "d/e/c.txt",
        "f/a",
        "f/g/h/c.txt",
        ".hidden",
    ]);
    let files = prop::collection::btree_map(path, "[a-z]{0,8}", 3..9);
    files.prop_map(|files| files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect())
}

/// Instructions that read such a tree, in one or two build stages.
fn dockerfiles() -> impl Strategy<Value = String> {
    let source = prop::sample::select(vec![
        "a", "b", "./d/", "d", "d/*", "*.txt", "d/e", "/f/g", "$V", "${V}/e", "d/?", "*/c.txt", "d/../a",
        "[ab]",
    ]);
    let instruction = (prop::sample::select(vec!["COPY", "ADD"]), source, 0..4)
        .prop_map(|(name, source, place)| format!("{name} {source} /x{place}/\n"));
    let target = prop::collection::vec(instruction, 1..3).prop_map(|lines| lines.concat());
    (target.clone(), target, any::<bool>()).prop_map(|(one, other, both)| {
        let copied = if both { "COPY --from=one / /one/\n" } else { "" };
        format!("FROM scratch AS one\nARG V=d\n{one}FROM scratch\nENV V=f\n{other}{copied}")
    })
}

#[test]
fn builds_from_reached_files_and_from_all_files_have_equal_layers() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(socket) = daemon.host().strip_prefix("unix://") else { return };
    let buildkit = BuildKit {
        endpoint: Endpoint::Unix(socket.into()),
        api_version: "1.41".into(),
        credentials: Arc::new(|_| Box::pin(async { None })),
    };
    let classic = Classic {
        daemon: DaemonClient::from_environment(),
        credentials: Arc::new(|_| Box::pin(async { None })),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // The same cases in every run, so that the result is reproducible.
    let rng_seed = RngSeed::Fixed(1);
    let config =
        ProptestConfig { cases: 8, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
    let known = |_: &str| Some(BaseConfig::default());
    proptest!(config, |(tree in trees(), text in dockerfiles())| {
        let folder = tempfile::tempdir().expect("a directory");
        for (path, text) in &tree {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        let dockerfile = Dockerfile::parse("Dockerfile", text.clone()).expect("a Dockerfile");
        let needed = dockerfile.reach(None, &BuildArgs::new(), &known).expect("a reach");
        let all = dockerfile.reach_in_file_order(None, &BuildArgs::new(), &known).expect("a reach");
        let builders: [(&dyn Builder, ContextSources); 2] = [(&buildkit, needed), (&classic, all)];
        for (builder, reach) in builders {
            // Both are kept until they are compared: the second build takes the directories that the first has made,
            // with their times, from the daemon's cache, as long as the files in them are the same.
            let repository = daemon.repository("", "layers");
            let (one, two) = (format!("{repository}:1"), format!("{repository}:2"));
            let (reduced, whole) = runtime.block_on(async {
                let reduced = layers(&daemon, builder, folder.path(), &dockerfile, &reach, &one).await;
                let whole = ContextSources::Whole { why: None };
                (reduced, layers(&daemon, builder, folder.path(), &dockerfile, &whole, &two).await)
            });
            prop_assert_eq!(reduced, whole, "{} of {:?}, {:?}", text, tree, reach);
        }
    });
}
