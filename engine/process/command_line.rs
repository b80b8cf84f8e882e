//! What to run.

use std::fmt;

/// Characters that only a shell understands. Windows paths hold `\`, so it counts elsewhere only.
const SHELL_CHARACTERS: &str = if cfg!(windows) { "\"'&|<>^%;()" } else { "\"'`$&|<>;()*?[]{}~!#\\" };

/// A program with its arguments, or a line for the shell. Prints as one would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// The program, looked up in `PATH` when it has no folder, and its arguments.
    Program(Vec<String>),
    /// A line for the shell: `sh -c`, on Windows `cmd /C`.
    Shell(String),
}

impl CommandLine {
    /// A command of a `devspace.yaml`: a program with its arguments or, when `args` is absent and `command` has
    /// spaces or shell characters, a line for the shell.
    pub fn configured(command: &str, args: Option<&[String]>) -> Self {
        match args {
            None if is_shell_line(command) => Self::Shell(command.to_owned()),
            args => {
                // A `/` in a configured path means the system's separator (spec image-building §10).
                let program = if cfg!(windows) { command.replace('/', "\\") } else { command.to_owned() };
                Self::Program([&[program], args.unwrap_or_default()].concat())
            }
        }
    }
}

/// Whether `command` needs a shell: it has white space or characters only a shell understands.
fn is_shell_line(command: &str) -> bool {
    command.contains(|c: char| c.is_whitespace() || SHELL_CHARACTERS.contains(c))
}

impl fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(words) => formatter.write_str(&shell_words::join(words)),
            Self::Shell(line) => formatter.write_str(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_are_recognised() {
        let check = |command: &str, expected| assert_eq!(is_shell_line(command), expected, "{command}");
        check("make", false);
        check("./scripts/build.sh", false);
        check("make image", true);
        check("a|b", true);
        check("echo>$X", true);
    }

    #[test]
    fn command_lines_print_as_typed() {
        let program = |words: &[&str]| CommandLine::Program(words.iter().map(|&word| word.into()).collect());
        let check = |command: CommandLine, expected: &str| assert_eq!(command.to_string(), expected);
        check(program(&["git", "describe", "--tags"]), "git describe --tags");
        check(program(&["echo", "a b"]), "echo 'a b'");
        check(CommandLine::Shell("make && echo".into()), "make && echo");
    }
}
