//! What every key of devspace.yaml is: one table for all versions.
//!
//! [`FILE`] is the table of the top level. A [`Section`] is a map with known keys; each [`Key`] has a name, a
//! [`Shape`], a sentence about it, and the versions that have it. A key whose shape changed stands in the table
//! once for each shape. The same table
//!
//! - checks a file ([`check`](self::check)): unknown keys with the nearest name, keys of another version, wrong types;
//! - is what a schema for editors is made from: walk it from [`FILE`] with [`Section::keys`].
//!
//! ```
//! use windlass::config::{Version, schema};
//! let images = schema::FILE.key("images", Version::V2beta1).unwrap();
//! assert!(matches!(images.shape, schema::Shape::Map(_)));
//! assert!(schema::FILE.key("localRegistry", Version::V1beta11).is_none());
//! assert_eq!(schema::FILE.any("localRegistry").unwrap().since, Version::V2beta1);
//! ```
//!
//! Keys that start with `x-` are in no table: they are free in every section, to hold anchors.

mod build;
pub(super) mod check;
mod command;
mod dependency;
mod deployment;
mod dev;
mod dev_pod;
mod file;
mod first;
mod hook;
mod image;
mod json;
mod paths;
mod profile;
mod pull_secret;
mod variable;

pub use file::FILE;
pub(crate) use image::REBUILD_STRATEGIES;
pub use json::json_schema;
pub use paths::{KeyPath, key_paths};

use super::version::Version;

/// A map with known keys.
#[derive(Debug)]
pub struct Section {
    /// What one such map is called in messages: `image` in "image `api`".
    pub noun: &'static str,
    /// All keys of all versions.
    pub keys: &'static [Key],
}

/// A key of a [`Section`].
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as it is written.
    pub name: &'static str,
    /// What its value is.
    pub shape: Shape,
    /// What it does: one sentence, with its default where that is not "nothing".
    pub doc: &'static str,
    /// Whether the map is wrong without it.
    pub is_required: bool,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it.
    pub until: Version,
    /// What to write where it is gone or, for one that no version lost, not there yet.
    pub instead: Option<&'static str>,
    /// Whether it is still read after `until`, with a warning.
    pub is_alias: bool,
    /// Whether windlass only keeps its value, which is another program's to judge: what is wrong in there is worth
    /// a warning and does not keep images from being built.
    pub is_kept: bool,
}

/// What a value has to be. Null stands for an absent value everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A text; numbers and truth values are taken as they are written.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number,
    /// Anything.
    Any,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of such values.
    List(&'static Shape),
    /// A map with free keys and such values.
    Map(&'static Shape),
    /// A map with known keys.
    Fields(&'static Section),
    /// A text in place of this map: the short form of a variable, a command, a pipeline.
    TextOr(&'static Section),
    /// Some sections of the file, as profiles have them, or a text that stands for them.
    File,
}

impl Section {
    /// The key `name` of `version`.
    pub fn key(&self, name: &str, version: Version) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name && key.is_in(version))
    }

    /// The key `name` of any version; the newest of several.
    pub fn any(&self, name: &str) -> Option<&Key> {
        self.keys.iter().filter(|key| key.name == name).max_by_key(|key| key.until)
    }

    /// The keys of `version`, in table order.
    pub fn keys(&self, version: Version) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.is_in(version))
    }
}

impl Key {
    /// Whether a file of `version` may have it without a warning.
    pub fn is_in(&self, version: Version) -> bool {
        self.since <= version.has_keys_up_to() && version <= self.until
    }

    /// It is there from `version` on.
    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    /// It is there from `version` on; before that one writes `earlier`, a phrase such as "write `build.docker`".
    const fn since_else(mut self, version: Version, earlier: &'static str) -> Self {
        self.since = version;
        self.instead = Some(earlier);
        self
    }

    /// It was last there in `version`; afterwards one writes `instead`, a phrase such as "write `tags`".
    const fn until(mut self, version: Version, instead: &'static str) -> Self {
        self.until = version;
        self.instead = Some(instead);
        self
    }

    /// The last version of this shape; a later one has the key with another.
    const fn changed_after(mut self, version: Version) -> Self {
        self.until = version;
        self
    }

    /// The map is wrong without it.
    const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Windlass only keeps its value.
    const fn kept(mut self) -> Self {
        self.is_kept = true;
        self
    }

    /// It is still read in later versions.
    const fn alias(mut self) -> Self {
        self.is_alias = true;
        self
    }
}

/// A key of every version.
const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        shape,
        doc,
        is_required: false,
        since: Version::V1alpha1,
        until: Version::NEWEST,
        instead: None,
        is_alias: false,
        is_kept: false,
    }
}

/// A list of texts.
const TEXTS: Shape = Shape::List(&Shape::Text);

/// A map of texts.
const TEXT_MAP: Shape = Shape::Map(&Shape::Text);
