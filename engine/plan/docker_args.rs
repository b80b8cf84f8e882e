//! The arguments of Docker that the builder `oci` supports.

use crate::config::{BuilderArg, BuilderArgs};
use crate::oci::Compression;

/// The `compression` of the last `--output`: `--output type=registry,compression=zstd`.
pub(super) fn compression(args: &BuilderArgs) -> Compression {
    let outputs = args.iter().filter(|arg| arg.flag.is_some_and(|flag| flag.name == "output"));
    match outputs.filter_map(BuilderArg::compression).last() {
        Some("zstd") => Compression::Zstd,
        _ => Compression::Gzip,
    }
}

/// The argument that makes the Docker CLI push the image: `--push`, `--output type=registry`, `--output
/// type=image,push=true`.
pub(super) fn pushing(args: &BuilderArgs) -> Option<String> {
    let pushes = |arg: &&BuilderArg| {
        let parts = || arg.value.as_deref().unwrap_or_default().split(',');
        match arg.name.as_str() {
            "--push" => arg.is_set(),
            "--output" => parts().any(|part| ["type=registry", "push=true"].contains(&part)),
            _ => false,
        }
    };
    args.iter().find(pushes).map(BuilderArg::word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> BuilderArgs {
        BuilderArgs::of_docker(text.split(' ').map(|word| (word.to_owned(), None)).collect())
    }

    #[test]
    fn some_arguments_push() {
        let check =
            |text, expected: Option<&str>| assert_eq!(pushing(&args(text)).as_deref(), expected, "{text}");
        check("--pull --output type=local,dest=out --push=false", None);
        check("--pull --push", Some("--push"));
        check("--output=type=registry,compression=zstd", Some("--output=type=registry,compression=zstd"));
        check("-o type=image,push=true", Some("--output=type=image,push=true"));
    }

    #[test]
    fn compression_is_a_part_of_the_output() {
        let check = |text, expected| assert_eq!(compression(&args(text)), expected, "{text}");
        check("--pull", Compression::Gzip);
        check("--output type=registry,compression=zstd", Compression::Zstd);
        check("-o=type=registry,compression=zstd,compression-level=3", Compression::Zstd);
        check("-o compression=zstd -o compression=gzip", Compression::Gzip);
    }
}
