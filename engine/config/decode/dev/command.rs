//! Reads the commands that run after files were synced.

use super::{items, missing, text};
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::reader::Reader;
use crate::config::{OnDownload, OnUpload, SyncCommand, SyncExec, SyncHooks};

/// Reads `onUpload` of a directory.
pub(super) fn on_upload(folder: &Mapping, of: &str, reader: &mut Reader<'_>) -> OnUpload {
    let mut on_upload = OnUpload::default();
    let what = format!("`onUpload` of {of}");
    let Some(mapping) = field(folder, "onUpload").and_then(|node| reader.mapping(node, &what)) else {
        return on_upload;
    };
    on_upload.restart_container = reader.boolean(mapping, "restartContainer", &what).unwrap_or(false);
    on_upload.exec_remote = hooks(mapping, "execRemote", of, reader);
    for (node, item) in items(mapping, "exec", &what, reader) {
        on_upload.exec.extend(exec(node, item, &format!("a command of {what}"), reader));
    }
    on_upload
}

/// Reads `onDownload` of a directory.
pub(super) fn on_download(folder: &Mapping, of: &str, reader: &mut Reader<'_>) -> OnDownload {
    let what = format!("`onDownload` of {of}");
    let mapping = field(folder, "onDownload").and_then(|node| reader.mapping(node, &what));
    OnDownload { exec_local: mapping.and_then(|mapping| hooks(mapping, "execLocal", of, reader)) }
}

fn exec(node: &YamlNode, item: &Mapping, of: &str, reader: &mut Reader<'_>) -> Option<SyncExec> {
    let name = text(item, "name", of, reader);
    let mut flag = |key: &str| reader.boolean(item, key, of).unwrap_or(false);
    let (fail_on_error, is_local, is_once) = (flag("failOnError"), flag("local"), flag("once"));
    let on_change = reader.texts(item, "onChange", of).unwrap_or_default();
    let command = command(node, item, of, reader)?;
    Some(SyncExec { name, command, fail_on_error, is_local, is_once, on_change })
}

/// Reads `execRemote` or `execLocal`. Its own `command` replaces those for files and directories.
fn hooks(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Option<SyncHooks> {
    let node = field(mapping, key)?;
    let what = format!("`{key}` of {of}");
    let mapping = reader.mapping(node, &what)?;
    let mut inner = |key: &str| {
        let node = field(mapping, key)?;
        let what = format!("`{key}` of {what}");
        let mapping = reader.mapping(node, &what)?;
        command(node, mapping, &what, reader)
    };
    let (on_file_change, on_dir_create, on_batch) =
        (inner("onFileChange"), inner("onDirCreate"), inner("onBatch"));
    let own = field(mapping, "command").and_then(|_| command(node, mapping, &what, reader));
    Some(SyncHooks {
        origin: reader.problems.origin(node.span),
        on_file_change: own.clone().or(on_file_change),
        on_dir_create: own.or(on_dir_create),
        on_batch,
    })
}

fn command(node: &YamlNode, item: &Mapping, of: &str, reader: &mut Reader<'_>) -> Option<SyncCommand> {
    let args = reader.texts(item, "args", of).filter(|args| !args.is_empty());
    let Some(command) = text(item, "command", of, reader) else {
        missing(node, item, "command", of, reader);
        return None;
    };
    let origin = reader.problems.origin(field(item, "command")?.span);
    Some(SyncCommand { origin, command, args })
}
