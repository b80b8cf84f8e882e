//! Reads errors of helm.

use std::sync::LazyLock;

use miette::{NamedSource, SourceSpan};
use regex::Regex;

use super::failures::{HookFailure, RenderedYaml, UnavailableChart};
use super::output::HelmOutput;
use super::pattern::pattern;
use super::prepare::Prepared;
use super::run::Invocation;
use super::template::template_arguments;
use super::{ChartError, ChartLocation, ChartRequest, HelmRun, rendered, schema, template_error};
use crate::process::last_lines;

static HOOK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?s)(?:failed ((?:pre|post)-\w+)|((?:pre|post)-\w+) hooks failed): (.*)"));
static HOOK_OBJECT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\b(job|pod) (\S+) failed|resource (\w+)/[^/\s]*/(\S+) not ready)"));
static OWNERSHIP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(\S+) "([^"]+)" (?:in namespace "([^"]*)" )?exists and cannot be imported"#));
static OWNER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"key "meta\.helm\.sh/release-(name|namespace)" must equal "[^"]*": current value is "([^"]*)""#)
});
static NOT_REPOSITORY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?s)looks like "[^"]*" is not a valid chart repository or cannot be reached: (.*)"#)
});
static UNKNOWN_REPOSITORY: LazyLock<Regex> = LazyLock::new(|| pattern(r"^repo (\S+) not found"));
static NOT_IN_REPOSITORY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"chart "[^"]*" (?:version "[^"]*" |matching .*)?not found in"#));
static REGISTRY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)failed\ to\ do\ request:\ |failed\ to\ perform\ "\w+"\ on\ source:\ |unable\ to\ locate\ any\ tags
           |failed\ to\ (?:authorize|fetch|resolve)|could\ not\ download|[Cc]ould\ not\ locate\ a\ version\ matching
           |/v2/\S+/(?:manifests|blobs|tags)/|:\ not\ found$"#,
    )
});

/// The error of a failed call for `request`. Runs helm again to get the rendered text of invalid YAML.
pub(super) async fn chart_error(
    action: &'static str,
    request: &ChartRequest,
    prepared: &Prepared,
    output: &HelmOutput,
    run: HelmRun<'_>,
) -> ChartError {
    let message = output.message();
    if let Some(problems) = schema::problems(&message, request) {
        return ChartError::SchemaMismatch { release: request.release.clone(), problems };
    }
    if let Some(invalid) = rendered::InvalidTemplate::parse(&message) {
        let arguments = [template_arguments(request, prepared), vec!["--debug".to_owned()]].concat();
        // Without the rendered text, the message is shown alone.
        let rendered = run.capture(Invocation::new(request, arguments).pure()).await;
        let document = rendered.ok().and_then(|output| invalid.document(&output.stdout));
        let name = format!("{} (rendered)", invalid.template);
        let (text, line) = document.map_or((None, None), |(text, line)| (Some(text), line));
        return ChartError::InvalidYaml(Box::new(RenderedYaml {
            rendered: text.map(|text| NamedSource::new(name, text)),
            line: line.map(SourceSpan::from),
            template: invalid.template,
            reason: invalid.reason,
        }));
    }
    if let Some(names) = missing_dependencies(&message) {
        return ChartError::DependencyMissing {
            chart: request.chart.to_string(),
            missing: names,
            reason: None,
            help: format!("run `helm dependency build {}`", request.chart),
        };
    }
    // A hook or an object can quote anything, also text that looks like a template.
    let is_of_cluster = HOOK.is_match(&message) || message.contains("invalid ownership metadata");
    if !is_of_cluster && let Some(failure) = template_error::parse(&message, request) {
        return ChartError::TemplateFailed(Box::new(failure));
    }
    // A chart on this machine is always available.
    if !is_of_cluster
        && request.local_chart().is_none()
        && let Some(reason) = unavailable_reason(&message)
    {
        return unavailable(request, reason);
    }
    of_release(action, &request.release, &request.namespace, output)
}

