//! v1beta11 to v2beta1: lists of named entries become maps, and the tools and options of an image move one level up.

use super::dev;
use super::edit::{
    add, as_map, empty, entry, has, images, is_true, items, list, map, move_to, rename, text, text_at,
};
use crate::cluster::PullSecret;
use crate::config::node::{Entry, Mapping, Span, Value, YamlNode, field};
use crate::config::problem::{Diagnostics, Report};

pub(super) fn upgrade(document: &mut Mapping, problems: &mut Diagnostics) {
    images(document).for_each(|(_, image)| flatten(image));
    dev::upgrade(document);
    items(document, "vars").for_each(variable);
    items(document, "dependencies").for_each(dependency);
    items(document, "deployments").for_each(|item| deployment(item, problems));
    items(document, "pullSecrets").for_each(pull_secret);
    let sections = [
        ("vars", "variable"),
        ("commands", "command"),
        ("dependencies", "dependency"),
        ("deployments", "deployment"),
        ("pullSecrets", "pull secret"),
    ];
    for (section, noun) in sections {
        if let Some(entry) = document.get_mut(section) {
            by_name(&mut entry.node, noun, problems);
        }
    }
}

/// Moves the keys of `build` and the options of the selected tool into the image.
fn flatten(image: &mut Mapping) {
    let Some(mut build) = image.shift_remove("build") else { return };
    let Some(build) = as_map(&mut build.node) else { return };
    if !is_true(build, "disabled") {
        build.shift_remove("disabled");
    }
    let used = ["docker", "buildKit", "kaniko"].into_iter().find(|tool| build.contains_key(*tool));
    for tool in ["docker", "buildKit", "kaniko"] {
        let Some(tool_map) = map(build, tool) else { continue };
        if tool != "kaniko" && Some(tool) == used {
            move_to(tool_map, "skipPush", image, "skipPush");
        } else if tool != "kaniko" {
            tool_map.shift_remove("skipPush");
        }
        if Some(tool) == used
            && let Some(mut options) = tool_map.shift_remove("options")
            && let Some(options) = as_map(&mut options.node)
        {
            for key in ["target", "network", "buildArgs"] {
                move_to(options, key, image, key);
            }
        }
    }
    if build.contains_key("kaniko") {
        defaults(build, "kaniko", "cache", "true");
    } else if build
        .get("docker")
        .is_some_and(|docker| docker.node.as_mapping().is_some_and(Mapping::is_empty))
    {
        // It is the default.
        build.shift_remove("docker");
    }
    if has(build, "custom") {
        defaults(build, "custom", "skipImageArg", "false");
    }
    for (key, entry) in std::mem::take(build) {
        image.entry(key).or_insert(entry);
    }
}

/// Adds the default of the older version if that of the newer one is different.
fn defaults(build: &mut Mapping, tool: &str, key: &str, value: &str) {
    let Some(entry) = build.get_mut(tool) else { return };
    if entry.node.is_null() {
        entry.node = empty(entry.node.span);
    }
    let at = entry.key;
    if let Some(tool) = as_map(&mut entry.node) {
        add(tool, key, at, value);
    }
}

/// By default, the older version resolved a variable only if it was used.
fn variable(variable: &mut Mapping) {
    let Some(at) = variable.get("name").map(|name| name.key) else { return };
    if !has(variable, "value") {
        add(variable, "alwaysResolve", at, "false");
    }
}

fn dependency(dependency: &mut Mapping) {
    // Its problem was reported: do not report it as missing.
    let is_told = field(dependency, "source").is_some_and(YamlNode::is_unresolved);
    if !is_told
        && let Some((position, _, mut source)) = dependency.shift_remove_full("source")
        && let Some(source) = as_map(&mut source.node)
    {
        for (offset, (key, entry)) in std::mem::take(source).into_iter().enumerate() {
            dependency.shift_insert(position + offset, key, entry);
        }
    }
    let parents = dependency.shift_remove("profileParents");
    if let Some(profile) = dependency.shift_remove("profile").filter(|entry| !entry.node.is_null()) {
        let span = profile.node.span;
        let key = profile.key;
        add_profiles(dependency, Entry { key, node: list(span, vec![profile.node]) });
    }
    if let Some(parents) = parents {
        add_profiles(dependency, parents);
    }
    if let Some(vars) = dependency.get_mut("vars") {
        let Value::Sequence(nodes) = &vars.node.value else { return };
        let mut named = Mapping::new();
        for variable in nodes.iter().filter_map(YamlNode::as_mapping) {
            if let (Some(name), Some(value)) = (text_at(variable, "name"), variable.get("value")) {
                named.insert(name, entry(value.key, value.node.clone()));
            }
        }
        vars.node.value = Value::Mapping(named);
    }
}

/// Inserts `more` profiles before the existing ones.
fn add_profiles(dependency: &mut Mapping, mut more: Entry) {
    let Value::Sequence(first) = &mut more.node.value else { return };
    match dependency.get_mut("profiles").map(|entry| &mut entry.node.value) {
        Some(Value::Sequence(profiles)) => {
            first.append(profiles);
            *profiles = std::mem::take(first);
        }
        _ => drop(dependency.insert("profiles".to_owned(), more)),
    }
}

