//! Failures that a test configured.

use std::fmt;

/// A failure that a test configured, with the code of the real one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Scripted {
    message: String,
    code: &'static str,
    help: &'static str,
}

impl Scripted {
    pub(super) fn no_daemon() -> Self {
        Self {
            message: "no Docker daemon responds".to_owned(),
            code: "docker::unreachable",
            help: "configured by the test: `host.docker(#{ reachable: false })`",
        }
    }

    pub(super) fn broken_build(image: &str, reason: &str) -> Self {
        Self {
            message: format!("cannot build `{image}`: {reason}"),
            code: "stage::build::step_failed",
            help: "configured by the test: `host.build(...)`",
        }
    }

    pub(super) fn refused_push(reference: &str, reason: &str) -> Self {
        Self {
            message: format!("cannot push `{reference}`: {reason}"),
            code: "stage::push::refused",
            help: "configured by the test: `host.push(...)`",
        }
    }

    pub(super) fn refused_object(object: &str, reason: &str) -> Self {
        Self {
            message: format!("cannot apply {object}: {reason}"),
            code: "deploy::invalid",
            help: "configured by the test: `host.apply(...)`",
        }
    }

    pub(super) fn unready_object(deployment: &str, object: &str, reason: &str) -> Self {
        Self {
            message: format!("cannot deploy {deployment}: {object} is not ready: {reason}"),
            code: "deploy::crash",
            help: "configured by the test: `host.ready(...)`",
        }
    }

    pub(super) fn missing_image(reference: &str) -> Self {
        Self {
            message: format!("image `{reference}` not found"),
            code: "registry::not_found",
            help: "add it with `host.registry(#{ \"REFERENCE\": \"DIGEST\" })`",
        }
    }
}

impl miette::Diagnostic for Scripted {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.help))
    }
}
