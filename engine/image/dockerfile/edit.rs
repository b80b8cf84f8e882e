//! Edited copies of a Dockerfile; everything that is not edited is kept byte for byte.

use std::ops::Range;

use super::{BaseImage, Dockerfile, DockerfileError};

impl Dockerfile {
    /// A copy whose build target ends with `ENTRYPOINT` in JSON form; an empty list clears it.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist.
    pub fn with_entrypoint(
        &self,
        target: Option<&str>,
        entrypoint: &[String],
    ) -> Result<Self, DockerfileError> {
        self.with_appended(target, &format!("ENTRYPOINT {}", json(entrypoint)))
    }

    /// A copy whose build target ends with `CMD` in JSON form; an empty list clears it.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist.
    pub fn with_command(&self, target: Option<&str>, command: &[String]) -> Result<Self, DockerfileError> {
        self.with_appended(target, &format!("CMD {}", json(command)))
    }

    /// A copy whose build target ends with `lines` (any instructions except `FROM`, in the syntax of this file).
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist or a line is not an instruction.
    pub fn with_instructions(&self, target: Option<&str>, lines: &[String]) -> Result<Self, DockerfileError> {
        if lines.is_empty() {
            self.target_index(target)?;
            return Ok(self.clone());
        }
        let added = lines.join("\n");
        let error = |instruction: &str, reason: &str| DockerfileError::Instruction {
            file: self.name().to_owned(),
            instruction: instruction.trim().to_owned(),
            reason: reason.to_owned(),
        };
        let syntax = self.syntax().map(|syntax| format!("# syntax={syntax}\n")).unwrap_or_default();
        let probe = format!("{syntax}# escape={}\nFROM scratch\n{added}", self.escape());
        let probe = super::parse::parse(&probe).map_err(|mistake| {
            let start =
                probe[..mistake.range.start.min(probe.len())].rfind('\n').map_or(0, |newline| newline + 1);
            error(probe[start..].lines().next().unwrap_or_default(), &mistake.reason)
        })?;
        match probe.targets.as_slice() {
            [target] if target.last().dangling.is_some() => {
                Err(error(&target.last().text, "it ends with an escape character, but no line follows"))
            }
            [_] => self.with_appended(target, &added),
            _ => Err(error("FROM", "it would start another build stage")),
        }
    }

    /// A copy in which the build target `target` is the last build stage or has a name, and this name: some builders
    /// do not accept numbers.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist.
    pub fn with_target_name(&self, target: Option<&str>) -> Result<(Self, Option<String>), DockerfileError> {
        let index = self.target_index(target)?;
        if index + 1 == self.targets().len() {
            return Ok((self.clone(), None));
        }
        let from = self.targets()[index].from();
        if let Some(name) = &from.name {
            return Ok((self.clone(), Some(name.clone())));
        }
        let name = (0..)
            .map(|number| format!("target-{}", index + number))
            .find(|name| self.targets().iter().all(|target| target.name() != Some(name)));
        let name = name.unwrap_or_default();
        let (head, tail) = self.text.split_at(from.base.span.end);
        let named = Self::parse(self.name.clone(), format!("{head} AS {name}{tail}"))?;
        Ok((Self { added: self.added.clone(), ..named }, Some(name)))
    }

