//! Command lines.

use std::fmt;

/// Characters that require a shell. Windows paths contain `\`, so it is included only on other systems.
const SHELL_CHARACTERS: &str = if cfg!(windows) { "\"'&|<>^%;()" } else { "\"'`$&|<>;()*?[]{}~!#\\" };

/// A command with its arguments, or a line for the shell. Displays as it would be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// The command, looked up in `PATH` if it has no directory, and its arguments.
    Program(Vec<String>),
    /// A line for the shell: `sh -c`, on Windows `cmd /C`.
    Shell(String),
}

impl CommandLine {
    /// A command of a `devspace.yaml`: a command with its arguments or, if `args` is absent and `command` has spaces or
    /// shell characters, a line for the shell.
    pub fn configured(command: &str, args: Option<&[String]>) -> Self {
        match args {
            None if is_shell_line(command) => Self::Shell(command.to_owned()),
            args => {
                // A `/` in a configured path is replaced by the system's separator, as in DevSpace.
                let program = if cfg!(windows) { command.replace('/', "\\") } else { command.to_owned() };
                Self::Program([&[program], args.unwrap_or_default()].concat())
            }
        }
    }
}

/// Whether `command` requires a shell: it has whitespace or shell characters.
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
