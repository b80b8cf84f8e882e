//! The protocol against the shells that containers have.

#![cfg(unix)]

mod after_upload;
mod any_tree;
mod changes;
mod failures;
mod shell;
mod verbs;
