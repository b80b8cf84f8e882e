//! What a failed build tells its user.

use miette::{NamedSource, SourceSpan};

use super::progress::FailedStep;
use crate::builder::{BuildError, BuildRequest};
use crate::image::Dockerfile;

/// How a build failed.
pub(super) struct Failure {
    reason: String,
    step: Option<FailedStep>,
}

impl Failure {
    /// A failure for `reason`, in a step when one is known to have failed.
    pub(super) fn of(reason: String, step: Option<FailedStep>) -> Self {
        Self { reason, step }
    }

    /// The error about building `request`.
    pub(super) fn into_error(self, request: &BuildRequest) -> BuildError {
        match self.step {
            Some(step) if !step.name.starts_with("[internal]") => {
                let reason = cause(&step.error);
                let exit_code = exit_code(reason);
                let output = match (step.output.is_empty(), exit_code) {
                    (false, _) => Some(step.output.join("\n")),
                    (true, None) => Some(reason.to_owned()),
                    (true, Some(_)) => None,
                };
                let dockerfile = &request.dockerfile;
                BuildError::StepFailed {
                    exit_code,
                    reason: reason.to_owned(),
                    output,
                    dockerfile: NamedSource::new(dockerfile.name(), dockerfile.text().to_owned()),
                    instruction: instruction(dockerfile, &step.name),
                    step: step.name,
                }
            }
            _ => {
                let reason = cause(&self.reason).to_owned();
                BuildError::Refused { image: request.image.clone(), help: help(&reason), reason }
            }
        }
    }
}

/// Where the instruction of `step` stands.
fn instruction(_dockerfile: &Dockerfile, _step: &str) -> Option<SourceSpan> {
    None
}

/// What the daemon's layers put before a cause.
const WRAPPERS: [&str; 5] = [
    "failed to solve: ",
    "failed to create LLB definition: ",
    "failed to build LLB: ",
    "failed to compute cache key: ",
    "failed to read dockerfile: ",
];

/// The message without the words the daemon's layers put before it.
fn cause(message: &str) -> &str {
    let mut cause = message.trim();
    loop {
        let rest = if let Some(rest) = cause.strip_prefix("failed to solve with frontend ") {
            rest.split_once(": ").map(|(_, rest)| rest)
        } else if let Some(rest) = cause.strip_prefix("rpc error: code = ") {
            rest.split_once(" desc = ").map(|(_, rest)| rest)
        } else {
            WRAPPERS.iter().find_map(|wrapper| cause.strip_prefix(wrapper))
        };
        match rest {
            Some(rest) => cause = rest,
            None => return cause,
        }
    }
}

/// The number after the last `exit code: `.
fn exit_code(reason: &str) -> Option<i64> {
    let (_, after) = reason.rsplit_once("exit code: ")?;
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

/// What to do about `reason`.
fn help(reason: &str) -> Option<String> {
    let reason = reason.to_lowercase();
    let denied = ["pull access denied", "unauthorized", "authorization failed", "403 forbidden"];
    denied.iter().any(|word| reason.contains(word)).then(|| {
        "check the name of the base image, or log in to its registry: `windlass login REGISTRY`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: (&str, Option<i64>)) {
        let cause = cause(message);
        assert_eq!((cause, exit_code(cause)), expected);
    }

    #[test]
    fn wrappers_are_stripped_to_the_cause() {
        let shell = "executor failed running [/bin/sh -c make]: exit code: 2";
        check(shell, (shell, Some(2)));
        check(&format!("failed to solve: {shell}"), (shell, Some(2)));
        check(
            &format!(
                "failed to solve with frontend dockerfile.v0: failed to build LLB: \
                 rpc error: code = Unknown desc = {shell}"
            ),
            (shell, Some(2)),
        );
        check(
            "process \"/bin/sh -c x\" did not complete successfully: exit code: 127",
            ("process \"/bin/sh -c x\" did not complete successfully: exit code: 127", Some(127)),
        );
        check("failed to solve: rpc error: code = Unknown", ("rpc error: code = Unknown", None));
        check("exit code: ", ("exit code:", None));
        check("exit code: 99999999999999999999", ("exit code: 99999999999999999999", None));
    }
}
