//! The commands: one file per command.

mod age;
mod amount;
mod analyze;
mod annotate;
mod attach;
mod base_line;
mod build;
mod build_result;
mod check;
mod cleanup;
pub mod cli;
mod completions;
mod connected;
mod connection_scripts;
mod deploy;
mod deploy_options;
mod dev;
mod devspace_hint;
mod doc;
mod dry_run;
mod editor;
mod enter;
mod exit_status;
mod far_right;
mod first_warnings;
mod forward;
mod forwarded_port;
mod image_failure;
mod in_container;
mod init;
mod interactive_mode;
mod interrupt;
mod kept_terminal;
mod list;
mod load;
mod login;
mod logout;
mod logs;
mod man;
mod only_session;
mod open;
mod pass_kind;
mod pipeline_options;
mod pipeline_run;
mod plan;
mod pod_options;
mod print;
mod purge;
mod quiet_log;
mod render;
mod run;
mod run_until_interrupt;
mod save;
mod selector_args;
mod show;
mod since;
mod status;
mod stdout;
mod store_size;
mod sync;
mod target_choice;
mod test;
mod unused_script;
mod update;
mod update_bases;
mod upgrade;
mod vars;
mod verify;
mod watch_loop;
mod why;

use std::sync::Arc;

use clap::Parser as _;

use crate::builder::docker::Daemon;
use crate::command::cli::{Cli, Command};
use crate::host::live::registry_client;
use crate::registry::CredentialStore;

pub use analyze::AnalyzeArgs;
pub use annotate::CiOptions;
pub use attach::AttachArgs;
pub use check::CheckArgs;
pub use cleanup::CleanupArgs;
pub use completions::{CompletionsArgs, answer_shell, images, profiles};
pub use deploy::DeployArgs;
pub use dev::DevArgs;
pub use doc::DocArgs;
pub use editor::EditorArgs;
pub use enter::EnterArgs;
pub use exit_status::{ExitStatus, Failure};
pub use forward::ForwardArgs;
pub use init::InitArgs;
pub use list::ListArgs;
pub use login::{LoginError, LoginOptions, login};
pub use logout::{LogoutOptions, logout};
pub use logs::LogsArgs;
pub use man::ManArgs;
pub use open::OpenArgs;
pub use pipeline_options::PipelineOptions;
pub use plan::PlanArgs;
pub use print::PrintArgs;
pub use purge::PurgeArgs;
pub use render::RenderArgs;
pub use run::RunArgs;
pub use save::SaveArgs;
pub use selector_args::SelectorArgs;
pub use show::ShowArgs;
pub use status::StatusArgs;
pub use sync::SyncArgs;
pub use test::TestArgs;
pub use update::UpdateArgs;
pub use upgrade::UpgradeArgs;
pub use vars::{ResetArgs, SetArgs};
pub use verify::VerifyArgs;
pub use why::WhyArgs;

/// Parses the command line and runs the selected command.
pub fn run_words() -> ExitStatus {
    let words: Vec<_> = std::env::args_os().collect();
    match Cli::try_parse_from(&words) {
        Ok(cli) => run(&cli),
        Err(error) => match devspace_hint::devspace_hint(&error, &words) {
            Some(failure) => failure.print(),
            None => error.exit(),
        },
    }
}

/// Runs the command that `cli` selects, and prints its error.
pub fn run(cli: &Cli) -> ExitStatus {
    let outcome = match &cli.command {
        Command::Build(args) => build::build(&cli.global, args),
        Command::Deploy(args) => deploy::deploy(&cli.global, args),
        Command::Dev(args) => dev::dev(&cli.global, args),
        Command::Status(args) => status::status(&cli.global, args),
        Command::Analyze(args) => analyze::analyze(&cli.global, args),
        Command::Logs(args) => logs::logs(&cli.global, args),
        Command::Forward(args) => forward::forward(&cli.global, args),
        Command::Open(args) => open::open(&cli.global, args),
        Command::Sync(args) => sync::sync(&cli.global, args),
        Command::Enter(args) => enter::enter(&cli.global, args),
        Command::Attach(args) => attach::attach(&cli.global, args),
        Command::Purge(args) => purge::purge(&cli.global, args),
        Command::Render(args) => render::render(&cli.global, args),
        Command::Plan(args) => plan::plan(&cli.global, args),
        Command::Check(args) => check::check(&cli.global, args),
        Command::Why(args) => why::why(&cli.global, args),
        Command::Verify(args) => verify::verify(&cli.global, args),
        Command::Init(args) => init::init(args),
        Command::Test(args) => test::test(&cli.global, args),
        Command::Show(args) => show::show(&cli.global, args),
        Command::List(args) => list::list(&cli.global, args),
        Command::Completions(args) => completions::completions(args),
        Command::Doc(args) => doc::doc(args),
        Command::Editor(args) => editor::editor(args),
        Command::Man(args) => man::man(args),
        Command::Update(args) => update::update(&cli.global, args),
        Command::Run(args) => run::run(&cli.global, args),
        Command::Print(args) => print::print(&cli.global, args),
        Command::Set(args) => vars::set(&cli.global, args),
        Command::Reset(args) => vars::reset(&cli.global, args),
        Command::Upgrade(args) => upgrade::upgrade(&cli.global, args),
        Command::Save(args) => save::save(&cli.global, args),
        Command::Cleanup(args) => cleanup::cleanup(args),
        Command::Login(options) => exit_status::block_on(async {
            let store = Arc::new(CredentialStore::from_env());
            let client = registry_client(store, Daemon::from_environment());
            let client = client.reporting(load::notices(&cli.global));
            login(options.clone(), &client, &mut std::io::stderr()).await.map_err(Failure::failed)
        }),
        Command::Logout(options) => exit_status::block_on(async {
            let store = CredentialStore::from_env();
            logout(options, &store, &mut std::io::stderr()).await.map_err(Failure::failed)
        }),
    };
    outcome.unwrap_or_else(|failure| annotate::print_failure(cli, failure))
}
