//! A network bridge for one daemon.

use std::process::{Command, Stdio};

/// A bridge interface. Dropping it removes it.
///
/// Without this, `dockerd` uses the machine's `docker0`, and with `--bridge=none` even removes it.
#[derive(Debug)]
pub(super) struct Bridge {
    name: String,
}

impl Bridge {
    /// Creates one, with a small network in 198.18.0.0/15, which is reserved for tests (RFC 2544, appendix C.2.2), below
    /// that of the daemon of `tests/run`.
    pub(super) fn create() -> Result<Self, String> {
        // The name of an interface has at most 15 bytes.
        let bridge = Self { name: format!("windlass{:06x}", fastrand::u32(..1 << 24)) };
        let address = format!(
            "198.{}.{}.{}/28",
            fastrand::u8(18..=19),
            fastrand::u8(..240),
            fastrand::u8(..16) * 16 + 1
        );
        ip(&["link", "add", &bridge.name, "type", "bridge"])?;
        ip(&["address", "add", &address, "dev", &bridge.name])?;
        ip(&["link", "set", &bridge.name, "up"])?;
        Ok(bridge)
    }

    /// The interface's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = ip(&["link", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("ip");
    // Debian installs it in a directory that only root's PATH contains.
    command.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("no ip command ({error}; Debian: iproute2)"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("`ip {}`: {}", arguments.join(" "), stderr.trim()))
    }
}
