//! `windlass upgrade`.

use std::io::Write as _;
use std::path::Path;

use super::exit_status::{ExitStatus, Failure};
use super::load::{failure, load_options, report};
use super::stdout::print;
use crate::command::cli::GlobalOptions;
use crate::config::{UpgradedFile, upgrade_file};

/// The options of `windlass upgrade`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Windlass reads every version from v1alpha1 to v2beta1, so an upgrade is only needed to use
keys of a newer version. Comments, order, blank lines and quotes of unchanged parts are
kept. The file is only written if the result has the same meaning, with every profile and
without profiles; otherwise it is converted to v1beta11 or not at all, and windlass reports
the reason.

Examples:
  windlass upgrade             rewrite devspace.yaml
  windlass upgrade --dry-run   print the result
  windlass upgrade --check     exit with code 1 if the file can be upgraded, for CI")]
pub struct UpgradeArgs {
    /// Exit with code 1 if the file can be upgraded; write nothing
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,

    /// Print the result; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Rewrites the configuration to the newest version.
///
/// # Errors
/// If the file is invalid, cannot be expressed in a newer version, or cannot be written.
pub fn upgrade(global: &GlobalOptions, args: &UpgradeArgs) -> Result<ExitStatus, Failure> {
    let upgraded = upgrade_file(&load_options(global)).map_err(failure)?;
    report(&upgraded.warnings, global);
    let UpgradedFile { shown, from, to, text, .. } = &upgraded;
    for obstacle in upgraded.held_back.iter().filter(|_| !global.silent) {
        eprintln!("cannot upgrade to v2beta1: {obstacle}");
        obstacle.help.iter().for_each(|help| eprintln!("  to do by hand: {help}"));
    }
    if args.dry_run {
        return print(text);
    }
    if from == to {
        say(global, &format!("{shown} stays at {from}: nothing to do"));
        return Ok(ExitStatus::Done);
    }
    if args.check {
        say(global, &format!("{shown} has {from}; run `windlass upgrade` to convert it to {to}"));
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

/// Replaces `file` atomically; its permissions and symbolic links to it are kept.
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
#[diagnostic(code(config::unwritable), help("make its directory writable; the file is unchanged"))]
struct Unwritten {
    file: String,
    reason: String,
}
