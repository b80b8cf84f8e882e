//! `upgradeArgs` of a chart. In the newest version they replace the keys `wait`, `timeout` and others, which an upgrade
//! of older files converts to them. They have the same meaning here: arguments with a field are not passed as written,
//! because their names depend on the version of Helm.

use std::time::Duration;

use super::duration;
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;

/// The content of `upgradeArgs`.
#[derive(Default)]
pub(super) struct UpgradeArgs {
    pub wait: bool,
    pub timeout: Option<Duration>,
    pub atomic: bool,
    pub force: bool,
    pub cleanup_on_fail: bool,
    pub disable_hooks: bool,
    /// All others.
    pub upgrade_args: Vec<String>,
}

impl UpgradeArgs {
    /// The field of the argument `--name`, if it is a known switch.
    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "--wait" => &mut self.wait,
            "--atomic" | "--rollback-on-failure" => &mut self.atomic,
            "--force" | "--force-replace" => &mut self.force,
            "--cleanup-on-fail" => &mut self.cleanup_on_fail,
            "--no-hooks" => &mut self.disable_hooks,
            _ => return None,
        })
    }
}

/// Reads `upgradeArgs` of `helm`.
pub(super) fn upgrade_args(helm: &Mapping, of: &str, reader: &mut Reader<'_>) -> UpgradeArgs {
    let mut read = UpgradeArgs::default();
    let Some(node) = field(helm, "upgradeArgs") else { return read };
    let what = format!("`upgradeArgs` of {of}");
    let item = format!("an item of {what}");
    let mut nodes = reader.sequence(node, &what).unwrap_or_default().iter();
    while let Some(node) = nodes.next() {
        let Some(text) = reader.string(node, &item) else { continue };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text.as_str(), None),
        };
        if name == "--timeout" {
            match (value, nodes.as_slice().first()) {
                (Some(value), _) => read.timeout = timeout(value, node, of, reader),
                (None, Some(_)) => {
                    let Some(node) = nodes.next() else { continue };
                    let Some(value) = reader.string(node, &item) else { continue };
                    read.timeout = timeout(&value, node, of, reader);
                }
                (None, None) => {
                    let message = format!("`--timeout` in {what} has no value");
                    let report = Report::new("config::missing", message, "no value");
                    reader.problems.add(node.span, report.help("add it as the next item, such as `5m`"));
                }
            }
        } else if name == "--recreate-pods" {
            recreate(node.span, &what, reader);
        } else if let (Some(is_set), Some(field)) = (switched(value), read.switch(name)) {
            *field = is_set;
        } else {
            read.upgrade_args.push(text);
        }
    }
    read
}

/// The value of a switch; `None` for another one, such as `--wait=watcher` of Helm 4.
fn switched(value: Option<&str>) -> Option<bool> {
    match value {
        None | Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => None,
    }
}

fn timeout(text: &str, node: &YamlNode, of: &str, reader: &mut Reader<'_>) -> Option<Duration> {
    match duration::parse(text.trim()) {
        // As in DevSpace, 0 is the default.
        Some(duration) => Some(duration).filter(|duration| !duration.is_zero()),
        None => {
            let written = node.as_scalar().and_then(|scalar| scalar.written.as_deref());
            let message = format!("invalid timeout `{}` of {of}", written.unwrap_or(text));
            let report = Report::new("config::deployment", message, "not a duration");
            reader
                .problems
                .add(node.span, report.help("write seconds, or a duration such as `5m` or `1m30s`"));
            None
        }
    }
}

fn recreate(span: Span, what: &str, reader: &mut Reader<'_>) {
    let message = format!("`--recreate-pods` in {what} is ignored: Helm deprecated it");
    let report = Report::new("config::ignored", message, "ignored");
    reader.problems.warn(span, report.help("remove it, and restart pods with `kubectl rollout restart`"));
}
