//! Runs helm for a request.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::helm::PURPOSE;
use super::output::HelmOutput;
use super::{ChartError, ChartRequest, Helm};
use crate::process::{CommandLine, Exec, ExecRequest, Pipe};

/// Variables with which helm would use another cluster than windlass, or print more than its messages.
const RESET: [&str; 9] = [
    "HELM_DEBUG",
    "HELM_KUBEAPISERVER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEASUSER",
    "HELM_KUBECAFILE",
    "HELM_KUBECONTEXT",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
    "HELM_NAMESPACE",
];

/// Runs helm commands.
#[derive(Clone, Copy)]
pub struct HelmRun<'a> {
    /// The command.
    pub helm: &'a Helm,
    /// Runs it; should end in a [`HelmExec`](super::HelmExec), so that an interrupted upgrade can finish.
    pub exec: &'a dyn Exec,
    /// Interrupts it.
    pub cancel: &'a CancellationToken,
}

/// One call of helm.
pub(super) struct Invocation<'a> {
    pub(super) arguments: Vec<String>,
    pub(super) directory: &'a Path,
    pub(super) environment: Vec<(String, String)>,
    pub(super) is_pure: bool,
    pub(super) limit: Option<Duration>,
}

impl<'a> Invocation<'a> {
    /// A call for `request`.
    pub(super) fn new(request: &'a ChartRequest, arguments: Vec<String>) -> Self {
        let environment = environment(request.kubeconfig.as_deref(), request.driver.as_deref());
        Self { arguments, directory: &request.directory, environment, is_pure: false, limit: None }
    }

    /// Marks it as free of side effects.
    pub(super) fn pure(self) -> Self {
        Self { is_pure: true, ..self }
    }

    /// With a timeout.
    pub(super) fn limit(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

impl HelmRun<'_> {
    /// Runs helm and captures its output; each line is passed to `on_line` as well.
    pub(super) async fn call(
        &self,
        invocation: Invocation<'_>,
        on_line: &mut (dyn FnMut(Pipe, &str) + Send),
    ) -> Result<HelmOutput, ChartError> {
        let words = [vec![self.helm.program.clone()], invocation.arguments].concat();
        let mut request = ExecRequest::new(PURPOSE, CommandLine::Program(words), invocation.directory);
        request.is_pure = invocation.is_pure;
        request.is_captured = true;
        request.limit = invocation.limit;
        let request = request.envs(invocation.environment);
        let mut output = HelmOutput::default();
        let mut record = |pipe: Pipe, line: &str| {
            match pipe {
                Pipe::Stdout => output.push_stdout(line),
                Pipe::Stderr => output.push_stderr(line),
            }
            on_line(pipe, line);
        };
        let code = self.exec.run(&request, &mut record, self.cancel).await.map_err(ChartError::process)?;
        Ok(HelmOutput { code, ..output })
    }

    /// Like [`HelmRun::call`], without passing the output on.
    pub(super) async fn capture(&self, invocation: Invocation<'_>) -> Result<HelmOutput, ChartError> {
        self.call(invocation, &mut |_, _| {}).await
    }
}

/// The environment of helm: that of windlass, without variables that would select another cluster.
pub(super) fn environment(kubeconfig: Option<&str>, driver: Option<&str>) -> Vec<(String, String)> {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let reset = RESET.iter().map(|name| set(name, ""));
    let kubeconfig = kubeconfig.map(|path| set("KUBECONFIG", path));
    let driver = driver.map(|driver| set("HELM_DRIVER", driver));
    reset.chain(kubeconfig).chain(driver).collect()
}
