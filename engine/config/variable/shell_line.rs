//! Shell lines with references in them.

/// A shell line into which values are put one after another.
///
/// Values become part of the line, as in DevSpace: a variable may hold a whole command. Passwords do not: a line is
/// visible to every process of the machine. They travel as environment variables, in double quotes of their own.
#[derive(Debug, Default)]
pub(super) struct ShellLine {
    pub line: String,
    /// Variables that the shell has to be given.
    pub environment: Vec<(String, String)>,
    quote: Quote,
}

/// What the shell is inside of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
}

impl ShellLine {
    /// Adds text of the line itself.
    pub(super) fn push(&mut self, text: &str) {
        self.line.push_str(text);
        let mut escaped = false;
        for c in text.chars() {
            let is_escaped = std::mem::take(&mut escaped);
            self.quote = match (self.quote, c) {
                _ if is_escaped => self.quote,
                (Quote::None | Quote::Double, '\\') => {
                    escaped = true;
                    self.quote
                }
                (Quote::None, '\'') => Quote::Single,
                (Quote::None, '"') => Quote::Double,
                (Quote::Single, '\'') | (Quote::Double, '"') => Quote::None,
                (quote, _) => quote,
            };
        }
    }

    /// Adds a password.
    pub(super) fn push_secret(&mut self, secret: &str) {
        let name = format!("WINDLASS_SECRET_{}", self.environment.len() + 1);
        match self.quote {
            Quote::None => self.line += &format!("\"${{{name}}}\""),
            Quote::Single => self.line += &format!("'\"${{{name}}}\"'"),
            Quote::Double => self.line += &format!("${{{name}}}"),
        }
        self.environment.push((name, secret.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn secret_arrives_whole_within_any_quotes() {
        for (before, after) in
            [("", ""), ("'", "'"), ("\"", "\""), ("\\'", "\\'"), ("\"it's ", "\""), ("'\\", "'")]
        {
            let mut shell = ShellLine::default();
            shell.push("printf %s ");
            shell.push(before);
            shell.push_secret("a  'b' \"c\" $(d) \\");
            shell.push(after);
            assert!(!shell.line.contains("c"), "{}", shell.line);
            let output =
                std::process::Command::new("sh").arg("-c").arg(&shell.line).envs(shell.environment).output();
            let printed = String::from_utf8(output.expect("a shell").stdout).expect("text");
            assert!(printed.contains("a  'b' \"c\" $(d) \\"), "{}: {printed}", shell.line);
        }
    }
}
