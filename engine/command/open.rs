//! `windlass open`.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use super::stdout::print;
use crate::cluster::{ClusterAccess, ClusterError, ClusterService};
use crate::command::cli::GlobalOptions;
use crate::connect::{
    ForwardError, ForwardSpec, ListeningPort, Notices, SelectedContainer, TargetLimits, TargetSelector,
    TargetWatch, open_in_browser, wait_for_page,
};
use crate::script::ScriptError;
use crate::suggestion::nearest;

/// How many local ports are tried if the first one is in use.
const PORTS: u16 = 20;

/// How long to wait for a pod that names its port.
const POD_LIMIT: Duration = Duration::from_secs(60);

/// The options of `windlass open`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without an argument, the pages of `dev.open` are opened, otherwise the host of an Ingress,
otherwise the only service. A service is forwarded to this machine until Ctrl-C. Windlass
waits until the server responds, and prints the URL; without a desktop, it only prints it.

Examples:
  windlass open                      open the pages of the project
  windlass open web                  forward the service `web`, and open it
  windlass open http://shop.test     wait for a URL, and open it")]
pub struct OpenArgs {
    /// Service or URL [default: pages of the project]
    #[arg(value_name = "SERVICE")]
    pub name: Option<String>,

    /// Local port for a service [default: its port, plus 8000 if it is below 1024]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// No service can be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{message} in the namespace `{namespace}`")]
#[diagnostic(code(open::no_service))]
struct NoService {
    message: String,
    namespace: String,
    #[help]
    help: String,
}

/// Opens a page as soon as its server responds.
///
/// # Errors
/// If the configuration or the command line is invalid, there is nothing to open, or the server does not respond.
pub fn open(global: &GlobalOptions, args: &OpenArgs) -> Result<ExitStatus, Failure> {
    with_containers(
        global,
        &SelectorArgs::default(),
        |dev| dev.ports.iter().map(|port| port.selection.clone()).collect(),
        async |connected| {
            let cancel = connected.cancel.clone();
            tokio::select! {
                biased;
                () = cancel.cancelled() => Ok(ExitStatus::Interrupted),
                opened = open_pages(connected, args) => opened,
            }
        },
    )
}

async fn open_pages(connected: Connected, args: &OpenArgs) -> Result<ExitStatus, Failure> {
    let Connected { access, project, selectors, events, cancel } = connected;
    access.keep_trying();
    let notices = Notices::new(&events);
    if let Some(url) = args.name.as_ref().filter(|name| name.contains("://")) {
        return show(url).await;
    }
    let dev = project.map(|project| project.dev).unwrap_or_default();
    let forwarder = Forwarder { access: &access, notices: &notices, cancel: &cancel };
    if args.name.is_none() && !dev.pages.is_empty() {
        // Pages on this machine need the ports of `dev.ports`, unless they are forwarded already.
        let mut is_forwarding = false;
        for (index, port) in dev.ports.iter().enumerate() {
            let is_used = dev.pages.iter().any(|page| {
                page.url.parse::<url::Url>().is_ok_and(|url| url.port_or_known_default() == Some(port.port))
            });
            if let (true, Some(selector)) = (is_used, selectors.get(index))
                && let Ok(listening) = ListeningPort::open(ForwardSpec::from(port)).await
            {
                forwarder.start(listening, selector.clone());
                is_forwarding = true;
            }
        }
        for page in &dev.pages {
            show(&page.url).await?;
        }
        return stay(is_forwarding, &cancel).await;
    }
    let context = access.context().map_err(Failure::failed)?;
    let namespace = context.ok_or_else(|| Failure::failed(ClusterError::NoCluster))?.namespace.clone();
    if args.name.is_none()
        && let Some(url) = access.ingress_urls(&namespace).await.ok().and_then(|urls| urls.into_iter().next())
    {
        return show(&url).await;
    }
    let services = access.services(&namespace).await.map_err(Failure::failed)?;
    let service = choose(&services, args.name.as_deref(), &namespace).map_err(Failure::failed)?;
    let selector = TargetSelector { labels: Some(service.labels.clone()), ..TargetSelector::default() };
    // A pod that cannot start is reported immediately, instead of a server that does not respond.
    let target = SelectedContainer::resolve(&access, &selector, TargetLimits::default(), &events, &cancel);
    target.await.map_err(|error| Failure::failed(ScriptError::of_stage_error(error)))?;
    let remote_port = pod_port(&access, service, &namespace).await?;
    let listening = listen(service, remote_port, args.port).await.map_err(Failure::failed)?;
    let url = format!("http://{}", listening.address());
    forwarder.start(listening, selector);
    show(&url).await?;
    stay(true, &cancel).await
}

/// Waits for `url`, prints it, and opens it.
async fn show(url: &str) -> Result<ExitStatus, Failure> {
    wait_for_page(url).await.map_err(Failure::failed)?;
    print(&format!("{url}\n"))?;
    open_in_browser(url);
    Ok(ExitStatus::Done)
}

/// Continues to forward, if a port is forwarded.
async fn stay(is_forwarding: bool, cancel: &CancellationToken) -> Result<ExitStatus, Failure> {
    if is_forwarding {
        cancel.cancelled().await;
        return Ok(ExitStatus::Interrupted);
    }
    Ok(ExitStatus::Done)
}

struct Forwarder<'a> {
    access: &'a ClusterAccess,
    notices: &'a Notices,
    cancel: &'a CancellationToken,
}

