//! Edits of every kind that files can undergo, including those that do not change size and time.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use super::sketch::paths;

const NAMES: [&str; 12] = [
    "a.txt",
    "b.txt",
    "c",
    "deep/d.txt",
    "deep/er/e",
    "f g.txt",
    "z/.hidden",
    "lib/x.so",
    "ü.txt",
    "lib/y",
    "z/q.log",
    "#h",
];

const MODES: [u32; 8] = [0o644, 0o600, 0o755, 0o700, 0o444, 0o664, 0o4755, 0o2755];

/// One word, repeated, so that a mix of two contents is detected.
fn content(rng: &mut Rng) -> String {
    let word = format!("{:08x}", rng.u32(..));
    match rng.u8(..12) {
        // In one line: as an ignore file, each of its lines would be a header of BuildKit's request.
        0 => word.repeat(rng.usize(10_000..60_000)),
        _ => format!("{word}\n").repeat(rng.usize(1..20)),
    }
}

/// Writes a file of random content.
pub fn write_file(rng: &mut Rng, path: &Path) {
    if let Some(parent) = path.parent() {
        let _ = fs::create_dir_all(parent);
    }
    let new = path.with_file_name(".new");
    let mut text = content(rng);
    if path.ends_with(".dockerignore") {
        // The docker command sends all rules in one header, of at most 1 MiB.
        text.truncate(9 * 20);
    }
    // Replaced atomically, so that a concurrent reader never sees a part of it.
    let _ = fs::write(&new, text).and_then(|()| fs::rename(&new, path));
}

/// Adds a file, a directory or a link.
pub fn add(rng: &mut Rng, root: &Path) -> String {
    let name = NAMES[rng.usize(..NAMES.len())];
    let path = root.join(name);
    match rng.u8(..8) {
        0 => {
            let _ = fs::create_dir_all(path.with_extension("dir"));
            format!("add the directory {name} (dir)")
        }
        1 => {
            let target = NAMES[rng.usize(..NAMES.len())];
            let _ = fs::remove_file(&path);
            let _ = symlink(target, &path);
            format!("link {name} to {target}")
        }
        _ => {
            // Not through a link, which may be dangling.
            if path.is_symlink() {
                let _ = fs::remove_file(&path);
            }
            write_file(rng, &path);
            format!("write {name}")
        }
    }
}

/// Makes a random change of the context in `root`; returns a description.
pub fn edit(rng: &mut Rng, root: &Path) -> String {
    let all = paths(root);
    let is_file = |path: &&String| root.join(path).symlink_metadata().is_ok_and(|facts| facts.is_file());
    let files: Vec<_> = all.iter().filter(is_file).cloned().collect();
    let (Some(file), Some(any)) = (rng.choice(files), rng.choice(all)) else { return add(rng, root) };
    let path = root.join(&file);
    match rng.u8(..17) {
        0..3 => {
            write_file(rng, &path);
            format!("rewrite {file}")
        }
        3..5 => {
            same_size(rng, &path, false);
            format!("rewrite {file} in place, with its size and time")
        }
        5..7 => {
            same_size(rng, &path, true);
            format!("replace {file}, with its size and time")
        }
        7..9 => {
            let mode = MODES[rng.usize(..MODES.len())];
            let _ = fs::set_permissions(&path, Permissions::from_mode(mode));
            format!("chmod {mode:o} {file}")
        }
        9 if root.join(&any).is_dir() && !root.join(&any).is_symlink() => {
            let mode = [0o755, 0o700, 0o775, 0o1777][rng.usize(..4)];
            let _ = fs::set_permissions(root.join(&any), Permissions::from_mode(mode));
            format!("chmod {mode:o} {any}")
        }
        10 if any != "keep.txt" => {
            let path = root.join(&any);
            let _ = if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
            format!("remove {any}")
        }
        11 if file != "keep.txt" => {
            let target = NAMES[rng.usize(..NAMES.len())];
            if let Some(parent) = root.join(target).parent() {
                let _ = fs::create_dir_all(parent);
            }
            let _ = fs::rename(&path, root.join(target));
            format!("rename {file} to {target}")
        }
        12 => {
            let time = SystemTime::now() - Duration::from_secs(rng.u64(..100_000));
            let _ = File::open(&path).and_then(|file| file.set_modified(time));
            format!("touch {file}")
        }
        13 => {
            let rules = [
                "*.log\n",
                "deep\n",
                "**/x.so\n!lib/x.so\n",
                "z\n!z/.hidden\n",
                "# nothing\n",
                "*\n!keep.txt\n!*.txt\n",
                "",
            ];
            let rule = rules[rng.usize(..rules.len())];
            let _ = fs::write(root.join(".dockerignore"), rule);
            format!("ignore {rule:?}")
        }
        14 if file != "keep.txt" => {
            let _ = fs::remove_file(&path);
            // An ignore file that is a directory is an error of windlass; of Docker's two builders, it is one of them.
            let is_link = file == ".dockerignore" || rng.bool();
            let _ = if is_link { symlink("keep.txt", &path) } else { fs::create_dir(&path) };
            format!("change the type of {file}")
        }
        _ => add(rng, root),
    }
}

/// Gives the file at `path` other content of the same size, and its old time.
fn same_size(rng: &mut Rng, path: &Path, by_rename: bool) {
    let Ok(facts) = fs::metadata(path) else { return };
    let size = usize::try_from(facts.len()).unwrap_or_default();
    let word = format!("{:08x}", rng.u32(..));
    let text: String = word.repeat(size / word.len() + 1).chars().take(size).collect();
    let target = if by_rename { path.with_file_name(".new") } else { path.to_owned() };
    if fs::write(&target, text).is_err() {
        return;
    }
    let _ = fs::set_permissions(&target, facts.permissions());
    if let Ok(time) = facts.modified() {
        let _ = File::open(&target).and_then(|file| file.set_modified(time));
    }
    if by_rename {
        let _ = fs::rename(&target, path);
    }
}
