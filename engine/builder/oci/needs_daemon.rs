//! Finds the instruction of a Dockerfile that requires a daemon.

use std::ops::Range;

use super::variables::platform_args;
use crate::builder::{BuildError, BuildRequest};
use crate::error::StageError;
use crate::image::dockerfile::{
    Base, BaseConfig, BuildArgs, Graph, Instruction, InstructionKind, is_docker_frontend,
};
use crate::image::{Dockerfile, Platform, dockerfile::DockerfileError};

/// The build argument that names the frontend; it takes precedence over the Dockerfile.
const SYNTAX: &str = "BUILDKIT_SYNTAX";

/// An instruction that requires a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedFeature {
    /// The instruction: `RUN make`.
    pub instruction: String,
    /// Its line number, starting at 1.
    pub line: usize,
    /// Its bytes in the Dockerfile.
    pub span: Range<usize>,
    /// Why, as a phrase: `it runs a command`.
    pub reason: String,
}

/// The first instruction that requires a daemon, in the build stages that `target` needs; `None` if the image can be
/// assembled without one. `config` returns the known configuration of a base image, because its `ONBUILD` triggers run
/// as well.
///
/// # Errors
/// [`DockerfileError`] if the target does not exist, or a `FROM` cannot be expanded.
pub fn needs_daemon(
    dockerfile: &Dockerfile,
    target: Option<&str>,
    args: &BuildArgs,
    config: &dyn Fn(&str) -> Option<BaseConfig>,
) -> Result<Option<UnsupportedFeature>, DockerfileError> {
    let target = dockerfile.target_index(target)?;
    let given = args.get(SYNTAX).filter(|frontend| !frontend.is_empty());
    let frontend = match given {
        Some(given) => Some((SYNTAX, given.as_str())).filter(|_| !is_docker_frontend(given)),
        None => dockerfile.foreign_frontend().map(|written| ("# syntax", written)),
    };
    if let Some((origin, frontend)) = frontend {
        return Ok(Some(UnsupportedFeature {
            instruction: format!("{origin}={frontend}"),
            line: 1,
            span: 0..dockerfile.text().lines().next().unwrap_or_default().len(),
            reason: "it selects another Dockerfile frontend".to_owned(),
        }));
    }
    if let Some((span, line)) = dockerfile.strict_checks() {
        return Ok(Some(UnsupportedFeature {
            instruction: dockerfile.text()[span.clone()].to_owned(),
            line,
            span,
            reason: "it treats the warnings of BuildKit as errors".to_owned(),
        }));
    }
    let machine = Platform::of_this_machine();
    let args = platform_args(args, &machine, &machine);
    let graph = Graph::new(dockerfile, &args)?;
    let outside = |index: usize| match &graph.bases[index] {
        Base::Image(reference) => triggers(&config(reference).unwrap_or_default()),
        _ => Vec::new(),
    };
    let kinds = |index| outside(index).into_iter().map(|(kind, _)| kind).collect();
    let needed = graph.needed(target, &kinds);
    for (index, step) in dockerfile.targets().iter().enumerate().filter(|(index, _)| needed[*index]) {
        for (kind, text) in outside(index) {
            if let Some(reason) = reason(&kind) {
                return Ok(Some(UnsupportedFeature::of_trigger(dockerfile, step.start(), &text, &reason)));
            }
        }
        if let Base::Target(base) = graph.bases[index] {
            for instruction in dockerfile.targets()[base].instructions() {
                if let InstructionKind::Onbuild(Some(kind)) = instruction.kind()
                    && let Some(reason) = reason(kind)
                {
                    return Ok(Some(obstacle(dockerfile, instruction, reason)));
                }
            }
        }
        for instruction in step.instructions() {
            if let Some(reason) = reason(instruction.kind()) {
                return Ok(Some(obstacle(dockerfile, instruction, reason)));
            }
        }
    }
    Ok(None)
}

/// The hint for instructions that require a daemon.
const HELP: &str =
    "start Docker, install it (https://docs.docker.com/get-docker), or set DOCKER_HOST to a remote daemon";

/// Checks that windlass can assemble the image of `request`; `config` is as for [`needs_daemon`].
///
/// # Errors
/// [`BuildError::NeedsDaemon`] for an instruction that requires a daemon; an error for an invalid Dockerfile.
#[expect(clippy::result_large_err, reason = "it is created once and ends the build")]
pub fn check_daemonless(
    request: &BuildRequest,
    config: &dyn Fn(&str) -> Option<BaseConfig>,
) -> Result<(), BuildError> {
    let BuildRequest { image, dockerfile, target, build_args, .. } = request;
    match needs_daemon(dockerfile, target.as_deref(), build_args, config)? {
        Some(obstacle) => Err(obstacle.into_error(image, dockerfile, None)),
        None => Ok(()),
    }
}

