//! The errors of failed builds, for all builders.

use miette::NamedSource;

use crate::builder::{BuildError, BuildRequest};
use crate::process::last_lines;

/// How a build failed.
pub(super) struct Failure {
    /// The message of the builder.
    pub(super) reason: String,
    /// The failed step, if there is one.
    pub(super) step: Option<FailedStep>,
}

/// A step that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FailedStep {
    /// The step as the builder shows it: `[2/3] RUN make`, `Step 3/4 : RUN make`.
    pub(super) name: String,
    /// The error.
    pub(super) error: String,
    /// The last lines of its output.
    pub(super) output: Vec<String>,
}

impl Failure {
    /// The error for the build of `request`.
    pub(super) fn into_error(self, request: &BuildRequest) -> BuildError {
        match self.step {
            Some(step) if !step.name.starts_with("[internal]") => step.into_error(request),
            _ => {
                let reason = cause(&self.reason).to_owned();
                BuildError::Refused { image: request.image.clone(), help: help(&reason), reason }
            }
        }
    }
}

impl FailedStep {
    fn into_error(self, request: &BuildRequest) -> BuildError {
        let reason = cause(&self.error).to_owned();
        let dockerfile = &request.dockerfile;
        let help: Vec<_> = last_lines(&self.output).into_iter().chain(help(&reason)).collect();
        BuildError::StepFailed {
            exit_code: exit_code(&reason),
            reason,
            output: (!help.is_empty()).then(|| help.join("\n")),
            instruction: dockerfile.find_step(&self.name).map(Into::into),
            dockerfile: NamedSource::new(dockerfile.name(), dockerfile.text().to_owned()),
            step: self.name,
        }
    }
}

/// Prefixes that the layers of a builder add to a cause.
const WRAPPERS: [&str; 6] = [
    "error building image: ",
    "failed to solve: ",
    "failed to create LLB definition: ",
    "failed to build LLB: ",
    "failed to compute cache key: ",
    "failed to read dockerfile: ",
];

/// The message without the prefixes that the layers of a builder add.
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

/// The exit code in a message of the classic builder, BuildKit or kaniko.
fn exit_code(reason: &str) -> Option<i64> {
    let said = ["returned a non-zero code: ", "exit code: ", "exit status "];
    let (_, after) = said.iter().find_map(|words| reason.rsplit_once(words))?;
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

/// The hint for `reason`.
fn help(reason: &str) -> Option<String> {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let help = if says(&["pull access denied", "unauthorized", "authorization failed", "403 forbidden"]) {
        "check the name of the base image, or log in to its registry: `windlass login REGISTRY`"
    } else if says(&["no space left on device"]) {
        "free disk space for the Docker daemon: `docker system df` shows its usage, `docker image prune` frees some"
    } else {
        return None;
    };
    Some(help.to_owned())
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
        check(
            "The command '/bin/sh -c make' returned a non-zero code: 2",
            ("The command '/bin/sh -c make' returned a non-zero code: 2", Some(2)),
        );
        let kaniko = "building stage: failed to execute command: waiting for process to exit: exit status 2";
        check(&format!("error building image: error {kaniko}"), (&format!("error {kaniko}"), Some(2)));
        check("exit code: ", ("exit code:", None));
        check("exit code: 99999999999999999999", ("exit code: 99999999999999999999", None));
    }

    #[test]
    fn the_instruction_of_a_step_is_shown() {
        let request = BuildRequest::new(
            "api",
            crate::image::Dockerfile::parse("Dockerfile", "FROM a AS x\nRUN make\nRUN make test\n").unwrap(),
            Default::default(),
            "/",
        );
        for name in ["[x 3/3] RUN make test", "[3/3] RUN make test", "Step 3/3 : RUN make test"] {
            let error = "exit code: 3".to_owned();
            let step = FailedStep { name: name.into(), error, output: Vec::new() };
            let failure = Failure { reason: String::new(), step: Some(step) };
            match failure.into_error(&request) {
                BuildError::StepFailed {
                    exit_code: Some(3), output: None, instruction: Some(span), ..
                } => {
                    assert_eq!((span.offset(), span.len()), (21, 13), "{name}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
