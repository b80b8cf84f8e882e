//! Who holds the lock of a deployment.

use std::fmt;

/// Who holds a lock. Displays as `ann on build-7 (process 4711)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The user.
    pub user: String,
    /// The host.
    pub host: String,
    /// The process.
    pub process: u32,
}

impl LockHolder {
    /// This process.
    pub fn current() -> Self {
        let variable = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(variable);
        // In a pod, the file has the name of the pod.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| std::fs::read_to_string("/etc/hostname"))
            .ok();
        let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
        let host = host.or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(variable));
        Self {
            user: user.unwrap_or_else(|| "unknown user".to_owned()),
            host: host.unwrap_or_else(|| "unknown host".to_owned()),
            process: std::process::id(),
        }
    }

    /// The text in the lock: unique for this run by its last part.
    pub(super) fn identity(&self) -> String {
        let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(8).collect();
        format!("{}@{}/{}-{random}", self.user, self.host, self.process)
    }

    /// The holder that [`LockHolder::identity`] describes; `None` for that of another tool.
    pub(super) fn from_identity(identity: &str) -> Option<Self> {
        let (user, rest) = identity.split_once('@')?;
        let (host, rest) = rest.rsplit_once('/')?;
        let (process, _) = rest.split_once('-')?;
        let process = process.parse().ok()?;
        Some(Self { user: user.to_owned(), host: host.to_owned(), process })
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {} (process {})", self.user, self.host, self.process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_back() {
        let holder = LockHolder { user: "ann".to_owned(), host: "a/b".to_owned(), process: 4711 };
        assert_eq!(LockHolder::from_identity(&holder.identity()), Some(holder.clone()));
        assert_ne!(holder.identity(), holder.identity());
        assert_eq!(holder.to_string(), "ann on a/b (process 4711)");
        assert_eq!(LockHolder::from_identity("controller-0"), None);
    }
}
