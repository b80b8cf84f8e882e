//! The process that has a local port.

/// The process that listens on the local `port`, if the system reports it: `` `node` (process 4711)``.
#[cfg(target_os = "linux")]
pub(super) fn owner(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let inodes: Vec<_> = tables.flat_map(|table| listening(&table, port)).collect();
    let pid = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        // Only the files of the user's own processes are readable.
        let mut files = std::fs::read_dir(entry.path().join("fd")).ok()?.filter_map(Result::ok);
        files
            .any(|file| {
                let target = std::fs::read_link(file.path()).unwrap_or_default();
                inodes.iter().any(|inode| target.to_str() == Some(&format!("socket:[{inode}]")))
            })
            .then_some(pid)
    })?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("`{}` (process {pid})", name.trim()))
}

/// Unknown: other systems have no such table.
#[cfg(not(target_os = "linux"))]
pub(super) fn owner(_port: u16) -> Option<String> {
    None
}

/// The inodes of the sockets in `table` (Linux, `/proc/net/tcp`) that listen on `port`.
#[cfg(target_os = "linux")]
fn listening(table: &str, port: u16) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (_, local) = words.get(1)?.rsplit_once(':')?;
        // 0A is LISTEN.
        let is_it = u16::from_str_radix(local, 16).ok()? == port && *words.get(3)? == "0A";
        is_it.then(|| words.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().skip(1).filter_map(line).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("an address").port();
        let found = owner(port).expect("this process");
        assert!(found.ends_with(&format!("(process {})", std::process::id())), "{found}");
        drop(listener);
        assert_eq!(owner(port), None);
    }
}
