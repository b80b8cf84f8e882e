//! Reports: readers of [events](crate::event) that show them to people and programs.
//!
//! A [`Report`] provides the [`Events`] sink of a run. In the emitting thread, the *record* writes log files and
//! collects the content of the `--result` file, so both are complete. A separate thread owns the terminal and draws one
//! *view*: live lines, plain lines, the folds of a [CI system](CiSystem) or [JSON lines](ProgressMode::Json). A queue between them prevents a slow terminal
//! from blocking builds.
//!
//! Without events, nothing is drawn or written and no thread wakes up: a run that skips all images prints only a few
//! lines, and writes to the disk only for `--result`.

mod ci;
mod error;
mod formatter;
mod json;
mod log_file;
mod options;
mod phrase;
mod plain;
mod queue;
mod record;
mod run_result;
#[cfg(test)]
mod samples;
mod status;
mod style;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod view;

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use console::Term;
use indicatif::ProgressDrawTarget;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::event::{Event, Events, Level};
use ci::Folds;
use formatter::{Formatter, LogOf};
use json::Json;
use plain::Plain;
use queue::Queue;
use record::Record;
use status::Status;
use style::{Look, shows_unicode};
use terminal::{FRAMES, Screen, Terminal};
use trace::Trace;
use view::View;

pub use ci::{Annotation, CiSystem, ReportFiles, write_code_quality};
pub use error::ReportError;
pub use json::json_line;
pub use options::{ProgressMode, ReportOptions};
pub use phrase::sync as sync_text;
pub use run_result::check_result;

/// The timeout at the end of a run for a blocked terminal (stopped with Ctrl-S, a full pipe).
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows a run and records its logs, from [`Report::start`] to [`Report::finish`].
///
/// Dropping a report also finishes it, but without reporting an error if the result could not be written.
pub struct Report {
    queue: Arc<Queue>,
    record: Arc<Mutex<Record>>,
    result: Option<PathBuf>,
    trace: Option<PathBuf>,
    files: ReportFiles,
    /// Closed by the view thread when it ends; receives the error of writing JSON lines, if any.
    shown: Option<Receiver<io::Error>>,
}

impl Report {
    /// Starts to show the [events](Report::events).
    pub fn start(options: ReportOptions) -> Self {
        let mut record = Record::new(options.log_directory.clone(), Timestamp::now());
        record.keeps_output = options.files.need_output();
        record.trace = options.trace.as_ref().map(|_| Trace::new(Timestamp::now()));
        let record = Arc::new(Mutex::new(record));
        let logs = Arc::clone(&record);
        let here = std::env::current_dir().unwrap_or_default();
        let log_of: LogOf = Box::new(move |image| {
            let record = lock(&logs);
            let path = record.log_file(image)?;
            Some(path.strip_prefix(&here).unwrap_or(path).to_owned())
        });
        let mut report = Self::with_view(view(&options, log_of), record, options.result);
        (report.files, report.trace) = (options.files, options.trace);
        report
    }

