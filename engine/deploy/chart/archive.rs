//! Packaged charts (`.tgz`).

use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::ChartError;

/// The maximum size of an archive and of its content; helm has the same limit.
const LARGEST: u64 = 100 << 20;

/// Reads the archive at `path` and passes each regular file to `visit`: its path below the chart's directory, and its
/// content.
pub(super) fn visit(path: &Path, mut visit: impl FnMut(&str, Vec<u8>)) -> Result<(), ChartError> {
    let unreadable = |source| ChartError::ChartUnreadable { path: path.to_owned(), source };
    let packed = crate::input_file::read_up_to(path, LARGEST).map_err(unreadable)?;
    // One byte more than allowed shows that the content is too large.
    let mut archive = tar::Archive::new(GzDecoder::new(&packed[..]).take(LARGEST + 1));
    let mut size = 0;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        size += entry.size();
        if size > LARGEST {
            return Err(unreadable(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "its content is larger than 100 MiB",
            )));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).replace('\\', "/");
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let Some((_, inner)) = name.trim_start_matches("./").split_once('/') else { continue };
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(unreadable)?;
        visit(inner, content);
    }
    Ok(())
}

/// The content of the file `name` of the archive at `path`; `None` if it has none.
pub(super) fn file(path: &Path, name: &str) -> Result<Option<Vec<u8>>, ChartError> {
    let mut found = None;
    visit(path, |inner, content| {
        if inner == name {
            found = Some(content);
        }
    })?;
    Ok(found)
}
