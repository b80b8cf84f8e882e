//! Moves the arguments that are inputs of every builder to the other options of an image.

use std::path::Path;

use super::{BuilderArg, BuilderArgs, Role};
use crate::config::{BuildOptions, ImageConfig};

impl ImageConfig {
    /// Moves the inputs in the arguments of its builder to its options, which they override: of an option that is given
    /// twice, Docker and kaniko use the last one.
    pub fn take_inputs_of_arguments(&mut self) {
        let inputs = match (&mut self.docker, &mut self.kaniko) {
            (Some(docker), _) => docker.args.take_inputs(),
            (None, Some(kaniko)) => kaniko.args.take_inputs(),
            (None, None) => return,
        };
        // Several platforms are all used.
        let mut platforms = Vec::new();
        for (name, value) in inputs.iter().filter_map(|arg| Some((arg.flag?.name, arg.value.as_deref()?))) {
            match name {
                "file" => self.dockerfile = value.into(),
                // The path is relative to the build context, which kaniko has in `/context`.
                "dockerfile" => self.dockerfile = self.context.join(below(value, "/context")),
                "platform" => platforms.push(value),
                "custom-platform" | "customPlatform" => platforms = vec![value],
                _ => self.options.take(name, value),
            }
        }
        if !platforms.is_empty() {
            self.options.platform = Some(platforms.join(","));
        }
    }
}

/// `path` relative to `folder`, if it is below it.
fn below<'a>(path: &'a str, folder: &str) -> &'a Path {
    let path = Path::new(path);
    path.strip_prefix(folder).unwrap_or(path)
}

impl BuildOptions {
    /// Sets the input `name` from the command line of a builder.
    fn take(&mut self, name: &str, value: &str) {
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "target" => self.target = text(),
            "network" => self.network = text(),
            "label" => {
                let (name, value) = value.split_once('=').unwrap_or((value, ""));
                self.labels.insert(name.to_owned(), value.to_owned());
            }
            "build-arg" => match value.split_once('=') {
                Some((name, value)) => {
                    self.inherited_args.shift_remove(name);
                    self.build_args.insert(name.to_owned(), Some(value.to_owned()));
                }
                None => drop(self.inherited_args.insert(value.to_owned())),
            },
            _ => {}
        }
    }
}

impl BuilderArgs {
    /// The arguments that are inputs of every builder. Those of `args` are removed; one with a key stays, with its location,
    /// for builders that do not support it.
    fn take_inputs(&mut self) -> Vec<BuilderArg> {
        let keyed = self.0.iter().filter(|arg| arg.key.is_some() && arg.role() == Some(Role::Input));
        let keyed: Vec<_> = keyed.filter(|arg| arg.fault.is_none()).cloned().collect();
        let is_input = |arg: &mut BuilderArg| {
            let reads_stdin =
                arg.flag.is_some_and(|flag| flag.name == "file") && arg.value.as_deref() == Some("-");
            if reads_stdin {
                arg.fault = Some("it reads from standard input: use `dockerfile` instead");
            }
            arg.role() == Some(Role::Input) && arg.fault.is_none() && arg.key.is_none()
        };
        keyed.into_iter().chain(self.0.extract_if(.., is_input)).collect()
    }
}
