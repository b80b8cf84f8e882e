//! Failures and their messages.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::shell::{Container, SHELLS};
use crate::sync::{
    CommandEnd, Connector, Expected, PathOutcome, Pruned, RelativePath, Remote as _, RemoteCommand,
    RemoteError, Wire,
};

/// Whether this user may mount file systems.
fn mounts(arguments: &[&str]) -> bool {
    Command::new("mount").args(arguments).output().is_ok_and(|output| output.status.success())
}

fn unmount(path: &std::path::Path) {
    assert!(Command::new("umount").arg(path).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_keeps_the_old_file() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let there = container.there();
        let target = there.to_str().unwrap();
        if !mounts(&["-t", "tmpfs", "-o", "size=200k", "tmpfs", target]) {
            return;
        }
        fs::write(there.join("a"), "old").unwrap();
        let wire = container.connect().await;
        assert!(wire.facts().is_mount, "{shell}");
        let uploads = vec![
            container.file("a", vec![7; 300_000], Expected::Unknown),
            container.file("b", "small", Expected::Unknown),
        ];
        let outcomes = wire.upload(uploads.clone()).await.unwrap();
        let PathOutcome::Failed(RemoteError::DiskFull { usage: Some(usage), .. }) = &outcomes[0] else {
            panic!("{shell}: {outcomes:?}")
        };
        assert!(usage.contains('%'), "{shell}: {usage}");
        assert_eq!(fs::read_to_string(there.join("a")).unwrap(), "old", "{shell}");
        // The connection still works, and the stage is empty again.
        let outcomes = wire.upload(uploads[1..].to_vec()).await.unwrap();
        assert!(matches!(outcomes[..], [PathOutcome::Done(Some(_))]), "{shell}: {outcomes:?}");
        wire.close().await;
        unmount(&there);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mounted_files_are_written_in_place_and_volumes_have_their_own_stage() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let there = container.there();
        fs::create_dir(there.join("vol ume")).unwrap();
        fs::write(there.join("config"), "old").unwrap();
        fs::write(container.here().join("other"), "mounted").unwrap();
        let (source, config, volume) =
            (container.here().join("other"), there.join("config"), there.join("vol ume"));
        if !mounts(&["--bind", source.to_str().unwrap(), config.to_str().unwrap()]) {
            return;
        }
        assert!(mounts(&["-t", "tmpfs", "tmpfs", volume.to_str().unwrap()]));
        let wire = container.connect().await;
        let facts: Vec<_> = wire.facts().mounts.iter().map(RelativePath::as_str).collect();
        assert_eq!(facts, ["config", "vol ume"], "{shell}");
        let uploads = vec![
            container.file("config", "new", Expected::Unknown),
            container.file("vol ume/a", "a", Expected::Nothing),
        ];
        let outcomes = wire.upload(uploads).await.unwrap();
        assert!(
            matches!(outcomes[..], [PathOutcome::Done(Some(_)), PathOutcome::Done(Some(_))]),
            "{shell}: {outcomes:?}"
        );
        assert_eq!(fs::read_to_string(&source).unwrap(), "new", "{shell}");
        assert_eq!(fs::read_to_string(volume.join("a")).unwrap(), "a", "{shell}");
        wire.close().await;
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 1, "{shell}: the stage is left");
        unmount(&config);
        assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(&volume).status().unwrap().success());
        let wire = container.connect().await;
        let outcomes = wire.upload(vec![container.file("vol ume/b", "b", Expected::Nothing)]).await.unwrap();
        assert!(
            matches!(outcomes[..], [PathOutcome::Failed(RemoteError::ReadOnly { .. })]),
            "{shell}: {outcomes:?}"
        );
        wire.close().await;
        unmount(&volume);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_permission_sees_the_owner_of_the_directory() {
    for shell in SHELLS {
        let container = Container::as_nobody(shell);
        fs::create_dir(container.there().join("theirs")).unwrap();
        fs::set_permissions(container.there(), fs::Permissions::from_mode(0o777)).unwrap();
        let wire = container.connect().await;
        if rustix::process::geteuid().is_root() {
            let uploads = vec![
                container.file("theirs/a", "a", Expected::Nothing),
                container.file("ours", "a", Expected::Nothing),
            ];
            let outcomes = wire.upload(uploads).await.unwrap();
            let [PathOutcome::Failed(error @ RemoteError::Denied { .. }), PathOutcome::Done(Some(_))] =
                &outcomes[..]
            else {
                panic!("{shell}: {outcomes:?}")
            };
            let text = error.to_string();
            assert!(text.contains("/theirs/a") && text.contains("user 65534"), "{shell}: {text}");
            assert!(text.ends_with("(it belongs to 0:0 with mode 755)"), "{shell}: {text}");
        }
        wire.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_stay_where_windlass_is_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for shell in SHELLS {
        let container = Container::new(shell);
        let file = container.there().join("a");
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::chown(&file, Some(1234), Some(2345)).unwrap();
        let entry = super::shell::entry(&file);
        let wire = container.connect().await;
        let uploads = vec![
            container.file("a", "new", Expected::Entry(entry)),
            container.file("b", "new", Expected::Nothing),
        ];
        wire.upload(uploads).await.unwrap();
        let owner = |name: &str| super::shell::entry(&container.there().join(name)).owner;
        assert_eq!((owner("a"), owner("b").0), ((1234, 2345), 0), "{shell}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_leaves_no_half_file() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let wire = container.connect().await;
        let upload = container.file("a", vec![1; 6 << 20], Expected::Nothing);
        let stage = container.there().join(".windlass-stage/0");
        let kill = async {
            while !stage.exists() {
                tokio::task::yield_now().await;
            }
            let pid = container.started.lock().unwrap()[0];
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).unwrap();
        };
        let (outcome, ()) = tokio::join!(wire.upload(vec![upload]), kill);
        let error = outcome.unwrap_err();
        assert!(error.ends_connection(), "{shell}: {error}");
        assert!(!container.there().join("a").exists(), "{shell}");
        container.connect().await;
        assert!(!stage.exists(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_list_is_not_a_scan() {
    let container = Container::new("dash");
    fs::write(container.there().join("a"), "").unwrap();
    let wire = container.connect().await;
    // `find` fails, after it has listed everything.
    let find = container.folder.path().join("bin/find");
    fs::remove_file(&find).unwrap();
    fs::write(&find, "#!/bin/sh\n/usr/bin/find \"$@\"\nexit 1\n").unwrap();
    fs::set_permissions(&find, fs::Permissions::from_mode(0o755)).unwrap();
    let scan = wire.scan(&[], &std::collections::BTreeMap::new()).await.unwrap();
    assert_eq!((scan.entries.len(), scan.gap.as_deref()), (1, Some("find ended with 1")));
    // It is killed with its shell.
    fs::write(&find, "#!/bin/sh\n/usr/bin/find \"$@\"\nkill -9 $PPID\n").unwrap();
    assert!(
        wire.scan(&[Pruned::Name("b".to_owned())], &std::collections::BTreeMap::new())
            .await
            .unwrap_or_else(|error| {
                assert!(error.ends_connection(), "{error}");
                crate::sync::Scan {
                    root: None,
                    entries: Default::default(),
                    unusable: vec![],
                    gap: Some(String::new()),
                }
            })
            .gap
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_a_shell_is_reported() {
    let container = Container::with_sh("echo 'no such file' >&2; exit 127");
    let error = Wire::connect(Arc::clone(&container) as Arc<dyn Connector>, container.options()).await.err();
    let error = error.expect("an error");
    assert!(matches!(&error, RemoteError::MissingTool { tool, .. } if tool == "sh"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_end_with_their_code_or_at_their_limit() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let wire = container.connect().await;
        let run = async |words: &[&str], limit: Duration| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            wire.run(&RemoteCommand { words, limit }).await
        };
        let minute = Duration::from_secs(60);
        let ended =
            run(&["sh", "-c", "echo \"$1\"; echo err >&2; cat; exit 3", "x", "a b'$(c)"], minute).await;
        let CommandEnd { code, mut output } = ended.unwrap();
        output.sort();
        assert_eq!((code, output), (3, vec!["a b'$(c)".to_owned(), "err".to_owned()]), "{shell}");
        assert_eq!(run(&["no-such-program"], minute).await.unwrap().code, 127, "{shell}");
        let slow = run(&["sleep", "600"], Duration::from_secs(1)).await.unwrap_err();
        assert!(matches!(slow, RemoteError::Hung { .. }), "{shell}: {slow}");
        let pid = *container.started.lock().unwrap().iter().rev().nth(1).unwrap();
        assert!(!fs::exists(format!("/proc/{pid}/root")).unwrap_or(false), "{shell}: it still runs");
        // A command does not use the channels of the loops.
        let outcomes = wire.upload(vec![container.file("a", "a", Expected::Nothing)]).await.unwrap();
        assert!(matches!(outcomes[..], [PathOutcome::Done(Some(_))]), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_the_wait_for_it_and_leaves_no_process() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let wire = container.connect().await;
        let begun = container.folder.path().join("begun");
        let command = |line: String| RemoteCommand {
            words: ["sh", "-c", &line].map(str::to_owned).to_vec(),
            limit: Duration::from_secs(60),
        };
        let long = command(format!("touch '{}'; sleep 600; true", begun.display()));
        tokio::select! {
            ended = wire.run(&long) => panic!("{shell}: {ended:?}"),
            () = until(|| begun.exists()) => {}
        }
        let last = || *container.started.lock().unwrap().last().unwrap();
        let is_over = |group: u32| {
            let group = rustix::process::Pid::from_raw(group.try_into().unwrap()).unwrap();
            rustix::process::test_kill_process_group(group).is_err()
        };
        until(|| is_over(last())).await;
        // A command that exits also ends the background process that waits for that.
        assert_eq!(wire.run(&command("exit 5".to_owned())).await.unwrap().code, 5, "{shell}");
        until(|| is_over(last())).await;
    }
}

/// Waits until `fact` holds.
async fn until(fact: impl Fn() -> bool) {
    let waited = async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.expect("it holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_a_helper_has_a_hint() {
    let container = Container::new("dash");
    let error = container.connect().await.restart().await.unwrap_err();
    assert!(
        matches!(&error, RemoteError::MissingTool { help, .. } if help.contains("injectRestartHelper")),
        "{error}"
    );
}

#[test]
fn the_restart_terminates_the_program_of_the_helper_before_it_kills_it() {
    // A program that a shell has started in the background ignores INT.
    let cases = [("", libc::SIGINT), ("INT", libc::SIGTERM), ("INT TERM", libc::SIGKILL)];
    std::thread::scope(|scope| {
        for shell in SHELLS {
            for (ignored, ended_by) in cases {
                scope.spawn(move || restart_ends(shell, ignored, ended_by));
            }
        }
    });
}

/// Asserts that a restart ends a program that ignores the signals `ignored` with the signal `ended_by`.
#[track_caller]
fn restart_ends(shell: &'static str, ignored: &str, ended_by: i32) {
    let container = Container::new(shell);
    let tools = container.folder.path().join("bin");
    let path = |name: &str| container.folder.path().join(name).display().to_string();
    fs::write(path("helper"), "").unwrap();
    let script = format!("trap '' {ignored}; echo $$ >'{}'; exec sleep 600", path("pid"));
    let mut program = Command::new(if ignored.is_empty() { "sleep" } else { "sh" });
    if ignored.is_empty() {
        program.arg("600")
    } else {
        program.args(["-c", &script])
    };
    let mut program = std::os::unix::process::CommandExt::process_group(&mut program, 0).spawn().unwrap();
    if ignored.is_empty() {
        fs::write(path("pid"), format!("{}\n", program.id())).unwrap();
    }
    let waiting = std::thread::spawn(move || program.wait().unwrap());
    let restart = include_str!("../restart.sh");
    let status = Command::new(tools.join("sh"))
        .args(["-c", restart, "sh", &path("pid"), &path("helper")])
        .env("PATH", &tools)
        .status();
    assert_eq!(status.unwrap().code(), Some(0), "{shell}");
    let signal = std::os::unix::process::ExitStatusExt::signal(&waiting.join().unwrap());
    assert_eq!(signal, Some(ended_by), "{shell}, with a program that ignores {ignored:?}");
    assert!(!fs::exists(path("pid")).unwrap(), "{shell}: the helper would not restart it");
}
