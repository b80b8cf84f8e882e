//! Shell command lines with references.

use std::ops::Range;

use super::shell_quotes::{Quotes, quotes_after};
use crate::secret::Secret;

/// The variable for a whole line, if a password in it cannot be a separate variable.
const WHOLE: &str = "WINDLASS_SHELL_LINE";

/// A shell command line, built from literal text and values.
///
/// Values become part of the line, as in DevSpace: a variable may contain a whole command. Passwords do not, because
/// all local processes can read a command line. They are passed as environment variables, quoted so that the shell does
/// not change them in any position.
#[derive(Debug, Default)]
pub(crate) struct ShellLine {
    pub line: String,
    /// The environment variables of the shell.
    pub environment: Vec<(String, Secret)>,
    /// Whether the line itself contains a password.
    is_secret: bool,
}

impl ShellLine {
    /// A line whose shell also gets `environment`; its own variables get different names.
    pub(crate) fn with(environment: Vec<(String, Secret)>) -> Self {
        Self { environment, ..Self::default() }
    }

    /// Appends text, of which `secrets` are passwords.
    pub(crate) fn push(&mut self, text: &str, secrets: &[Range<usize>]) {
        let mut end = 0;
        for range in secrets {
            let (Some(before), Some(secret)) = (text.get(end..range.start), text.get(range.clone())) else {
                continue;
            };
            self.line.push_str(before);
            self.push_secret(secret);
            end = range.end;
        }
        self.line.push_str(&text[end..]);
    }

    fn push_secret(&mut self, secret: &str) {
        // An empty value is not a word, but would be one in quotes.
        if secret.is_empty() {
            return;
        }
        // The shell of Windows has other quotes and no safe way to expand a variable.
        if cfg!(windows) {
            self.line.push_str(secret);
            return;
        }
        let name = format!("WINDLASS_SECRET_{}", self.environment.len() + 1);
        match quotes_after(&self.line) {
            Quotes::None => self.line += &format!("\"${{{name}}}\""),
            Quotes::Single => self.line += &format!("'\"${{{name}}}\"'"),
            Quotes::Double => self.line += &format!("${{{name}}}"),
            Quotes::Verbatim => {
                self.line.push_str(secret);
                self.is_secret = true;
                return;
            }
        }
        self.environment.push((name, Secret::new(secret)));
    }

    /// The line for the shell, without passwords, and its variables.
    pub(crate) fn finish(mut self) -> (String, Vec<(String, Secret)>) {
        if self.is_secret {
            let name = format!("{WHOLE}_{}", self.environment.len() + 1);
            let whole = std::mem::replace(&mut self.line, format!("eval \"${{{name}}}\""));
            self.environment.push((name, Secret::new(whole)));
        }
        (self.line, self.environment)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const PASSWORD: &str = "a  'b' \"c\" $(d) \\ `e` *";

    /// The output of `before`, a password and `after` as one shell command line.
    fn printed(before: &str, after: &str) -> String {
        let mut shell = ShellLine::default();
        let text = format!("{before}{PASSWORD}{after}");
        shell.push(&text, std::slice::from_ref(&(before.len()..before.len() + PASSWORD.len())));
        let (line, environment) = shell.finish();
        assert!(!line.contains("$(d)"), "{line}");
        let mut sh = std::process::Command::new("sh");
        sh.arg("-c").arg(&line).envs(environment.iter().map(|(name, value)| (name, value.expose())));
        let output = sh.output().expect("a shell");
        assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    #[test]
    fn secret_arrives_whole_within_any_quotes() {
        for (before, after) in [
            ("", ""),
            ("'", "'"),
            ("\"", "\""),
            ("\\'", "\\'"),
            ("\"it's ", "\""),
            ("'\\", "'"),
            ("\"$(printf %s '", "')\""),
            ("\"$(printf %s \"", "\")\""),
            ("\"`printf %s '", "'`\""),
            ("\"$( (printf %s '", "') )\""),
            ("x # it's\nprintf %s '", "'"),
        ] {
            let text = printed(&format!("printf %s {before}"), after);
            assert!(text.contains(PASSWORD), "{before}: {text}");
        }
    }

    #[test]
    fn secret_arrives_whole_in_documents_of_a_line() {
        for start in
            ["<<EOF", "<< EOF", "<<'EOF'", "<<\"EOF\"", "<<\\EOF", "<<-EOF", "<<A; cat <<EOF\nit's\nA"]
        {
            let text = printed(&format!("cat {start}\nit's "), "\nEOF\necho 'done'");
            assert!(text.ends_with(&format!("it's {PASSWORD}\ndone\n")), "{start}: {text}");
        }
        let text = printed("cat <<EOF; printf %s '", "'\nit's\nEOF");
        assert_eq!(text, format!("it's\n{PASSWORD}"));
        let text = printed("cat <<'EOF'\nit's\nEOF\nprintf %s '", "'");
        assert_eq!(text, format!("it's\n{PASSWORD}"));
    }
}
