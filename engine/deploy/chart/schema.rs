//! Values that do not match the schema of a chart.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::pattern;
use super::template_error::chart_name;
use super::{ChartRequest, ValueLayers, ValuesOrigin};

static POINTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^at '([^']*)': (.*)$"));
static TYPES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:Invalid type\. Expected: (.+), given: (\S+)|got (\S+), want (.+))$"));

/// A value that the schema of a chart does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// The path of the value: `image.tag`; empty for all values.
    pub path: String,
    /// The problem.
    pub reason: String,
    /// Where the value comes from, if it exists.
    pub origin: Option<ValuesOrigin>,
}

impl fmt::Display for SchemaProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "`{}`: ", self.path)?;
        }
        formatter.write_str(&self.reason)?;
        match &self.origin {
            Some(origin) => write!(formatter, " (in {origin})"),
            None => Ok(()),
        }
    }
}

/// Reads the message of helm, if it is about the schema.
pub(super) fn problems(message: &str, request: &ChartRequest) -> Option<Vec<SchemaProblem>> {
    let (_, list) = message.split_once("values don't meet the specifications of the schema(s)")?;
    let root = chart_name(request);
    // The values were readable for helm; without them, origins are unknown.
    let layers = ValueLayers::read(request).ok();
    let mut chart = root.clone();
    let mut problems = Vec::new();
    for line in list.lines().skip(1) {
        let Some(problem) = line.trim_start().strip_prefix("- ") else {
            if let Some(name) = line.trim_end().strip_suffix(':') {
                chart = name.to_owned();
            }
            continue;
        };
        let Some((path, reason)) = parse(problem) else { continue };
        // The values of a subchart are below its name.
        let parts: Vec<_> = (chart != root).then(|| chart.clone()).into_iter().chain(path).collect();
        let origin = layers.as_ref().filter(|_| !parts.is_empty());
        let origin = origin.and_then(|layers| layers.origin(&parts)).cloned();
        problems.push(SchemaProblem { path: parts.join("."), reason, origin });
    }
    Some(problems)
}

/// The path and the problem in a line of helm 3 (`image.tag: REASON`) or newer (`at '/image/tag': REASON`).
fn parse(problem: &str) -> Option<(Vec<String>, String)> {
    let (path, reason) = match POINTER.captures(problem) {
        Some(found) => {
            let reason = found.get(2)?.as_str();
            // A heading of the lines below it.
            if reason == "validation failed" {
                return None;
            }
            let parts = found.get(1)?.as_str().split('/').filter(|part| !part.is_empty());
            (parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect(), reason)
        }
        None => {
            let (path, reason) = problem.split_once(": ")?;
            let path = if path == "(root)" { "" } else { path };
            (path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect(), reason)
        }
    };
    let reason = match TYPES.captures(reason) {
        Some(types) => {
            let part = |a, b| types.get(a).or(types.get(b)).map_or("", |part| part.as_str());
            format!("must be {}, is {}", part(1, 4), part(2, 3))
        }
        None => reason.to_owned(),
    };
    Some((path, reason))
}