fn deployment(deployment: &mut Mapping, problems: &mut Diagnostics) {
    check_chart(deployment, problems);
    let mut keeps_tags = None;
    for (tool, key) in [("helm", "replaceImageTags"), ("kubectl", "replaceImageTags")] {
        let Some(tool) = map(deployment, tool) else { continue };
        if let Some(entry) = tool.shift_remove(key) {
            let is_false = entry.node.as_scalar().and_then(|scalar| scalar.as_bool()) == Some(false);
            keeps_tags = Some(entry).filter(|_| is_false);
        }
    }
    if let Some(entry) = keeps_tags {
        deployment.entry("updateImageTags".to_owned()).or_insert(entry);
    }
    for key in ["disabled", "concurrent"] {
        if !is_true(deployment, key) {
            deployment.shift_remove(key);
        }
    }
    if let Some(kubectl) = map(deployment, "kubectl") {
        rename(kubectl, "cmdPath", "kubectlBinaryPath");
    }
    if let Some(helm) = map(deployment, "helm") {
        helm_arguments(helm);
        if let Some(chart) = map(helm, "chart") {
            chart_git(chart);
        }
    }
}

/// Reports a `helm` without a chart: the newer version would use the component chart.
fn check_chart(deployment: &mut Mapping, problems: &mut Diagnostics) {
    let name = text_at(deployment, "name").unwrap_or_default();
    let Some(at) = deployment.get("helm").map(|entry| entry.key) else { return };
    let Some(helm) = map(deployment, "helm") else { return };
    let was_reported = helm.values().any(|entry| entry.node.is_unresolved());
    if !has(helm, "chart") && !is_true(helm, "componentChart") && !was_reported {
        let message = format!("`helm` of deployment `{}` has no `chart`", name.trim());
        let report = Report::new("config::missing", message, "in this entry");
        problems.add(at, report.help("add `chart: { name: ... }`, or `componentChart: true`"));
    }
}

/// The map `git` of a chart becomes the URL, with the other keys next to it.
fn chart_git(chart: &mut Mapping) {
    let Some(Value::Mapping(git)) = chart.get_mut("git").map(|entry| &mut entry.node.value) else { return };
    let mut git = std::mem::take(git);
    rename(&mut git, "url", "git");
    let position = chart.shift_remove_full("git").map_or(chart.len(), |(position, ..)| position);
    for (offset, (key, entry)) in git.into_iter().enumerate() {
        chart.shift_remove(&key);
        chart.shift_insert((position + offset).min(chart.len()), key, entry);
    }
}

/// Boolean keys of `helm` become arguments.
fn helm_arguments(helm: &mut Mapping) {
    if !has(helm, "chart") || !is_true(helm, "componentChart") {
        helm.shift_remove("componentChart");
    }
    let switches = [
        ("wait", "--wait"),
        ("force", "--force"),
        ("atomic", "--atomic"),
        ("cleanupOnFail", "--cleanup-on-fail"),
        ("disableHooks", "--no-hooks"),
    ];
    let mut arguments: Vec<YamlNode> = Vec::new();
    let mut at = Span::default();
    for (key, argument) in switches {
        if let Some(entry) = helm
            .shift_remove(key)
            .filter(|entry| entry.node.as_scalar().and_then(|s| s.as_bool()) == Some(true))
        {
            at = entry.key;
            arguments.push(text(entry.node.span, argument));
        }
    }
    if let Some(entry) = helm.shift_remove("timeout").filter(|entry| !entry.node.is_null()) {
        at = entry.key;
        arguments.push(text(entry.node.span, "--timeout"));
        let mut timeout = entry.node;
        if let Value::Scalar(scalar) = &mut timeout.value
            && !scalar.text.is_empty()
            && scalar.text.chars().all(|c| c.is_ascii_digit())
        {
            scalar.text.push('s');
        }
        arguments.push(timeout);
    }
    if arguments.is_empty() {
        return;
    }
    match helm.get_mut("upgradeArgs").map(|entry| &mut entry.node.value) {
        Some(Value::Sequence(later)) => {
            arguments.append(later);
            *later = arguments;
        }
        _ => drop(helm.insert("upgradeArgs".to_owned(), entry(at, list(at, arguments)))),
    }
}

/// Adds a name: that of its secret, otherwise that of its registry.
fn pull_secret(secret: &mut Mapping) {
    let Some((at, name)) = ["secret", "registry"]
        .into_iter()
        .find_map(|key| Some((secret.get(key)?.node.span, text_at(secret, key)?)))
    else {
        return;
    };
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if !has(secret, "name") {
        secret.shift_insert(0, "name".to_owned(), entry(at, text(at, name.trim_matches('-'))));
    }
    // By default, the newer version has one secret for all registries.
    if let Some(registry) = text_at(secret, "registry") {
        add(secret, "secret", at, &PullSecret::name_for(&registry));
    }
    if !is_true(secret, "disabled") {
        secret.shift_remove("disabled");
    }
}

/// Converts a list to a map by `name`.
fn by_name(node: &mut YamlNode, noun: &str, problems: &mut Diagnostics) {
    let Value::Sequence(nodes) = &mut node.value else { return };
    let mut named = Mapping::new();
    for mut node in std::mem::take(nodes) {
        let span = Span { end: node.span.start, ..node.span };
        let Some(item) = as_map(&mut node) else { continue };
        let name =
            field(item, "name").and_then(|name| Some((name.span, name.as_scalar()?.text.trim().to_owned())));
        if field(item, "name").is_some_and(YamlNode::is_unresolved) {
            // Its problem was reported.
            continue;
        }
        let Some((at, name)) = name else {
            let report = Report::new("config::missing", format!("a {noun} has no `name`"), "in this entry");
            problems.add(span, report.help("add `name`"));
            continue;
        };
        item.shift_remove("name");
        if let Some(first) = named.get(&name).map(|entry: &Entry| entry.key) {
            let report = Report::new("config::duplicate", format!("duplicate {noun} `{name}`"), "again here")
                .also(first, "first here")
                .help("rename one of them");
            problems.add(at, report);
            continue;
        }
        named.insert(name, Entry { key: at, node });
    }
    node.value = Value::Mapping(named);
}
