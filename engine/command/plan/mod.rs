//! `windlass plan`: the effects of a build or a pipeline, without executing it.

mod changes;
mod connected;
mod deploy;
mod dev;
mod since;
mod view;

use std::ffi::OsString;

use clap::{Args, CommandFactory, FromArgMatches};
use clap_complete::engine::ArgValueCandidates;

use super::dry_run::dry_run;
use super::exit_status::{ExitStatus, Failure};
use super::load;
use super::pipeline_run::PipelineCall;
use super::run::{Invoked, UnknownName, invoke, pipelines, told};
use super::stdout::{print, print_json};
use super::{PipelineOptions, completions};
use crate::command::cli::{Cli, GlobalOptions};
use crate::config::Loaded;
use view::PlanView;

/// The images or the pipeline to plan, and the options of `windlass plan`.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass plan [OPTIONS] [IMAGE]...\n       windlass plan [OPTIONS] <PIPELINE> [ARGS]...",
    after_help = "\
The pipeline runs as in `windlass build` or `windlass run`, with your overrides, and makes the
same decisions. Nothing is built, pushed, written or saved: commands, hooks and requests are
listed and treated as successful, without output. Only commands without side effects are
executed: git queries, and commands that a script marks with `#{ pure: true }`. The daemon and
registries are queried only if a decision depends on their content. `#` in a tag is a random
character that the build chooses. Missing dependencies from git are fetched.
The options --keep-going, --max-concurrent-builds, --result and --trace have no effect on a plan.

Examples:
  windlass plan                   show for every image: build or skip, and why
  windlass plan api -p staging    plan one image and its base images
  windlass plan deploy            show what `windlass deploy` would change in the cluster
  windlass plan dev               show what `windlass dev` would do, connect and follow
  windlass plan --since main      show the images that this branch changes, and why
  windlass plan release 1.4.0     show what `windlass run release 1.4.0` would do
  windlass plan --json | jq -r '.images[] | select(.decision == \"build\").name'"
)]
pub struct PlanArgs {
    /// Images to plan, including their base images [default: all]; or a pipeline and its arguments
    #[arg(
        value_name = "IMAGE",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        add = ArgValueCandidates::new(completions::planned)
    )]
    pub words: Vec<OsString>,

    /// The options before the first positional argument.
    #[command(flatten)]
    pub options: PlanOptions,
}

/// The options of `windlass plan`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct PlanOptions {
    /// The options of every pipeline.
    #[command(flatten)]
    pub pipeline: PipelineOptions,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// List only images that changed since a branch or commit
    #[arg(long, value_name = "REF")]
    pub since: Option<String>,

    /// Exit with 3 if an image would be built, tagged or pushed
    #[arg(long)]
    pub exit_code: bool,
}

impl AsRef<PipelineOptions> for PlanOptions {
    fn as_ref(&self) -> &PipelineOptions {
        &self.pipeline
    }
}

/// Prints the effects that a build or a pipeline would have.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Images that cannot be planned are reported here.
pub fn plan(global: &GlobalOptions, args: &PlanArgs) -> Result<ExitStatus, Failure> {
    let Some(first) = args.words.first() else {
        if let Some(reference) = &args.options.since {
            return since::plan_since(global, &args.options, reference, &[]);
        }
        return show(global, &args.options, load::load_project(global)?, PipelineCall::build(Vec::new()));
    };
    let name = first.to_string_lossy();
    let of_images = parse_images(std::env::args_os());
    if let Ok(OfImages { global, options, images }) = &of_images
        && let Some(reference) = &options.since
    {
        return since::plan_since(global, options, reference, images);
    }
    match &*name {
        "deploy" => return deploy::plan_deploy(std::env::args_os()),
        "dev" => return dev::plan_dev(std::env::args_os()),
        _ => {}
    }
    let global = of_images.as_ref().map_or(global, |parsed| &parsed.global);
    let options = of_images.as_ref().map_or(&args.options, |parsed| &parsed.options);
    let loaded = load::load_project(global)?;
    let all = pipelines(&loaded, &options.pipeline)?;
    let is_image = loaded.project.images.contains_key(&*name);
    match (&of_images, all.own_pipeline(&name)) {
        (Ok(parsed), None) if is_image || name.contains('.') => {
            show(&parsed.global, &parsed.options, loaded, PipelineCall::build(parsed.images.clone()))
        }
        (Ok(parsed), Some(pipeline)) if is_image => {
            let place = pipeline.place();
            load::warn(&format!("planning the image `{name}`, not the pipeline at {place}"), global);
            show(&parsed.global, &parsed.options, loaded, PipelineCall::build(parsed.images.clone()))
        }
        (_, Some(_)) => {
            match invoke::<PlanOptions>("plan", &name, &args.words[1..], (global, options), (loaded, all)) {
                Ok(Invoked { parsed, loaded, call }) => show(&parsed.global, &parsed.options, loaded, call),
                Err(stop) => stop.told(),
            }
        }
        (Ok(_), None) => Err(Failure::wrong_use(UnknownName::to_plan(&name, &loaded.project, &all))),
        (Err(stop), None) => Ok(told(stop)),
    }
}

fn show(
    global: &GlobalOptions,
    options: &PlanOptions,
    loaded: Loaded,
    call: PipelineCall,
) -> Result<ExitStatus, Failure> {
    let dry_run = dry_run(global, &options.pipeline, loaded, call)?;
    let view = PlanView::new(&dry_run);
    if options.json { print_json(&view) } else { print(&view.text()) }?;
    Ok(match dry_run.end() {
        ExitStatus::Done if options.exit_code && view.has_work() => ExitStatus::FoundWork,
        end => end,
    })
}

/// Parses the command line `words` as one of `plan` with the options `A`.
fn parse<A: Args>(
    words: impl IntoIterator<Item = OsString>,
    about: &'static str,
) -> Result<(GlobalOptions, A), clap::Error> {
    let command =
        Cli::command().mut_subcommand("plan", |_| A::augment_args(clap::Command::new("plan")).about(about));
    let matches = command.try_get_matches_from(words)?;
    let own = matches.subcommand_matches("plan").unwrap_or(&matches);
    Ok((GlobalOptions::from_arg_matches(own)?, A::from_arg_matches(own)?))
}

/// A command line that selects images: options can be at any position.
struct OfImages {
    global: GlobalOptions,
    options: PlanOptions,
    images: Vec<String>,
}

/// Parses the command line as one that selects images.
fn parse_images(words: impl IntoIterator<Item = OsString>) -> Result<OfImages, clap::Error> {
    let command = Cli::command().mut_subcommand("plan", |plan| {
        plan.mut_arg("words", |images| images.trailing_var_arg(false).allow_hyphen_values(false))
    });
    let matches = command.try_get_matches_from(words)?;
    let own = matches.subcommand_matches("plan").unwrap_or(&matches);
    let words = own.get_many::<OsString>("words").into_iter().flatten();
    Ok(OfImages {
        global: GlobalOptions::from_arg_matches(own)?,
        options: PlanOptions::from_arg_matches(own)?,
        images: words.map(|word| word.to_string_lossy().into_owned()).collect(),
    })
}
