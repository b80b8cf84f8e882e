//! The content of a chart.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::helmignore::HelmIgnore;
use super::{ChartError, archive};
use crate::image::Digest;

/// The maximum size of a file of a chart.
const LARGEST: u64 = 100 << 20;
/// The maximum depth of directories: deeper ones are symbolic links in a cycle.
const DEPTH: usize = 64;

/// The digest of the chart at `path`, a directory or an archive: of the relative paths and contents of its files
/// without those that `.helmignore` excludes. Times, permissions and the packing of archives do not change it.
///
/// # Errors
/// [`ChartError::ChartUnreadable`].
pub fn chart_digest(path: &Path) -> Result<Digest, ChartError> {
    let mut files = BTreeMap::new();
    if path.is_file() {
        archive::visit(path, |name, content| {
            files.insert(name.to_owned(), Digest::of(normal(name, content)));
        })?;
        return Ok(digest(&files));
    }
    let ignore_file = path.join(".helmignore");
    let ignore = match crate::input_file::read(&ignore_file) {
        Ok(bytes) => HelmIgnore::parse(&crate::text::decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => HelmIgnore::parse(""),
        Err(source) => return Err(ChartError::ChartUnreadable { path: ignore_file, source }),
    };
    walk(path, "", &ignore, 0, &mut files)?;
    Ok(digest(&files))
}

/// Adds the files of the directory `path`, whose path in the chart is `prefix`. Symbolic links are followed.
fn walk(
    path: &Path,
    prefix: &str,
    ignore: &HelmIgnore,
    depth: usize,
    files: &mut BTreeMap<String, Digest>,
) -> Result<(), ChartError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| ChartError::ChartUnreadable { path, source }
    };
    if depth > DEPTH {
        return Err(unreadable(path)(io::Error::other("it is nested too deep")));
    }
    for entry in fs::read_dir(path).map_err(unreadable(path))? {
        let entry = entry.map_err(unreadable(path))?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inner = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let is_directory = fs::metadata(&entry).map_err(unreadable(&entry))?.is_dir();
        if ignore.ignores(&inner, is_directory) {
            continue;
        }
        if is_directory {
            walk(&entry, &inner, ignore, depth + 1, files)?;
            continue;
        }
        // The archive of a dependency contains the time at which it was packed.
        let is_packed = inner.starts_with("charts/") && inner.ends_with(".tgz");
        let digest = if is_packed {
            chart_digest(&entry)?
        } else {
            let content = crate::input_file::read_up_to(&entry, LARGEST).map_err(unreadable(&entry))?;
            Digest::of(normal(&inner, content))
        };
        files.insert(inner, digest);
    }
    Ok(())
}

/// The content without the time that helm writes into `Chart.lock`.
fn normal(name: &str, content: Vec<u8>) -> Vec<u8> {
    let is_lock = name.ends_with("Chart.lock") || name.ends_with("requirements.lock");
    if !is_lock {
        return content;
    }
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"generated:")).flatten().copied().collect()
}

/// The digest of paths, which contain no zero byte, and digests.
fn digest(files: &BTreeMap<String, Digest>) -> Digest {
    let mut bytes = Vec::new();
    for (name, digest) in files {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(digest.as_bytes());
    }
    Digest::of(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn chart(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        directory
    }

    #[test]
    fn only_paths_and_contents_count() {
        let files = [("Chart.yaml", "name: web\n"), ("templates/a.yaml", "a: 1\n")];
        let (first, second) = (chart(&files), chart(&files));
        let template = second.path().join("templates/a.yaml");
        fs::set_permissions(&template, fs::Permissions::from_mode(0o755)).unwrap();
        fs::File::open(&template).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        let expected = chart_digest(first.path()).unwrap();
        assert_eq!(expected.hex(), "f217ce526b97bfbf384cdbcd3bdd84dac3c43d0cbbd44e9d799221ff488c3287");
        assert_eq!(chart_digest(second.path()).unwrap(), expected);
        fs::rename(&template, second.path().join("templates/b.yaml")).unwrap();
        assert_ne!(chart_digest(second.path()).unwrap(), expected);
    }

    #[test]
    fn ignored_files_do_not_count() {
        let chart = chart(&[(".helmignore", "*.md\n/tests/\n"), ("Chart.yaml", "name: web\n")]);
        let before = chart_digest(chart.path()).unwrap();
        fs::write(chart.path().join("README.md"), "text").unwrap();
        fs::create_dir(chart.path().join("tests")).unwrap();
        fs::write(chart.path().join("tests/a.yaml"), "text").unwrap();
        assert_eq!(chart_digest(chart.path()).unwrap(), before);
        fs::write(chart.path().join("values.yaml"), "a: 1").unwrap();
        assert_ne!(chart_digest(chart.path()).unwrap(), before);
    }

    #[test]
    fn cycles_of_links_are_an_error() {
        let chart = chart(&[("Chart.yaml", "name: web\n")]);
        std::os::unix::fs::symlink(".", chart.path().join("again")).unwrap();
        assert!(matches!(chart_digest(chart.path()), Err(ChartError::ChartUnreadable { .. })));
    }

    #[test]
    fn the_time_in_a_lock_file_does_not_count() {
        let lock = |time: &str| format!("digest: sha256:0\ngenerated: \"{time}\"\n");
        let [first, second] = ["2026", "2027"].map(|time| chart(&[("Chart.lock", &lock(time))]));
        assert_eq!(chart_digest(first.path()).unwrap(), chart_digest(second.path()).unwrap());
    }
}
