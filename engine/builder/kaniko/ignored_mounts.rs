//! The mounts of `RUN` that kaniko leaves out without a word.

use crate::image::Dockerfile;
use crate::image::dockerfile::{InstructionKind, Mount};

/// The types of mounts that are empty at first, so that a command also works without them.
const EMPTY_AT_FIRST: [&str; 2] = ["cache", "tmpfs"];

/// The lines of the `RUN` instructions with a mount that provides files, in the stages up to `target`, which kaniko
/// builds; an unknown target counts as the last. Kaniko accepts `--mount` and runs the command
/// without it (kaniko issue 1568). All other flags it either applies or reports as unknown.
pub fn ignored_mounts(dockerfile: &Dockerfile, target: Option<&str>) -> Vec<usize> {
    let provides_files = |mount: &Mount| {
        let kind = mount.fields.iter().find(|(key, _)| key == "type").map_or("bind", |(_, kind)| kind);
        !EMPTY_AT_FIRST.contains(&kind)
    };
    let last = dockerfile.target_index(target).unwrap_or(usize::MAX - 1);
    let instructions = dockerfile.targets().iter().take(last + 1).flat_map(|target| target.instructions());
    let ignored = instructions.filter(|instruction| match instruction.kind() {
        InstructionKind::Run(run) => run.mounts.iter().any(provides_files),
        _ => false,
    });
    ignored.map(|instruction| instruction.lines().0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_that_provide_files_are_reported() {
        let text = "FROM a\nRUN --mount=type=cache,target=/c make\nRUN --mount=target=/src make\nRUN make\n\
                    RUN --mount=type=secret,id=t --network=none make\nRUN --mount=type=tmpfs,target=/t make\n";
        let dockerfile =
            Dockerfile::parse("Dockerfile", format!("{text}FROM b\nRUN --mount=target=/src x\n")).unwrap();
        assert_eq!(ignored_mounts(&dockerfile, None), [3, 5, 8]);
        assert_eq!(ignored_mounts(&dockerfile, Some("0")), [3, 5]);
    }
}
