//! Finds the instruction that a step of a builder's output refers to.

use std::ops::Range;

use super::{BuildStage, Dockerfile, Instruction};

impl Dockerfile {
    /// The bytes of the instruction on `line` (from 1), without its last newline.
    pub fn instruction_at_line(&self, line: usize) -> Option<Range<usize>> {
        let instruction =
            self.instructions().find(|found| (found.lines.0..=found.lines.1).contains(&line))?;
        Some(self.label(instruction))
    }

    /// The bytes of the instruction that a builder's step refers to: `[2/3] RUN make all`,
    /// `[linux/amd64 build 2/3] RUN make`, `Step 3/4 : COPY a b`, or the instruction alone.
    ///
    /// Builders expand variables and shorten here-documents, so the most similar instruction of the same name is
    /// chosen.
    pub fn find_step(&self, step: &str) -> Option<Range<usize>> {
        let step = step.trim();
        if let Some((number, text)) = step.strip_prefix("Step ").and_then(|step| step.split_once(" : ")) {
            let number: Option<usize> = number.split('/').next().and_then(|number| number.parse().ok());
            let numbered = number.and_then(|number| self.instructions().nth(number.checked_sub(1)?));
            return match numbered.filter(|found| found.name == name_of(text)) {
                Some(found) => Some(self.label(found)),
                None => self.nearest(text, |_| true),
            };
        }
        let Some((place, text)) = step.strip_prefix('[').and_then(|step| step.split_once("] ")) else {
            return self.nearest(step, |_| true);
        };
        // `linux/amd64 build 2/3`: the last word before the count may be the name of a build stage.
        let name = place.split_whitespace().rev().find(|word| {
            self.targets().iter().any(|target| target.name() == Some(word.to_lowercase().as_str()))
        });
        let name = name.map(str::to_lowercase);
        self.nearest(text, |target| name.is_none() || target.name() == name.as_deref())
    }

    /// Every instruction in file order.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        let targets = self.targets().iter();
        self.global_args()
            .iter()
            .chain(targets.flat_map(|target| std::iter::once(target.start()).chain(target.instructions())))
    }

    fn nearest(&self, text: &str, wanted: impl Fn(&BuildStage) -> bool) -> Option<Range<usize>> {
        let name = name_of(text);
        let squeezed = squeeze(text);
        let mut best: Option<(usize, &Instruction)> = None;
        for target in self.targets().iter().filter(|target| wanted(target)) {
            for found in std::iter::once(target.start()).chain(target.instructions()) {
                if found.name != name {
                    continue;
                }
                let own = squeeze(&found.text);
                let same =
                    own.bytes().zip(squeezed.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
                let score = if own.eq_ignore_ascii_case(&squeezed) { usize::MAX } else { same };
                if best.is_none_or(|(before, _)| score > before) {
                    best = Some((score, found));
                }
            }
        }
        best.map(|(_, found)| self.label(found))
    }

    /// The bytes of `instruction`, here-documents included, without its last newline.
    pub(crate) fn label(&self, instruction: &Instruction) -> Range<usize> {
        let end = instruction.span.start + self.text[instruction.span.clone()].trim_end().len();
        instruction.head.start..end.max(instruction.head.end)
    }
}

fn name_of(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_uppercase()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ARG V=1\nFROM a AS build\nRUN make \\\n  all\nRUN make test\nFROM b AS final\nCOPY --from=build $X /y\nRUN make all\n";

    #[track_caller]
    fn check(step: &str, expected: Option<&str>) {
        let dockerfile = Dockerfile::parse("Dockerfile", TEXT).unwrap();
        assert_eq!(dockerfile.find_step(step).map(|range| &TEXT[range]), expected, "{step}");
    }

    #[test]
    fn steps_of_both_builders_are_found() {
        check("[build 2/3] RUN make   all", Some("RUN make \\\n  all"));
        check("[linux/amd64 build 3/3] RUN make test", Some("RUN make test"));
        check("[final 2/3] COPY --from=build /value /y", Some("COPY --from=build $X /y"));
        check("Step 4/7 : RUN make test", Some("RUN make test"));
        check("RUN make test", Some("RUN make test"));
        check("[internal] load metadata", None);
    }

    #[test]
    fn a_step_in_another_target_is_that_targets() {
        let dockerfile = Dockerfile::parse("Dockerfile", TEXT).unwrap();
        let last = TEXT.rfind("RUN make all").unwrap();
        assert_eq!(dockerfile.find_step("[final 3/3] RUN make all").unwrap().start, last);
    }

    #[test]
    fn lines_inside_a_continuation_belong_to_its_instruction() {
        let dockerfile = Dockerfile::parse("Dockerfile", TEXT).unwrap();
        assert_eq!(dockerfile.instruction_at_line(4), dockerfile.instruction_at_line(3));
        assert_eq!(dockerfile.instruction_at_line(9), None);
    }
}