    /// A copy in which each `base` is replaced by its `reference`.
    ///
    /// # Errors
    /// [`DockerfileError`] if a reference makes the file unreadable.
    pub fn with_bases(&self, replacements: &[(BaseImage, String)]) -> Result<Self, DockerfileError> {
        let mut replacements: Vec<_> = replacements.iter().collect();
        replacements.sort_by_key(|(base, _)| base.span.start);
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        for (base, reference) in replacements {
            if let Some(between) = self.text.get(done..base.span.start) {
                text.push_str(between);
                text.push_str(reference);
                done = base.span.end;
            }
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        Ok(Self { added: self.added.clone(), ..Self::parse(self.name.clone(), text)? })
    }

    /// A copy with `lines` after the last instruction of `target`.
    pub(super) fn with_appended(&self, target: Option<&str>, lines: &str) -> Result<Self, DockerfileError> {
        let last = self.target(target)?.last();
        let (head, tail) = self.text.split_at(last.span.end);
        let newline = match self.text.split_once('\n') {
            Some((first, _)) if first.ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let mut text = String::with_capacity(self.text.len() + lines.len() + 4);
        text.push_str(head);
        // The file may end inside a continuation, which would include the appended lines. Without the escape
        // character, the line before may be continued instead.
        let mut dangling = last.dangling;
        while let Some(escape) = dangling {
            text.remove(escape);
            let closed = Self::parse(self.name.clone(), text.as_str())?;
            dangling = closed.targets().last().and_then(|target| target.last().dangling);
        }
        if !text.ends_with('\n') {
            text.push_str(newline);
        }
        let (first, count) = (text.lines().count() + 1, lines.lines().count());
        for line in lines.lines() {
            text.push_str(line);
            text.push_str(newline);
        }
        text.push_str(tail);
        let behind = |range: &Range<usize>| match range.start < first {
            true => range.clone(),
            false => range.start + count..range.end + count,
        };
        let added = self.added.iter().map(behind).chain(std::iter::once(first..first + count)).collect();
        Ok(Self { added, ..Self::parse(self.name.clone(), text)? })
    }

    /// Whether an edit added lines.
    pub fn has_added_lines(&self) -> bool {
        !self.added.is_empty()
    }

    /// The number of line `line` of this copy in the original file, both counted from 1; `None` for a line that an
    /// edit added.
    pub fn line_as_read(&self, line: usize) -> Option<usize> {
        let before = self.added.iter().filter(|range| range.start <= line);
        match before.clone().any(|range| range.contains(&line)) {
            true => None,
            false => Some(line - before.map(Range::len).sum::<usize>()),
        }
    }
}

/// A JSON list of strings for the JSON form of an instruction, valid for every escape character.
pub(super) fn json(words: &[String]) -> serde_json::Value {
    words.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{BuildArgs, InstructionKind};
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[track_caller]
    fn check(text: &str, target: Option<&str>, expected: &str) {
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        assert_eq!(dockerfile.with_entrypoint(target, &words(&["x"])).unwrap().text(), expected);
    }

    #[test]
    fn entrypoint_is_written_at_the_end_of_its_target() {
        check("FROM a", None, "FROM a\nENTRYPOINT [\"x\"]\n");
        let two = "FROM --platform=$P $BASE As Build\nRUN a\n\n# next\nFROM b";
        let edited = "FROM --platform=$P $BASE As Build\nRUN a\nENTRYPOINT [\"x\"]\n\n# next\nFROM b";
        check(two, Some("BUILD"), edited);
        check(two, Some("0"), edited);
        check(two, None, &format!("{two}\nENTRYPOINT [\"x\"]\n"));
        check("FROM a\r\nRUN b", None, "FROM a\r\nRUN b\r\nENTRYPOINT [\"x\"]\r\n");
        check(
            "\u{feff}FROM a\nRUN <<E\nFROM b\nE",
            None,
            "\u{feff}FROM a\nRUN <<E\nFROM b\nE\nENTRYPOINT [\"x\"]\n",
        );
    }

    #[test]
    fn a_continuation_open_at_the_end_does_not_swallow_the_edit() {
        check("FROM a\nRUN b \\\n  # c", None, "FROM a\nRUN b \n  # c\nENTRYPOINT [\"x\"]\n");
        check("# escape=`\nFROM a\nRUN b `", None, "# escape=`\nFROM a\nRUN b \nENTRYPOINT [\"x\"]\n");
        check("FROM a\nRUN b \\\n\\\n", None, "FROM a\nRUN b \n\nENTRYPOINT [\"x\"]\n");
        check("FROM a\nRUN b \\ \\\n \n", None, "FROM a\nRUN b  \n \nENTRYPOINT [\"x\"]\n");
    }

    #[test]
    fn words_survive_json_and_any_escape_character() {
        let odd = words(&["a\"b", "c\\", "`d`", "e\nf", "é", ""]);
        for head in ["", "# escape=`\n", "# escape=\\\n"] {
            let dockerfile = Dockerfile::parse("Dockerfile", format!("{head}FROM a")).unwrap();
            let edited = dockerfile.with_command(None, &odd).unwrap();
            let InstructionKind::Cmd(command) = edited.target(None).unwrap().last().kind() else { panic!() };
            assert_eq!((&command.argv, command.is_shell), (&odd, false));
        }
    }

    #[test]
    fn an_unknown_target_names_those_that_exist() {
        let dockerfile = Dockerfile::parse("Dockerfile", "FROM a AS build\nFROM b AS final").unwrap();
        let error = dockerfile.with_entrypoint(Some("biuld"), &[]).unwrap_err();
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert_eq!(help, "did you mean `build`? The build stages are `build`, `final`");
        assert!(dockerfile.with_entrypoint(Some("2"), &[]).is_err());
    }

    #[test]
    fn a_numbered_target_gets_a_name() {
        let check = |text: &str, target, expected: &str, name: Option<&str>| {
            let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
            let (edited, actual) = dockerfile.with_target_name(target).unwrap();
            assert_eq!((edited.text(), actual.as_deref()), (expected, name));
        };
        let text = "FROM --platform=$P a\nFROM a AS Target-0\nFROM c".to_owned();
        check(&text, Some("0"), &text.replacen("P a", "P a AS target-1", 1), Some("target-1"));
        check(&text, Some("1"), &text, Some("target-0"));
        check(&text, Some("TARGET-0"), &text, Some("target-0"));
        check(&text, Some("2"), &text, None);
        check(&text, None, &text, None);
    }

    #[test]
    fn instructions_are_checked_before_they_are_added() {
        let dockerfile = Dockerfile::parse("Dockerfile", "FROM a\nRUN b").unwrap();
        let edited = dockerfile.with_instructions(None, &words(&["RUN c \\", "d", "# e"])).unwrap();
        assert_eq!(edited.text(), "FROM a\nRUN b\nRUN c \\\nd\n# e\n");
        for bad in ["RUNN a", "FROM b", "RUN a \\", "RUN <<EOF"] {
            assert!(dockerfile.with_instructions(None, &words(&[bad])).is_err(), "{bad}");
        }
    }

    #[test]
    fn bases_are_replaced_where_they_stand() {
        let text = "ARG V=1\nFROM acme/\\\nbase:$V AS a\nFROM b AS unused\nFROM scratch\nCOPY --from=acme/tools:1 x y\nCOPY --from=a x y\nRUN --mount=type=bind,from=acme/cache,target=/c true\n";
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        let bases = dockerfile.bases(None, &BuildArgs::new()).unwrap();
        let names: Vec<_> = bases.iter().map(|base| base.reference.as_str()).collect();
        assert_eq!(names, ["acme/base:1", "acme/tools:1", "acme/cache"]);
        let replacements: Vec<_> = bases.into_iter().map(|base| (base, "r/x:new".to_owned())).collect();
        let edited = dockerfile.with_bases(&replacements).unwrap();
        let expected = "ARG V=1\nFROM r/x:new AS a\nFROM b AS unused\nFROM scratch\nCOPY --from=r/x:new x y\nCOPY --from=a x y\nRUN --mount=type=bind,from=r/x:new,target=/c true\n";
        assert_eq!(edited.text(), expected);
    }

    #[test]
    fn lines_are_those_of_the_file_that_was_read() {
        let dockerfile = Dockerfile::parse("Dockerfile", "FROM a\nRUN b\n\nFROM c\nRUN d").unwrap();
        let edited = dockerfile.with_command(None, &[]).unwrap().with_entrypoint(Some("0"), &[]).unwrap();
        assert_eq!(edited.text(), "FROM a\nRUN b\nENTRYPOINT []\n\nFROM c\nRUN d\nCMD []\n");
        let lines: Vec<_> = (1..=7).map(|line| edited.line_as_read(line)).collect();
        assert_eq!(lines, [Some(1), Some(2), None, Some(3), Some(4), Some(5), None]);
        let twice = edited.with_entrypoint(Some("0"), &[]).unwrap();
        assert_eq!([3, 4, 5].map(|line| twice.line_as_read(line)), [None, None, Some(3)]);
        assert!(edited.has_added_lines() && !dockerfile.has_added_lines());
    }

    mod random {
        use proptest::prelude::*;

        use super::*;

        /// Lines that occur in Dockerfiles, in any order.
        fn dockerfile() -> impl Strategy<Value = String> {
            let line = prop_oneof![
                Just("FROM a\n"),
                Just("FROM b AS t\r\n"),
                Just("RUN a \\\n"),
                Just("# c\n"),
                Just("\n"),
                Just("RUN <<E\nx\nE\n"),
                Just("# escape=`\n"),
                Just("RUN b `\n"),
                Just("CMD c"),
                Just("ENV a=\"b c\"\n"),
                Just("\u{feff}"),
                Just("ONBUILD COPY a b\n"),
                Just("COPY --from=t 'x y' $z /\n"),
                Just("é\t"),
            ];
            prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
        }

        proptest! {
            #[test]
            fn an_edited_file_has_the_wanted_entrypoint(text in dockerfile(), entrypoint in prop::collection::vec(".*", 0..3)) {
                if let Ok(dockerfile) = Dockerfile::parse("Dockerfile", text) {
                    for index in 0..dockerfile.targets().len() {
                        let target = index.to_string();
                        let edited = dockerfile.with_entrypoint(Some(&target), &entrypoint).unwrap();
                        prop_assert_eq!(edited.targets().len(), dockerfile.targets().len());
                        let last = edited.target(Some(&target)).unwrap().last().kind().clone();
                        let InstructionKind::Entrypoint(command) = last else { panic!("{last:?}") };
                        prop_assert_eq!(&command.argv, &entrypoint);
                    }
                }
            }

            #[test]
            fn no_text_makes_the_parser_panic(text in "[\\PC\n\\\\`<\"'$\\{\\}=-]*") {
                for text in [text.clone(), format!("FROM a\nCOPY {text}")] {
                    if let Ok(dockerfile) = Dockerfile::parse("Dockerfile", text) {
                        let _ = dockerfile.bases(None, &BuildArgs::new());
                        let _ = dockerfile.reach(None, &BuildArgs::new(), &|_| Some(Default::default()));
                    }
                }
            }
        }
    }
}
