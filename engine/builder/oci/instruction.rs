//! Executes one instruction (Dockerfile reference).

use super::assembly::{Assembly, given};
use super::change::Changes;
use super::copy::{Site, absolute};
use super::document::{Empty, HealthDocument};
use super::instruction_error::InstructionError;
use super::layer_cache::make_layer;
use super::node::Meta;
use super::ports::ports;
use super::root_fs::shown;
use super::signal::is_signal;
use super::state::State;
use crate::builder::BuildRequest;
use crate::image::dockerfile::{CommandForm, InstructionKind};
use crate::secret::SHORTEST;

/// The default shell of commands in shell form.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// An instruction, from the Dockerfile or from a trigger.
pub(super) struct InstructionExecution<'k> {
    pub(super) kind: &'k InstructionKind,
    /// Its text in one line.
    pub(super) text: &'k str,
}

impl Assembly<'_> {
    /// Executes `step`, and records it in the history as Docker does.
    pub(super) fn carry_out(
        &mut self,
        state: &mut State,
        step: &InstructionExecution<'_>,
    ) -> Result<(), InstructionError> {
        let escape = self.dockerfile().escape();
        let created = self.created();
        let variables = state.variables.clone();
        let expand = |word: &str| variables.expand(word, escape);
        let document = &mut state.document;
        let config = &mut document.config;
        let history = match step.kind {
            InstructionKind::Copy(copy) => return self.copy(state, copy, step),
            InstructionKind::Workdir(path) => return self.workdir(state, &expand(path)?, step),
            InstructionKind::Arg(pairs) => {
                let mut noted = "ARG".to_owned();
                for (name, default) in pairs {
                    let default = default.as_deref().map(&expand).transpose()?;
                    let given = given(self.request, name).cloned();
                    let value = given.or(default).or_else(|| self.graph.global.value(name));
                    noted += &format!(" {name}");
                    noted.extend(value.iter().flat_map(|value| ["=", value]));
                    value.into_iter().for_each(|value| state.variables.set(name, value));
                }
                noted
            }
            InstructionKind::Env(pairs) => {
                let mut noted = "ENV".to_owned();
                for (name, value) in pairs {
                    let (name, value) = (expand(name)?, expand(value)?);
                    noted += &format!(" {name}={value}");
                    config.set_env(&name, &value);
                    state.variables.set(name, value);
                }
                noted
            }
            InstructionKind::Label(pairs) => {
                let mut noted = "LABEL".to_owned();
                for (name, value) in pairs {
                    let (name, value) = (expand(name)?, expand(value)?);
                    noted += &format!(" {name}={value}");
                    config.labels.insert(name, value);
                }
                noted
            }
            InstructionKind::Maintainer(name) => {
                document.author.clone_from(name);
                format!("MAINTAINER {name}")
            }
            InstructionKind::User(user) => {
                config.user = expand(user)?;
                format!("USER {}", config.user)
            }
            InstructionKind::Expose(words) => {
                let mut words = words.clone();
                // Sorted before variables are expanded, as in the Dockerfile frontend.
                words.sort();
                let words = words.iter().map(|word| expand(word)).collect::<Result<Vec<_>, _>>()?;
                let ports = ports(&words)?;
                let noted = ports.join(" ");
                config.exposed_ports.extend(ports.into_iter().map(|port| (port, Empty {})));
                format!("EXPOSE [{noted}]")
            }
            InstructionKind::Volume(paths) => {
                let paths = paths.iter().map(|path| expand(path)).collect::<Result<Vec<_>, _>>()?;
                if paths.iter().any(String::is_empty) {
                    return Err("a volume is empty after its variables are expanded".to_owned().into());
                }
                let noted = paths.join(" ");
                config.volumes.extend(paths.into_iter().map(|path| (path, Empty {})));
                format!("VOLUME [{noted}]")
            }
            InstructionKind::Stopsignal(signal) => {
                config.stop_signal = expand(signal)?;
                if !is_signal(&config.stop_signal) {
                    let signal = &config.stop_signal;
                    return Err(format!("invalid signal `{signal}` (try SIGTERM or 9)").into());
                }
                format!("STOPSIGNAL {}", config.stop_signal)
            }
            InstructionKind::Healthcheck(healthcheck) => {
                config.healthcheck = Some(HealthDocument::from(healthcheck));
                step.text.to_owned()
            }
            InstructionKind::Shell(shell) => {
                config.shell.clone_from(shell);
                format!("SHELL [{}]", shell.join(" "))
            }
            InstructionKind::Cmd(command) => {
                config.cmd = words(command, &config.shell);
                state.has_command = true;
                format!("CMD {}", quoted(&config.cmd))
            }
            InstructionKind::Entrypoint(command) => {
                config.entrypoint = words(command, &config.shell);
                // The CMD of the base image belongs to the entrypoint of the base image.
                if !state.has_command {
                    config.cmd = Vec::new();
                }
                format!("ENTRYPOINT {}", quoted(&config.entrypoint))
            }
            InstructionKind::Onbuild(_) => {
                let trigger = step.text.split_once(char::is_whitespace).map_or("", |(_, trigger)| trigger);
                config.on_build.push(trigger.trim().to_owned());
                return Ok(());
            }
            InstructionKind::From(_) | InstructionKind::Run(_) | InstructionKind::Foreign(_) => return Ok(()),
        };
        document.note(&created, self.without_secrets(history), None);
        Ok(())
    }

    /// `text` without the values of secret build arguments, because everyone with access to the image can read it.
    fn without_secrets(&self, text: String) -> String {
        let BuildRequest { build_args, secret_args, .. } = self.request;
        let values = secret_args.iter().filter_map(|name| build_args.get(name));
        let values = values.filter(|value| value.len() >= SHORTEST);
        values.fold(text, |text, value| text.replace(value.as_str(), "***"))
    }

    fn workdir(
        &mut self,
        state: &mut State,
        path: &str,
        step: &InstructionExecution<'_>,
    ) -> Result<(), InstructionError> {
        let written = path;
        let path = absolute(written, &state.document.config.working_dir);
        // An absolute path stays as written, as in BuildKit.
        let text = match written.starts_with('/') {
            true => written.to_owned(),
            false if path.is_empty() => "/".to_owned(),
            false => shown(&path),
        };
        state.document.config.working_dir.clone_from(&text);
        let number = self.next_step();
        let mut root_fs = self.know_root_fs(state)?.clone();
        let resolved = root_fs.resolve(&path)?;
        let mut changes = Changes::default();
        if root_fs.folder(&resolved).is_none() {
            let user = &state.document.config.user;
            let owner = self.owner(&root_fs, state.is_blank, user)?;
            let mut site = Site { root_fs: &mut root_fs, changes: &mut changes };
            site.make_folders(&resolved, &Meta::new_folder(owner, self.time))?;
        }
        state.is_blank &= text == "/";
        state.root_fs = Some(root_fs);
        self.seal(state, &changes, &number, step, format!("WORKDIR {text}"))
    }

    /// Creates a layer from `changes` and records it in the history as `created_by`; without changes, creates no layer.
    pub(super) fn seal(
        &mut self,
        state: &mut State,
        changes: &Changes,
        number: &str,
        step: &InstructionExecution<'_>,
        created_by: String,
    ) -> Result<(), InstructionError> {
        let created = self.created();
        let (text, events) = (step.text, self.events);
        let layer = match &state.root_fs {
            Some(root_fs) if !changes.is_empty() => {
                let report = || events.step(format!("[{number}] {text}"));
                let made =
                    make_layer(self.store, self.compression, root_fs, changes, &mut self.reader, &report)?;
                if made.is_cached {
                    events.step(format!("[{number}] {text} (unchanged)"));
                }
                Some(made.layer)
            }
            _ => {
                events.step(format!("[{number}] {text}"));
                None
            }
        };
        let created_by = self.without_secrets(created_by);
        state.document.note(&created, created_by, layer.as_ref().map(|layer| layer.diff_id));
        state.layers.extend(layer);
        Ok(())
    }
}

/// The words of a command as passed to a container.
fn words(command: &CommandForm, shell: &[String]) -> Vec<String> {
    if !command.is_shell || command.argv.is_empty() {
        return command.argv.clone();
    }
    let default = || SHELL.map(str::to_owned).to_vec();
    let mut words = if shell.is_empty() { default() } else { shell.to_vec() };
    words.push(command.argv.join(" "));
    words
}

/// The words in the format in which Go prints a list of strings.
fn quoted(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(" "))
}
