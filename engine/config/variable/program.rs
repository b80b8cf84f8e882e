//! Runs a program for its output.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::config::OsCommand;
use crate::config::environment::Environment;

/// Output beyond this is no value of a variable.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// What `command` prints, without white space around it. It gets no input, and `limit` to finish.
///
/// # Errors
/// A phrase that says what happened; it never holds the output or the arguments.
pub(crate) fn output(
    mut command: Command,
    environment: &Environment,
    root: &Path,
    limit: Duration,
) -> Result<String, String> {
    environment.pass_to(&mut command);
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "the program was not found".to_owned(),
        _ => error.to_string(),
    })?;
    let Some(stdout) = child.stdout.take() else { return Err("it has no output".to_owned()) };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = stdout.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more when the time is over.
        let _ = sender.send(result);
    });
    let bytes = match receiver.recv_timeout(limit) {
        Ok(Ok(bytes)) if bytes.len() as u64 <= OUTPUT_LIMIT => bytes,
        result => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(match result {
                Ok(Ok(_)) => "it printed more than 1 MiB".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it did not finish within {} seconds", limit.as_secs()),
            });
        }
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(match status.code() {
            Some(code) => format!("it ended with exit code {code}"),
            None => "it was killed".to_owned(),
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| "it printed what is no text".to_owned())?;
    Ok(text.trim().to_owned())
}

/// The program for `line` and `args`: a shell line when there are no `args` and it has spaces or shell
/// characters.
pub(crate) fn program(line: &str, args: Option<&[String]>) -> Command {
    let is_shell_line =
        args.is_none() && line.contains(|c: char| c.is_whitespace() || "|&;<>()$`\\\"'*?[#~=%{}".contains(c));
    if !is_shell_line {
        let mut command = Command::new(line);
        command.args(args.unwrap_or_default());
        return command;
    }
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.args([flag, line]);
    command
}

/// Whether `command` is for the system this runs on.
pub(crate) fn fits_system(command: &OsCommand) -> bool {
    let here = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    command.os.as_ref().is_none_or(|systems| systems.split(',').any(|system| system.trim() == here))
}