/// The error of a failed call that concerns the release in the cluster.
pub(super) fn of_release(
    action: &'static str,
    release: &str,
    namespace: &str,
    output: &HelmOutput,
) -> ChartError {
    let (release, message) = (release.to_owned(), output.message());
    if let Some(found) = HOOK.captures(&message) {
        let hook = found.get(1).or(found.get(2)).map_or("", |hook| hook.as_str()).to_owned();
        let object = HOOK_OBJECT.captures(&message).and_then(|object| {
            let (kind, name) = (object.get(1).or(object.get(3))?, object.get(2).or(object.get(4))?);
            let kind = kind.as_str();
            let kind = kind[..1].to_uppercase() + &kind[1..];
            Some(format!("{kind}/{}", name.as_str()))
        });
        let target = object.as_ref().map_or_else(|| "job/NAME".to_owned(), |object| object.to_lowercase());
        return ChartError::HookFailed(Box::new(HookFailure {
            release,
            reason: one_line(&found[3]).trim_start_matches("1 error occurred: * ").to_owned(),
            log: Vec::new(),
            help: format!("see its log: `kubectl -n {namespace} logs {target}`"),
            hook,
            object,
        }));
    }
    if message.contains("invalid ownership metadata")
        && let Some(found) = OWNERSHIP.captures(&message)
    {
        let place =
            found.get(3).map(|namespace| namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let place = place.map(|namespace| format!(" (namespace {namespace})")).unwrap_or_default();
        let owner = |part: &str| {
            let mut all = OWNER.captures_iter(&message);
            all.find(|found| &found[1] == part)
                .map(|found| found[2].to_owned())
                .filter(|owner| !owner.is_empty())
        };
        let owner = owner("name").map(|name| match owner("namespace") {
            Some(namespace) => format!("release `{name}` (namespace {namespace})"),
            None => format!("release `{name}`"),
        });
        return ChartError::NotOwned {
            release,
            object: format!("{}/{}{place}", &found[1], &found[2]),
            owner,
            help: "delete it, rename it in the chart, or let helm 3.17 or newer adopt it with `upgradeArgs: \
                   [--take-ownership]`"
                .to_owned(),
        };
    }
    if message.contains("another operation (install/upgrade/rollback) is in progress") {
        return ChartError::pending(&release, namespace, None, None);
    }
    let mut hints: Vec<_> = (action != "render" || message.is_empty())
        .then(|| last_lines(&context_lines(output, &message)))
        .flatten()
        .into_iter()
        .collect();
    if message.contains("cannot unmarshal") {
        hints.push("quote strings that YAML reads as another type, such as `y`, `on` or `1.0`".to_owned());
    }
    let reason = match message.is_empty() {
        true => format!("helm failed with exit code {}", output.code),
        false => message,
    };
    ChartError::HelmFailed { action, release, reason, help: (!hints.is_empty()).then(|| hints.join("\n")) }
}

/// The last lines without those of the message.
fn context_lines(output: &HelmOutput, message: &str) -> Vec<String> {
    let lines = output.last_lines();
    let is_message = |line: &String| {
        let text = line.trim_start_matches("Error: ");
        let text = text.trim_start_matches("UPGRADE FAILED: ").trim_start_matches("INSTALLATION FAILED: ");
        // Helm 4 logs the message too.
        let logged = line.starts_with("level=") && line.replace("\\\"", "\"").contains(message);
        message.contains(text) || logged || line.starts_with("Use --debug flag")
    };
    lines.into_iter().filter(|line| !is_message(line)).collect()
}

impl ChartError {
    /// The error for a release that is locked by an operation, with the known facts: the status with its time,
    /// and the last revision that was deployed.
    pub fn pending(release: &str, namespace: &str, since: Option<String>, deployed: Option<u64>) -> Self {
        let command = match deployed {
            Some(revision) => format!("helm rollback {release} {revision} -n {namespace}"),
            None => format!("helm uninstall {release} -n {namespace}"),
        };
        let help = match (deployed, &since) {
            (None, None) => format!(
                "wait for it; if it was killed, run `helm rollback {release} -n {namespace}`, or `helm uninstall` if \
                 it was the first revision"
            ),
            _ => format!("wait for it; if it was killed, run `{command}`"),
        };
        Self::ReleasePending { release: release.to_owned(), since, help }
    }
}

/// The names in `found in Chart.yaml, but missing in charts/ directory: a, b`.
fn missing_dependencies(message: &str) -> Option<Vec<String>> {
    let (_, names) = message.split_once("but missing in charts/ directory: ")?;
    Some(names.lines().next()?.split(',').map(|name| name.trim().to_owned()).collect())
}

/// Why a repository or registry has no chart, if `message` reports that.
fn unavailable_reason(message: &str) -> Option<String> {
    if let Some(found) = NOT_REPOSITORY.captures(message) {
        return Some(format!("repository is unreachable: {}", one_line(&found[1])));
    }
    if let Some(found) = UNKNOWN_REPOSITORY.captures(message) {
        return Some(format!("unknown repository `{}`", &found[1]));
    }
    if NOT_IN_REPOSITORY.is_match(message) {
        return Some("not found in the repository".to_owned());
    }
    if message.ends_with(": not found") {
        return Some("not found in the registry".to_owned());
    }
    let is_missing = message.starts_with("no cached repo found")
        || message.starts_with("invalid chart URL format")
        || message.starts_with("no chart version found")
        || message.starts_with("no chart name found")
        || message.starts_with("Get \"http")
        || message.starts_with("path \"")
        || message.starts_with("failed to download")
        || REGISTRY.is_match(message);
    is_missing.then(|| one_line(message))
}

/// The error for a chart that cannot be fetched.
pub(super) fn unavailable(request: &ChartRequest, reason: String) -> ChartError {
    let (repository, help) = match &request.chart {
        ChartLocation::Repository { repository: Some(repository), .. } => {
            (Some(repository.clone()), "check `chart.repo`, `chart.name` and `chart.version`".to_owned())
        }
        ChartLocation::Repository { name, .. } => {
            let alias = name.split('/').next().unwrap_or_default();
            (
                None,
                format!("set `chart.repo` to the URL of the repository, or run `helm repo add {alias} URL`"),
            )
        }
        ChartLocation::Oci { .. } => {
            (None, "check `chart.name` and `chart.version`, and log in to the registry".to_owned())
        }
        ChartLocation::Path(_) | ChartLocation::Git(_) => (None, "check `chart.name`".to_owned()),
    };
    ChartError::ChartUnavailable(Box::new(UnavailableChart {
        chart: request.chart.to_string(),
        version: request.chart.version().map(str::to_owned),
        repository,
        reason,
        help,
    }))
}

/// `text` with its lines joined.
pub(super) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
