//! A running program.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Output;

/// A signal that a test sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A request to end.
    Terminate,
    /// The terminal was closed.
    HangUp,
    /// `kill -9`.
    Kill,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
            Self::HangUp => libc::SIGHUP,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// A program in its own process group, whose output is collected as it arrives. Dropping it kills the group;
/// if the test has failed, its output is shown.
#[derive(Debug)]
pub struct Running {
    command: String,
    pid: libc::pid_t,
    end: Instant,
    limit: Duration,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    closed: usize,
    status: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` and writes `stdin` to it; its time `limit` starts now.
    #[track_caller]
    pub(super) fn start(mut command: Command, stdin: Option<Vec<u8>>, limit: Duration) -> Self {
        let shown = format!("{command:?}");
        command
            .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        // A shell that starts the tests in the background makes them ignore Ctrl-C, `nohup` makes them ignore the end
        // of a terminal, and their child processes inherit this.
        // SAFETY: between fork and exec only `signal` is called, which is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let pid = libc::pid_t::try_from(child.id()).expect("a process ID fits pid_t");
        let shared = Arc::new(Shared::default());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        collect(&shared, stdout.expect("stdout is piped"), |state| &mut state.stdout);
        collect(&shared, stderr.expect("stderr is piped"), |state| &mut state.stderr);
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin) {
            // A program that does not read its input closes the pipe, which is not an error of the test.
            thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let waiter = Arc::clone(&shared);
        thread::spawn(move || {
            let status = child.wait().expect("the program can be waited for");
            waiter.lock().status = Some(status);
            waiter.changed.notify_all();
        });
        Self { command: shown, pid, end: Instant::now() + limit, limit, shared }
    }

    /// The process ID.
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Waits until stdout or stderr contains `text`.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) -> &Self {
        self.wait_until(&format!("`{text}` in its output"), |state| {
            [&state.stdout, &state.stderr].iter().any(|output| String::from_utf8_lossy(output).contains(text))
        });
        self
    }

    /// Both outputs so far, stdout first.
    pub fn output_so_far(&self) -> (String, String) {
        let state = self.shared.lock();
        (
            String::from_utf8_lossy(&state.stdout).into_owned(),
            String::from_utf8_lossy(&state.stderr).into_owned(),
        )
    }

    /// Sends `signal` to the program alone, as `kill` does.
    pub fn signal(&self, signal: Signal) -> &Self {
        self.send(self.pid, signal);
        self
    }

    /// Waits for the end of the program and of every process that has its output open.
    ///
    /// # Panics
    /// If its time limit passes first; the whole tree is killed then.
    #[track_caller]
    pub fn finish(self) -> Output {
        let status = self.wait_until("its end", |state| state.closed == 2 && state.status.is_some());
        let (stdout, stderr) = self.output_so_far();
        Output {
            command: self.command.clone(),
            status: status.expect("the program has ended"),
            stdout,
            stderr,
        }
    }

    /// Interrupts the program as Ctrl-C does, and waits for its end with exit code 130.
    #[track_caller]
    pub fn interrupt(self) -> Output {
        self.signal(Signal::Interrupt);
        let output = self.finish();
        output.exits(130);
        output
    }

    /// Waits for the end of the program itself, and kills the processes that it leaves behind.
    ///
    /// # Panics
    /// If its time limit passes first; the whole tree is killed then.
    #[track_caller]
    pub fn finish_alone(self) -> ExitStatus {
        let status = self.wait_until("its own end", |state| state.status.is_some());
        status.expect("the program has ended")
    }

    #[track_caller]
    fn wait_until(&self, what: &str, fact: impl Fn(&State) -> bool) -> Option<ExitStatus> {
        let mut state = self.shared.lock();
        while !fact(&state) {
            let left = self.end.saturating_duration_since(Instant::now());
            let ended = state.status.is_some() && state.closed == 2;
            if left.is_zero() || ended {
                drop(state);
                let why = if ended { "it ended".to_owned() } else { format!("{:?} passed", self.limit) };
                panic!("{why} before {what}: {}", self.command);
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.status
    }

    fn send(&self, target: libc::pid_t, signal: Signal) {
        // The ID of a process that was waited for may be reused; a process group exists until its last member ends, and
        // its ID is not reused before.
        if target > 0 && self.shared.lock().status.is_some() {
            return;
        }
        // SAFETY: kill takes plain numbers and touches no memory.
        unsafe { libc::kill(target, signal.number()) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = {
            let state = self.shared.lock();
            state.status.is_some() && state.closed == 2
        };
        if !ended {
            self.send(-self.pid, Signal::Kill);
        }
        if thread::panicking() {
            let (stdout, stderr) = self.output_so_far();
            eprintln!("--- command: {}\n--- stdout:\n{stdout}\n--- stderr:\n{stderr}", self.command);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn collect(
    shared: &Arc<Shared>,
    mut pipe: impl Read + Send + 'static,
    output: fn(&mut State) -> &mut Vec<u8>,
) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            let count = pipe.read(&mut buffer).unwrap_or(0);
            let mut state = shared.lock();
            if count == 0 {
                state.closed += 1;
            } else {
                output(&mut state).extend_from_slice(&buffer[..count]);
            }
            drop(state);
            shared.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    });
}
