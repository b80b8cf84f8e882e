//! Files for every version and every section, each with a snapshot of the project that windlass loads.
//!
//! A new file in `tests/corpus` is picked up; `INSTA_UPDATE=always cargo test --test integration corpus::` writes its
//! snapshot.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use windlass::config::{
    CustomConfig, DeploymentConfig, Dev, DockerConfig, Hook, ImageConfig, LoadOptions, Loaded, UpgradedFile,
    load, upgrade_file,
};

/// With fewer files than this, the corpus was not found.
const FILES: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The files, sorted by name.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the directory can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(files.len() >= FILES, "only {} files", files.len());
    files
}

fn options(file: &Path) -> LoadOptions {
    let variable = ("FROM_ENVIRONMENT".to_owned(), "from-environment".to_owned());
    let path = ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
    LoadOptions {
        directory: folder(),
        config: Some(file.to_owned()),
        environment: Some(HashMap::from([variable, path])),
        ..LoadOptions::default()
    }
}

/// The project, with the profile `dev` if it has one.
fn loaded(file: &Path) -> Loaded {
    let mut options = options(file);
    let text = std::fs::read_to_string(file).expect("the file can be read");
    if text.contains("- name: dev\n") && text.contains("profiles:") {
        options.profiles = vec!["dev".to_owned()];
    }
    load(&options).unwrap_or_else(|error| panic!("{}: {:?}", file.display(), miette::Report::new(error)))
}

#[test]
fn every_file_loads_as_in_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for file in files() {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            insta::assert_snapshot!(name, rendered(&loaded(&file)));
        }
    });
}

