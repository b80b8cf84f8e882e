//! `dev` of v2beta1: a map of pods, each with one container or several.

use super::folder::{check_downloads, folder};
use super::names::Names;
use super::sections::show_last;
use super::selection::selection;
use super::{check_arch, items, pages, port, start, text, unsupported};
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::reader::Reader;
use crate::config::{ContainerSelection, Dev, Forward, Terminal};

/// Unsupported keys of a pod: key, reason, help.
const UNSUPPORTED: [(&str, &str, &str); 13] = [
    ("devImage", NOT_REPLACED, IN_DEPLOYMENT),
    ("command", NOT_REPLACED, IN_DEPLOYMENT),
    ("args", NOT_REPLACED, IN_DEPLOYMENT),
    ("workingDir", NOT_REPLACED, IN_DEPLOYMENT),
    ("env", NOT_REPLACED, IN_DEPLOYMENT),
    ("resources", NOT_REPLACED, IN_DEPLOYMENT),
    ("patches", NOT_REPLACED, IN_DEPLOYMENT),
    ("persistPaths", NOT_REPLACED, "mount a volume in the deployment"),
    ("persistenceOptions", NOT_REPLACED, "mount a volume in the deployment"),
    ("restartHelper", NOT_REPLACED, "set `injectRestartHelper: true` of the image"),
    (
        "reversePorts",
        "windlass does not forward ports of this machine into containers",
        "remove it, and reach this machine by its address",
    ),
    ("ssh", "windlass does not start SSH servers", "use `windlass enter`"),
    (
        "proxyCommands",
        "containers cannot call commands of this machine",
        "run the command on this machine, or add it to the image",
    ),
];

/// The notice that `disableTTY` of `attach` has no effect.
const DISABLE_TTY: (&str, &str, &str) = (
    "disableTTY",
    "the pod decides whether its process has a terminal",
    "set `tty` of the container in the deployment",
);

const NOT_REPLACED: &str = "windlass does not replace pods";
const IN_DEPLOYMENT: &str = "change it in the deployment, for example in its values";

/// Settings of all pods, which are read together.
#[derive(Default)]
struct Pods {
    ports: Vec<Span>,
    folders: Vec<Span>,
    /// Whether a pod has settings for its logs.
    has_logs: bool,
    show_last: Option<u64>,
    /// The terminals, then those that attach.
    terminals: Vec<(Terminal, Span)>,
    attached: Vec<(Terminal, Span)>,
}

/// Reads all pods into `dev`.
pub(super) fn read(mapping: &Mapping, names: &Names<'_>, dev: &mut Dev, reader: &mut Reader<'_>) {
    let mut pods = Pods::default();
    for (name, entry) in mapping.iter().filter(|(_, entry)| !entry.node.is_null()) {
        let of = format!("dev pod `{name}`");
        let Some(pod) = reader.mapping(&entry.node, &of) else { continue };
        let whole = ContainerSelection {
            origin: reader.problems.origin(entry.key),
            ..selection(&entry.node, pod, "container", &of, names, reader)
        };
        for (node, item) in items(pod, "ports", &of, reader) {
            let selection = ContainerSelection { container: None, ..whole.clone() };
            let forward = port::of_text(node, item, &selection, &format!("a port of {of}"), reader);
            pods.ports
                .extend(forward.iter().map(|_| field(item, "port").map_or(node.span, |port| port.span)));
            dev.ports.extend(forward.map(|forward| Forward { name: Some(name.clone()), ..forward }));
        }
        dev.pages.extend(pages(pod, &of, reader));
        pods.container(name, pod, &whole, &of, dev, reader);
        let containers = field(pod, "containers").and_then(|node| reader.mapping(node, &of));
        for (key, entry) in containers.into_iter().flatten().filter(|(_, entry)| !entry.node.is_null()) {
            let of = format!("container `{key}` of {of}");
            let Some(container) = reader.mapping(&entry.node, &of) else { continue };
            let own = text(container, "container", &of, reader).unwrap_or_else(|| key.clone());
            let origin = reader.problems.origin(entry.key);
            let selection = ContainerSelection { origin, container: Some(own), ..whole.clone() };
            pods.container(name, container, &selection, &of, dev, reader);
        }
    }
    port::check_twice(dev, &pods.ports, reader);
    check_downloads(dev, &pods.folders, reader);
    pods.foreground(dev, reader);
}

impl Pods {
    fn container(
        &mut self,
        pod: &str,
        mapping: &Mapping,
        selection: &ContainerSelection,
        of: &str,
        dev: &mut Dev,
        reader: &mut Reader<'_>,
    ) {
        check_arch(mapping, of, reader);
        for key in UNSUPPORTED {
            let is_off = key.0 == "ssh" && !is_enabled(mapping, "ssh", false);
            if !is_off {
                unsupported(mapping, key, of, dev, reader);
            }
        }
        for (node, item) in items(mapping, "sync", of, reader) {
            let folder = folder(node, item, selection.clone(), &format!("a sync entry of {of}"), reader);
            self.folders.extend(folder.iter().map(|_| start(node)));
            dev.folders
                .extend(folder.map(|folder| crate::config::Folder { name: Some(pod.to_owned()), ..folder }));
        }
        if let Some(terminal) = self.terminal(mapping, selection, of, reader) {
            self.terminals.push(terminal);
        }
        if let Some(attach) = self.attach(mapping, selection, of, reader) {
            let node = field(mapping, "attach").and_then(YamlNode::as_mapping);
            if let Some(node) = node {
                unsupported(node, DISABLE_TTY, &format!("`attach` of {of}"), dev, reader);
            }
            self.attached.push(attach);
        }
        let what = format!("`logs` of {of}");
        if let Some(logs) = field(mapping, "logs").and_then(|node| reader.mapping(node, &what)) {
            self.has_logs = true;
            let lines = show_last(logs, "lastLines", &what, reader);
            if is_enabled(mapping, "logs", true) {
                dev.logs.selections.push(selection.clone());
                self.show_last.get_or_insert(lines);
            }
        }
    }

