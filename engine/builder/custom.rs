//! The custom builder: a command of the user builds the image (`build.custom`).

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::{BuildError, BuiltImage};
use crate::config::CustomConfig;
use crate::event::ImageEvents;
use crate::image::ImageReference;
use crate::process::{CommandLine, Exec, ExecRequest, Pipe, Purpose, Tail, fits, system};

/// The inputs of a custom build.
#[derive(Debug, Clone)]
pub struct CustomRequest {
    /// The image's name.
    pub image: String,
    /// The references it should get; never empty.
    pub references: Vec<ImageReference>,
    /// A reference of the image that the command built last.
    pub latest: Option<ImageReference>,
    /// `build.custom` of the image.
    pub config: CustomConfig,
    /// The absolute path of the build context.
    pub context: PathBuf,
    /// The absolute path of the Dockerfile.
    pub dockerfile: PathBuf,
    /// Whether the command should not push.
    pub skip_push: bool,
    /// `--namespace`, if given.
    pub namespace: Option<String>,
    /// `--kube-context`, if given.
    pub kube_context: Option<String>,
    /// The directory in which the command runs: the project directory.
    pub directory: PathBuf,
    /// More environment variables: those of the project's `.env` file.
    pub environment: Vec<(String, String)>,
}

/// Builds an image with the command in its `build.custom`.
///
/// An executable receives `args`, the image once for each tag (after `imageFlag`), and `appendArgs`. A shell line
/// runs unchanged. Both receive the image in the variables `IMAGE` (with the first tag), `TAG`, `TAGS` (separated by
/// spaces), `CONTEXT`, `DOCKERFILE`, `SKIP_PUSH` (`true` or `false`), `NAMESPACE` and `KUBE_CONTEXT`. The command
/// itself must tag and push the image.
///
/// # Errors
/// [`BuildError`] if this system has no command, or if the command cannot be run or its exit code is not 0.
pub async fn build_custom(
    request: &CustomRequest,
    exec: &dyn Exec,
    events: &ImageEvents,
    cancel: &CancellationToken,
) -> Result<BuiltImage, BuildError> {
    let command = choose_command(&request.config, system()).ok_or_else(|| BuildError::NoCommand {
        image: request.image.clone(),
        reason: format!("`build.custom` has no command for {}", system()),
    })?;
    events.step(format!("running {command}"));
    let mut tail = Tail::default();
    let mut on_line = |_: Pipe, line: &str| {
        events.output(line);
        tail.push(line);
    };
    let ended = exec.run(&exec_request(request, command), &mut on_line, cancel).await;
    match ended {
        Ok(0) => Ok(BuiltImage::default()),
        Ok(exit_code) => Err(BuildError::CommandFailed {
            image: request.image.clone(),
            program: command.to_owned(),
            exit_code,
            output: tail.into_help(),
        }),
        Err(source) => Err(BuildError::process(&request.image, source)),
    }
}

/// The parts of `config` that determine the result of its command on this system.
pub fn custom_words(config: &CustomConfig) -> Vec<String> {
    let command = choose_command(config, system()).unwrap_or_default().to_owned();
    let args = config.args.iter().flatten().chain(&config.image_flag).chain(&config.append_args);
    let options = format!("{} {} {}", config.args.is_some(), config.image_tag_only, config.skip_image_arg);
    let secrets = config.secrets.iter().map(|(_, secret)| secret.expose().to_owned());
    [command, options].into_iter().chain(args.cloned()).chain(secrets).collect()
}

/// The first of `commands` that matches `system`, otherwise `command`.
fn choose_command<'a>(config: &'a CustomConfig, system: &str) -> Option<&'a str> {
    let own = config.commands.iter().find(|command| fits(command.os.as_deref(), system));
    let command = own.map(|own| own.command.as_str()).or(config.command.as_deref());
    command.filter(|command| !command.trim().is_empty())
}

/// The request to run the command that builds the image.
fn exec_request(request: &CustomRequest, command: &str) -> ExecRequest {
    let config = &request.config;
    let first = request.references.first();
    let tag_of = |reference: &ImageReference| reference.tag.as_ref().map(ToString::to_string);
    let tags: Vec<String> = request.references.iter().filter_map(tag_of).collect();
    let fill = |text: &String| runtime_references(text, request);
    let args: Option<Vec<String>> = config.args.as_ref().map(|args| args.iter().map(fill).collect());
    let mut command = CommandLine::configured(&fill(&command.to_owned()), args.as_deref());
    if let CommandLine::Program(words) = &mut command {
        for reference in request.references.iter().filter(|_| !config.skip_image_arg) {
            words.extend(config.image_flag.clone());
            let image = tag_of(reference).filter(|_| config.image_tag_only);
            words.push(image.unwrap_or_else(|| reference.to_string()));
        }
        words.extend(config.append_args.iter().map(fill));
    }
    let mut exec = ExecRequest::new(Purpose::CustomBuild, command, &request.directory);
    exec.image = Some(request.image.clone());
    let secrets = config.secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned()));
    exec.envs(request.environment.iter().cloned())
        .envs(secrets)
        .env("IMAGE", first.map(ToString::to_string).unwrap_or_default())
        .env("TAG", tags.first().map_or("", String::as_str))
        .env("TAGS", tags.join(" "))
        .env("CONTEXT", &request.context)
        .env("DOCKERFILE", &request.dockerfile)
        .env("SKIP_PUSH", request.skip_push.to_string())
        .env("NAMESPACE", request.namespace.as_deref().unwrap_or_default())
        .env("KUBE_CONTEXT", request.kube_context.as_deref().unwrap_or_default())
}

