//! The section `deployments`.

mod chart;
mod duration;
mod helm;
mod kubectl;
mod upgrade_args;

use indexmap::IndexMap;

use crate::config::node::{Mapping, Scalar, Span, Value, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{DeploymentConfig, DeploymentKind, LocatedText};

/// The maximum length of the name of a Helm release.
const MAX_NAME: usize = 53;

/// Reads `deployments`, with their JSON for hooks if `with_json` is set. Deployments without a value are omitted: this
/// is how a profile removes a deployment.
pub(super) fn deployments(
    section: Option<&YamlNode>,
    with_json: bool,
    reader: &mut Reader<'_>,
) -> IndexMap<String, DeploymentConfig> {
    let mut deployments = IndexMap::new();
    let Some(section) = section else { return deployments };
    let Some(mapping) = reader.mapping(section, "`deployments`") else { return deployments };
    for (name, entry) in mapping {
        if entry.node.is_null() {
            // No warning for a profile that removes a deployment this way.
            if entry.node.span.layer == 0 {
                let message = format!("deployment `{name}` is ignored: it is empty");
                let report = Report::new("config::deployment", message, "no value");
                reader.problems.warn(entry.key, report.help("add `helm` or `kubectl`, or remove the entry"));
            }
        } else if let Some(mut deployment) = deployment(name, entry.key, &entry.node, reader) {
            deployment.json = with_json.then(|| json(&entry.node));
            deployments.insert(name.clone(), deployment);
        }
    }
    deployments
}

fn deployment(name: &str, key: Span, node: &YamlNode, reader: &mut Reader<'_>) -> Option<DeploymentConfig> {
    let what = format!("deployment `{name}`");
    let mapping = reader.mapping(node, &what)?;
    check_name(name, key, &format!("name of {what}"), reader);
    let namespace = reader.text(mapping, "namespace", &what).filter(|namespace| !namespace.is_empty());
    let is_disabled = reader.boolean(mapping, "disabled", &what).unwrap_or(false);
    let is_concurrent = reader.boolean(mapping, "concurrent", &what).unwrap_or(false);
    let update_image_tags = reader.boolean(mapping, "updateImageTags", &what).unwrap_or(true);
    Some(DeploymentConfig {
        name: name.to_owned(),
        origin: reader.problems.origin(key),
        namespace,
        is_disabled,
        is_concurrent,
        update_image_tags,
        kind: kind(name, node, mapping, &what, reader)?,
        json: None,
    })
}

/// `helm` or `kubectl`; reports a deployment with both or neither.
fn kind(
    name: &str,
    node: &YamlNode,
    mapping: &Mapping,
    what: &str,
    reader: &mut Reader<'_>,
) -> Option<DeploymentKind> {
    match (field(mapping, "helm"), field(mapping, "kubectl")) {
        (Some(_), Some(_)) => {
            let span = |key: &str| mapping.get(key).map_or(node.span, |entry| entry.key);
            let message = format!("{what} has both `helm` and `kubectl`");
            let report = Report::new("config::deployment", message, "and `kubectl`")
                .also(span("helm"), "`helm`")
                .help("move one of them to another deployment");
            reader.problems.add(span("kubectl"), report);
            None
        }
        (Some(helm), None) => {
            helm::helm(name, helm, mapping, what, reader).map(Box::new).map(DeploymentKind::Helm)
        }
        (None, Some(kubectl)) => {
            kubectl::kubectl(kubectl, what, reader).map(Box::new).map(DeploymentKind::Kubectl)
        }
        (None, None) => {
            if !has_reported(mapping) {
                // Label only the start of the entry: a long entry would be underlined as a whole.
                let span = Span { end: node.span.start, ..node.span };
                let message = format!("{what} has no `helm` and no `kubectl`");
                let report = Report::new("config::missing", message, "in this entry");
                let help = "add `helm` for a chart, or `kubectl` with `manifests`";
                reader.problems.add(span, report.help(help));
            }
            None
        }
    }
}

/// Reports a name that Helm refuses: it becomes the name of a release and part of names in the cluster.
fn check_name(name: &str, span: Span, what: &str, reader: &mut Reader<'_>) {
    let is_letter_or_digit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.iter().all(|c| is_letter_or_digit(*c) || *c == b'-')
            && bytes.first().is_some_and(|c| is_letter_or_digit(*c))
            && bytes.last().is_some_and(|c| is_letter_or_digit(*c))
    };
    let reason = if name.is_empty() {
        "it is empty".to_owned()
    } else if name.len() > MAX_NAME {
        format!("it has {} characters, and Helm accepts at most {MAX_NAME}", name.chars().count())
    } else if !name.split('.').all(is_label) {
        "Helm accepts only lower-case letters, digits, `-` and `.`, with a letter or digit at both ends"
            .to_owned()
    } else {
        return;
    };
    let report = Report::new("config::deployment", format!("invalid {what}: {reason}"), "invalid name");
    reader.problems.add(span, report.help(valid_name(name)));
}

/// The hint for an invalid name.
fn valid_name(name: &str) -> String {
    let mut valid = String::new();
    for char in name.chars().map(|char| char.to_ascii_lowercase()) {
        let char = if char.is_ascii_alphanumeric() { char } else { '-' };
        if char != '-' || !valid.ends_with('-') {
            valid.push(char);
        }
    }
    valid.truncate(MAX_NAME);
    match valid.trim_matches('-') {
        "" => "use another name".to_owned(),
        valid => format!("use another name, such as `{valid}`"),
    }
}

/// The string at `key`, with its location; an empty string and an absent value are equivalent.
fn located(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Option<LocatedText> {
    let text = reader.text(mapping, key, of).filter(|text| !text.trim().is_empty())?;
    Some(LocatedText { text, origin: reader.problems.origin(field(mapping, key)?.span) })
}

/// The strings of the list at `key`, with their locations.
fn all_located(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Vec<LocatedText> {
    let texts = reader.placed_texts(mapping, key, of).into_iter();
    texts.filter_map(|(text, origin)| Some(LocatedText { text, origin: origin? })).collect()
}

/// Warns that `key` of `mapping` has no effect, if it is set.
fn warn_ignored(mapping: &Mapping, key: &str, of: &str, reason: &str, help: &str, reader: &mut Reader<'_>) {
    let is_set = |node: &YamlNode| !node.is_null() && !node.is_unresolved();
    let Some(entry) = mapping.get(key).filter(|entry| is_set(&entry.node)) else { return };
    let message = format!("`{key}` of {of} is ignored: {reason}");
    let report = Report::new("config::ignored", message, "ignored");
    reader.problems.warn(entry.key, report.help(help));
}

/// Whether `mapping` has a value or an unknown key that was reported already: a missing key may be a consequence.
fn has_reported(mapping: &Mapping) -> bool {
    mapping.values().any(|entry| entry.node.is_unresolved())
}

/// The entry as JSON, with passwords as `***`.
fn json(node: &YamlNode) -> serde_json::Value {
    let mut node = node.clone();
    if let Some(password) = chart_password(&mut node) {
        password.masked = Some("***".into());
    }
    node.for_each_scalar(&mut Scalar::mask);
    node.to_json()
}

fn chart_password(deployment: &mut YamlNode) -> Option<&mut Scalar> {
    let mut node = deployment;
    for key in ["helm", "chart", "password"] {
        let Value::Mapping(mapping) = &mut node.value else { return None };
        node = &mut mapping.get_mut(key)?.node;
    }
    match &mut node.value {
        Value::Scalar(scalar) if !scalar.is_null() => Some(scalar),
        _ => None,
    }
}
