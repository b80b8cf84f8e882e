//! The cost of a program: time, processor, memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// The argument that makes this program measure another one: see [`child`].
pub const FLAG: &str = "--measure";

/// The cost of one run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// Processor time, user and system, including waited-for children; unknown for work in this process.
    pub processor: Option<Duration>,
    /// Peak resident memory in KiB; unknown for work in this process.
    pub memory: Option<u64>,
}

/// The median of each figure, taken separately.
pub fn median(costs: &[Cost]) -> Cost {
    fn middle<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    }
    Cost {
        wall: middle(costs.iter().map(|cost| cost.wall).collect()).unwrap_or_default(),
        processor: middle(costs.iter().filter_map(|cost| cost.processor).collect()),
        memory: middle(costs.iter().filter_map(|cost| cost.memory).collect()),
    }
}

/// A command in `folder`.
pub fn command(program: &str, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command
}

/// Runs `command` and returns its cost.
///
/// # Panics
/// If it fails; the message contains its output.
pub fn cost(command: Command) -> Cost {
    cost_and_output(command).0
}

/// Like [`cost`], with the stdout of `command`.
pub fn cost_and_output(command: Command) -> (Cost, String) {
    // A process inherits the peak memory of the one that started it, so a small copy of this program starts it.
    let report = NamedTempFile::new().expect("a temporary file can be created");
    let mut starter = Command::new(std::env::current_exe().expect("this program has a path"));
    starter.arg(FLAG).arg(report.path()).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        starter.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => starter.env(name, value),
            None => starter.env_remove(name),
        };
    }
    let output = starter.stdin(Stdio::null()).output().expect("this program can be started");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed\n--- stdout:\n{stdout}\n--- stderr:\n{stderr}");
    let report = fs::read_to_string(report.path()).expect("the report can be read");
    let numbers: Vec<u64> = report.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [wall, processor, memory] = numbers[..] else { panic!("`{report}` is not a report") };
    let cost = Cost {
        wall: Duration::from_micros(wall),
        processor: Some(Duration::from_micros(processor)),
        memory: Some(memory),
    };
    (cost, stdout.into_owned())
}

/// Runs `program`, writes wall and processor time in microseconds and peak memory in KiB to `report`, and exits with
/// status 1 if the program failed.
#[expect(clippy::zombie_processes, reason = "wait4 waits for the program, and reports more than `wait`")]
pub fn child(report: &Path, program: &str, arguments: &[String]) {
    let start = Instant::now();
    let child = Command::new(program).args(arguments).spawn().expect("the program can be started");
    let pid = libc::pid_t::try_from(child.id()).expect("a process ID fits pid_t");
    let mut status = 0;
    // SAFETY: rusage consists of plain numbers, for which zero is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers refer to live values of the right type, and nothing else waits for this child.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed();
    assert_eq!(waited, pid, "the program can be waited for");
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    let processor = micros(usage.ru_utime) + micros(usage.ru_stime);
    fs::write(report, format!("{} {processor} {}", wall.as_micros(), usage.ru_maxrss))
        .expect("the report can be written");
    if status != 0 {
        std::process::exit(1);
    }
}
