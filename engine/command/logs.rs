//! `windlass logs`.

use std::io::{ErrorKind, Write as _};

use clap::Args;
use serde::Serialize;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use super::load::json_lines;
use super::stdout::unwritten;
use crate::command::cli::GlobalOptions;
use crate::connect::{LogItem, LogLine, LogOptions, LogQueue, Notices, log_queue, show_logs};
use crate::event::{Events, Level};
use crate::report::{ProgressMode, json_line};
use crate::script::ScriptError;

/// The options of `windlass logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a selection, the containers of `dev.logs` are shown, otherwise those of the images
of the project and of all other entries of `dev`. The lines are printed to standard output;
events of containers are printed to standard error. With `--progress json`, both are
JSON lines on standard output.

Examples:
  windlass logs                     show the last 200 lines of each container
  windlass logs -f --image api      show the containers of the image `api`, and follow them
  windlass logs -l app=web -c nginx show one container of the pods with a label
  windlass logs --json | jq .line   print each line as a JSON object")]
pub struct LogsArgs {
    /// The containers.
    #[command(flatten)]
    pub selector: SelectorArgs,

    /// Wait for new lines, restarts and new pods, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,

    /// Number of last lines of each container
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub lines: u64,

    /// Print each line as a JSON object
    #[arg(long)]
    pub json: bool,
}

/// One line. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
struct LineView<'a> {
    namespace: &'a str,
    pod: &'a str,
    container: &'a str,
    /// When the container wrote it, in RFC 3339.
    time: Option<String>,
    line: &'a str,
}

/// Prints the logs of containers.
///
/// # Errors
/// If the configuration or the command line is invalid, no pod matches, or the cluster does not respond.
pub fn logs(global: &GlobalOptions, args: &LogsArgs) -> Result<ExitStatus, Failure> {
    with_containers(
        global,
        &args.selector,
        |dev| dev.log_selections(&dev.logs),
        async |connected| {
            let Connected { access, selectors, cancel, .. } = connected;
            access.keep_trying();
            let is_json = global.progress == ProgressMode::Json;
            let events = if is_json { json_lines(global) } else { connected.events };
            let (sender, queue) = log_queue();
            let options = LogOptions { lines: args.lines, follow: args.follow, is_patient: false };
            let notices = Notices::new(&events);
            let shown = async {
                let shown = show_logs(&access, &selectors, options, &notices, sender);
                let printed = print_items(queue, args, is_json, &events);
                tokio::pin!(shown, printed);
                tokio::select! {
                    // A closed pipe ends the command.
                    printed = &mut printed => printed,
                    shown = &mut shown => {
                        shown.map_err(|error| Failure::failed(ScriptError::of_stage_error(error)))?;
                        printed.await
                    }
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => Ok(ExitStatus::Interrupted),
                shown = shown => shown,
            }
        },
    )
}

/// Prints the lines and events of logs, until their end. Lines name their container, unless the command line does.
/// `is_json`: as JSON lines of events.
async fn print_items(
    mut queue: LogQueue,
    args: &LogsArgs,
    is_json: bool,
    events: &Events,
) -> Result<ExitStatus, Failure> {
    while let Some(first) = queue.next().await {
        let mut text = String::new();
        let mut next = Some(first);
        while let Some(item) = next {
            if let LogItem::Line(line) = &item {
                text.push_str(&match (is_json, args.json) {
                    (true, _) => json_line(&line.event()),
                    (false, true) => json(line) + "\n",
                    (false, false) => plain(line, args) + "\n",
                });
            }
            if let Some(message) = item.notice() {
                flush(&mut text)?;
                events.notice(Level::Info, message);
            }
            next = queue.next_now();
        }
        if !flush(&mut text)? {
            break;
        }
    }
    Ok(ExitStatus::Done)
}

/// Prints `text`; `false` if its reader has ended.
fn flush(text: &mut String) -> Result<bool, Failure> {
    if text.is_empty() {
        return Ok(true);
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    text.clear();
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(unwritten(&error)),
    }
}

fn plain(line: &LogLine, args: &LogsArgs) -> String {
    let LogLine { source, text, .. } = line;
    let is_of_only_container = source.name == source.pod;
    let is_single =
        args.selector.pod.is_some() && (args.selector.container.is_some() || is_of_only_container);
    if is_single { text.clone() } else { format!("{} | {text}", source.name) }
}

fn json(line: &LogLine) -> String {
    let source = &line.source;
    let view = LineView {
        namespace: &source.namespace,
        pod: &source.pod,
        container: &source.container,
        time: line.time.map(|time| time.to_string()),
        line: &line.text,
    };
    serde_json::to_string(&view).unwrap_or_default()
}
