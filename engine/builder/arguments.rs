//! Which builder supports which docker arguments. Unsupported arguments are rejected, never dropped.

use super::BuildError;
use crate::config::{BuilderArg, BuilderArgs, Role};

/// A builder that receives docker arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker {
    /// The docker CLI with BuildKit.
    BuildKit,
    /// The docker CLI with the classic builder.
    Classic,
    /// `docker buildx` with a builder in the cluster.
    Cluster,
    /// Kaniko.
    Kaniko,
    /// Windlass itself.
    Oci,
}

/// Checks that `taker` supports each of the `args` of the image `image`.
///
/// # Errors
/// [`BuildError::Argument`] for the first unsupported argument.
#[expect(clippy::result_large_err, reason = "it is created once and ends the build")]
pub fn check(image: &str, args: &BuilderArgs, taker: Taker) -> Result<(), BuildError> {
    let refused = args.iter().find_map(|arg| Some((arg, refusal(arg, taker)?)));
    let Some((arg, reason)) = refused else { return Ok(()) };
    let name = if arg.name.is_empty() { arg.value.clone().unwrap_or_default() } else { arg.name.clone() };
    Err(BuildError::Argument {
        image: image.to_owned(),
        argument: name.into(),
        place: arg.place().into(),
        reason: reason.into(),
        help: match arg.fault.is_some() || taker == Taker::BuildKit || arg.role() == Some(Role::Other) {
            true => "remove it, or write it as `docker build --help` shows it",
            false => "remove it, or let Docker build the image with BuildKit",
        },
    })
}

/// Why `taker` does not support `arg`; `None` if it does.
pub fn refusal(arg: &BuilderArg, taker: Taker) -> Option<&'static str> {
    use Taker::{BuildKit, Classic, Cluster, Kaniko, Oci};
    if let Some(fault) = arg.fault {
        return Some(fault);
    }
    let is_off = || matches!(arg.value.as_deref(), Some("false" | "disabled=true"));
    // Docker itself reports unknown arguments.
    let Some(role) = arg.role() else {
        return match taker {
            BuildKit | Classic | Cluster => None,
            Kaniko | Oci => Some("windlass does not recognize it"),
        };
    };
    match (role, taker) {
        (Role::Input | Role::Aside, _) => None,
        (Role::Other, _) if arg.value.as_deref() == Some("build") || !arg.is_set() => None,
        (Role::Other, _) => Some("with it, docker does not build an image"),
        (Role::Report, BuildKit | Cluster) => None,
        (Role::Report, Classic) if arg.name == "--iidfile" => None,
        (Role::Builder, BuildKit) => None,
        (Role::Builder, Cluster) => Some("`inCluster` already selects the builder"),
        // Windlass pushes and loads images itself.
        (Role::Output, _) if arg.value.is_none() => None,
        (Role::Output, BuildKit | Cluster | Oci) if leaves_image(arg) => None,
        (Role::Output, BuildKit | Cluster | Oci) => {
            Some("it puts the image where windlass cannot tag and push it")
        }
        // Only `RUN` reads them, and this builder runs nothing.
        (Role::Source | Role::Run, BuildKit | Cluster | Oci) => None,
        (Role::Run, Classic) => None,
        (Role::Context, BuildKit | Cluster) => None,
        (Role::BuildKit, BuildKit | Cluster) => None,
        (Role::BuildKit, _) if is_off() => None,
        (Role::Image, BuildKit | Classic | Cluster) => None,
        (Role::Image, Kaniko | Oci) if arg.name == "--pull" => None,
        (_, Kaniko) => Some("kaniko has no equivalent"),
        (_, Oci) => Some("the builder `oci` has no equivalent"),
        (_, _) => Some("it requires BuildKit"),
    }
}

/// The parts of an `--output`: names and values.
fn parts(output: &str) -> impl Iterator<Item = (&str, &str)> {
    output.split(',').map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Whether windlass can find the image of an `--output`.
fn leaves_image(arg: &BuilderArg) -> bool {
    let kinds = ["docker", "image", "registry"];
    let fits = |(name, value): (&str, &str)| match name {
        "type" => kinds.contains(&value),
        "dest" | "" => false,
        _ => true,
    };
    let value = arg.value.as_deref().unwrap_or_default();
    value.contains("type=") && parts(value).all(fits)
}

/// `args` for `docker build` or `docker buildx build`, without those that windlass handles itself: the destination of
/// the image (`output`: `docker` or `image`), the format of the output, and the report files.
pub(super) fn docker_words(args: &BuilderArgs, output: &'static str) -> Vec<String> {
    let own = ["iidfile", "metadata-file", "progress", "quiet"];
    let is_own = |arg: &&BuilderArg| arg.flag.is_some_and(|flag| own.contains(&flag.name));
    let word = |arg: &BuilderArg| match (arg.role(), &arg.value) {
        (Some(Role::Output), Some(value)) if !arg.is_set() || value.is_empty() => None,
        (Some(Role::Output), Some(value)) => {
            let kept = parts(value).filter(|(name, _)| !["type", "push"].contains(name));
            let kept: String = kept.map(|(name, value)| format!(",{name}={value}")).collect();
            Some(format!("{}=type={output}{kept}", arg.name))
        }
        (Some(Role::Output), None) => None,
        _ => Some(arg.word()),
    };
    args.iter().filter(|arg| !is_own(arg)).filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker(text: &str) -> BuilderArgs {
        BuilderArgs::of_docker(text.split(' ').map(|word| (word.to_owned(), None)).collect())
    }

    #[test]
    fn each_builder_honors_an_argument_or_refuses_it() {
        let all = [Taker::BuildKit, Taker::Classic, Taker::Cluster, Taker::Kaniko, Taker::Oci];
        let check = |text: &str, expected: &[Taker]| {
            let args = docker(text);
            let honors = |taker: &Taker| check("api", &args, *taker).is_ok();
            assert_eq!(all.into_iter().filter(honors).collect::<Vec<_>>(), expected, "{text}");
        };
        use Taker::{BuildKit, Classic, Cluster, Oci};
        for text in ["--no-cache", "--cache-from x", "--progress plain", "--push", "--load", "--pull", "-q"] {
            check(text, &all);
        }
        check("--sbom=false --provenance=false", &all);
        check("--secret id=a,src=b", &[BuildKit, Cluster, Oci]);
        check("--ssh default", &[BuildKit, Cluster, Oci]);
        check("--build-context a=b", &[BuildKit, Cluster]);
        check("--add-host a:1", &[BuildKit, Classic, Cluster, Oci]);
        check("--squash", &[BuildKit, Classic, Cluster]);
        check("--annotation a=b", &[BuildKit, Cluster]);
        check("--iidfile id", &[BuildKit, Classic, Cluster]);
        check("--builder b", &[BuildKit]);
        check("--output type=registry,compression=zstd", &[BuildKit, Cluster, Oci]);
        check("--never-heard-of x", &[BuildKit, Classic, Cluster]);
        for text in ["-o out", "-o -", "-o type=local,dest=x", "--call check", "--check", ".", "--secret"] {
            check(text, &[]);
        }
    }

    #[test]
    fn arguments_that_windlass_handles_are_not_passed_on() {
        let words = |text| docker_words(&docker(text), "docker").join(" ");
        assert_eq!(words("--push -q --load --progress tty --iidfile x --pull --new y"), "--pull --new=y");
        assert_eq!(
            words("-o type=registry,compression=zstd,push=true"),
            "--output=type=docker,compression=zstd"
        );
    }
}
