//! Commands of a build that use a file which is copied for them.

use super::context_sources::clean;
use super::{Dockerfile, Instruction, InstructionKind};
use crate::image::context::Glob;

impl Dockerfile {
    /// The first `RUN` after a `COPY` or `ADD` that names the file `path` of the build context, as in `COPY package.json .`
    /// and `RUN npm ci`. Its result is out of date when the file changes, wherever the file itself is replaced. Directories
    /// name none of their files. Considers each build stage alone, and no variables.
    pub fn run_that_uses(&self, path: &str) -> Option<&Instruction> {
        self.targets().iter().find_map(|target| {
            let mut instructions = target.instructions().iter();
            instructions.by_ref().find(|instruction| names(instruction.kind(), path))?;
            instructions.find(|instruction| matches!(instruction.kind(), InstructionKind::Run(_)))
        })
    }
}

/// Whether `instruction` copies the file `path` of the build context by its name.
fn names(instruction: &InstructionKind, path: &str) -> bool {
    let InstructionKind::Copy(copy) = instruction else { return false };
    copy.from.is_none() && copy.sources.iter().any(|source| is_name_of(source, path))
}

/// Whether `source` names the file `path`, maybe with wildcards; `*` names no file.
fn is_name_of(source: &str, path: &str) -> bool {
    let (source, is_whole) = clean(source);
    let (parts, names) = (source.split('/'), path.split('/'));
    is_whole
        && parts.clone().count() == names.clone().count()
        && !parts.clone().any(|part| part == "*")
        && parts
            .zip(names)
            .all(|(part, name)| part == name || Glob::parse(part).is_some_and(|glob| glob.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_copied_by_name_is_an_input_of_the_next_command() {
        let check = |text: &str, path: &str, expected: Option<&str>| {
            let dockerfile = Dockerfile::parse("Dockerfile", text).expect("a Dockerfile");
            let found = dockerfile.run_that_uses(path).map(Instruction::text);
            assert_eq!(found, expected, "{path} of {text}");
        };
        let node = "FROM node AS build\nCOPY . /all\nRUN before\nCOPY ./package*.json ./\nENV A=b\nRUN npm ci\nRUN npm test\n\
                    COPY src src\nRUN npm build\nFROM scratch\nCOPY --from=build /src/b /b\nCOPY a /a\n";
        check(node, "package.json", Some("RUN npm ci"));
        check(node, "package-lock.json", Some("RUN npm ci"));
        check(node, "src/package.json", None);
        check(node, "src/b", None);
        // No command follows.
        check(node, "a", None);
        check(
            "FROM a\nRUN x\nFROM b\nCOPY x/y.txt /\nRUN --mount=type=cache,target=/c z",
            "x/y.txt",
            Some("RUN --mount=type=cache,target=/c z"),
        );
        check("FROM a\nCOPY * /\nRUN x", "y", None);
        check("FROM a\nCOPY **/y /\nRUN x", "y", None);
        check("FROM a\nARG N=y\nCOPY $N /\nRUN x", "y", None);
    }
}
