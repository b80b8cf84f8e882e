//! The section `dev` as scripts see it.

use std::sync::Arc;

use rhai::plugin::*;

use crate::config::Dev;
use crate::run::DevOptions;

/// The section `dev` of a project, and the user's options for it.
#[derive(Clone)]
pub struct ScriptDev(pub Arc<Dev>, pub DevOptions);

/// The properties of the section `dev`: ports, synced directories, pages, the terminal and logs.
#[export_module]
pub mod dev {
    use std::sync::Arc;

    use rhai::{Array, Dynamic, Map};

    use super::super::ScriptProject;
    use super::{ScriptDev, text_or_unit};
    use crate::config::{ContainerSelection, Folder, Foreground, Forward, Page};
    use crate::run::ImageChange;

    /// The section `dev` of `devspace.yaml`, with the same properties for every version of the file.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     for folder in project.dev.folders { print(`${folder.local} -> ${folder.container}`); }
    /// }
    /// ```
    #[rhai_fn(get = "dev", pure)]
    pub fn dev_of(project: &mut ScriptProject) -> ScriptDev {
        let run = &project.0.run;
        ScriptDev(Arc::new(run.project.dev.clone()), run.options.dev)
    }

    /// Whether `windlass dev` deploys at its start: not with `--skip-pipeline`.
    #[rhai_fn(get = "deploys", pure)]
    pub fn deploys(dev: &mut ScriptDev) -> bool {
        !dev.1.skip_pipeline
    }

    /// The forwarded ports, in the order of `devspace.yaml`; none with `--portforwarding=false`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(project.dev.ports.map(|forward| forward.port)); }
    /// ```
    #[rhai_fn(get = "ports", pure)]
    pub fn ports(dev: &mut ScriptDev) -> Array {
        dev.0.ports.iter().filter(|_| dev.1.forwards).cloned().map(Dynamic::from).collect()
    }

    /// The synced directories, in the order of `devspace.yaml`; none with `--sync=false`.
    #[rhai_fn(get = "folders", pure)]
    pub fn folders(dev: &mut ScriptDev) -> Array {
        dev.0.folders.iter().filter(|_| dev.1.syncs).cloned().map(Dynamic::from).collect()
    }

    /// The pages to open, in the order of `devspace.yaml`; none with `--open=false`.
    #[rhai_fn(get = "pages", pure)]
    pub fn pages(dev: &mut ScriptDev) -> Array {
        dev.0.pages.iter().filter(|_| dev.1.opens).cloned().map(Dynamic::from).collect()
    }

    /// The foreground: the terminal if it is not disabled, or with `-i` and `-t`; otherwise the logs.
    #[rhai_fn(get = "foreground", pure)]
    pub fn foreground(dev: &mut ScriptDev) -> Foreground {
        dev.0.foreground(dev.1.is_interactive)
    }

    /// The terminal, disabled or not, or `()`.
    #[rhai_fn(get = "terminal", pure)]
    pub fn terminal(dev: &mut ScriptDev) -> Dynamic {
        let terminal = dev.0.terminal.clone().map(Foreground::Terminal);
        terminal.map_or(Dynamic::UNIT, Dynamic::from)
    }

    /// The logs, disabled or not.
    #[rhai_fn(get = "logs", pure)]
    pub fn logs(dev: &mut ScriptDev) -> Foreground {
        Foreground::Logs(dev.0.logs.clone())
    }

    /// The local port.
    #[rhai_fn(get = "port", pure)]
    pub fn port(forward: &mut Forward) -> i64 {
        forward.port.into()
    }

    /// The port in the container.
    #[rhai_fn(get = "remote_port", pure)]
    pub fn remote_port(forward: &mut Forward) -> i64 {
        forward.remote_port.into()
    }

    /// The local address, or `()` for `127.0.0.1` and `::1`.
    #[rhai_fn(get = "address", pure)]
    pub fn address(forward: &mut Forward) -> Dynamic {
        text_or_unit(forward.bind_address.as_deref())
    }

    /// The name of the entry or of its pod, or `()`.
    #[rhai_fn(get = "name", pure)]
    pub fn name_of_forward(forward: &mut Forward) -> Dynamic {
        text_or_unit(forward.name.as_deref())
    }

    /// The container that the port belongs to.
    #[rhai_fn(get = "selection", pure)]
    pub fn selection_of_forward(forward: &mut Forward) -> ContainerSelection {
        forward.selection.clone()
    }

    /// The name of the synced directory, or `()`.
    #[rhai_fn(get = "name", pure)]
    pub fn name(folder: &mut Folder) -> Dynamic {
        text_or_unit(folder.name.as_deref())
    }

    /// The local path, relative to the project directory.
    #[rhai_fn(get = "local", pure)]
    pub fn local(folder: &mut Folder) -> String {
        folder.local.display().to_string()
    }

    /// The path in the container; `.` is its working directory.
    #[rhai_fn(get = "container", pure)]
    pub fn container(folder: &mut Folder) -> String {
        folder.container.clone()
    }

