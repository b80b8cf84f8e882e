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
    /// A custom command.
    Custom,
}

/// Checks that `taker` supports each of the `args` of the image `image`.
///
/// # Errors
/// [`BuildError::Argument`] for the first unsupported argument.
#[expect(clippy::result_large_err, reason = "it is created once and ends the build")]
pub fn check(image: &str, args: &BuilderArgs, taker: Taker) -> Result<(), BuildError> {
    let platforms = args.iter().filter(|arg| is_platform(arg)).flat_map(|arg| arg.value.as_deref());
    let has_several = platforms.flat_map(|list| list.split(',')).count() > 1;
    let refused = args.iter().find_map(|arg| {
        let is_one_too_many =
            has_several && is_platform(arg) && matches!(taker, Taker::Classic | Taker::Kaniko);
        let several = is_one_too_many.then_some("it builds for one platform at a time");
        Some((arg, refusal(arg, taker).or(several)?))
    });
    let Some((arg, reason)) = refused else { return Ok(()) };
    let name = if arg.name.is_empty() { arg.value.as_deref().unwrap_or_default() } else { &arg.name };
    let argument = match arg.key {
        Some(key) => format!("`{key}`"),
        None => format!("`{name}` of its `args`"),
    };
    Err(BuildError::Argument {
        image: image.to_owned(),
        argument: argument.into(),
        place: arg.place().into(),
        reason: reason.into(),
        help: match arg.fault.is_some() || taker == Taker::BuildKit || arg.role() == Some(Role::Other) {
            _ if taker == Taker::Custom => "remove it, or pass it to the command with `args`",
            true => "remove it, or write it as `docker build --help` shows it",
            false => "remove it, or let Docker build the image with BuildKit",
        },
    })
}

/// Why `taker` does not support `arg`; `None` if it does.
pub fn refusal(arg: &BuilderArg, taker: Taker) -> Option<&'static str> {
    use Taker::{BuildKit, Classic, Cluster, Custom, Kaniko, Oci};
    if taker == Custom {
        // Its `args` have never had an effect.
        return arg.key.map(|_| "the image has a custom command");
    }
    if let Some(fault) = arg.fault {
        return Some(fault);
    }
    let is_off = || matches!(arg.value.as_deref(), Some("false" | "disabled=true"));
    // Docker itself reports unknown arguments.
    let Some(role) = arg.role() else {
        return match taker {
            BuildKit | Classic | Cluster => None,
            Kaniko | Oci | Custom => Some("windlass does not recognize it"),
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
        (_, Kaniko) => Some("kaniko has no equivalent"),
        (_, Oci) => Some("the builder `oci` has no equivalent"),
        (_, _) => Some("it requires BuildKit"),
    }
}

fn is_platform(arg: &BuilderArg) -> bool {
    arg.key.is_some() && arg.role() == Some(Role::Input)
}

/// The layer cache of a build by the API of a daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerCache {
    /// The images to import it from.
    pub from: Vec<String>,
    /// Whether to export it into the image itself.
    pub is_inline: bool,
}

impl LayerCache {
    /// The layer cache in `args`; `None` if one of the `args` requires the Docker CLI.
    pub fn of_api(args: &BuilderArgs) -> Option<Self> {
        let mut cache = Self::default();
        for arg in args.iter() {
            let value = arg.value.as_deref().unwrap_or_default();
            match arg.key {
                Some("cacheFrom") => cache.from.push(registry_image(value)?.to_owned()),
                Some("cacheTo") if value == "inline" || value == "type=inline" => cache.is_inline = true,
                Some("platforms") => {}
                _ => return None,
            }
        }
        Some(cache)
    }
}

/// The image that a `--cache-from` names.
fn registry_image(source: &str) -> Option<&str> {
    if !source.contains('=') {
        return Some(source);
    }
    let (kinds, others): (Vec<_>, Vec<_>) = parts(source).partition(|(name, _)| *name == "type");
    match (kinds.as_slice(), others.as_slice()) {
        ([(_, "registry")], [("ref", image)]) => Some(image),
        _ => None,
    }
}

