//! The command line. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;

use crate::command::{
    CheckArgs, CleanupArgs, CompletionsArgs, DocArgs, EditorArgs, InitArgs, ListArgs, LoginOptions,
    LogoutOptions, ManArgs, PipelineOptions, PlanArgs, PrintArgs, ResetArgs, RunArgs, SaveArgs, SetArgs,
    ShowArgs, TestArgs, UpdateArgs, UpgradeArgs, WhyArgs, images, profiles,
};
use crate::report::ProgressMode;

/// Builds the container images of a devspace.yaml with a pipeline you can read and change.
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
  `windlass build` reads devspace.yaml, and builds, tags and pushes each image
  whose inputs changed. The pipeline is a script: redefine any step of it in
  windlass.rhai, or for the profile `dev` alone in windlass.dev.rhai:

      fn entrypoint(image) { [\"sleep\", \"infinity\"] }
      fn tags(image) { [\"dev-#####\"] }

Examples:
  windlass build              build and push what changed
  windlass build api worker   only these images, and those they are built from
  windlass build -p dev       with the profile `dev`
  windlass plan               what a build would do, and why
  windlass run release 1.4.0  call a pipeline of your own"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,
}

/// Options of every command.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Configuration [default: devspace.yaml, here or above]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Apply this profile; repeat it for several
    #[arg(short, long = "profile", global = true, value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(profiles))]
    pub profiles: Vec<String>,

    /// Apply no profile that was not asked for
    #[arg(long, global = true)]
    pub disable_profile_activation: bool,

    /// Set a variable; repeat it for several
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,

    /// Kubernetes namespace [default: the context's]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,

    /// Kubernetes context [default: the kubeconfig's current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub kube_context: Option<String>,

    /// Disable the commands of the project
    #[arg(long, global = true)]
    pub no_exec: bool,

    /// Show no warnings
    #[arg(long, global = true)]
    pub no_warn: bool,

    /// Show only failures
    #[arg(long, global = true)]
    pub silent: bool,

    /// Show what windlass finds out on the way
    #[arg(long, global = true)]
    pub debug: bool,

    /// Progress as auto, terminal, plain or json
    #[arg(long, global = true, value_name = "MODE", default_value = "auto", hide_possible_values = true)]
    pub progress: ProgressMode,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first devspace.yaml
    Init(InitArgs),
    /// Build, tag and push the images whose inputs changed
    Build(BuildArgs),
    /// Show what a build would do, without doing it
    Plan(PlanArgs),
    /// Check the configuration and the scripts in every profile, without building
    Check(CheckArgs),
    /// Show which inputs changed since the last build, or which images a file belongs to
    Why(WhyArgs),
    /// Show the functions of a pipeline, and where each comes from
    Show(ShowArgs),
    /// List what the project has
    List(ListArgs),
    /// Run a command of devspace.yaml, or a pipeline of the project
    Run(RunArgs),
    /// Print the configuration with profiles applied and variables filled in
    Print(PrintArgs),
    /// Answer a question of the project before it is asked
    Set(SetArgs),
    /// Forget answers given to questions
    Reset(ResetArgs),
    /// Rewrite devspace.yaml to the newest version of the format
    Upgrade(UpgradeArgs),
    /// Update what the project depends on
    Update(UpdateArgs),
    /// Write an image that was built without a daemon to a file, a folder or a daemon
    Save(SaveArgs),
    /// Remove images and layers that windlass keeps and nothing uses
    Cleanup(CleanupArgs),
    /// Store the credentials of a registry, as docker does
    Login(LoginOptions),
    /// Forget the credentials of a registry
    Logout(LogoutOptions),
    /// Run the tests of your overrides and pipelines
    Test(TestArgs),
    /// Show what scripts can redefine and call
    Doc(DocArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print files that teach editors about windlass
    Editor(EditorArgs),
    /// Print the manual page of windlass or of a command
    Man(ManArgs),
}

/// The options of `windlass build`.
#[derive(Debug, Args)]
#[command(after_help = "\
An image is skipped when nothing it is made from has changed since its last build:
its Dockerfile, the files that Dockerfile can read, build arguments, build target,
and the images it is built from.

Examples:
  windlass build                           build and push what changed
  windlass build api                       only `api`, and what it is built from
  windlass build -p staging -t 1.4.0       with a profile, and a tag of your own
  windlass build --skip-push --force api   build `api` in any case, push nothing
  windlass build auth.api                  only `api` of the dependency `auth`
  windlass build --progress json --result result.json   for programs")]
pub struct BuildArgs {
    /// Images to build, with those they are built from [default: all]
    #[arg(value_name = "IMAGE", add = ArgValueCandidates::new(images))]
    pub images: Vec<String>,

    /// What every pipeline understands.
    #[command(flatten)]
    pub options: PipelineOptions,
}
