//! Moving the arguments that every builder has to know to where the other options of an image are.

use std::path::Path;

use super::{BuilderArg, BuilderArgs, Role};
use crate::config::{BuildOptions, ImageConfig};

impl ImageConfig {
    /// Moves what the arguments of its builder say of its inputs to its options, in whose place it counts: of an option
    /// that is given twice, docker and kaniko take the last.
    pub fn take_inputs_of_arguments(&mut self) {
        let inputs = match (&mut self.docker, &mut self.kaniko) {
            (Some(docker), _) => docker.args.take_inputs(),
            (None, Some(kaniko)) => kaniko.args.take_inputs(),
            (None, None) => return,
        };
        // Of several platforms each counts.
        let mut platforms = Vec::new();
        for (name, value) in inputs.iter().filter_map(|arg| Some((arg.flag?.name, arg.value.as_deref()?))) {
            match name {
                "file" => self.dockerfile = value.into(),
                // Kaniko looks for it in the context, which it has in `/context`.
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

/// `path` below `folder`, where it is absolute.
fn below<'a>(path: &'a str, folder: &str) -> &'a Path {
    let path = Path::new(path);
    path.strip_prefix(folder).unwrap_or(path)
}

impl BuildOptions {
    /// Takes the input `name` from the command line of a builder.
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
    /// Takes out the inputs that every builder has to know.
    fn take_inputs(&mut self) -> Vec<BuilderArg> {
        let is_input = |arg: &mut BuilderArg| {
            let reads_stdin =
                arg.flag.is_some_and(|flag| flag.name == "file") && arg.value.as_deref() == Some("-");
            if reads_stdin {
                arg.fault = Some("it would read the standard input: write `dockerfile`");
            }
            arg.role() == Some(Role::Input) && arg.fault.is_none()
        };
        self.0.extract_if(.., is_input).collect()
    }
}
