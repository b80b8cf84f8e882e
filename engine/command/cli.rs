//! The command line. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;

use crate::command::{
    AnalyzeArgs, AttachArgs, CheckArgs, CiOptions, CleanupArgs, CompletionsArgs, DeployArgs, DevArgs,
    DocArgs, EditorArgs, EnterArgs, ForwardArgs, InitArgs, ListArgs, LoginOptions, LogoutOptions, LogsArgs,
    ManArgs, OpenArgs, PipelineOptions, PlanArgs, PrintArgs, PurgeArgs, RenderArgs, ResetArgs, RunArgs,
    SaveArgs, SetArgs, ShowArgs, StatusArgs, SyncArgs, TestArgs, UpdateArgs, UpgradeArgs, VerifyArgs,
    WhyArgs, images, profiles,
};
use crate::git::TreeCopy;
use crate::report::ProgressMode;

/// Build and deploy the images of a devspace.yaml with a pipeline that you can read and override.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    help_template = "\
{about}

{usage-heading} {usage}

Commands:
{subcommands}

Options of every command (`windlass build --help` explains them):
  -p, --profile <NAME>    --config <FILE>    --var <NAME=VALUE>    --no-exec
  --disable-profile-activation    -n, --namespace <NAME>    --kube-context <NAME>
  --silent    --no-warn    --debug    --progress <MODE>    -h, --help    -V, --version{after-help}",
    after_help = "\
How it works:
  `windlass build` builds, tags and pushes each image of devspace.yaml whose inputs changed.
  `windlass deploy` also deploys charts and manifests with the new tags. Both are scripts:
  override any function in windlass.rhai, or in windlass.dev.rhai for the profile `dev`:
      fn entrypoint(image) { [\"sleep\", \"infinity\"] }

Examples:
  windlass build api worker   build only these images and their base images
  windlass build -p dev       build with the profile `dev`
  windlass dev                deploy, and bring each saved file into its container
  windlass run release 1.4.0  run your own pipeline `release`"
)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,

    /// The options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,
}

/// The options of every command.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Configuration file [default: devspace.yaml, here or above]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Apply this profile (repeatable)
    #[arg(short, long = "profile", global = true, value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(profiles))]
    pub profiles: Vec<String>,

    /// Disable profile activation
    #[arg(long, global = true)]
    pub disable_profile_activation: bool,

    /// Set a variable (repeatable)
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,

    /// Kubernetes namespace [default: namespace of the context]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,

    /// Kubernetes context [default: current context]
    #[arg(long, global = true, value_name = "NAME")]
    pub kube_context: Option<String>,

    /// Disable the commands of the project
    #[arg(long, global = true)]
    pub no_exec: bool,

    /// Hide warnings
    #[arg(long, global = true)]
    pub no_warn: bool,

    /// Show only failures
    #[arg(long, global = true)]
    pub silent: bool,

    /// Show debug output
    #[arg(long, global = true)]
    pub debug: bool,

    /// Progress: terminal, plain, json, github, gitlab
    #[arg(long, global = true, value_name = "MODE", default_value = "auto", hide_possible_values = true)]
    pub progress: ProgressMode,

    /// The copy of the project to read, for `--since`.
    #[arg(skip)]
    pub copy: Option<TreeCopy>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a devspace.yaml
    Init(InitArgs),
    /// Build, tag and push the images whose inputs changed
    Build(BuildCommandArgs),
    /// Build and deploy changes, and wait until everything runs
    Deploy(DeployArgs),
    /// Deploy, connect and watch: a saved file is in the container
    #[command(mut_arg("tags", |tags| tags.short(None)))]
    Dev(DevArgs),
    /// Show whether the deployments run, and why not
    Status(StatusArgs),
    /// Show everything that is not running in the namespace, and why
    Analyze(AnalyzeArgs),
    /// Show the logs of containers
    Logs(LogsArgs),
    /// Forward local ports to containers
    Forward(ForwardArgs),
    /// Open a service or a page of the project in the browser
    Open(OpenArgs),
    /// Keep directories here and in containers equal
    Sync(SyncArgs),
    /// Open a shell in a container, or run a command there
    Enter(EnterArgs),
    /// Connect to the main process of a container
    Attach(AttachArgs),
    /// Delete the deployments from the cluster
    Purge(PurgeArgs),
    /// Print the Kubernetes objects of deployments, with the tags of their images
    Render(RenderArgs),
    /// Show what a build, a deploy or a dev session would do, without doing it
    Plan(PlanArgs),
    /// Check the configuration and the scripts in every profile, without building
    Check(CheckArgs),
    /// Show which inputs changed since the last build, or which images a file affects
    Why(WhyArgs),
    /// Show whether this checkout makes an image in the registry
    Verify(VerifyArgs),
    /// Show the functions of a pipeline, and where each is defined
    Show(ShowArgs),
    /// List project contents
    List(ListArgs),
    /// Run a command of devspace.yaml, or a pipeline of the project
    Run(RunArgs),
    /// Print the configuration with profiles and variables applied
    Print(PrintArgs),
    /// Save the answer to a prompt
    Set(SetArgs),
    /// Delete saved answers
    Reset(ResetArgs),
    /// Convert devspace.yaml to the newest version of the format
    Upgrade(UpgradeArgs),
    /// Update dependencies
    Update(UpdateArgs),
    /// Write an image of the image store to a file, a directory or a Docker daemon
    Save(SaveArgs),
    /// Remove unused images and layers from the image store
    Cleanup(CleanupArgs),
    /// Log in to a registry
    Login(LoginOptions),
    /// Log out of a registry
    Logout(LogoutOptions),
    /// Run the tests of your overrides and pipelines
    Test(TestArgs),
    /// Show the scripting reference
    Doc(DocArgs),
    /// Print the completion script for a shell
    Completions(CompletionsArgs),
    /// Print files for editor integration
    Editor(EditorArgs),
    /// Print the manual page of windlass or of a command
    Man(ManArgs),
}

/// The options of `windlass build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Windlass skips an image if its inputs are unchanged since its last build: the
Dockerfile, the files that the Dockerfile can read, the build arguments, the build
target and the base images.

With --watch, windlass builds an image again when you save a file that it is built from, and
reads devspace.yaml and the scripts again when they change. A failure does not end it. Keys:
`b` builds the images that are out of date, `p` pauses, `?` shows reasons, `q` ends.

Examples:
  windlass build                           build and push the changed images
  windlass build --watch --skip-push       build, and again after each change
  windlass build api                       build only `api` and its base images
  windlass build -p staging -t 1.4.0       build with a profile and the tag `1.4.0`
  windlass build --skip-push --force api   force a build of `api`, push nothing
  windlass build --progress json --result result.json   print output for programs")]
pub struct BuildCommandArgs {
    /// Images to build, including their base images [default: all]
    #[arg(value_name = "IMAGE", add = ArgValueCandidates::new(images))]
    pub images: Vec<String>,

    /// Build again whenever an input changes, until Ctrl-C
    #[arg(short, long, conflicts_with = "result")]
    pub watch: bool,

    /// Build only images that changed since a branch or commit
    #[arg(long, value_name = "REF", conflicts_with = "watch")]
    pub since: Option<String>,

    /// The files for later steps of a CI job.
    #[command(flatten)]
    pub ci: CiOptions,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}