    fn terminal(
        &mut self,
        mapping: &Mapping,
        selection: &ContainerSelection,
        of: &str,
        reader: &mut Reader<'_>,
    ) -> Option<(Terminal, Span)> {
        let (keys, what, plain, span) = Self::foreground_section(mapping, "terminal", selection, of, reader)?;
        let command = text(keys, "command", &what, reader);
        let terminal = Terminal {
            command: command.map(|line| words(&line)).unwrap_or_default(),
            work_dir: text(keys, "workDir", &what, reader),
            is_disabled: !is_enabled(mapping, "terminal", true),
            ..plain
        };
        Some((terminal, span))
    }

    fn attach(
        &mut self,
        mapping: &Mapping,
        selection: &ContainerSelection,
        of: &str,
        reader: &mut Reader<'_>,
    ) -> Option<(Terminal, Span)> {
        let (_, _, plain, span) = Self::foreground_section(mapping, "attach", selection, of, reader)?;
        is_enabled(mapping, "attach", true).then_some((Terminal { is_attach: true, ..plain }, span))
    }

    /// The keys of the section `key`, the name of the section for messages, a terminal with the settings that all
    /// sections share, and the location of the section.
    fn foreground_section<'m>(
        mapping: &'m Mapping,
        key: &str,
        selection: &ContainerSelection,
        of: &str,
        reader: &mut Reader<'_>,
    ) -> Option<(&'m Mapping, String, Terminal, Span)> {
        let what = format!("`{key}` of {of}");
        let node = field(mapping, key)?;
        let keys = reader.mapping(node, &what)?;
        let span = mapping.get(key).map_or(node.span, |entry| entry.key);
        let terminal = Terminal {
            is_without_tty: reader.boolean(keys, "disableTTY", &what).unwrap_or(false),
            ..Terminal::shell(reader.problems.origin(span), selection.clone())
        };
        Some((keys, what, terminal, span))
    }

    /// Selects the terminal: the first one that is not disabled. Without any `logs`, all are shown.
    fn foreground(self, dev: &mut Dev, reader: &Reader<'_>) {
        let (used, disabled): (Vec<_>, Vec<_>) =
            self.terminals.into_iter().chain(self.attached).partition(|(terminal, _)| !terminal.is_disabled);
        for (terminal, span) in used.iter().skip(1) {
            let key = if terminal.is_attach { "attach" } else { "terminal" };
            let message = format!("`{key}` of {} is ignored: there is another terminal", terminal.selection);
            let report = crate::config::problem::Report::new("config::unsupported", message, "not opened")
                .also(used[0].1, "this one is opened")
                .help("set `enabled: false`, and use `windlass enter`");
            dev.notices.push(reader.problems.notice(*span, report));
        }
        dev.terminal = used.into_iter().chain(disabled).next().map(|(terminal, _)| terminal);
        dev.logs.is_disabled = self.has_logs && dev.logs.selections.is_empty();
        dev.logs.show_last = self.show_last.unwrap_or(dev.logs.show_last);
    }
}

/// Whether the map at `key` has `enabled: true`, or `default` without the key.
fn is_enabled(mapping: &Mapping, key: &str, default: bool) -> bool {
    let enabled = field(mapping, key).and_then(|node| node.get("enabled"));
    enabled.and_then(YamlNode::as_scalar).and_then(|scalar| scalar.as_bool()).unwrap_or(default)
}

/// The words of a shell command line that has only plain words and single quotes; otherwise a shell with the line.
fn words(line: &str) -> Vec<String> {
    plain_words(line.trim()).unwrap_or_else(|| ["sh", "-c", line].map(str::to_owned).into())
}

fn plain_words(line: &str) -> Option<Vec<String>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    let mut has_word = false;
    for c in line.chars() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                has_word = true;
            }
            ' ' if !is_quoted => {
                if has_word {
                    words.push(String::new());
                }
                has_word = false;
            }
            c if is_quoted || is_plain(c) => {
                words.last_mut()?.push(c);
                has_word = true;
            }
            _ => return None,
        }
    }
    // An assignment before a command sets a variable.
    let is_assignment = words.first().is_some_and(|word| word.contains('='));
    (!is_quoted && has_word && !is_assignment).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_split_if_that_is_the_same() {
        let check = |line: &str, expected: &[&str]| assert_eq!(words(line), expected, "{line}");
        check("bash", &["bash"]);
        check(" go  run ./... ", &["go", "run", "./..."]);
        check("echo 'a b' ''", &["echo", "a b", ""]);
        for line in ["a && b", "echo $HOME", "A=1 b", "echo 'a", "a \"b\"", "ls *.rs"] {
            check(line, &["sh", "-c", line]);
        }
    }
}