    fn with_view(view: Box<dyn View>, record: Arc<Mutex<Record>>, result: Option<PathBuf>) -> Self {
        let queue = Arc::<Queue>::default();
        let (done, shown) = mpsc::channel();
        let reader = Arc::clone(&queue);
        let logs = Arc::clone(&record);
        let thread = thread::Builder::new().name("report".to_owned()).spawn(move || {
            let is_data = view.is_data();
            if let Err(error) = show(&reader, &logs, view)
                && is_data
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                // The receiver may be dropped already.
                let _ = done.send(error);
            }
        });
        if thread.is_err() {
            // Without a thread, nothing is shown, but the record is still complete.
            queue.close();
        }
        Self { queue, record, result, trace: None, files: ReportFiles::default(), shown: Some(shown) }
    }

    /// The event sink of the run. It may outlive the report; late events are discarded.
    pub fn events(&self) -> Events {
        let queue = Arc::clone(&self.queue);
        let record = Arc::clone(&self.record);
        Events::new(move |event| {
            let at = Timestamp::now();
            let failure = lock(&record).receive(at, &event).err();
            let image = failure.as_ref().and_then(|_| event.image().map(str::to_owned));
            queue.push(at, event);
            if let Some(error) = failure {
                let message = format!("cannot write the log file, continuing without it: {error}");
                queue.push(at, Event::Notice { image, level: Level::Warning, message });
            }
        })
    }

    /// Records for the `--result` file the project that the run builds, and its commit, if it has one, with whether files
    /// differ from it.
    pub fn set_origin(&self, project: &str, commit: Option<(String, bool)>) {
        lock(&self.record).result.set_origin(project, commit);
    }

    /// Shows the remaining events, clears live lines and writes the `--result` file, whether the run succeeded or not.
    /// Afterwards, the caller can use the terminal again.
    ///
    /// Waits at most 10 seconds for a blocked terminal.
    ///
    /// # Errors
    /// [`ReportError::Result`] and others if a file cannot be written, [`ReportError::Events`] if the events of
    /// [`ProgressMode::Json`] could not be written, unless the reader closed the pipe.
    pub fn finish(mut self) -> Result<(), ReportError> {
        self.conclude()
    }

    fn conclude(&mut self) -> Result<(), ReportError> {
        let Some(shown) = self.shown.take() else { return Ok(()) };
        self.queue.close();
        // The wait ends with the thread.
        let failure = shown.recv_timeout(PATIENCE).ok();
        let mut record = lock(&self.record);
        // The first failure of a log file was already reported; a failed flush is not an additional error.
        let _ = record.flush();
        record.result.conclude(Timestamp::now());
        let files = self.files.write(&record.result, &|image| record.last_lines(image));
        if let Some(path) = self.result.take() {
            let written = record.result.write(&path);
            written.map_err(|source| ReportError::Result { path, source })?;
        }
        if let (Some(path), Some(trace)) = (self.trace.take(), &mut record.trace) {
            let written = trace.write(&path, Timestamp::now());
            written.map_err(|source| ReportError::Trace { path, source })?;
        }
        files?;
        failure.map_or(Ok(()), |source| Err(ReportError::Events { source }))
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let _ = self.conclude();
    }
}

/// Shows events until the queue is closed. If writing fails (a broken pipe, a full disk), continues to read events
/// without showing them, and returns the error.
fn show(queue: &Queue, record: &Mutex<Record>, mut view: Box<dyn View>) -> io::Result<()> {
    let mut events = VecDeque::new();
    let mut open = true;
    let mut shown = Ok(());
    while open {
        open = queue.take(&mut events, if shown.is_ok() { view.wait() } else { None });
        if shown.is_ok() {
            let received = events.iter().try_for_each(|(at, event)| view.receive(*at, event));
            shown = received.and_then(|()| view.refresh(Timestamp::now()));
        }
        events.clear();
        // Allows other processes to follow the log.
        let _ = lock(record).flush();
    }
    shown.and_then(|()| view.close(Timestamp::now()))
}

/// The view that `options` select and stderr supports.
fn view(options: &ReportOptions, log_of: LogOf) -> Box<dyn View> {
    let narrator = || Formatter::new(options.silent, options.debug, log_of);
    let term = Term::stderr();
    let live = term.is_term() && !console::is_dumb();
    let colors = live && term.features().colors_supported();
    let color = options.color.decide(colors, std::env::var_os("NO_COLOR"));
    if let Some(system) = options.progress.ci_system(|name| std::env::var(name).ok()) {
        return Box::new(Folds::new(BufWriter::new(io::stderr()), system, options.silent, narrator()));
    }
    match options.progress {
        ProgressMode::Json => Box::new(Json::new(BufWriter::new(io::stdout()), options.debug)),
        ProgressMode::Auto | ProgressMode::Terminal if live && !options.silent => {
            let look = Look::new(color, shows_unicode(|name| std::env::var(name).ok()));
            Box::new(Terminal::new(Stderr(term), look, narrator(), Status::new(look, TimeZone::system())))
        }
        _ => {
            let look = Look::new(color, false);
            Box::new(Plain::new(BufWriter::new(io::stderr()), look, options.silent, narrator()))
        }
    }
}

/// The terminal behind stderr.
struct Stderr(Term);

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl Screen for Stderr {
    fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term(Term::buffered_stderr(), FRAMES)
    }

    fn size(&self) -> (u16, u16) {
        self.0.size()
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