    /// The container that the directory is synced with.
    #[rhai_fn(get = "selection", pure)]
    pub fn selection_of_folder(folder: &mut Folder) -> ContainerSelection {
        folder.selection.clone()
    }

    /// Which side wins at the start: `mirrorLocal`, `preferRemote`, `keepAll`, ...
    #[rhai_fn(get = "initial_sync", pure)]
    pub fn initial_sync(folder: &mut Folder) -> String {
        folder.initial.as_str().to_owned()
    }

    /// Whether files are uploaded.
    #[rhai_fn(get = "uploads", pure)]
    pub fn uploads(folder: &mut Folder) -> bool {
        !folder.disable_upload
    }

    /// Whether files are downloaded.
    #[rhai_fn(get = "downloads", pure)]
    pub fn downloads(folder: &mut Folder) -> bool {
        !folder.disable_download
    }

    /// The patterns of `excludePaths`, in order.
    #[rhai_fn(get = "excludes", pure)]
    pub fn excludes(folder: &mut Folder) -> Array {
        folder.excludes.both.paths.iter().map(|path| path.text.clone().into()).collect()
    }

    /// Whether the container is restarted after uploads: `onUpload.restartContainer`.
    #[rhai_fn(get = "restarts", pure)]
    pub fn restarts(folder: &mut Folder) -> bool {
        folder.on_upload.restart_container
    }

    /// The URL of the page.
    #[rhai_fn(get = "url", pure)]
    pub fn url(page: &mut Page) -> String {
        page.url.clone()
    }

    /// The kind of foreground: `terminal`, `attach`, `logs` or `nothing`.
    #[rhai_fn(get = "kind", pure)]
    pub fn kind(foreground: &mut Foreground) -> String {
        foreground.kind().to_owned()
    }

    /// The command of the terminal and its arguments; empty for a shell, and for logs.
    #[rhai_fn(get = "command", pure)]
    pub fn command(foreground: &mut Foreground) -> Array {
        match foreground {
            Foreground::Terminal(terminal) => terminal.command.iter().cloned().map(Into::into).collect(),
            _ => Array::new(),
        }
    }

    /// The containers: that of the terminal, or those of the logs; for logs, empty means all of the project.
    #[rhai_fn(get = "selections", pure)]
    pub fn selections(foreground: &mut Foreground) -> Array {
        foreground.selections().iter().cloned().map(Dynamic::from).collect()
    }

    /// The image of the container: a name in `images`, or `()`.
    #[rhai_fn(get = "image", pure)]
    pub fn image(selection: &mut ContainerSelection) -> Dynamic {
        text_or_unit(selection.image.as_deref())
    }

    /// The image of the container if it is not one of the project, such as `nginx:1.25`, or `()`.
    #[rhai_fn(get = "image_selector", pure)]
    pub fn image_selector(selection: &mut ContainerSelection) -> Dynamic {
        text_or_unit(selection.image_selector.as_deref())
    }

    /// The labels that the pod must have.
    #[rhai_fn(get = "labels", pure)]
    pub fn labels(selection: &mut ContainerSelection) -> Map {
        let labels = selection.labels.iter();
        labels.map(|(name, value)| (name.as_str().into(), value.clone().into())).collect()
    }

    /// The name of the container, or `()`.
    #[rhai_fn(get = "container", pure)]
    pub fn container_of(selection: &mut ContainerSelection) -> Dynamic {
        text_or_unit(selection.container.as_deref())
    }

    /// The namespace of the pod, or `()` for that of the run.
    #[rhai_fn(get = "namespace", pure)]
    pub fn namespace(selection: &mut ContainerSelection) -> Dynamic {
        text_or_unit(selection.namespace.as_deref())
    }

    /// The files that changed, absolute.
    #[rhai_fn(get = "files", pure)]
    pub fn files(change: &mut ImageChange) -> Array {
        change.files.iter().cloned().map(Into::into).collect()
    }

    /// Why the files matter for the image.
    #[rhai_fn(get = "reason", pure)]
    pub fn reason(change: &mut ImageChange) -> String {
        change.reason.clone()
    }

    /// Whether `autoReload` names the image, or every image is built (`--watch`).
    #[rhai_fn(get = "is_automatic", pure)]
    pub fn is_automatic(change: &mut ImageChange) -> bool {
        change.is_automatic
    }

    /// Whether synced directories upload all of the files to the container, so that no build is needed.
    #[rhai_fn(get = "is_covered", pure)]
    pub fn is_covered(change: &mut ImageChange) -> bool {
        change.is_covered
    }

    /// The selection in words: "image `api`, container `main`".
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_text(selection: &mut ContainerSelection) -> String {
        selection.to_string()
    }
}

/// The string, or `()`.
fn text_or_unit(text: Option<&str>) -> Dynamic {
    text.map_or(Dynamic::UNIT, |text| text.to_owned().into())
}
