use super::*;

/// Runs `process` and returns its exit code and output.
async fn run(process: Process) -> Result<(i32, Vec<String>), ProcessError> {
    let mut lines = Vec::new();
    let code = process.run(&CancellationToken::new(), |_, line| lines.push(line.to_owned())).await?;
    Ok((code, lines))
}

#[test]
fn configured_commands_become_argv() {
    let check = |command: &str, args: Option<&[&str]>, expected: &[&str]| {
        let args: Option<Vec<String>> = args.map(|args| args.iter().map(|&arg| arg.into()).collect());
        assert_eq!(Process::configured(command, args.as_deref()).argv(), expected);
    };
    check("make", None, &["make"]);
    check("my tool", Some(&["x y"]), &["my tool", "x y"]);
    #[cfg(unix)]
    check("make && echo", None, &["sh", "-c", "make && echo"]);
}

#[cfg(unix)]
#[tokio::test]
async fn output_environment_directory_and_code_pass_through() {
    let process = Process::shell("cat; echo $NAME; pwd; echo oops >&2; exit 3")
        .input("in\n")
        .env("NAME", "value")
        .directory("/");
    let (code, mut lines) = run(process).await.unwrap();
    lines.sort();
    assert_eq!((code, lines), (3, ["/", "in", "oops", "value"].map(String::from).to_vec()));
}

#[cfg(unix)]
#[tokio::test]
async fn failures_name_the_program() {
    let check = async |process: Process, expected: &str| {
        assert_eq!(run(process).await.unwrap_err().to_string(), expected);
    };
    check(Process::new("no-such-tool"), "cannot run `no-such-tool`: command not found").await;
    check(Process::new("/etc/passwd"), "cannot run `/etc/passwd`: it is not executable").await;
    check(Process::new("ls").directory("/no/such"), "cannot run `ls` in `/no/such`: directory not found")
        .await;
    check(Process::shell("kill -15 $$"), "`sh` was killed by signal 15").await;
    check(
        Process::new("sleep").arg("60").limit(Duration::from_millis(50)),
        "`sleep` timed out after 0.05 seconds",
    )
    .await;
    let broken = stream::iter([Err(io::Error::other("gone"))]);
    check(Process::new("cat").input_stream(broken), "cannot write to the stdin of `cat`: gone").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_does_not_read_its_input_is_fine() {
    let chunks = stream::iter((0..1000).map(|_| Ok(Bytes::from_static(&[b'x'; 4096]))));
    assert_eq!(run(Process::shell("exit 0").input_stream(chunks)).await.unwrap(), (0, vec![]));
}

/// Waits until no process has the ID `pid`, at most for 20 seconds.
#[cfg(unix)]
async fn wait_until_gone(pid: i32) {
    let is_gone = async {
        while let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            && !stat.contains(") Z")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), is_gone).await.expect("the process still runs");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cancelling_ends_grandchildren_too() {
    let cancel = CancellationToken::new();
    let mut pid = 0;
    let process =
        Process::shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; sleep 60; sleep 60'; sleep 60");
    let result = process
        .run(&cancel, |_, line| {
            pid = line.parse().unwrap();
            cancel.cancel();
        })
        .await;
    assert!(matches!(result, Err(ProcessError::Cancelled { .. })), "{result:?}");
    wait_until_gone(pid).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_ends_grandchildren_too() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (cancel, mut sender) = (CancellationToken::new(), Some(sender));
    let running = Process::shell("sh -c 'echo $$; sleep 60; true'; true").run(&cancel, move |_, line| {
        if let Some(sender) = sender.take() {
            sender.send(line.parse().unwrap()).unwrap();
        }
    });
    let pid = tokio::select! {
        pid = receiver => pid.unwrap(),
        result = running => panic!("ended: {result:?}"),
    };
    wait_until_gone(pid).await;
}
