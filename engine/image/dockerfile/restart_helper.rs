//! `injectRestartHelper`: starts a container's command so that it can be restarted in place, as in DevSpace.

use super::edit::json;
use super::graph::{Base, Graph};
use super::{BuildArgs, CommandForm, Dockerfile, DockerfileError, InstructionKind};

/// The restart helper: a POSIX shell script that needs `sh` and `setsid` in the image. Its mode is 0755.
pub const RESTART_HELPER: &str = include_str!("restart-helper.sh");

/// The path of the restart helper in the build context.
pub const RESTART_HELPER_PATH: &str = ".windlass/restart-helper";

/// The path of the restart helper in the image.
const IN_IMAGE: &str = "/devspace-restart-helper";

/// The commands of a container of a build stage, if the Dockerfile defines them.
#[derive(Clone, Default)]
struct Started {
    entrypoint: Option<Vec<String>>,
    command: Option<Vec<String>>,
    shell: Option<Vec<String>>,
}

impl Dockerfile {
    /// A copy whose build target starts its command under the restart helper, which the build context must
    /// contain at [`RESTART_HELPER_PATH`]; and a warning if the base image's entrypoint may be lost.
    ///
    /// `entrypoint` and `cmd` are the configured ones; an empty list clears them. The build target and its base stages
    /// supply those that are not configured.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist or has no command to start.
    pub fn with_restart_helper(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        entrypoint: Option<&[String]>,
        cmd: Option<&[String]>,
    ) -> Result<(Self, Option<String>), DockerfileError> {
        let started = self.started(self.target_index(target)?, args)?;
        let is_cleared = entrypoint.is_some_and(<[String]>::is_empty);
        let entrypoint = entrypoint.map(<[String]>::to_vec).or(started.entrypoint).unwrap_or_default();
        let command = cmd.map(<[String]>::to_vec).or(started.command);
        let has_command = command.as_ref().is_some_and(|command| !command.is_empty());
        if entrypoint.is_empty() && !has_command {
            return Err(DockerfileError::NoCommand { file: self.name().to_owned() });
        }
        let warning = (entrypoint.is_empty() && !is_cleared).then(|| {
            format!(
                "`{}` has no ENTRYPOINT: the restart helper replaces the entrypoint of the base image, if any; \
                 set `entrypoint` in devspace.yaml to define it",
                self.name()
            )
        });
        let started = [vec![IN_IMAGE.to_owned()], entrypoint].concat();
        let mut lines = format!("COPY {RESTART_HELPER_PATH} {IN_IMAGE}\nENTRYPOINT {}\n", json(&started));
        // ENTRYPOINT resets an inherited CMD, so CMD is repeated.
        if let Some(command) = command {
            lines.push_str(&format!("CMD {}\n", json(&command)));
        }
        Ok((self.with_appended(target, &lines)?, warning))
    }

    /// The entrypoint and the command that the build target sets or inherits from a build stage it is based on.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist.
    pub fn entrypoint_and_command(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
    ) -> Result<[Option<Vec<String>>; 2], DockerfileError> {
        let started = self.started(self.target_index(target)?, args)?;
        Ok([started.entrypoint, started.command])
    }

    fn started(&self, target: usize, args: &BuildArgs) -> Result<Started, DockerfileError> {
        let graph = Graph::new(self, args)?;
        let mut chain = vec![target];
        while let Some(Base::Target(base)) = chain.last().map(|index| &graph.bases[*index]) {
            chain.push(*base);
        }
        let mut started = Started::default();
        for index in chain.into_iter().rev() {
            let mut sets_command = false;
            for kind in graph.kinds(index, &[]) {
                match kind {
                    InstructionKind::Entrypoint(command) => {
                        started.entrypoint = Some(started.argv(command));
                        // A CMD of the same build stage is kept, an inherited one is not.
                        if !sets_command {
                            started.command = None;
                        }
                    }
                    InstructionKind::Cmd(command) => {
                        started.command = Some(started.argv(command));
                        sets_command = true;
                    }
                    InstructionKind::Shell(shell) => started.shell = Some(shell.clone()),
                    _ => {}
                }
            }
        }
        Ok(started)
    }
}

