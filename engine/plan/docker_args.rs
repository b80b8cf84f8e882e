//! What of the docker CLI's arguments the builder `oci` understands: those that people write for several platforms and
//! for another compression (`docker buildx build --help`).

use crate::oci::Compression;

/// The value of the last `--platform`: `linux/amd64,linux/arm64`.
pub(super) fn platform(args: &[String]) -> Option<String> {
    values(args, &["--platform"]).last().map(str::to_owned)
}

/// The `compression` of the last `--output` or `-o`: `--output type=registry,compression=zstd`.
pub(super) fn compression(args: &[String]) -> Compression {
    let outputs = values(args, &["--output", "-o"]);
    let named =
        outputs.flat_map(|output| output.split(',')).filter_map(|part| part.strip_prefix("compression="));
    match named.last() {
        Some("zstd") => Compression::Zstd,
        _ => Compression::Gzip,
    }
}

/// What makes the CLI push the image by itself: `--push`, `--output type=registry`, `--output type=image,push=true`.
pub(super) fn pushing(args: &[String]) -> Option<String> {
    let flag = args.iter().find(|arg| ["--push", "--push=true"].contains(&arg.as_str())).cloned();
    let pushes = |output: &&str| output.split(',').any(|part| ["type=registry", "push=true"].contains(&part));
    flag.or_else(|| values(args, &["--output", "-o"]).find(pushes).map(|output| format!("--output {output}")))
}

/// The values of a flag, as `--flag value` and as `--flag=value`.
fn values<'a>(args: &'a [String], flags: &'a [&str]) -> impl Iterator<Item = &'a str> {
    args.iter().enumerate().filter_map(move |(index, arg)| {
        flags.iter().find_map(|flag| match arg.strip_prefix(flag)? {
            "" => args.get(index + 1).map(String::as_str),
            rest => rest.strip_prefix('='),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_last_one_counts() {
        let check =
            |text, expected: Option<&str>| assert_eq!(platform(&args(text)).as_deref(), expected, "{text}");
        check("--pull", None);
        check("--platform linux/arm64 --platform=linux/amd64,linux/arm64", Some("linux/amd64,linux/arm64"));
        check("--platform", None);
        check("--platforms linux/arm64", None);
    }

    #[test]
    fn some_arguments_push() {
        let check =
            |text, expected: Option<&str>| assert_eq!(pushing(&args(text)).as_deref(), expected, "{text}");
        check("--pull --output type=local,dest=out --push=false", None);
        check("--pull --push", Some("--push"));
        check("--output=type=registry,compression=zstd", Some("--output type=registry,compression=zstd"));
        check("-o type=image,push=true", Some("--output type=image,push=true"));
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