/// `text` with its runtime variables expanded: `${runtime.images.NAME}` is this image with its first tag, and the
/// suffixes `.image` and `.tag` select its parts, as in DevSpace.
fn runtime_references(text: &str, request: &CustomRequest) -> String {
    let Some(first) = request.references.first().filter(|_| text.contains("${runtime.")) else {
        return text.to_owned();
    };
    let tag = first.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let reference = |part: &str| format!("${{runtime.images.{}{part}}}", request.image);
    text.replace(&reference(""), &first.to_string())
        .replace(&reference(".image"), &first.repository.to_string())
        .replace(&reference(".tag"), &tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OsCommand;
    use crate::event::Events;

    fn request(config: CustomConfig, references: &[&str]) -> CustomRequest {
        CustomRequest {
            image: "api".into(),
            references: references.iter().map(|reference| reference.parse().unwrap()).collect(),
            latest: None,
            config,
            context: "/p/api".into(),
            dockerfile: "/p/Dockerfile".into(),
            skip_push: true,
            namespace: Some("dev".into()),
            kube_context: None,
            directory: std::env::temp_dir(),
            environment: Vec::new(),
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn check(config: CustomConfig, expected: &[&str]) {
        let request = request(config, &["r.io/api:1", "r.io/api:2"]);
        let command = choose_command(&request.config, "linux").unwrap().to_owned();
        assert_eq!(exec_request(&request, &command).command, CommandLine::Program(words(expected)));
    }

    #[test]
    fn the_image_is_between_the_arguments() {
        let config = || CustomConfig {
            command: Some("build.sh".into()),
            args: Some(words(&["-v"])),
            append_args: words(&["--push"]),
            ..CustomConfig::default()
        };
        check(config(), &["build.sh", "-v", "r.io/api:1", "r.io/api:2", "--push"]);
        check(
            CustomConfig { image_flag: Some("--tag".into()), ..config() },
            &["build.sh", "-v", "--tag", "r.io/api:1", "--tag", "r.io/api:2", "--push"],
        );
        check(CustomConfig { image_tag_only: true, ..config() }, &["build.sh", "-v", "1", "2", "--push"]);
        check(CustomConfig { skip_image_arg: true, ..config() }, &["build.sh", "-v", "--push"]);
        check(CustomConfig { args: None, ..config() }, &["build.sh", "r.io/api:1", "r.io/api:2", "--push"]);
    }

    #[test]
    fn runtime_references_are_filled_in() {
        let own = "${runtime.images.api.image}:${runtime.images.api.tag}";
        let config = CustomConfig {
            command: Some("build.sh".into()),
            args: Some(words(&[own, "${runtime.images.api}", "${runtime.images.web.tag}"])),
            skip_image_arg: true,
            ..CustomConfig::default()
        };
        check(config, &["build.sh", "r.io/api:1", "r.io/api:1", "${runtime.images.web.tag}"]);
    }

    #[cfg(unix)]
    #[test]
    fn shell_lines_are_run_as_they_are() {
        let config = CustomConfig { command: Some("make $TAG".into()), ..CustomConfig::default() };
        let request = request(config, &["r.io/api:1"]);
        assert_eq!(exec_request(&request, "make $TAG").to_string(), "sh make $TAG");
    }

    #[test]
    fn the_first_command_for_the_system_wins() {
        let command =
            |os: Option<&str>, command: &str| OsCommand { os: os.map(Into::into), command: command.into() };
        let config = CustomConfig {
            command: Some("any".into()),
            commands: vec![command(Some("windows"), "w"), command(Some("linux, darwin"), "l")],
            ..CustomConfig::default()
        };
        assert_eq!(choose_command(&config, "windows"), Some("w"));
        assert_eq!(choose_command(&config, "darwin"), Some("l"));
        assert_eq!(choose_command(&config, "plan9"), Some("any"));
        assert_eq!(choose_command(&CustomConfig::default(), "linux"), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_see_the_image_and_fail_with_their_output() {
        let line = r#"echo $IMAGE $TAG "$TAGS" $CONTEXT $DOCKERFILE $SKIP_PUSH $NAMESPACE; exit 4"#;
        let config = CustomConfig { command: Some(line.into()), ..CustomConfig::default() };
        let request = request(config, &["r.io/api:1", "r.io/api:2"]);
        let events = Events::none().of_image("api");
        let host = crate::host::Host::live(&Events::none(), &crate::host::HostOptions::default());
        match build_custom(&request, &*host.exec, &events, &CancellationToken::new()).await {
            Err(BuildError::CommandFailed { exit_code: 4, output, .. }) => {
                assert_eq!(
                    output.as_deref(),
                    Some("the end of its output:\nr.io/api:1 1 1 2 /p/api /p/Dockerfile true dev")
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
