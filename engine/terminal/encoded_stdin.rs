//! The end of stdin for clusters whose protocol cannot close it (version 4: Kubernetes before 1.30).
//!
//! There, closing stdin means closing the connection, and with it the output and the exit code. So a shell in the
//! container reads lines that `printf` decodes, up to the line `.`, and passes them on to the command. It only needs
//! the builtins `read` and `printf`, which every shell has. `read` takes single bytes, so the shell decodes about 1 MB
//! of binary data or 3 MB of text each second.

/// A command that shows that the container has a shell, and with its connection the version of the protocol.
pub(crate) const PROBE: [&str; 3] = ["sh", "-c", ":"];

/// Runs its arguments with the decoded input, and ends with them, also if the input stays open: shells wait for all
/// processes of a pipeline, so the decoder first prints its process ID, and is killed. After the end of the input it
/// waits for that signal, so that the ID cannot belong to another process. The command is in a subshell because it
/// could be `exit`. Only the command has the real stderr, because shells print messages about killed processes to
/// stderr.
const SCRIPT: &str = r#"exec 3>&2 2>/dev/null
{
sh -c 'echo $PPID'
while IFS= read -r line && [ "$line" != . ]; do printf %b "$line"; done
exec >&-
read -r line
} 3>&- | {
read -r windlass_decoder
("$@") 2>&3 3>&-
set -- $?
kill -9 "$windlass_decoder"
exit "$1"
}"#;

/// The line that ends the input.
pub(super) const END: &[u8] = b".\n";

/// How many bytes are encoded as one line: shells keep a line in memory.
const LINE: usize = 4096;

/// `command` with encoded input.
pub(crate) fn encoded_stdin_command(command: &[String]) -> Vec<String> {
    let script = ["sh", "-c", SCRIPT, "sh"].map(str::to_owned);
    script.into_iter().chain(command.iter().cloned()).collect()
}

/// `block` as lines: printable ASCII is unchanged, everything else is an octal number, which no shell changes.
pub(super) fn encoded(block: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(block.len() * 2);
    for part in block.chunks(LINE) {
        for (place, &byte) in part.iter().enumerate() {
            match byte {
                b'\n' => lines.extend_from_slice(b"\\n"),
                b'\\' => lines.extend_from_slice(b"\\\\"),
                // A `.` at the beginning could be the end.
                b' '..=b'~' if byte != b'.' || place > 0 => lines.push(byte),
                _ => {
                    let digit = |shift: u8| b'0' + (byte >> shift & 7);
                    lines.extend_from_slice(&[b'\\', b'0', digit(6), digit(3), digit(0)]);
                }
            }
        }
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_shell_gives_the_command_the_same_bytes_its_end_and_returns_its_exit_code() {
        let every: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for input in [every.as_slice(), b".".as_slice(), b"", b"a\\n\n -e %s\n\n"] {
            let command = encoded_stdin_command(&["sh", "-c", "cat; exit 7"].map(str::to_owned));
            let mut shell = Command::new(&command[0]);
            shell.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut shell = shell.spawn().expect("a shell");
            let mut stdin = shell.stdin.take().expect("its stdin");
            stdin.write_all(&[encoded(input).as_slice(), END].concat()).expect("input");
            // The written end marker ends the input, not the closed stdin.
            let output = shell.wait_with_output().expect("its output");
            drop(stdin);
            assert_eq!(output.stdout, input);
            assert_eq!(output.status.code(), Some(7));
        }
    }

    #[test]
    fn a_shell_ends_with_the_command_although_the_input_does_not() {
        for script in ["echo done; exit 7", "read -r line; echo done; exit 7"] {
            let command = encoded_stdin_command(&["sh", "-c", script].map(str::to_owned));
            let mut shell = Command::new(&command[0]);
            shell.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut shell = shell.spawn().expect("a shell");
            let mut stdin = shell.stdin.take().expect("its stdin");
            stdin.write_all(&encoded(b"a line\n")).expect("input");
            let output = shell.wait_with_output().expect("its output");
            drop(stdin);
            assert_eq!(output.stdout, b"done\n");
            assert_eq!(output.stderr, b"");
            assert_eq!(output.status.code(), Some(7));
        }
    }
}
