//! The URLs that a Dockerfile downloads with `ADD`.

use super::context_sources::is_address;
use super::graph::Graph;
use super::instruction::InstructionKind;
use super::scope::Scope;
use super::{BuildArgs, Dockerfile, DockerfileError};

impl Dockerfile {
    /// The URLs that building `target` downloads with `ADD` without a `--checksum`, each with its
    /// line.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist, or a `FROM` cannot be expanded.
    pub fn addresses(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
    ) -> Result<Vec<(String, usize)>, DockerfileError> {
        let target = self.target_index(target)?;
        let graph = Graph::new(self, args)?;
        let needed = graph.needed(target, &|_| Vec::new());
        let mut addresses = Vec::new();
        for (step, _) in self.targets().iter().zip(&needed).filter(|(_, needed)| **needed) {
            let mut scope = Scope::new(args, self.escape());
            for instruction in step.instructions() {
                // Errors of an instruction are reported when it is built.
                let _ = scope.apply(instruction.kind(), &graph.global);
                let InstructionKind::Copy(copy) = instruction.kind() else { continue };
                if !copy.is_add || copy.checksum.is_some() {
                    continue;
                }
                let sources = copy.sources.iter().filter_map(|source| scope.expand(source).ok());
                let sources = sources.map(|expansion| expansion.text).filter(|source| is_address(source));
                addresses.extend(sources.map(|source| (source, instruction.lines().0)));
            }
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_of_add_without_a_checksum_are_listed() {
        let text = "FROM scratch AS unused\nADD https://x.io/unused /\nFROM scratch\nARG V=2\nADD https://x.io/a-$V /a\n\
                    ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://x.io/b /b\n\
                    ADD local git@x.io:a/b.git /c\nCOPY https://x.io/d /d\n";
        let dockerfile = Dockerfile::parse("Dockerfile", text).expect("a Dockerfile");
        let found = dockerfile.addresses(None, &BuildArgs::new()).expect("addresses");
        assert_eq!(found, [("https://x.io/a-2".to_owned(), 5), ("git@x.io:a/b.git".to_owned(), 7)]);
    }
}
