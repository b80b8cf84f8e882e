//! Every key of devspace.yaml: one table for all versions.
//!
//! [`FILE`] is the table of the top level. A [`Section`] is a map with known keys; each [`SchemaKey`] has a name, a
//! [`Shape`], a one-sentence description, and the versions that have it. A key whose shape changed has one entry
//! per shape. The same table
//!
//! - checks a file (`check`): unknown keys with the nearest name, keys of another version, wrong types;
//! - generates the JSON schema for editors, by a walk from [`FILE`] with [`Section::keys`].
//!
//! ```
//! use windlass::config::{Version, schema};
//! let images = schema::FILE.key("images", Version::V2beta1).unwrap();
//! assert!(matches!(images.shape, schema::Shape::Map(_)));
//! assert!(schema::FILE.key("localRegistry", Version::V1beta11).is_none());
//! assert_eq!(schema::FILE.any("localRegistry").unwrap().since, Version::V2beta1);
//! ```
//!
//! Keys that start with `x-` are not in the table: every section may have them, to hold anchors.

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

pub(crate) use deployment::{HELM_DRIVERS, PATCH_OPERATIONS};
pub(crate) use dev::ARCHITECTURES;
pub use file::FILE;
pub(crate) use image::REBUILD_STRATEGIES;
pub use json::json_schema;
pub use paths::{KeyPath, key_paths};

use super::version::Version;

/// A map with known keys.
#[derive(Debug)]
pub struct Section {
    /// The name of one such map in messages: `image` in "image `api`".
    pub noun: &'static str,
    /// All keys of all versions.
    pub keys: &'static [SchemaKey],
}

/// A key of a [`Section`].
#[derive(Debug, Clone, Copy)]
pub struct SchemaKey {
    /// The key as written in the file.
    pub name: &'static str,
    /// The type of its value.
    pub shape: Shape,
    /// Its description: one sentence, with the default unless it is "nothing".
    pub doc: &'static str,
    /// Whether the map must have it.
    pub is_required: bool,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it.
    pub until: Version,
    /// The hint for versions after `until` or, for a key that no version removed, before `since`.
    pub instead: Option<&'static str>,
    /// Whether versions after `until` still read it, with a warning.
    pub is_alias: bool,
    /// Whether only `dev` reads its value: an error inside of it is a warning and does not prevent a build.
    pub is_of_dev: bool,
}

/// The type that a value must have. Null means an absent value everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string; numbers and booleans are read as written.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number,
    /// Anything.
    Any,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A list of values of this type.
    List(&'static Shape),
    /// A map with arbitrary keys and values of this type.
    Map(&'static Shape),
    /// A map with known keys.
    Fields(&'static Section),
    /// This map or a string: the short form of a variable, a command or a pipeline.
    TextOr(&'static Section),
    /// Some sections of the file, as in profiles, or a string with a reference to them.
    File,
}

impl Section {
    /// The key `name` of `version`.
    pub fn key(&self, name: &str, version: Version) -> Option<&SchemaKey> {
        self.keys.iter().find(|key| key.name == name && key.is_in(version))
    }

    /// The key `name` of any version; the newest of several.
    pub fn any(&self, name: &str) -> Option<&SchemaKey> {
        self.keys.iter().filter(|key| key.name == name).max_by_key(|key| key.until)
    }

    /// The keys of `version`, in table order.
    pub fn keys(&self, version: Version) -> impl Iterator<Item = &SchemaKey> {
        self.keys.iter().filter(move |key| key.is_in(version))
    }
}

impl SchemaKey {
    /// Whether a file of `version` may have it without a warning.
    pub fn is_in(&self, version: Version) -> bool {
        self.since <= version.has_keys_up_to() && version <= self.until
    }

    /// The key exists from `version` on.
    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    /// The key exists from `version` on; before that, `earlier` applies, a phrase such as "write `build.docker`".
    const fn since_else(mut self, version: Version, earlier: &'static str) -> Self {
        self.since = version;
        self.instead = Some(earlier);
        self
    }

    /// `version` is the last one with the key; after it, `instead` applies, a phrase such as "write `tags`".
    const fn until(mut self, version: Version, instead: &'static str) -> Self {
        self.until = version;
        self.instead = Some(instead);
        self
    }

    /// `version` is the last one with this shape; later versions have the key with another shape.
    const fn changed_after(mut self, version: Version) -> Self {
        self.until = version;
        self
    }

    /// The map must have the key.
    const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Only `dev` reads its value.
    const fn of_dev(mut self) -> Self {
        self.is_of_dev = true;
        self
    }

    /// Later versions still read the key.
    const fn alias(mut self) -> Self {
        self.is_alias = true;
        self
    }
}

/// A key that all versions have.
const fn key(name: &'static str, shape: Shape, doc: &'static str) -> SchemaKey {
    SchemaKey {
        name,
        shape,
        doc,
        is_required: false,
        since: Version::V1alpha1,
        until: Version::NEWEST,
        instead: None,
        is_alias: false,
        is_of_dev: false,
    }
}

/// A list of strings.
const TEXTS: Shape = Shape::List(&Shape::Text);

/// A map of strings.
const TEXT_MAP: Shape = Shape::Map(&Shape::Text);
