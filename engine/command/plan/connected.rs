//! The connections and the foreground of a dev session, as text and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use indicatif::HumanBytes;
use serde::Serialize;

use crate::config::{ContainerSelection, ExcludeRules, Excludes, Folder, Foreground, Forward};
use crate::dev::{FolderFiles, LargeEntry, Wanted};
use crate::plural::counted;

/// The connections and the foreground of a dev session.
#[derive(Serialize)]
pub(super) struct ConnectedView {
    ports: Vec<PortView>,
    folders: Vec<FolderView>,
    /// The URLs of the pages that are opened.
    pages: Vec<String>,
    foreground: ForegroundView,
}

/// A forwarded port.
#[derive(Serialize)]
struct PortView {
    port: u16,
    remote_port: u16,
    /// The local address; `null` for 127.0.0.1 and ::1.
    address: Option<String>,
    selection: ContainerSelection,
    #[serde(skip)]
    text: String,
}

/// A synced directory.
#[derive(Serialize)]
struct FolderView {
    name: Option<String>,
    /// The local path, relative to the project directory.
    local: String,
    /// The path in the container; `.` is its working directory.
    container: String,
    selection: ContainerSelection,
    /// Which side wins at the start.
    initial_sync: &'static str,
    upload: bool,
    download: bool,
    #[serde(flatten)]
    contents: FolderFiles,
    /// The patterns of files that are not synced.
    excludes: ExcludesView,
    #[serde(skip)]
    text: String,
}

/// The patterns of a directory. A file of patterns is `file:PATH`.
#[derive(Serialize)]
struct ExcludesView {
    both: Vec<String>,
    upload: Vec<String>,
    download: Vec<String>,
}

/// The foreground: a terminal or logs.
#[derive(Serialize)]
struct ForegroundView {
    /// `terminal`, `attach`, `logs` or `nothing`.
    kind: &'static str,
    /// The command of the terminal; empty for a shell.
    command: Vec<String>,
    /// The containers; for logs, an empty list means those of the project.
    selections: Vec<ContainerSelection>,
    /// The number of earlier lines of the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    #[serde(skip)]
    text: String,
}

impl ConnectedView {
    /// The view of `wanted`; `folder_files` lists the files of its directories.
    pub(super) fn new(wanted: &Wanted, folder_files: Vec<FolderFiles>, command: &[String]) -> Self {
        let foreground = wanted.foreground.clone().unwrap_or(Foreground::Nothing);
        let foreground = match foreground {
            Foreground::Terminal(terminal) => Foreground::Terminal(terminal.with_command(command)),
            other => other,
        };
        let folders = wanted.folders.iter().zip(folder_files);
        Self {
            ports: wanted.ports.iter().map(PortView::new).collect(),
            folders: folders.map(|(folder, contents)| FolderView::new(folder, contents)).collect(),
            pages: wanted.pages.iter().map(|page| page.url.clone()).collect(),
            foreground: ForegroundView::new(&foreground),
        }
    }

    /// The view for people, a line or more for each connection.
    pub(super) fn write(&self, text: &mut String) {
        // Writing to a string cannot fail.
        for port in &self.ports {
            let _ = writeln!(text, "forward | {}", port.text);
        }
        self.folders.iter().for_each(|folder| folder.write(text));
        for url in &self.pages {
            let _ = writeln!(text, "open    | {url}, once it responds");
        }
        let _ = writeln!(text, "show    | {}", self.foreground.text);
    }
}

impl PortView {
    fn new(forward: &Forward) -> Self {
        Self {
            port: forward.port,
            remote_port: forward.remote_port,
            address: forward.bind_address.clone(),
            selection: forward.selection.clone(),
            text: forward.to_string(),
        }
    }
}

impl FolderView {
    fn new(folder: &Folder, contents: FolderFiles) -> Self {
        Self {
            name: folder.name.clone(),
            local: folder.local.display().to_string(),
            container: folder.container.clone(),
            selection: folder.selection.clone(),
            initial_sync: folder.initial.as_str(),
            upload: !folder.disable_upload,
            download: !folder.disable_download,
            contents,
            excludes: ExcludesView::new(&folder.excludes),
            text: folder.to_string(),
        }
    }

    fn write(&self, text: &mut String) {
        let FolderFiles { files, bytes, largest, problems, .. } = &self.contents;
        let size = format!("{}, {}", counted(*files, "file"), HumanBytes(*bytes));
        let _ = writeln!(text, "sync    | {}: {}, {size}", self.text, self.initial_sync);
        let mut line = |title: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(text, "  {title:8} {value}");
            }
        };
        if *files > 1 {
            let largest: Vec<_> = largest.iter().map(large).collect();
            line("largest", &largest.join(", "));
        }
        let ExcludesView { both, upload, download } = &self.excludes;
        let of = |title: &str, patterns: &[String]| {
            (!patterns.is_empty()).then(|| format!("{title}{}", patterns.join(", ")))
        };
        let excluded = [of("", both), of("not uploaded: ", upload), of("not downloaded: ", download)];
        line("excluded", &excluded.into_iter().flatten().collect::<Vec<_>>().join("; "));
        problems.iter().for_each(|problem| line("problem", problem));
    }
}

/// `static/ (120 files, 3.4 MiB)`.
fn large(LargeEntry { name, files, bytes }: &LargeEntry) -> String {
    let size = HumanBytes(*bytes);
    if name.ends_with('/') {
        format!("{name} ({}, {size})", counted(*files, "file"))
    } else {
        format!("{name} ({size})")
    }
}

impl ExcludesView {
    fn new(Excludes { both, upload, download }: &Excludes) -> Self {
        let texts = |rules: &ExcludeRules| {
            let file = rules.file.iter().map(|file| format!("file:{}", Path::new(&file.text).display()));
            rules.paths.iter().map(|path| path.text.clone()).chain(file).collect()
        };
        Self { both: texts(both), upload: texts(upload), download: texts(download) }
    }
}

impl ForegroundView {
    fn new(foreground: &Foreground) -> Self {
        let lines = match foreground {
            Foreground::Logs(logs) => Some(logs.show_last),
            _ => None,
        };
        let last = lines.map(|lines| format!(", from the last {} on", counted(lines, "line")));
        Self {
            kind: foreground.kind(),
            command: match foreground {
                Foreground::Terminal(terminal) => terminal.command.clone(),
                _ => Vec::new(),
            },
            selections: foreground.selections().to_vec(),
            lines,
            text: format!("{foreground}{}", last.unwrap_or_default()),
        }
    }
}
