//! The external images that a Dockerfile uses.

use super::graph::{Base, Graph, Origin, origins};
use super::{BaseImage, BuildArgs, Dockerfile, DockerfileError};

impl Dockerfile {
    /// The external images that building `target` uses, in order, without `scratch` and without build stages.
    ///
    /// Build stages that `target` does not need are skipped. A `FROM` with variables that only the builder
    /// sets (`TARGETARCH`) yields no image, but counts as needing every earlier build stage.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist, or a `FROM` cannot be expanded.
    pub fn bases(&self, target: Option<&str>, args: &BuildArgs) -> Result<Vec<BaseImage>, DockerfileError> {
        let target = self.target_index(target)?;
        let graph = Graph::new(self, args)?;
        let needed = graph.needed(target, &|_| Vec::new());
        let mut bases = Vec::new();
        for (index, step) in self.targets().iter().enumerate().filter(|(index, _)| needed[*index]) {
            if let Base::Image(reference) = &graph.bases[index] {
                let span = step.from().base.span.clone();
                bases.push(BaseImage { reference: reference.clone(), is_base: true, span });
            }
            for word in graph.kinds(index, &[]).flat_map(origins) {
                let base =
                    BaseImage { reference: word.text.clone(), is_base: false, span: word.span.clone() };
                if matches!(graph.origin(word), Origin::Image)
                    && word.text != "scratch"
                    && !bases.contains(&base)
                {
                    bases.push(base);
                }
            }
        }
        bases.sort_by_key(|base| base.span.start);
        Ok(bases)
    }
}
