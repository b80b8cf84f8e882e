//! Brings manifests into a cluster: compares them with it, applies the differences, and deletes objects that
//! have left them.
//!
//! [`compare()`] reads the live objects and sends a dry run of each object, so that everything is checked before anything
//! changes; [`apply()`] applies the objects that differ. Which objects belong to a deployment is recorded in the cluster
//! ([`ApplySet`](crate::cluster::ApplySet)).

mod apply;
mod compare;
mod comparison;
mod failure;
mod kubectl;
mod locked;
mod remove;

pub use apply::{AppliedManifests, ApplyOptions, apply};
pub use compare::compare;
pub use comparison::{ApplyEffect, ComparedObject, Kubectl, ManifestComparison, ManifestSet, UNQUERIED};
pub use locked::{LockOptions, Locked};
pub use remove::{Removal, Removed, remove};
