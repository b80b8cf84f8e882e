//! How the program ends.

use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::far_right::far_right;
use crate::run::Secrets;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything asked for is done.
    Done,
    /// A stage failed.
    Failed,
    /// The command line, the configuration or a script is wrong.
    WrongUse,
    /// The user interrupted.
    Interrupted,
    /// A command of `devspace.yaml` ended with this code.
    Program(u8),
}

impl ExitStatus {
    /// The status of a program that ended with `code`; what is no code for the system is a failure.
    pub fn of_program(code: i32) -> Self {
        u8::try_from(code).map_or(Self::Failed, Self::Program)
    }

    /// The code the system gets.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WrongUse => 2,
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

/// Why a command ends early, and with which status.
pub struct Failure {
    status: ExitStatus,
    diagnostic: Box<dyn Diagnostic + Send + Sync>,
}

impl Failure {
    /// The command line, the configuration or a script is wrong.
    pub fn wrong_use(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::WrongUse, diagnostic: Box::new(diagnostic) }
    }

    /// The command line, the configuration or a script is wrong, in one of several ways.
    pub fn wrong_use_of(diagnostic: Box<dyn Diagnostic + Send + Sync>) -> Self {
        Self { status: ExitStatus::WrongUse, diagnostic }
    }

    /// The user broke it off.
    pub fn interrupted(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::Interrupted, diagnostic: Box::new(diagnostic) }
    }

    /// Something could not be done.
    pub fn failed(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { status: ExitStatus::Failed, diagnostic: Box::new(diagnostic) }
    }

    /// What is wrong.
    pub fn into_diagnostic(self) -> std::sync::Arc<dyn Diagnostic + Send + Sync> {
        self.diagnostic.into()
    }

    /// Prints the diagnostic; returns the status.
    pub fn print(self) -> ExitStatus {
        print_diagnostic(&*self.diagnostic);
        self.status
    }
}

/// Waits for the whole of a command that needs no pipeline.
///
/// # Errors
/// The command's failure, or that the system gives us no threads.
pub fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?.block_on(command)?;
    Ok(ExitStatus::Done)
}

/// The system gives us no threads.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot start: {reason}")]
#[diagnostic(code(windlass::no_threads), help("the system is out of threads or memory"))]
pub struct NoThreads {
    /// What it said.
    pub reason: String,
}

/// Prints `diagnostic` to standard error, in colour where the terminal shows it.
pub fn print_diagnostic(diagnostic: &dyn Diagnostic) {
    print_masked(diagnostic, &Secrets::default());
}

/// As [`print_diagnostic`], with `***` in place of `secrets`: a script may throw any text.
pub fn print_masked(diagnostic: &dyn Diagnostic, secrets: &Secrets) {
    let text = render(diagnostic);
    // Nobody is left to tell when standard error is closed.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), secrets.mask(&text).as_bytes());
}

/// `diagnostic` as standard error shows it.
pub fn render(diagnostic: &dyn Diagnostic) -> String {
    let is_terminal = console::Term::stderr().is_term();
    let theme = match (is_terminal, console::colors_enabled_stderr()) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, _) => GraphicalTheme::none(),
    };
    let width = if is_terminal { usize::from(console::Term::stderr().size().1).max(40) } else { 100 };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    let handler = handler.with_show_related_as_nested(true);
    let mut text = String::new();
    let shorter = far_right(diagnostic);
    let diagnostic = shorter.as_ref().map_or(diagnostic, |shorter| shorter as &dyn Diagnostic);
    if handler.render_report(&mut text, diagnostic).is_err() {
        text = format!("error: {diagnostic}\n");
    }
    // What programs printed comes with their colours, which here would be no more than noise.
    if !is_terminal || !console::colors_enabled_stderr() {
        text = console::strip_ansi_codes(&text).into_owned();
    }
    text
}
