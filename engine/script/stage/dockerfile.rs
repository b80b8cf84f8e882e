//! Dockerfiles as scripts see them.

use rhai::plugin::*;

/// Stages that read and edit a Dockerfile.
#[export_module]
pub mod dockerfile {
    use rhai::Dynamic;

    use super::super::argument::optional_texts;
    use crate::error::StageError;
    use crate::event::Level;
    use crate::run::{Image, ImageDockerfile as Dockerfile};
    use crate::script::RhaiResultOf;

    /// Reads and parses the Dockerfile of `image`.
    ///
    /// # Errors
    /// `stage::load_dockerfile::unreadable` if it cannot be read; `dockerfile::...` if it is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn dockerfile(image) { load_dockerfile(image.with_dockerfile("release/Dockerfile")) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load_dockerfile(image: Image) -> RhaiResultOf<Dockerfile> {
        let inner = image.run().dockerfile(image.config()).map_err(StageError::from)?;
        Ok(Dockerfile::of_image(inner, &image)?)
    }

    /// Parses `text` as a Dockerfile for `image`, instead of the file on disk.
    ///
    /// # Errors
    /// `dockerfile::...` if it is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn dockerfile(image) { parse_dockerfile(image, "FROM scratch\nCOPY . /\n") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn parse_dockerfile(image: Image, text: &str) -> RhaiResultOf<Dockerfile> {
        let inner = crate::image::Dockerfile::parse("(script)", text).map_err(StageError::from)?;
        Ok(Dockerfile::of_image(inner, &image)?)
    }

    /// The content, a string.
    #[rhai_fn(get = "text", pure)]
    pub fn text(dockerfile: &mut Dockerfile) -> String {
        dockerfile.inner.text().to_owned()
    }

    /// A copy whose build target has this `ENTRYPOINT`: a list of strings; `[]` clears it, `()` changes nothing.
    ///
    /// # Errors
    /// `dockerfile::unknown_target` if the build target does not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_entrypoint(["sleep", "infinity"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_entrypoint(dockerfile: &mut Dockerfile, entrypoint: Dynamic) -> RhaiResultOf<Dockerfile> {
        let Some(entrypoint) = optional_texts(&entrypoint, "entrypoint")? else {
            return Ok(dockerfile.clone());
        };
        Ok(dockerfile.edited(|inner, target| inner.with_entrypoint(target, &entrypoint))?)
    }

    /// A copy whose build target has this `CMD`: a list of strings; `[]` clears it, `()` changes nothing.
    ///
    /// # Errors
    /// `dockerfile::unknown_target` if the build target does not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_command(["serve", "--port", "80"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_command(dockerfile: &mut Dockerfile, command: Dynamic) -> RhaiResultOf<Dockerfile> {
        let Some(command) = optional_texts(&command, "command")? else { return Ok(dockerfile.clone()) };
        Ok(dockerfile.edited(|inner, target| inner.with_command(target, &command))?)
    }

    /// A copy whose build target ends with these instructions, a list of lines; `()` or `[]` changes nothing.
    ///
    /// # Errors
    /// `dockerfile::...` if a line is not an instruction or the build target does not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_instructions(["LABEL team=core"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_instructions(dockerfile: &mut Dockerfile, lines: Dynamic) -> RhaiResultOf<Dockerfile> {
        match optional_texts(&lines, "instructions")? {
            Some(lines) if !lines.is_empty() => {
                Ok(dockerfile.edited(|inner, target| inner.with_instructions(target, &lines))?)
            }
            _ => Ok(dockerfile.clone()),
        }
    }

    /// A copy that starts its command through the restart helper, as `injectRestartHelper` in `devspace.yaml` does.
    /// `entrypoint` and `command` are lists, or `()` to keep those of the Dockerfile.
    ///
    /// # Errors
    /// `dockerfile::no_program` if no command to start is set.
    ///
    /// # Example
    /// ```rhai
    /// fn prepare(image, dockerfile) { dockerfile.with_restart_helper((), ["serve"]) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_restart_helper(
        dockerfile: &mut Dockerfile,
        entrypoint: Dynamic,
        command: Dynamic,
    ) -> RhaiResultOf<Dockerfile> {
        let entrypoint = optional_texts(&entrypoint, "entrypoint")?;
        let command = optional_texts(&command, "command")?;
        let (edited, warning) = dockerfile.with_helper(entrypoint.as_deref(), command.as_deref())?;
        if let Some(warning) = warning {
            edited.image.events().notice(Level::Warning, warning);
        }
        Ok(edited)
    }
}