/// The triggers of a base image, parsed and as written. Invalid ones are omitted: the build reports them better.
fn triggers(base: &BaseConfig) -> Vec<(InstructionKind, String)> {
    let parsed = base.onbuild.iter().filter_map(|trigger| {
        let dockerfile = Dockerfile::of_trigger(trigger).ok()?;
        let kinds = dockerfile.targets().iter().flat_map(|target| target.instructions());
        Some(kinds.map(|found| (found.kind().clone(), trigger.clone())).collect::<Vec<_>>())
    });
    parsed.flatten().collect()
}

impl UnsupportedFeature {
    /// For the `ONBUILD` instruction `trigger` of a base image; `from` is the `FROM` that names the image.
    pub(super) fn of_trigger(
        dockerfile: &Dockerfile,
        from: &Instruction,
        trigger: &str,
        reason: &str,
    ) -> Self {
        Self {
            instruction: format!("ONBUILD {}", trigger.lines().next().unwrap_or_default()),
            line: from.lines().0,
            span: dockerfile.label(from),
            reason: format!("{reason} (trigger of the base image)"),
        }
    }

    /// The error for it in `dockerfile` of `image`; `unreachable` is why the daemon is unavailable.
    pub fn into_error(
        self,
        image: &str,
        dockerfile: &Dockerfile,
        unreachable: Option<&StageError>,
    ) -> BuildError {
        let name = dockerfile.name().to_owned();
        BuildError::NeedsDaemon {
            image: image.to_owned(),
            reason: self.reason,
            line: self.line,
            dockerfile: miette::NamedSource::new(&name, dockerfile.text().to_owned()),
            dockerfile_name: name,
            instruction: self.span.into(),
            help: match unreachable {
                Some(error) => format!("{error}: {}; otherwise {HELP}", error.help()),
                None => format!("{HELP}; or run the command beforehand and COPY its output"),
            },
        }
    }
}

fn obstacle(dockerfile: &Dockerfile, instruction: &Instruction, reason: String) -> UnsupportedFeature {
    UnsupportedFeature {
        instruction: instruction.text().lines().next().unwrap_or_default().to_owned(),
        line: instruction.lines().0,
        span: dockerfile.label(instruction),
        reason,
    }
}

/// Why an instruction requires a daemon, as a phrase; `None` if it does not.
pub(super) fn reason(kind: &InstructionKind) -> Option<String> {
    match kind {
        InstructionKind::Run(_) => Some("it runs a command".to_owned()),
        InstructionKind::Foreign(reason) => Some(reason.clone()),
        InstructionKind::Copy(copy) if copy.parents => Some("`--parents` requires BuildKit".to_owned()),
        InstructionKind::Copy(copy)
            if copy.is_add && copy.sources.iter().any(|source| is_repository(source)) =>
        {
            Some("it adds a git repository".to_owned())
        }
        _ => None,
    }
}