/// A `--cache-to` whose failure does not fail the build.
fn cache_export(arg: &BuilderArg) -> Option<String> {
    let value = arg.value.as_deref().filter(|_| arg.key == Some("cacheTo"))?;
    let value = match value {
        "inline" => "type=inline".to_owned(),
        image if !image.contains('=') => format!("type=registry,ref={image}"),
        value => value.to_owned(),
    };
    let is_final = parts(&value).any(|part| part == ("type", "inline") || part.0 == "ignore-error");
    Some(format!("{}={value}{}", arg.name, if is_final { "" } else { ",ignore-error=true" }))
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
        // The platforms are options of every builder.
        (Some(Role::Input), _) if arg.key.is_some() => None,
        _ => Some(cache_export(arg).unwrap_or_else(|| arg.word())),
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

    /// Arguments with these keys.
    fn keyed(entries: &[(&str, &str)]) -> BuilderArgs {
        let mut args = BuilderArgs::default();
        for key in &crate::config::DOCKER_KEYS {
            let values = entries.iter().filter(|(name, _)| *name == key.name);
            args.set_key(key, values.map(|(_, value)| ((*value).to_owned(), None)).collect());
        }
        args
    }

    #[test]
    fn each_builder_honors_a_key_or_refuses_it() {
        use Taker::{BuildKit, Classic, Cluster, Custom, Kaniko, Oci};
        let all = [BuildKit, Classic, Cluster, Kaniko, Oci, Custom];
        let check = |entries: &[(&str, &str)], expected: &[Taker]| {
            let args = keyed(entries);
            let honors = |taker: &Taker| check("api", &args, *taker).is_ok();
            assert_eq!(all.into_iter().filter(honors).collect::<Vec<_>>(), expected, "{entries:?}");
        };
        check(&[], &all);
        check(&[("platforms", "linux/arm64")], &[BuildKit, Classic, Cluster, Kaniko, Oci]);
        check(&[("platforms", "linux/arm64,linux/amd64")], &[BuildKit, Cluster, Oci]);
        check(&[("platforms", "linux/arm64"), ("platforms", "linux/amd64")], &[BuildKit, Cluster, Oci]);
        check(&[("cacheFrom", "r.io/api")], &[BuildKit, Classic, Cluster, Kaniko, Oci]);
        check(&[("cacheTo", "type=gha")], &[BuildKit, Classic, Cluster, Kaniko, Oci]);
        check(&[("secrets", "id=npm,env=NPM")], &[BuildKit, Cluster, Oci]);
        check(&[("ssh", "default")], &[BuildKit, Cluster, Oci]);
        check(&[("secrets", "env=NPM")], &[]);
        check(&[("cacheFrom", "")], &[]);
    }

    #[test]
    fn the_api_of_a_daemon_has_some_layer_caches() {
        let cache = |entries: &[(&str, &str)]| LayerCache::of_api(&keyed(entries));
        let registry =
            [("cacheFrom", "r.io/a"), ("cacheFrom", "type=registry,ref=r.io/b"), ("cacheTo", "type=inline")];
        let from = vec!["r.io/a".to_owned(), "r.io/b".to_owned()];
        assert_eq!(cache(&registry), Some(LayerCache { from, is_inline: true }));
        assert_eq!(cache(&[("platforms", "linux/arm64")]), Some(LayerCache::default()));
        for (key, value) in [
            ("cacheFrom", "type=gha"),
            ("cacheFrom", "type=registry,ref=r.io/a,ref=r.io/b"),
            ("cacheTo", "r.io/a"),
            ("secrets", "id=a"),
            ("ssh", "default"),
        ] {
            assert_eq!(cache(&[(key, value)]), None, "{key}: {value}");
        }
        assert_eq!(LayerCache::of_api(&docker("--cache-from r.io/a")), None);
    }

    #[test]
    fn an_export_of_the_cache_fails_no_build() {
        let words =
            |value| docker_words(&keyed(&[("cacheTo", value), ("platforms", "linux/arm64")]), "docker");
        assert_eq!(words("inline"), ["--cache-to=type=inline"]);
        assert_eq!(words("r.io/a"), ["--cache-to=type=registry,ref=r.io/a,ignore-error=true"]);
        assert_eq!(words("type=gha,mode=max"), ["--cache-to=type=gha,mode=max,ignore-error=true"]);
        assert_eq!(words("type=gha,ignore-error=false"), ["--cache-to=type=gha,ignore-error=false"]);
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