impl Started {
    fn argv(&self, command: &CommandForm) -> Vec<String> {
        if !command.is_shell || command.argv.is_empty() {
            return command.argv.clone();
        }
        let shell = self.shell.clone().unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into()]);
        [shell, command.argv.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, entrypoint: Option<&[&str]>, cmd: Option<&[&str]>, expected: Option<(&str, bool)>) {
        let words = |words: Option<&[&str]>| {
            words.map(|words| words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
        };
        let (entrypoint, cmd) = (words(entrypoint), words(cmd));
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        let result =
            dockerfile.with_restart_helper(None, &BuildArgs::new(), entrypoint.as_deref(), cmd.as_deref());
        let actual = result.ok().map(|(edited, warning)| {
            let added = edited.text().strip_prefix(text).unwrap_or_default();
            let added =
                added.trim_start().strip_prefix("COPY .windlass/restart-helper /devspace-restart-helper\n");
            (
                added.unwrap_or_default().replace("/devspace-restart-helper", "H").replace('\n', " "),
                warning.is_some(),
            )
        });
        assert_eq!(actual.as_ref().map(|(text, warns)| (text.trim(), *warns)), expected);
    }

    #[test]
    fn the_helper_starts_the_commands_of_the_table() {
        let both = "FROM a\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n";
        check(both, Some(&["x"]), None, Some((r#"ENTRYPOINT ["H","x"] CMD ["c"]"#, false)));
        check(both, None, Some(&["y"]), Some((r#"ENTRYPOINT ["H","e"] CMD ["y"]"#, false)));
        check(both, None, None, Some((r#"ENTRYPOINT ["H","e"] CMD ["c"]"#, false)));
        check("FROM a\nCMD c d", None, None, Some((r#"ENTRYPOINT ["H"] CMD ["/bin/sh","-c","c d"]"#, true)));
        check("FROM a\n", None, Some(&["y"]), Some((r#"ENTRYPOINT ["H"] CMD ["y"]"#, true)));
        check("FROM a\n", None, None, None);
    }

    #[test]
    fn the_started_command_is_inherited_inside_the_file() {
        let text = "FROM a AS b\nSHELL [\"bash\", \"-c\"]\nENTRYPOINT e f\nCMD [\"c\"]\nFROM x\nCMD [\"other\"]\nFROM b\n";
        check(text, None, None, Some((r#"ENTRYPOINT ["H","bash","-c","e f"] CMD ["c"]"#, false)));
        let reset = "FROM a AS b\nCMD [\"c\"]\nFROM b\nENTRYPOINT [\"e\"]\n";
        check(reset, None, None, Some((r#"ENTRYPOINT ["H","e"]"#, false)));
    }

    /// Runs the helper's script with its files in a temporary directory; returns the directory and the running shell.
    #[cfg(unix)]
    fn run(command: &str) -> (tempfile::TempDir, std::process::Child) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let script =
            RESTART_HELPER.replace("/devspace-pid", &path("pid")).replace("/tmp/sync", &path("sync"));
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script, "sh", "sh", "-c", command]).current_dir(&folder);
        let child = shell.stdout(std::process::Stdio::null()).spawn().unwrap();
        (folder, child)
    }

    #[cfg(unix)]
    #[test]
    fn the_script_ends_with_its_programs_code() {
        let (folder, mut child) = run("exit 3");
        assert_eq!(child.wait().unwrap().code(), Some(3));
        assert!(!folder.path().join("pid").exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_script_restarts_its_program_when_the_pid_file_is_removed() {
        // The first run removes the file and exits; the second finds the marker and is not restarted.
        let (folder, mut child) =
            run("until [ -s pid ]; do :; done; [ -e mark ] && exit 5; touch mark; rm pid; exit 4");
        assert_eq!(child.wait().unwrap().code(), Some(5));
        assert!(folder.path().join("mark").exists());
    }
}