#[test]
fn every_file_means_the_same_after_an_upgrade() {
    let mut newest = 0;
    for file in files() {
        let UpgradedFile { text, to, .. } =
            upgrade_file(&options(&file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // Beside the other files, so that imports are found.
        let copy = tempfile::Builder::new().prefix(".upgraded-").suffix(".yml").tempfile_in(folder());
        let copy = copy.expect("a file can be created");
        std::fs::write(copy.path(), text).expect("it can be written");
        let mut options = options(copy.path());
        options.profiles = loaded(&file).project.profiles;
        options.disable_profile_activation = true;
        let mut upgraded = load(&options)
            .unwrap_or_else(|error| panic!("{}: {:?}", file.display(), miette::Report::new(error)));
        let mut before = loaded(&file);
        for dev in [&mut upgraded.project.dev, &mut before.project.dev] {
            // No version after v1beta9 has the key, and since v2beta1 directories and ports have the name of their pod.
            dev.prefers_sync.clear();
            dev.folders.iter_mut().for_each(|folder| folder.name = None);
            dev.ports.iter_mut().for_each(|port| port.name = None);
        }
        let without_warnings = |loaded: &Loaded| {
            let text = rendered(loaded);
            text.lines()
                .filter(|line| !line.starts_with("warning"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        assert_eq!(without_warnings(&upgraded), without_warnings(&before), "{}", file.display());
        newest += usize::from(to.as_str() == "v2beta1");
    }
    assert!(newest >= 40, "only {newest} files reach the newest version");
}

/// A short rendering of the build configuration.
fn rendered(loaded: &Loaded) -> String {
    let mut text = String::new();
    let project = &loaded.project;
    if !project.profiles.is_empty() {
        line(&mut text, &format!("profiles {}", project.profiles.join(" ")));
    }
    for image in project.images.values() {
        render_image(image, &mut text);
    }
    for deployment in project.deployments.values() {
        render_deployment(deployment, &mut text);
    }
    render_dev(&project.dev, &mut text);
    for hook in &project.hooks {
        line(&mut text, &render_hook(hook));
    }
    for (name, command) in &project.commands {
        line(
            &mut text,
            &format!("command {name}: {} {:?}", command.command, command.args.as_deref().unwrap_or_default()),
        );
    }
    for (name, value) in &project.other {
        if !["name", "dev"].contains(&name.as_str()) {
            line(&mut text, &format!("{name} {value}"));
        }
    }
    for warning in &loaded.warnings {
        line(&mut text, &format!("warning: {warning}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
}

fn render_image(image: &ImageConfig, text: &mut String) {
    let tags: Vec<_> = image.tags.iter().map(|tag| tag.text.as_str()).collect();
    line(text, &format!("{} = {}:{}", image.name, image.repository, tags.join(",")));
    line(text, &format!("  from {} in {}", image.dockerfile.display(), image.context.display()));
    let mut field = |name: &str, value: String| {
        if !["", "None", "[]", "false", "Default", "{}"].contains(&value.as_str()) {
            line(text, &format!("  {name} {value}"));
        }
    };
    field("target", image.options.target.clone().unwrap_or_default());
    field("network", image.options.network.clone().unwrap_or_default());
    field("args", format!("{:?}", image.options.build_args));
    field("entrypoint", image.entrypoint.as_ref().map_or_else(String::new, |words| format!("= {words:?}")));
    field("cmd", image.cmd.as_ref().map_or_else(String::new, |words| format!("= {words:?}")));
    field("append", format!("{:?}", image.append_dockerfile_instructions));
    field("restart helper", image.inject_restart_helper.to_string());
    field("restart helper path", image.restart_helper_path.clone().unwrap_or_default());
    field("rebuild", format!("{:?}", image.rebuild_strategy));
    field("pull secret", image.create_pull_secret.map_or_else(String::new, |value| format!("= {value}")));
    field("disabled", image.disabled.to_string());
    field("docker", image.docker.as_ref().map(render_docker).unwrap_or_default());
    let buildx = image.docker.as_ref().and_then(|docker| docker.buildx.as_ref());
    field("buildx", buildx.map_or_else(String::new, |buildx| format!("{buildx:?}")));
    field(
        "kaniko",
        image.kaniko.as_ref().map(|kaniko| serde_json::to_string(kaniko).expect("JSON")).unwrap_or_default(),
    );
    field("custom", image.custom.as_ref().map(render_custom).unwrap_or_default());
}

fn render_docker(docker: &DockerConfig) -> String {
    let flags = [
        ("push=false", docker.skip_push),
        ("fallback=false", docker.disable_fallback),
        ("cli", docker.use_cli),
        ("minikube=false", docker.prefer_minikube == Some(false)),
        ("buildkit", docker.use_build_kit == Some(true)),
    ];
    let flags: Vec<_> = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect();
    let args: Vec<_> = docker.args.words().collect();
    format!("= {} {}", flags.join(" "), args.join(" "))
}

fn render_custom(custom: &CustomConfig) -> String {
    let commands: Vec<_> =
        custom.commands.iter().map(|own| format!("{:?}: {}", own.os, own.command)).collect();
    format!(
        "{} {:?} {:?} {:?} on {:?} os {:?}{}{}",
        custom.command.as_deref().unwrap_or_default(),
        custom.args.as_deref().unwrap_or_default(),
        custom.image_flag,
        custom.append_args,
        custom.on_change,
        commands,
        if custom.image_tag_only { " tag only" } else { "" },
        if custom.skip_image_arg { " without image" } else { "" },
    )
}

/// The typed values as JSON, without locations: an upgrade changes them.
fn render_deployment(deployment: &DeploymentConfig, text: &mut String) {
    let json = serde_json::to_string_pretty(deployment).expect("JSON");
    line(text, &format!("deployment {json}"));
}

/// The typed values of `dev` as JSON: the sections that are not as by default.
fn render_dev(dev: &Dev, text: &mut String) {
    let mut json = serde_json::to_value(dev).expect("JSON");
    let defaults = serde_json::to_value(Dev::default()).expect("JSON");
    if json != defaults {
        let sections = json.as_object_mut().expect("an object");
        sections.retain(|name, value| defaults.get(name) != Some(value));
        line(text, &format!("dev {}", serde_json::to_string_pretty(&json).expect("JSON")));
    }
    for notice in &dev.notices {
        line(text, &format!("warning of dev: {notice}"));
    }
}

fn render_hook(hook: &Hook) -> String {
    let args = hook.args.as_deref().unwrap_or_default().join(" ");
    let flags = [
        ("background", hook.background),
        ("silent", hook.silent),
        ("in a container", hook.container.is_some()),
    ];
    let flags: String =
        flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| format!(" {flag}")).collect();
    let os = hook.os.as_ref().map(|os| format!(" on {os}")).unwrap_or_default();
    format!("hook {}: {} {args}{os}{flags}", hook.events.join(" "), hook.command)
}