/// Whether ADD treats `source` as a git repository (Dockerfile reference, "ADD").
pub(super) fn is_repository(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    let is_web = lower.starts_with("http://") || lower.starts_with("https://");
    let path = lower.split(['#', '?']).next().unwrap_or_default();
    let is_scp = source.split_once('@').is_some_and(|(user, rest)| {
        !user.is_empty() && !user.contains(['/', ':']) && rest.contains(':') && !rest.starts_with(':')
    });
    (is_web && path.ends_with(".git"))
        || lower.starts_with("git://")
        || lower.starts_with("ssh://")
        || (!is_web && is_scp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::dockerfile::flags::{FLAGS, FlagSpec, FlagValue};

    #[track_caller]
    fn check(text: &str, target: Option<&str>, expected: Option<(usize, &str)>) {
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        let config = |base: &str| {
            let onbuild = vec!["COPY --from=build /x /".to_owned(), "RUN make".to_owned()];
            (base == "onbuild").then(|| BaseConfig { onbuild, ..BaseConfig::default() })
        };
        let found = needs_daemon(&dockerfile, target, &BuildArgs::new(), &config).unwrap();
        let found = found.as_ref().map(|found| (found.line, found.instruction.as_str()));
        assert_eq!(found, expected, "{text}");
    }

    /// The flags of instructions that require a daemon.
    const REFUSED: [(&str, &str); 5] =
        [("COPY", "parents"), ("RUN", "device"), ("RUN", "mount"), ("RUN", "network"), ("RUN", "security")];

    /// The flags without a meaning here: this one is for git repositories, which require a daemon.
    const INERT: [(&str, &str); 1] = [("ADD", "keep-git-dir")];

    #[test]
    fn every_other_flag_is_used() {
        for FlagSpec { instruction, name, value } in &FLAGS {
            let example = match *name {
                "checksum" => format!("sha256:{:064}", 1),
                "chmod" => "640".to_owned(),
                "device" => "vendor.com/gpu".to_owned(),
                "exclude" => "*.md".to_owned(),
                "from" => "other".to_owned(),
                "interval" | "timeout" | "start-period" | "start-interval" => "5s".to_owned(),
                "mount" => "type=cache,target=/c".to_owned(),
                "network" => "none".to_owned(),
                "platform" => "linux/s390x".to_owned(),
                "retries" | "chown" => "3".to_owned(),
                "security" => "insecure".to_owned(),
                _ => "true".to_owned(),
            };
            let arguments = match *instruction {
                "FROM" => "scratch",
                "HEALTHCHECK" => "CMD check",
                "RUN" => "make",
                _ => "a /b",
            };
            let kind = |flag: &str| {
                let text = format!("FROM scratch AS other\nFROM scratch\n{instruction} {flag} {arguments}\n");
                let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
                let last = dockerfile.targets().last().unwrap();
                let instruction = last.instructions().last().unwrap_or(last.start());
                (instruction.kind().clone(), reason(instruction.kind()))
            };
            let (with, refused) = kind(&format!("--{name}={example}"));
            let (without, _) = kind("");
            let flag = (*instruction, *name);
            assert_eq!(refused.is_some(), REFUSED.contains(&flag), "{flag:?}");
            let is_inert = refused.is_none() && with == without;
            assert_eq!(is_inert, INERT.contains(&flag), "{flag:?}");
            let is_switch = *value == FlagValue::Switch;
            assert_eq!(is_switch, example == "true", "{instruction} --{name}");
        }
    }

    #[test]
    fn commands_need_a_daemon_where_they_are_needed() {
        check("FROM scratch\nCOPY a /\nCMD [\"a\"]", None, None);
        check("FROM scratch\nCOPY a /\nRUN make \\\n all", None, Some((3, "RUN make  all")));
        let text = "FROM a AS build\nRUN make\nFROM scratch AS plain\nCOPY a /\nFROM scratch\nCOPY --from=build /x /";
        check(text, Some("plain"), None);
        check(text, None, Some((2, "RUN make")));
        check("FROM scratch AS a\nONBUILD RUN make\nFROM scratch\nCOPY a /", None, None);
        check("FROM scratch AS a\nONBUILD RUN make\nFROM a", None, Some((2, "ONBUILD RUN make")));
        check("FROM onbuild AS a\nFROM scratch", None, None);
        check("FROM scratch\nFROM onbuild", None, Some((2, "ONBUILD RUN make")));
        let text = "FROM scratch AS build\nADD git@x.io:a.git /\nFROM onbuild";
        check(text, None, Some((2, "ADD git@x.io:a.git /")));
        check("# syntax=acme/frontend\nFROM scratch", None, Some((1, "# syntax=acme/frontend")));
        let dockerfile = Dockerfile::parse("Dockerfile", "# syntax=acme/frontend\nFROM scratch").unwrap();
        let with = |frontend: &str| {
            let args = BuildArgs::from_iter([(SYNTAX.to_owned(), frontend.to_owned())]);
            needs_daemon(&dockerfile, None, &args, &|_| None).unwrap().map(|found| found.instruction)
        };
        assert_eq!(with("docker/dockerfile:1"), None);
        assert_eq!(with("acme/other").as_deref(), Some("BUILDKIT_SYNTAX=acme/other"));
        check("# check=skip=all\nFROM scratch", None, None);
        let text = "# escape=`\n# check=skip=JSONArgsRecommended;error=true\nFROM scratch";
        check(text, None, Some((2, "# check=skip=JSONArgsRecommended;error=true")));
        check("FROM scratch\nADD https://x.io/a.git /a", None, Some((2, "ADD https://x.io/a.git /a")));
        check("FROM scratch\nADD https://x.io/a.tar git@x.io /a", None, None);
    }
}
