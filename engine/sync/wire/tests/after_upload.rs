//! The commands of `onUpload`.

use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::shell::Container;
use crate::config::{OnUpload, Origin, SyncCommand, SyncExec, SyncHooks};
use crate::process::LiveExec;
use crate::sync::{AfterUpload, Batch, COMMAND_LIMIT, RelativePath, SLOW_COMMAND};

fn origin() -> Origin {
    Origin { file: "devspace.yaml".into(), line: 1, column: 1 }
}

fn command(command: &str, args: Option<&[&str]>) -> SyncCommand {
    let args = args.map(|args| args.iter().map(|&arg| arg.to_owned()).collect());
    SyncCommand { origin: origin(), command: command.to_owned(), args }
}

fn exec(line: &str, on_change: &[&str]) -> SyncExec {
    SyncExec {
        name: None,
        command: command(line, None),
        fail_on_error: false,
        is_local: false,
        is_once: false,
        on_change: on_change.iter().map(|&pattern| pattern.to_owned()).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_in_order_for_uploaded_files() {
    let container = Container::new("dash");
    let wire = container.connect().await;
    let log = container.folder.path().join("log");
    let say = |text: &str| format!("echo {text} >> '{}'", log.display());
    let each = |text: &str| command("sh", Some(&["-c", &say(&format!("{text} \"$1\"")), "x", "{}"]));
    let on_upload = OnUpload {
        restart_container: true,
        exec_remote: Some(SyncHooks {
            origin: origin(),
            on_file_change: Some(each("file")),
            on_dir_create: Some(each("folder")),
            on_batch: Some(command(&say("batch"), None)),
        }),
        exec: vec![
            exec(&say("go"), &["**/*.go"]),
            exec(&say("js"), &["*.js"]),
            SyncExec { is_once: true, ..exec(&say("once"), &[]) },
            SyncExec { is_local: true, ..exec(&say("local"), &[]) },
            exec("exit 7", &[]),
            SyncExec { fail_on_error: true, ..exec("echo why; exit 8", &[]) },
            exec(&say("skipped"), &[]),
        ],
    };
    let path = |text| RelativePath::new(text).unwrap();
    let files = vec![path("d/$(x).go"), path("b")];
    let uploaded = Batch { created: vec![path("d")], uploaded: files, ..Batch::default() };
    let after = AfterUpload {
        remote: &wire,
        exec: &LiveExec,
        directory: container.folder.path(),
        limit: COMMAND_LIMIT,
        slow: SLOW_COMMAND,
        on_slow: &|message| panic!("{message}"),
    };
    let failures = after.run(&on_upload, &uploaded, &CancellationToken::new()).await;
    let root = container.there().canonicalize().unwrap().display().to_string();
    let expected = format!("folder {root}/d\nfile {root}/d/$(x).go\nfile {root}/b\nbatch\ngo\nlocal\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), expected);
    let shown: Vec<_> = failures.iter().map(ToString::to_string).collect();
    let failed = |command: &str, code| format!("`{command}` failed with exit code {code} after an upload");
    assert_eq!(shown, [failed("exit 7", 7), failed("echo why; exit 8", 8)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_commands_are_reported_and_stopped_at_the_limit() {
    let container = Container::new("dash");
    let wire = container.connect().await;
    let go = container.folder.path().join("go");
    // It ends by itself if the test is killed.
    let wait =
        format!("i=0; until test -e '{}' || test $i = 6000; do i=$((i + 1)); sleep 0.01; done", go.display());
    let on_upload = OnUpload {
        exec: vec![exec(&wait, &[]), SyncExec { is_local: true, ..exec(&wait, &[]) }],
        ..OnUpload::default()
    };
    let uploaded = Batch { uploaded: vec![RelativePath::new("a").unwrap()], ..Batch::default() };
    let reported = std::sync::Mutex::new(Vec::new());
    let on_slow = |message| {
        reported.lock().unwrap().push(message);
        fs::write(&go, "").unwrap();
    };
    let after = AfterUpload {
        remote: &wire,
        exec: &LiveExec,
        directory: container.folder.path(),
        limit: COMMAND_LIMIT,
        slow: Duration::from_millis(1),
        on_slow: &on_slow,
    };
    // It continues only after the report.
    let cancel = CancellationToken::new();
    assert!(after.run(&on_upload, &uploaded, &cancel).await.is_empty());
    let first = reported.lock().unwrap()[0].clone();
    assert!(first.contains(" still runs, 0 s after an upload; it is stopped after 600 s"), "{first}");
    fs::remove_file(&go).unwrap();
    let limit = Duration::from_millis(1);
    let failures =
        AfterUpload { limit, slow: SLOW_COMMAND, ..after }.run(&on_upload, &uploaded, &cancel).await;
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(
        failures.iter().all(|failure| failure.to_string().starts_with("cannot run `i=0; until ")),
        "{failures:?}"
    );
}
