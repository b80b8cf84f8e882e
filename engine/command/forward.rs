//! `windlass forward`.

use clap::Args;
use tokio::task::JoinSet;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use super::forwarded_port::ForwardedPort;
use super::load::json_lines;
use super::stdout::print;
use crate::command::cli::GlobalOptions;
use crate::config::ContainerSelection;
use crate::connect::{ForwardError, ForwardSpec, ListeningPort, Notices, TargetSelector, TargetWatch};
use crate::dev::ForwardReport;
use crate::error::in_one_line;
use crate::event::Level;
use crate::report::ProgressMode;

/// The options of `windlass forward`.
#[derive(Debug, Args)]
#[command(after_help = "\
The local ports stay open until Ctrl-C. Each connection goes to the newest pod that is
ready: pods may be replaced. `windlass dev` forwards the ports of `dev.ports` by itself.
With `--progress json`, events of ports are printed as JSON lines.

Examples:
  windlass forward                        forward the ports of `dev.ports`
  windlass forward 8080:80 --image api    forward localhost:8080 to port 80 of the image `api`
  windlass forward 5432 -l app=db         forward a port to the pods with a label
  windlass forward 0.0.0.0:8080:80        accept connections from other machines, too")]
pub struct ForwardArgs {
    /// Ports as `[[ADDRESS:]LOCAL:]REMOTE`; local port 0 is a free one [default: those of `dev.ports`]
    #[arg(value_name = "PORT")]
    pub ports: Vec<ForwardedPort>,

    /// The containers.
    #[command(flatten)]
    pub selector: SelectorArgs,
}

/// No port to forward was given or configured.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no port to forward")]
#[diagnostic(
    code(forward::no_port),
    help("name one, such as `windlass forward 8080:80`, or add `dev.ports`")
)]
struct NoPort;

/// Forwards ports until it is interrupted.
///
/// # Errors
/// If the configuration or the command line is invalid, or no port can be forwarded.
pub fn forward(global: &GlobalOptions, args: &ForwardArgs) -> Result<ExitStatus, Failure> {
    let select = |dev: &crate::config::Dev| {
        if !args.ports.is_empty() {
            // The terminal's container is the one that is worked on.
            return dev.terminal.iter().map(|terminal| terminal.selection.clone()).collect();
        }
        dev.ports.iter().map(|port| port.selection.clone()).collect::<Vec<ContainerSelection>>()
    };
    with_containers(global, &args.selector, select, async |connected| {
        let Connected { access, project, selectors, events, cancel } = connected;
        let json = (global.progress == ProgressMode::Json).then(|| json_lines(global));
        let events = json.clone().unwrap_or(events);
        let of_dev = project.iter().flat_map(|project| &project.dev.ports).map(ForwardSpec::from);
        let specs: Vec<_> = match args.ports.is_empty() {
            true => of_dev.collect(),
            false => args.ports.iter().map(ForwardedPort::spec).collect(),
        };
        if specs.is_empty() {
            return Err(Failure::wrong_use(NoPort));
        }
        access.keep_trying();
        let notices = Notices::new(&events);
        let count = specs.len();
        let (mut ports, mut failed) = (Vec::new(), None);
        for (index, spec) in specs.into_iter().enumerate() {
            match ListeningPort::open(spec).await {
                Ok(port) => ports.push((index, port)),
                Err(error) if count > 1 => {
                    notices.report(Level::Warning, in_one_line(&error));
                    failed = Some(ForwardError::None { count: u32::try_from(count).unwrap_or(u32::MAX) });
                }
                Err(error) => failed = Some(error),
            }
        }
        if let (true, Some(error)) = (ports.is_empty(), failed) {
            return Err(Failure::failed(error));
        }
        let mut watches: Vec<(TargetSelector, TargetWatch)> = Vec::new();
        let mut served = JoinSet::new();
        for (index, port) in ports {
            // Each of `dev.ports` has a selection; ports of the command line have one in common.
            let selector = selectors.get(index).filter(|_| selectors.len() == count).unwrap_or(&selectors[0]);
            let known = watches.iter().find(|(known, _)| known == selector).map(|(_, watch)| watch.clone());
            let watch = known.unwrap_or_else(|| {
                let watch = TargetWatch::start(&access, selector.clone(), None, &notices, &cancel);
                watches.push((selector.clone(), watch.clone()));
                watch
            });
            let report = json.clone().map(|events| ForwardReport {
                address: port.address(),
                to: format!("port {} of {}", port.remote_port(), pods(selector)),
                events,
            });
            if report.is_none() {
                print(&format!("{} -> {}\n", port.address(), port.remote_port()))?;
            }
            let serve = port.serve(access.clone(), watch.clone(), notices.clone(), cancel.clone());
            served.spawn(async move {
                let Some(report) = report else { return serve.await };
                tokio::select! {
                    () = serve => {}
                    () = report.follow(&watch) => {}
                }
            });
        }
        served.join_all().await;
        Ok(ExitStatus::Interrupted)
    })
}

/// The pods of `selector`, as a phrase.
fn pods(selector: &TargetSelector) -> String {
    let text = selector.to_string();
    if text.is_empty() { "any pod".to_owned() } else { format!("a pod {text}") }
}
