//! The exit status of windlass.

use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use textwrap::{WordSeparator, WordSplitter};

use super::far_right::far_right;
use crate::error::StageError;
use crate::script::ScriptError;
use crate::secrets::Secrets;

/// The exit status of windlass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything succeeded.
    Done,
    /// A stage failed.
    Failed,
    /// The command line, the configuration or a script is invalid.
    WrongUse,
    /// `windlass plan --exit-code` found work.
    FoundWork,
    /// The user interrupted the run.
    Interrupted,
    /// The exit code of a command of `devspace.yaml`.
    Program(u8),
}

impl ExitStatus {
    /// The status for the exit code of a command; a code outside 0 to 255 is a failure.
    pub fn of_program(code: i32) -> Self {
        u8::try_from(code).map_or(Self::Failed, Self::Program)
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WrongUse => 2,
            Self::FoundWork => 3,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}

/// The error with which a command ends, and the exit status.
#[derive(Debug)]
pub struct Failure {
    status: ExitStatus,
    diagnostic: Box<dyn Diagnostic + Send + Sync>,
}

impl Failure {
    /// The command line, the configuration or a script is invalid.
    pub fn wrong_use(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::WrongUse, diagnostic: Box::new(diagnostic) }
    }

    /// The user cancelled the command.
    pub fn interrupted(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::Interrupted, diagnostic: Box::new(diagnostic) }
    }

    /// An action failed.
    pub fn failed(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::Failed, diagnostic: Box::new(diagnostic) }
    }

    /// A command could not be run; windlass exits with the code with which a shell reports that.
    pub fn of_program(code: i32, diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::of_program(code), diagnostic: Box::new(diagnostic) }
    }

    /// A stage failed.
    pub fn of_stage(error: StageError) -> Self {
        Self::failed(ScriptError::of_stage_error(error))
    }

    /// The error.
    pub fn into_diagnostic(self) -> std::sync::Arc<dyn Diagnostic + Send + Sync> {
        self.diagnostic.into()
    }

    /// Its message, without details.
    pub fn message(&self) -> String {
        self.diagnostic.to_string()
    }

    /// The diagnostic, rendered.
    pub fn text(&self) -> String {
        render(&*self.diagnostic)
    }

    /// The diagnostic.
    pub fn diagnostic(&self) -> &dyn Diagnostic {
        &*self.diagnostic
    }

    /// The exit status.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// Prints the diagnostic; returns the status.
    pub fn print(self) -> ExitStatus {
        print_diagnostic(&*self.diagnostic);
        self.status
    }
}

/// Runs a command that needs no pipeline to completion.
///
/// # Errors
/// The error of the command, or [`NoThreads`].
pub fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?.block_on(command)?;
    Ok(ExitStatus::Done)
}

/// The system cannot start threads.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot start: {reason}")]
#[diagnostic(code(windlass::no_threads), help("check the limits for processes and memory"))]
pub struct NoThreads {
    /// The error of the system.
    pub reason: String,
}

/// Prints `diagnostic` to standard error, in color if the terminal supports it.
pub fn print_diagnostic(diagnostic: &dyn Diagnostic) {
    print_masked(diagnostic, &Secrets::default());
}

/// Like [`print_diagnostic`], with `secrets` masked as `***`: a script can throw any string.
pub fn print_masked(diagnostic: &dyn Diagnostic, secrets: &Secrets) {
    print_text(&masked(diagnostic, secrets));
}

/// Prints the text of a diagnostic to standard error.
pub fn print_text(text: &str) {
    // A closed standard error cannot be reported.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// Renders `diagnostic` with `secrets` masked.
pub fn masked(diagnostic: &dyn Diagnostic, secrets: &Secrets) -> String {
    secrets.mask(&render(diagnostic)).into_owned()
}

/// Renders `diagnostic` for standard error.
pub fn render(diagnostic: &dyn Diagnostic) -> String {
    let is_terminal = console::Term::stderr().is_term();
    let theme = match (is_terminal, console::colors_enabled_stderr()) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, _) => GraphicalTheme::none(),
    };
    let width = if is_terminal { usize::from(console::Term::stderr().size().1).max(40) } else { 100 };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    // An option or a path that is broken into two cannot be copied.
    let handler = handler
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .with_show_related_as_nested(true);
    let mut text = String::new();
    let shorter = far_right(diagnostic);
    let diagnostic = shorter.as_ref().map_or(diagnostic, |shorter| shorter as &dyn Diagnostic);
    if handler.render_report(&mut text, diagnostic).is_err() {
        text = format!("error: {diagnostic}\n");
    }
    // The output of commands may contain color codes, which are unreadable here.
    if !is_terminal || !console::colors_enabled_stderr() {
        text = console::strip_ansi_codes(&text).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use miette::MietteDiagnostic;

    use super::render;

    #[test]
    fn options_and_paths_are_not_broken_at_the_end_of_a_line() {
        // The word begins at each column around the end of the line.
        let word = "--force-deploy=.windlass/sync-state";
        for column in 50..100 {
            let help = format!("{} {word} again", "x".repeat(column));
            let text = render(&MietteDiagnostic::new(help.clone()).with_help(help));
            assert_eq!(text.matches(word).count(), 2, "{text}");
        }
    }
}
