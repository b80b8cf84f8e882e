//! The cost of the builder `oci`, which needs no daemon: each run has its own image store.

use std::path::Path;

use tempfile::NamedTempFile;

use super::bake::{self, Bake};
use super::bare_api::BareApi;
use super::corpus::{Corpus, Kind};
use super::harness::{PrivateDaemon, Registry};
use super::measure::{self, Cost};
use super::options::Options;
use super::settle;
use super::table::Table;
use super::windlass::{self, Counts, Windlass};

/// An address without a daemon: with one, an image that is not pushed would be loaded into it.
const NO_DAEMON: &str = "unix:///none";

/// Builds from scratch, with an empty store; `big` is compared with `tar | pigz`, which only packs the same files.
pub fn cold(corpus: &Corpus, options: &Options, table: &mut Table) {
    let kind = corpus.kind();
    eprintln!("{kind}: cold, oci");
    corpus.write_config("bench.invalid", None);
    let windlass = Windlass::new(corpus.root(), NO_DAEMON);
    let with_pigz = kind == Kind::Big && has_pigz();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            if ours_now {
                corpus.forget_state();
                windlass.forget_store();
                settle();
                let (cost, counts) = windlass.build(&["--builder", "oci", "--skip-push"]);
                counts.expect("cold build, oci", Counts { built: corpus.images(), skipped: 0 });
                ours.push(cost);
            } else if with_pigz {
                settle();
                theirs.push(tar_pigz(&corpus.context()));
            }
        }
    }
    table.add(&format!("`{kind}`, cold, oci"), windlass::NAME, &ours, &[("`tar \\| pigz`", &theirs)]);
}

/// A change of one image that is built and pushed, compared with the daemon's build and push of that image alone, to
/// which the bare API sends the smallest context, and with bake's build and push of all images.
pub fn change_pushed(
    corpus: &Corpus,
    registry: &Registry,
    daemon: &PrivateDaemon,
    options: &Options,
    table: &mut Table,
) {
    let kind = corpus.kind();
    eprintln!("{kind}: one file changed and pushed, oci");
    corpus.write_config(&registry.address(), None);
    corpus.forget_state();
    let windlass = Windlass::new(corpus.root(), NO_DAEMON);
    let (_, counts) = windlass.build(&["--builder", "oci"]);
    counts.expect("first build, oci", Counts { built: corpus.images(), skipped: 0 });
    let bare = BareApi::connect(daemon.host());
    let repository = format!("{}/bench/bare", registry.address());
    bare.build_and_push(&repository, &corpus.minimal_tar_of_changed());

    let bake = Bake::of(corpus, &registry.address(), daemon.host());
    if let Some(bake) = &bake {
        bake.build(&["--push"]);
    }

    let (mut ours, mut theirs, mut baked) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for turn in 0..3 {
            corpus.change_one();
            let tar = corpus.minimal_tar_of_changed();
            settle();
            match (round + turn) % 3 {
                0 => {
                    let (cost, counts) = windlass.build(&["--builder", "oci"]);
                    let expected = Counts { built: 1, skipped: corpus.images() - 1 };
                    counts.expect("one file changed and pushed, oci", expected);
                    ours.push(cost);
                }
                1 => theirs.push(bare.build_and_push(&repository, &tar)),
                _ => baked.extend(bake.as_ref().map(|bake| bake.build(&["--push"]))),
            }
        }
    }
    let case = format!("`{kind}`, one file changed: 1 image built and pushed, oci");
    let others = [("bare API, build and push", &theirs[..]), (bake::PUSHED, &baked)];
    table.add(&case, windlass::NAME, &ours, &others);
}

/// Whether `pigz` is installed; prints a notice if not.
fn has_pigz() -> bool {
    let found = measure::command("pigz", &["--version"], Path::new(".")).output().is_ok();
    if !found {
        eprintln!("  pigz is not installed: skipping the comparison for the builder `oci`");
    }
    found
}

/// The cost of `tar | pigz` for a directory, with a file next to the store of a [`Windlass`] as the output.
fn tar_pigz(folder: &Path) -> Cost {
    let file = NamedTempFile::new_in("/var/tmp").expect("a file can be created");
    let path = file.path().display().to_string();
    // tar starts the program and fails if that fails, which a shell's pipe does not.
    measure::cost(measure::command("tar", &["--use-compress-program=pigz", "-cf", &path, "."], folder))
}
