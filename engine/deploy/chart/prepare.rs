//! The arguments and temporary files for a chart and its values.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::arguments::{option, values};
use super::call_files::CallFiles;
use super::failure::unavailable;
use super::run::Invocation;
use super::{ChartError, ChartLocation, ChartRequest, Credentials, HelmRun};

/// The name of the repository in the temporary list of repositories.
const REPOSITORY: &str = "windlass";
/// The timeout for the index of a repository.
const INDEX_LIMIT: Duration = Duration::from_secs(120);

/// A chart and its values as arguments of helm. The files that they name exist as long as this value.
pub(super) struct Prepared {
    /// The chart with the options for its repository.
    pub(super) chart: Vec<String>,
    /// The values files.
    pub(super) values: Vec<String>,
    _files: CallFiles,
}

/// Writes the temporary files for `request`, and fetches the index of a repository with credentials.
pub(super) async fn prepare(request: &ChartRequest, run: HelmRun<'_>) -> Result<Prepared, ChartError> {
    let files = CallFiles::new()?;
    let chart = chart_arguments(request, &files, run).await?;
    let inline = files.write_values("values.json", &request.values)?;
    let replaced = files.write_values("replaced.json", &request.replaced)?;
    let values =
        request.values_files.iter().chain(&inline).chain(&replaced).flat_map(|file| values(file)).collect();
    Ok(Prepared { chart, values, _files: files })
}

async fn chart_arguments(
    request: &ChartRequest,
    files: &CallFiles,
    run: HelmRun<'_>,
) -> Result<Vec<String>, ChartError> {
    match &request.chart {
        ChartLocation::Path(path) | ChartLocation::Git(path) => {
            Ok(vec![request.directory.join(path).display().to_string()])
        }
        ChartLocation::Oci { reference, version, credentials } => {
            let config = credentials.as_ref().map(|credentials| registry_config(reference, credentials));
            let config = config.map(|config| files.write("registry.json", &config)).transpose()?;
            let options = option("--version", version.as_deref());
            Ok([reference.clone()]
                .into_iter()
                .chain(options)
                .chain(option("--registry-config", config.as_deref()))
                .collect())
        }
        ChartLocation::Repository { name, repository: None, credentials: Some(_), .. } => {
            Err(ChartError::CredentialsWithoutRepository { chart: name.clone() })
        }
        ChartLocation::Repository { name, repository, version, credentials } => {
            let mut words = match repository {
                // Helm would prefer a directory with the name of the chart.
                Some(url) if credentials.is_some() || request.directory.join(name).exists() => {
                    let options = private_repository(request, url, credentials.as_ref(), files, run).await?;
                    [vec![format!("{REPOSITORY}/{name}")], options].concat()
                }
                Some(url) => vec![name.clone(), "--repo".to_owned(), url.clone()],
                None => vec![name.clone()],
            };
            words.extend(option("--version", version.as_deref()));
            Ok(words)
        }
    }
}

/// Adds a repository to a temporary list and fetches its index. Returns the options that select the list.
async fn private_repository(
    request: &ChartRequest,
    url: &str,
    credentials: Option<&Credentials>,
    files: &CallFiles,
    run: HelmRun<'_>,
) -> Result<Vec<String>, ChartError> {
    let config = files.write("repositories.yaml", &repositories(url, credentials))?;
    let cache = files.path("cache").display().to_string();
    let options = ["--repository-config", &config, "--repository-cache", &cache].map(str::to_owned).to_vec();
    let update = ["repo", "update", REPOSITORY].map(str::to_owned).to_vec();
    let update = Invocation::new(request, [update, options.clone()].concat()).pure().limit(INDEX_LIMIT);
    let output = run.capture(update).await?;
    // Helm 3 reports a failure only in its output.
    let printed = format!("{}{}", output.stdout, output.stderr);
    let failure = printed.split_once("...Unable to get an update from ").map(|(_, failure)| failure);
    match failure {
        Some(failure) => {
            let reason = failure.lines().nth(1).unwrap_or(failure).trim().to_owned();
            Err(unavailable(request, format!("repository is unreachable: {reason}")))
        }
        None if output.code != 0 => Err(unavailable(request, output.message())),
        None => Ok(options),
    }
}

/// A list of repositories with one entry. JSON is YAML as well.
fn repositories(url: &str, credentials: Option<&Credentials>) -> String {
    let (username, password) =
        credentials.map_or(("", ""), |credentials| (&credentials.username, credentials.password.expose()));
    let entry = json!({ "name": REPOSITORY, "url": url, "username": username, "password": password });
    json!({ "apiVersion": "", "repositories": [entry] }).to_string()
}

/// The configuration of a registry client with the credentials for the host of `reference`.
fn registry_config(reference: &str, credentials: &Credentials) -> String {
    let host = reference.trim_start_matches("oci://").split('/').next().unwrap_or_default();
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    json!({ "auths": { host: { "auth": STANDARD.encode(pair) } } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn credentials_are_written_for_their_host() {
        let credentials = Credentials { username: "u".into(), password: Secret::new("p:\"q") };
        let entry = r#"{"name":"windlass","url":"https://c.io","username":"u","password":"p:\"q"}"#;
        let expected = format!(r#"{{"apiVersion":"","repositories":[{entry}]}}"#);
        assert_eq!(repositories("https://c.io", Some(&credentials)), expected);
        let config = registry_config("oci://r.io:5000/charts/web", &credentials);
        assert_eq!(config, r#"{"auths":{"r.io:5000":{"auth":"dTpwOiJx"}}}"#);
    }
}
