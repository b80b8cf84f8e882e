//! `windlass upgrade`.

use std::io::Write as _;
use std::path::Path;

use super::exit_status::{ExitStatus, Failure};
use super::load::{failure, load_options, tell};
use super::stdout::print;
use crate::cli::GlobalOptions;
use crate::config::{UpgradedFile, upgrade_file};

/// The options of `windlass upgrade`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Windlass reads every version from v1alpha1 to v2beta1, so this is never needed; it
helps where a key needs a newer version. Comments, order, blank lines and quotes of
what stays are kept. The file is only written when the result means the same, with
every profile and without; else it goes to v1beta11, or stays, and the reason is told.

Examples:
  windlass upgrade             rewrite devspace.yaml
  windlass upgrade --dry-run   print what it would say
  windlass upgrade --check     end with 1 where there is something to do, for CI")]
pub struct UpgradeArgs {
    /// End with exit code 1 when the file could be newer; write nothing
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,

    /// Print the new text; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Rewrites the configuration to the newest version.
///
/// # Errors
/// When the file is wrong, cannot be said in a newer version, or cannot be written.
pub fn upgrade(global: &GlobalOptions, args: &UpgradeArgs) -> Result<ExitStatus, Failure> {
    let upgraded = upgrade_file(&load_options(global)).map_err(failure)?;
    tell(&upgraded.warnings, global);
    let UpgradedFile { shown, from, to, text, .. } = &upgraded;
    for obstacle in upgraded.held_back.iter().filter(|_| !global.silent) {
        eprintln!("v2beta1 is not for this file: {obstacle}");
        obstacle.help.iter().for_each(|help| eprintln!("  by hand: {help}"));
    }
    if args.dry_run {
        return print(text);
    }
    if from == to {
        say(global, &format!("{shown} stays at {from}: there is nothing to do"));
        return Ok(ExitStatus::Done);
    }
    if args.check {
        say(global, &format!("{shown} is of {from}; `windlass upgrade` makes it {to}"));
        return Ok(ExitStatus::Failed);
    }
    write(&upgraded.file, text)
        .map_err(|error| Failure::failed(Unwritten { file: shown.clone(), reason: error.to_string() }))?;
    say(global, &format!("{shown}: {from} -> {to}"));
    Ok(ExitStatus::Done)
}

fn say(global: &GlobalOptions, text: &str) {
    if !global.silent {
        eprintln!("{text}");
    }
}

/// Replaces `file` at once; its permissions stay, and so does a link to it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let file = std::fs::canonicalize(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().set_permissions(std::fs::metadata(&file)?.permissions())?;
    draft.as_file().sync_all()?;
    draft.persist(&file)?;
    Ok(())
}

/// The file cannot be replaced.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write `{file}`: {reason}")]
#[diagnostic(code(config::unwritable), help("check that you may write to its folder; the file is as it was"))]
struct Unwritten {
    file: String,
    reason: String,
}
