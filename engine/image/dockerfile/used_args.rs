//! Which build arguments affect a build.

use std::collections::HashSet;

use super::context_sources::{BaseConfig, Configs, Once};
use super::graph::{Base, Graph};
use super::parse::is_docker_frontend;
use super::{BuildArgs, Dockerfile, DockerfileError, InstructionKind};

/// Prefixes of the arguments that BuildKit's frontend and builders read without an ARG: these are always used.
const READ_ANYWAY: [&str; 3] = ["BUILD", "SOURCE_DATE_EPOCH", "TARGET"];

impl Dockerfile {
    /// The arguments of `args` that building `target` uses: by an ARG of a build stage that it needs, a `FROM` of
    /// one, a trigger of a base image, or the builder itself. All of them if this is unknown. `config` returns
    /// the configuration of a base image by its reference.
    ///
    /// # Errors
    /// As [`Dockerfile::reach`].
    pub fn used_args(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &dyn Fn(&str) -> Option<BaseConfig>,
    ) -> Result<BuildArgs, DockerfileError> {
        if args.is_empty() {
            return Ok(BuildArgs::new());
        }
        let declared = self.declared_args(target, args, &Once::new(config))?;
        let is_used = |name: &str| {
            READ_ANYWAY.iter().any(|prefix| name.starts_with(prefix))
                || declared.as_ref().is_none_or(|declared| declared.contains(name))
        };
        let used = args.iter().filter(|(name, _)| is_used(name));
        Ok(used.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The arguments that the build stages which `target` needs declare, or that their `FROM` names; `None` if
    /// unknown.
    fn declared_args(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &Once<'_>,
    ) -> Result<Option<HashSet<String>>, DockerfileError> {
        let target = self.target_index(target)?;
        if self.syntax().is_some_and(|syntax| !is_docker_frontend(syntax)) {
            return Ok(None);
        }
        let graph = Graph::new(self, args)?;
        let configs = Configs::new(&graph, config);
        let needed = graph.needed(target, &|index| configs.triggers(index));
        let mut named = Vec::new();
        for index in (0..needed.len()).filter(|index| needed[*index]) {
            match &graph.bases[index] {
                Base::Unknown(_) => return Ok(None),
                Base::Image(reference) if configs.of(reference).is_none() => return Ok(None),
                Base::Image(_) | Base::Scratch | Base::Target(_) => {}
            }
            let from = self.targets()[index].from();
            for word in [Some(&from.base.text), from.platform.as_ref()].into_iter().flatten() {
                named.extend(graph.global.names(word));
            }
            for kind in graph.kinds(index, &configs.triggers(index)) {
                match kind {
                    InstructionKind::Arg(pairs) => named.extend(pairs.iter().map(|(name, _)| name.clone())),
                    InstructionKind::Foreign(_) => return Ok(None),
                    _ => {}
                }
            }
        }
        // The default of an ARG before the first FROM may refer to others.
        let mut declared = HashSet::new();
        while let Some(name) = named.pop() {
            let is_new = !declared.contains(&name);
            if is_new && !args.contains_key(&name) {
                let pairs = self.global_args().iter().filter_map(|instruction| match instruction.kind() {
                    InstructionKind::Arg(pairs) => Some(pairs),
                    _ => None,
                });
                let own = pairs.flatten().filter(|(other, _)| *other == name);
                own.filter_map(|(_, default)| default.as_deref())
                    .for_each(|default| named.extend(graph.global.names(default)));
            }
            declared.insert(name);
        }
        Ok(Some(declared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of `A` to `E` `text` uses, and which of these predefined arguments.
    #[track_caller]
    fn check(text: &str, target: Option<&str>, expected: &str) {
        let names =
            "A B C D E HTTP_PROXY no_proxy BUILDKIT_INLINE_CACHE SOURCE_DATE_EPOCH TARGETARCH BUILDOS";
        let args: BuildArgs = names.split(' ').map(|name| (name.to_owned(), "base".to_owned())).collect();
        let config = |reference: &str| {
            let onbuild = match reference {
                "base" => vec!["ARG B".to_owned(), "RUN make".to_owned()],
                "plain" => Vec::new(),
                _ => return None,
            };
            Some(BaseConfig { onbuild, ..BaseConfig::default() })
        };
        let dockerfile = Dockerfile::parse("Dockerfile", text).expect("parsed");
        let used = dockerfile.used_args(target, &args, &config).expect("known");
        let used: Vec<_> = used.keys().map(String::as_str).collect();
        let always = "BUILDKIT_INLINE_CACHE SOURCE_DATE_EPOCH TARGETARCH BUILDOS";
        let expected = if expected == "all" { names.to_owned() } else { format!("{expected} {always}") };
        assert_eq!(used.join(" "), expected.trim(), "{text}");
    }

    #[test]
    fn arguments_of_needed_stages_count() {
        check("FROM scratch\nCOPY a /", None, "");
        check("FROM scratch\nARG A=1 B\nARG C=$D\nENV E=1", None, "A B C");
        check(
            "FROM scratch AS x\nARG A\nFROM scratch AS y\nARG B\nFROM scratch\nCOPY --from=y / /",
            None,
            "B",
        );
        check("FROM scratch AS x\nARG A\nFROM x AS y\nARG B\nFROM scratch", Some("y"), "A B");
        check("FROM scratch\nARG A\nFROM scratch\nRUN --mount=from=0 ls", None, "A");
        check("FROM scratch\nONBUILD ARG A", None, "");
        check("FROM scratch AS x\nONBUILD ARG A\nFROM x", None, "A");
    }

    #[test]
    fn arguments_before_the_first_stage_count_where_they_are_used() {
        check("ARG A\nFROM scratch", None, "");
        check("ARG A\nFROM $A", None, "A B");
        check("ARG A\nFROM plain-$A AS x\nFROM plain", None, "");
        check("ARG A\nFROM --platform=$A plain", None, "A");
        check("ARG A=1\nARG X=$A\nARG Y=${X:-$C}\nARG Z=$D\nFROM plain\nARG Y", None, "A C");
        check("ARG D\nARG A=$D\nFROM plain\nARG A", None, "A");
    }

    #[test]
    fn triggers_of_a_base_count() {
        check("FROM base", None, "B");
        check("FROM scratch\nCOPY --from=base / /", None, "");
    }

    #[test]
    fn proxies_count_where_they_are_declared() {
        check("FROM plain\nRUN make", None, "");
        check("FROM plain\nARG HTTP_PROXY\nARG no_proxy=x", None, "HTTP_PROXY no_proxy");
    }

    #[test]
    fn all_args_count_if_a_base_image_is_unknown() {
        check("FROM unseen", None, "all");
        check("FROM unseen AS x\nFROM plain", None, "");
        check("# syntax=acme/frontend\nFROM plain", None, "all");
        check("# syntax=docker/dockerfile:1\nFROM plain", None, "");
        check("ARG BUILDVARIANT\nFROM base$BUILDVARIANT", None, "all");
    }
}