impl Forwarder<'_> {
    /// Forwards `port` in the background.
    fn start(&self, port: ListeningPort, selector: TargetSelector) {
        let watch = TargetWatch::start(self.access, selector, None, self.notices, self.cancel);
        tokio::spawn(port.serve(self.access.clone(), watch, self.notices.clone(), self.cancel.clone()));
    }
}

/// The service `name`, or the only one.
fn choose<'a>(
    services: &'a [ClusterService],
    name: Option<&str>,
    namespace: &str,
) -> Result<&'a ClusterService, NoService> {
    let names = || services.iter().map(|service| service.name.as_str());
    let all = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let none = |message: String, help: String| NoService { message, namespace: namespace.to_owned(), help };
    match (name, services) {
        (_, []) => Err(none(
            "no service selects pods".to_owned(),
            "deploy first, or choose another namespace with `-n`".to_owned(),
        )),
        (Some(name), _) => services.iter().find(|service| service.name == name).ok_or_else(|| {
            let help = nearest(name, names()).map(|near| format!("did you mean `{near}`?"));
            none(format!("no service `{name}`"), help.unwrap_or_else(|| format!("services: {all}")))
        }),
        (None, [service]) => Ok(service),
        (None, _) => Err(none("several services".to_owned(), format!("name one: {all}"))),
    }
}

/// The port of the pods of `service`, which may be named by the pods.
async fn pod_port(access: &ClusterAccess, service: &ClusterService, namespace: &str) -> Result<u16, Failure> {
    if let Ok(port) = service.target.parse() {
        return Ok(port);
    }
    let named = async || {
        let pods = access.pods(namespace, &service.labels).await?;
        let containers = pods.iter().flat_map(|pod| pod.spec.iter().flat_map(|spec| &spec.containers));
        let ports = containers.flat_map(|container| container.ports.iter().flatten());
        let found = ports.filter(|port| port.name.as_ref() == Some(&service.target));
        Ok::<_, ClusterError>(
            found.map(|port| port.container_port).next().and_then(|port| u16::try_from(port).ok()),
        )
    };
    let found =
        crate::poll::poll(Duration::from_secs(1), POD_LIMIT, &named, |found| !matches!(found, Ok(None)));
    found.await.map_err(Failure::failed)?.ok_or_else(|| {
        Failure::failed(NoService {
            message: format!("no pod has the port `{}` of the service `{}`", service.target, service.name),
            namespace: namespace.to_owned(),
            help: "deploy first, or check `targetPort` of the service".to_owned(),
        })
    })
}

/// A local port for `service`: the wanted one, otherwise the first free one from its own port on.
async fn listen(
    service: &ClusterService,
    remote_port: u16,
    wanted: Option<u16>,
) -> Result<ListeningPort, ForwardError> {
    let own = if service.port < 1024 { service.port + 8000 } else { service.port };
    let mut port = wanted.unwrap_or(own);
    loop {
        let spec = ForwardSpec { port, remote_port, bind_address: None, key: "`--port`".to_owned() };
        match ListeningPort::open(spec).await {
            Err(ForwardError::PortTaken { .. }) if wanted.is_none() && port < own.saturating_add(PORTS) => {
                port += 1
            }
            opened => return opened,
        }
    }
}
