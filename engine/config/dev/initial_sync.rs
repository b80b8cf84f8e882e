//! The strategies of the initial sync.

use serde::Serialize;

/// `initialSync`: which side wins where the sides differ at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum InitialSync {
    /// Makes the container equal to the local directory.
    #[default]
    MirrorLocal,
    /// Makes the local directory equal to the container.
    MirrorRemote,
    /// Completes both sides; the local file wins.
    PreferLocal,
    /// Completes both sides; the file in the container wins.
    PreferRemote,
    /// Completes both sides; the newer file wins.
    PreferNewest,
    /// Completes both sides; different files stay as they are.
    KeepAll,
    /// Nothing: only later changes are synced.
    Disabled,
}

impl InitialSync {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::MirrorLocal,
        Self::MirrorRemote,
        Self::PreferLocal,
        Self::PreferRemote,
        Self::PreferNewest,
        Self::KeepAll,
        Self::Disabled,
    ];

    /// The names, in the order of [`Self::ALL`].
    pub const NAMES: [&'static str; 7] =
        ["mirrorLocal", "mirrorRemote", "preferLocal", "preferRemote", "preferNewest", "keepAll", "disabled"];

    /// The strategy called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|index| Self::ALL[index])
    }

    /// The value of `initialSync`.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// `initialSyncCompareBy`: which files are different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CompareBy {
    /// Those with another modification time or size.
    #[default]
    Mtime,
    /// Those with another size.
    Size,
}

impl CompareBy {
    /// The names.
    pub const NAMES: [&'static str; 2] = ["mtime", "size"];

    /// The comparison called `name`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "mtime" => Some(Self::Mtime),
            "size" => Some(Self::Size),
            _ => None,
        }
    }
}
