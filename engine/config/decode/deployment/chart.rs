//! `chart` of a deployment with Helm.

use super::{has_reported, warn_ignored};
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{ChartConfig, ChartSource, ComponentChart};
use crate::git::GitSource;
use crate::secret::Secret;

/// The keys that have an effect only with `git`.
const OF_GIT: [&str; 6] = ["branch", "tag", "revision", "subPath", "cloneArgs", "disableShallow"];

/// Reads `chart` of `helm`; without it, the component chart.
pub(super) fn chart(
    helm: &Mapping,
    deployment: &Mapping,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<ChartConfig> {
    let Some(entry) = helm.get("chart").filter(|entry| !entry.node.is_null()) else {
        let span = deployment.get("helm").map_or(Span::default(), |entry| entry.key);
        return Some(ChartConfig {
            origin: reader.problems.origin(span),
            source: ChartSource::Component,
            version: None,
            username: None,
            password: None,
        });
    };
    let what = format!("`chart` of {of}");
    if let Some(password) = entry.node.get("password") {
        // Before a report can display it.
        reader.problems.mask(&[password.span]);
    }
    // An upgrade keeps it only if there is a `chart` as well.
    if let Some(component) = helm.get("componentChart").filter(|entry| !entry.node.is_unresolved()) {
        let message = format!("{of} has both `componentChart` and `chart`");
        let report = Report::new("config::deployment", message, "the component chart")
            .also(entry.key, "another chart")
            .help("remove one of them");
        reader.problems.add(component.key, report);
    }
    let mapping = reader.mapping(&entry.node, &what)?;
    let mut text = |key: &str| reader.text(mapping, key, &what).filter(|text| !text.trim().is_empty());
    let (version, username) = (text("version"), text("username"));
    let password = text("password").map(Secret::new);
    let origin = reader.problems.origin(entry.key);
    let source = source(&entry.node, mapping, &what, reader)?;
    warn_of_unused(mapping, &source, &what, reader);
    Some(ChartConfig { origin, source, version, username, password })
}

/// `git`, `path` or `name`, in this order of precedence.
fn source(node: &YamlNode, mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<ChartSource> {
    let mut text = |key: &str| reader.text(mapping, key, what).filter(|text| !text.trim().is_empty());
    let (git, path, name, repo) = (text("git"), text("path"), text("name"), text("repo"));
    if let Some(url) = git {
        let (branch, tag, revision, sub_path) =
            (text("branch"), text("tag"), text("revision"), text("subPath"));
        let source = GitSource {
            clone_args: reader.texts(mapping, "cloneArgs", what).unwrap_or_default(),
            disable_shallow: reader.boolean(mapping, "disableShallow", what).unwrap_or(false),
            ..GitSource::new(url, branch, tag, revision)
        };
        return Some(ChartSource::Git { source: Box::new(source), sub_path });
    }
    if let Some(path) = path {
        return Some(ChartSource::Path(path.into()));
    }
    let Some(name) = name else {
        if !has_reported(mapping) {
            reader.missing(node, "name", what);
        }
        return None;
    };
    warn_of_stable(mapping, &name, repo.as_deref(), what, reader);
    Some(named(name, repo))
}

/// The source that `name` and `repo` select. A name with exactly one `/` may also be a directory.
fn named(name: String, repo: Option<String>) -> ChartSource {
    if name.starts_with("oci://") {
        return ChartSource::Oci(name);
    }
    if name.contains("://") {
        return ChartSource::Url(name);
    }
    if repo.is_some() {
        return ChartSource::Repository { name, repo };
    }
    if name == ComponentChart::NAME {
        return ChartSource::Component;
    }
    let is_pair = matches!(name.split_once('/'), Some((repo, chart))
        if !repo.is_empty() && !repo.starts_with('.') && !chart.is_empty() && !chart.contains('/'));
    if is_pair && !name.contains('\\') {
        return ChartSource::Repository { name, repo: None };
    }
    ChartSource::Path(name.into())
}

/// Warns about a chart of the first public repository, which was the default of Helm 2.
fn warn_of_stable(mapping: &Mapping, name: &str, repo: Option<&str>, what: &str, reader: &mut Reader<'_>) {
    let (Some(chart), None, Some(node)) = (name.strip_prefix("stable/"), repo, field(mapping, "name")) else {
        return;
    };
    let message = format!("`name` of {what} is in the repository `stable`, which was shut down");
    let report = Report::new("config::deployment", message, "of `stable`");
    let help =
        format!("set `name: {chart}` and the `repo` of its successor; for a directory, write `./{name}`");
    reader.problems.warn(node.span, report.help(help));
}

/// Warns about keys that have no effect for `source`.
fn warn_of_unused(mapping: &Mapping, source: &ChartSource, what: &str, reader: &mut Reader<'_>) {
    let remote = ["repo", "version", "username", "password"];
    let (unused, reason): (&[&str], _) = match source {
        ChartSource::Git { .. } => (&["path", "name"], "the chart is in the git repository"),
        ChartSource::Path(_) if field(mapping, "path").is_some() => (&["name"], "`path` has precedence"),
        ChartSource::Oci(_) | ChartSource::Url(_) => (&["repo"], "`name` is a URL"),
        _ => (&[], ""),
    };
    for key in unused {
        let help = match *key {
            "repo" => "remove it",
            _ if matches!(source, ChartSource::Git { .. }) => "remove it, or write `subPath`",
            _ => "remove one of them",
        };
        warn_ignored(mapping, key, what, reason, help, reader);
    }
    let local = match source {
        ChartSource::Git { .. } => "the chart is in the git repository",
        ChartSource::Path(_) => "the chart is a local path",
        _ => "",
    };
    for key in remote.into_iter().filter(|_| !local.is_empty()) {
        warn_ignored(mapping, key, what, local, "remove it", reader);
    }
    if !matches!(source, ChartSource::Git { .. }) {
        for key in OF_GIT {
            warn_ignored(mapping, key, what, "it has no `git`", "add `git`, or remove it", reader);
        }
    }
    let help = "remove it: only `windlass update` updates a checkout";
    warn_ignored(mapping, "disablePull", what, "a deployment does not update checkouts", help, reader);
}
