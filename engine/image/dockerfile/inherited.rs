//! The settings that images will inherit from a base image that is not built yet.

use super::context_sources::{Configs, Once};
use super::graph::{Base, Graph};
use super::scope::Scope;
use super::{BaseConfig, BuildArgs, BuildStage, Dockerfile, InstructionKind};

impl Dockerfile {
    /// The settings that images inherit from `target`: its environment and its triggers. `config` returns the
    /// configuration of a base image by its reference. `None` if a part is unknown before `target` is built.
    pub fn passes_on(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &dyn Fn(&str) -> Option<BaseConfig>,
    ) -> Option<BaseConfig> {
        let target = self.target_index(target).ok()?;
        let graph = Graph::new(self, args).ok()?;
        let once = Once::new(config);
        let scope = self.scope_after(target, args, &graph, &Configs::new(&graph, &once))?;
        let onbuild = self.targets()[target].triggers().collect();
        Some(BaseConfig { onbuild, env: scope.environment()?, digest: None })
    }

    /// The variables at the end of the build stage `index`.
    fn scope_after<'a>(
        &self,
        index: usize,
        args: &'a BuildArgs,
        graph: &Graph<'a>,
        configs: &Configs<'_>,
    ) -> Option<Scope<'a>> {
        // From `index` down to the build stage that is not based on another one.
        let mut chain = vec![index];
        while let Some(Base::Target(base)) = chain.last().map(|index| &graph.bases[*index]) {
            chain.push(*base);
        }
        let mut scope = Scope::new(args, self.escape());
        for index in chain.into_iter().rev() {
            match &graph.bases[index] {
                Base::Scratch => {}
                Base::Target(_) => scope.remove_args(),
                Base::Unknown(_) => return None,
                Base::Image(reference) => scope.set_base_env(&configs.of(reference)?.env),
            }
            for kind in graph.kinds(index, &configs.triggers(index)) {
                scope.apply(kind, &graph.global).ok()?;
            }
        }
        Some(scope)
    }
}

impl BuildStage {
    /// Its ONBUILD triggers as written.
    fn triggers(&self) -> impl Iterator<Item = String> {
        let triggers =
            self.instructions().iter().filter(|found| matches!(found.kind(), InstructionKind::Onbuild(_)));
        triggers.filter_map(|found| Some(found.text.split_once(char::is_whitespace)?.1.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&[&str], &[&str])>) {
        let config = |reference: &str| {
            (reference == "env").then(|| BaseConfig { env: vec!["DIR=base".into()], ..BaseConfig::default() })
        };
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let expected = expected.map(|(env, onbuild)| BaseConfig {
            env: texts(env),
            onbuild: texts(onbuild),
            digest: None,
        });
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        assert_eq!(dockerfile.passes_on(None, &BuildArgs::new(), &config), expected, "{text}");
    }

    #[test]
    fn long_chains_of_targets_are_no_matter_of_the_stack() {
        let chain =
            (1..5000).map(|number| format!("FROM s{} AS s{number}\n", number - 1)).collect::<String>();
        check(&format!("FROM scratch AS s0\nENV A=1\n{chain}"), Some((&["A=1"], &[])));
    }

    #[test]
    fn environment_comes_from_the_base_and_the_instructions() {
        check("FROM scratch\nCOPY a /", Some((&[], &[])));
        check("FROM env\nENV SUB=$DIR/sub X=1\nCOPY a /", Some((&["DIR=base", "SUB=base/sub", "X=1"], &[])));
        check(
            "FROM env AS a\nARG V=1\nENV A=$V\nFROM a\nENV B=$V.$A",
            Some((&["A=1", "B=.1", "DIR=base"], &[])),
        );
    }

    #[test]
    fn triggers_are_passed_on_once() {
        check("FROM scratch AS a\nONBUILD COPY x /\nFROM a\nONBUILD RUN make", Some((&[], &["RUN make"])));
    }

    #[test]
    fn decisions_of_the_builder_are_unknown() {
        check("FROM unseen\nCOPY a /", None);
        check("FROM scratch\nARG TARGETARCH\nENV ARCH=$TARGETARCH", None);
        check("ARG TARGETOS\nFROM base-$TARGETOS", None);
    }
}
