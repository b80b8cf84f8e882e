//! HTTP requests of scripts.

use rhai::plugin::*;

/// Stages that send HTTP requests.
#[export_module]
pub mod http {
    use rhai::{Dynamic, Map};

    use crate::error::StageError;
    use crate::host::{HttpMethod, HttpResponse};
    use crate::script::RhaiResultOf;

    /// Sends an HTTP POST request with `body` to `url`, which may be a secret, such as a webhook URL. A string is sent
    /// as plain text, any other value as JSON. Secrets in it are sent unmasked.
    ///
    /// # Errors
    /// `http::...` if no response arrives within 30 seconds, or its status is 400 or above.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) {
    ///     let hook = env("CHAT_HOOK", ());
    ///     if hook != () { http_post(secret(hook), #{ text: `${image.name} is ready` }); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn http_post(context: NativeCallContext, url: Dynamic, body: Dynamic) -> RhaiResultOf<HttpResponse> {
        super::send(&context, "http_post", HttpMethod::Post, &url, &body, Map::new())
    }

    /// Sends an HTTP POST request with options, a map of:
    ///
    /// - `headers`: a map of headers, whose values may be secrets,
    /// - `timeout`: the timeout of the whole exchange in seconds; default: 30,
    /// - `check`: whether a status of 400 or above is an error; default: `true`.
    ///
    /// # Errors
    /// Those of `http_post(url, body)`; `script::unknown_option` for an unknown option.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) {
    ///     let hook = env("CHAT_HOOK", ());
    ///     if hook != () { http_post(hook, "done", #{ headers: #{ "X-Room": "builds" }, timeout: 5 }); }
    /// }
    /// ```
    #[rhai_fn(name = "http_post", return_raw)]
    pub fn http_post_with(
        context: NativeCallContext,
        url: Dynamic,
        body: Dynamic,
        options: Map,
    ) -> RhaiResultOf<HttpResponse> {
        super::send(&context, "http_post", HttpMethod::Post, &url, &body, options)
    }

    /// Sends an HTTP GET request to `url`.
    ///
    /// # Errors
    /// Those of `http_post`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     let address = env("STATUS_URL", ());
    ///     if address != () { print(http_get(address).json.state); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn http_get(context: NativeCallContext, url: Dynamic) -> RhaiResultOf<HttpResponse> {
        super::send(&context, "http_get", HttpMethod::Get, &url, &Dynamic::UNIT, Map::new())
    }

    /// Sends an HTTP GET request to `url`, with the options of `http_post`.
    ///
    /// # Errors
    /// Those of `http_post`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     let address = env("STATUS_URL", ());
    ///     if address != () && http_get(address, #{ check: false }).status == 404 { print("no state yet"); }
    /// }
    /// ```
    #[rhai_fn(name = "http_get", return_raw)]
    pub fn http_get_with(
        context: NativeCallContext,
        url: Dynamic,
        options: Map,
    ) -> RhaiResultOf<HttpResponse> {
        super::send(&context, "http_get", HttpMethod::Get, &url, &Dynamic::UNIT, options)
    }

    /// The status code, such as 200.
    #[rhai_fn(get = "status", pure)]
    pub fn status(response: &mut HttpResponse) -> i64 {
        response.status.into()
    }

    /// The body, a string.
    #[rhai_fn(get = "body", pure)]
    pub fn body(response: &mut HttpResponse) -> String {
        response.body.clone()
    }

    /// The value of the body, parsed as JSON.
    #[rhai_fn(get = "json", pure, return_raw)]
    pub fn json(response: &mut HttpResponse) -> RhaiResultOf<Dynamic> {
        let value = serde_json::from_str(&response.body);
        let value = value.map_err(|error| StageError::from(super::super::data::BadData::json(&error)))?;
        Ok(super::super::data::from_json_value(value))
    }

    /// The body, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(response: &mut HttpResponse) -> String {
        response.body.clone()
    }
}

use std::time::Duration;

use rhai::{Dynamic, Map};

use super::current;
use super::data::expose_json_value;
use super::option::{Options, text};
use crate::error::StageError;
use crate::host::{HttpMethod, HttpRequest, HttpResponse};
use crate::script::RhaiResultOf;
use crate::secret::Secret;

/// The default timeout of an exchange.
const LIMIT: Duration = Duration::from_secs(30);

/// An exchange failed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum ExchangeError {
    #[error("{shown} is not an HTTP(S) URL")]
    #[diagnostic(code(script::bad_url), help("begin it with `https://` or `http://`"))]
    BadUrl { shown: String },

    #[error("`{url}` returned status {status}{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    #[diagnostic(code(http::refused), help("set the option `check: false` to accept any status"))]
    Refused { url: String, status: u16, said: String },
}

fn send(
    context: &NativeCallContext<'_>,
    stage: &'static str,
    method: HttpMethod,
    url: &Dynamic,
    body: &Dynamic,
    options: Map,
) -> RhaiResultOf<HttpResponse> {
    let run = current::run(context)?;
    let options = Options::new(stage, options, &["check", "headers", "timeout"])?;
    let is_checked = options.truth("check", true)?;
    let request = request(method, url, body, &options)?;
    run.session.step(request.to_string());
    let response =
        run.session.wait_for_end(run.session.host.http.send(&request, &run.session.cancellation()));
    let response = response.map_err(StageError::from)?;
    if is_checked && response.status >= 400 {
        let said = response.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let said =
            run.session.secrets.mask(&said).chars().filter(|char| !char.is_control()).take(200).collect();
        let refused = ExchangeError::Refused { url: request.shown_url(), status: response.status, said };
        return Err(StageError::from(refused).into());
    }
    Ok(response)
}

fn request(
    method: HttpMethod,
    url: &Dynamic,
    body: &Dynamic,
    options: &Options,
) -> Result<HttpRequest, StageError> {
    let is_secret_url = url.is::<Secret>();
    let address = text(url).and_then(|text| text.parse::<url::Url>().ok());
    let address = address.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let bad =
        || ExchangeError::BadUrl { shown: if is_secret_url { "***".to_owned() } else { format!("`{url}`") } };
    let address = address.ok_or_else(bad)?;
    let mut headers = options.texts("headers")?;
    let mut content = Vec::new();
    if let Some(text) = text(body) {
        content = text.into_bytes();
    } else if !body.is_unit() {
        content = expose_json_value(body)?.to_string().into_bytes();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
    }
    let limit = options.seconds("timeout")?.unwrap_or(LIMIT);
    Ok(HttpRequest { method, url: address, is_secret_url, headers, body: content.into(), limit })
}
