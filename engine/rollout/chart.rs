//! The chart of a deployment as the input of helm.

use std::path::PathBuf;

use serde_json::Value;

use super::Deployment;
use crate::config::{ChartConfig, ChartSource, ComponentChart, DeploymentKind, HelmConfig};
use crate::deploy::chart::{ChartLocation as Source, ChartRequest, Credentials};
use crate::error::StageError;
use crate::git::Checkouts;

/// The environment variable with the path of helm.
const HELM: &str = "WINDLASS_HELM";

/// A stage for charts was called for manifests.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("`{name}` is not a chart: it has `kubectl`")]
#[diagnostic(code(deploy::no_chart), help("call it only if `deployment.is_helm`"))]
struct NoChart {
    name: String,
}

/// The chart of `deployment`, with the values of devspace.yaml and no replaced ones.
///
/// # Errors
/// `deploy::no_chart` if it has none.
pub(super) fn request(deployment: &Deployment) -> Result<ChartRequest, StageError> {
    request_with(deployment, source)
}

/// The same for an action on only the release: a chart of a git repository is not checked out, and its path is empty.
///
/// # Errors
/// As for [`request`].
pub(super) fn release_request(deployment: &Deployment) -> Result<ChartRequest, StageError> {
    request_with(deployment, |deployment, chart| match &chart.source {
        ChartSource::Git { .. } => Ok(Source::Git(PathBuf::new())),
        _ => source(deployment, chart),
    })
}

fn request_with(
    deployment: &Deployment,
    source: impl FnOnce(&Deployment, &ChartConfig) -> Result<Source, StageError>,
) -> Result<ChartRequest, StageError> {
    let DeploymentKind::Helm(helm) = &deployment.config().kind else {
        return Err(NoChart { name: deployment.name().to_owned() }.into());
    };
    let run = deployment.run();
    let chart = source(deployment, &helm.chart)?;
    let HelmConfig { values, values_files, .. } = helm.as_ref();
    let values = if values.is_empty() { Value::Null } else { Value::Object(values.clone()) };
    let namespace = deployment.namespace()?;
    let tiller =
        helm.tiller.as_ref().map(|tiller| tiller.namespace.clone().unwrap_or_else(|| namespace.clone()));
    Ok(ChartRequest {
        tiller_namespace: tiller,
        values_files: values_files.iter().map(|file| file.text.clone()).collect(),
        values,
        wait: helm.wait,
        timeout: helm.timeout,
        atomic: helm.atomic,
        force: helm.force,
        cleanup_on_fail: helm.cleanup_on_fail,
        disable_hooks: helm.disable_hooks,
        driver: helm.driver.map(|driver| driver.as_str().to_owned()),
        program: program(deployment, helm)?,
        upgrade_args: helm.upgrade_args.clone(),
        display_output: helm.display_output,
        template_args: helm.template_args.clone(),
        disable_dependency_update: helm.disable_dependency_update,
        ..ChartRequest::new(&helm.release_name, namespace, &run.project.root, chart)
    })
}

/// The helm command: `path`, otherwise that of the variable `WINDLASS_HELM`.
fn program(deployment: &Deployment, helm: &HelmConfig) -> Result<Option<String>, StageError> {
    if let Some(path) = &helm.path {
        // The project chooses the command.
        deployment.run().session.host.exec.allow(path)?;
    }
    let variable = || deployment.run().variable(HELM).filter(|path| !path.trim().is_empty());
    Ok(helm.path.clone().or_else(variable))
}

/// Looks for helm in the background, because the chart of `deployment` will be deployed.
///
/// # Errors
/// `exec::...` if the project is not allowed to choose the program.
pub(super) fn expect_helm(deployment: &Deployment, helm: &HelmConfig) -> Result<(), StageError> {
    let program = program(deployment, helm)?;
    let run = deployment.run();
    let session = &run.session;
    let cancel = session.cancellation();
    let expected = session.host.deployer.expect_helm(program.as_deref(), &run.project.root, &cancel);
    Ok(session.wait(expected)?)
}

fn source(deployment: &Deployment, chart: &ChartConfig) -> Result<Source, StageError> {
    let credentials = || {
        let (username, password) = (chart.username.clone()?, chart.password.clone()?);
        Some(Credentials { username, password })
    };
    let version = || chart.version.clone();
    Ok(match &chart.source {
        ChartSource::Path(path) => Source::Path(path.clone()),
        ChartSource::Url(url) => Source::Repository {
            name: url.clone(),
            repository: None,
            version: version(),
            credentials: credentials(),
        },
        ChartSource::Repository { name, repo } => Source::named(
            name,
            repo.as_deref(),
            chart.version.as_deref(),
            credentials(),
            &deployment.run().project.root,
        ),
        ChartSource::Oci(reference) => {
            Source::Oci { reference: reference.clone(), version: version(), credentials: credentials() }
        }
        ChartSource::Component => {
            let configured = deployment.run().variable(ComponentChart::VARIABLE).or_else(version);
            Source::component(configured.as_deref())
        }
        ChartSource::Git { source, sub_path } => {
            let checkouts = Checkouts::of_user(|name| deployment.run().variable(name));
            let session = &deployment.run().session;
            let cancel = session.cancellation();
            let checkout = session.host.deployer.check_out_chart(source, &checkouts, &cancel);
            match session.wait_for_end(checkout)? {
                Some(folder) => Source::Git(folder.join(sub_path.as_deref().unwrap_or_default())),
                None => Source::Repository {
                    name: source.shown_url(),
                    repository: None,
                    version: None,
                    credentials: None,
                },
            }
        }
    })
}
