//! How fast windlass is, as ratios within one run.
//!
//! ```text
//! cargo bench --bench build                             # everything
//! cargo bench --bench build -- one ten --rounds 5       # a part, more often
//! cargo bench --bench build -- --only oci               # the builder that needs no daemon
//! cargo bench --bench build -- big --only upload        # the upload into a pod, with the cluster of the tests
//! cargo bench --bench build -- --only trees             # the trees that tests/long/trees created
//! cargo bench --bench build -- --only deploy            # deploys, with the cluster of the tests
//! cargo bench --bench build -- --only deploy --short    # without the 5,000 objects
//! cargo bench --bench build -- --only dev               # file sync and connections, with the cluster of the tests
//! ```
//!
//! It creates its corpora under `target/bench-corpora`, once. The images are built in a separate Docker daemon, which
//! requires root, and pushed to a registry on loopback; both are removed afterwards. Compared measurements
//! alternate, and each figure is the median of the rounds. The table goes to stdout.

#[path = "../harness/mod.rs"]
mod harness;

mod bake;
mod bare_api;
mod connections;
mod corpus;
mod deploy;
mod loading;
mod measure;
mod oci;
mod options;
mod sync;
mod table;
mod trees;
mod upload;
mod walk;
mod watching;
mod windlass;

use std::path::Path;

use bake::Bake;
use corpus::{Corpus, Kind};
use harness::{PrivateDaemon, Registry};
use measure::Cost;
use options::{Options, Part};
use table::Table;
use windlass::{Counts, Windlass};

/// How many images are built at the same time, by windlass and by the bare API.
const PARALLEL: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, report, program, rest @ ..] = arguments.as_slice()
        && flag == measure::FLAG
    {
        return measure::child(Path::new(report), program, rest);
    }
    // `cargo test --benches` starts this program too, but without the argument that `cargo bench` passes.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let options = Options::parse(&arguments);
    let has_corpora = [Part::Daemon, Part::Oci, Part::Upload].into_iter().any(|part| options.has(part));
    let corpora: Vec<Corpus> =
        options.corpora.iter().filter(|_| has_corpora).map(|kind| Corpus::make(*kind)).collect();
    let mut table = Table::default();
    if options.has(Part::Daemon) || options.has(Part::Oci) || options.has(Part::Trees) {
        builds(&corpora, &options, &mut table);
    }
    for corpus in corpora.iter().filter(|corpus| corpus.kind() == Kind::Big && options.has(Part::Upload)) {
        upload::upload(corpus, &options, &mut table);
    }
    if options.has(Part::Deploy) {
        deploy::deploy(&options, &mut table);
    }
    if options.has(Part::Dev) {
        watching::watching(&options, &mut table);
        connections::connections(&options, &mut table);
        sync::sync(&options, &mut table);
    }
    println!("{table}");
}

/// The cost of builds, with a daemon and without one.
fn builds(corpora: &[Corpus], options: &Options, table: &mut Table) {
    let daemon = PrivateDaemon::start().expect("the benchmark needs its own Docker daemon");
    let registry = Registry::start().expect("the benchmark needs docker-registry");
    if options.has(Part::Daemon) {
        start_up(options, table);
        loading::loading(options, table);
        for corpus in corpora {
            warm(corpus, &registry, &daemon, options, table);
        }
        for corpus in corpora {
            for build_kit in [true, false] {
                cold(corpus, build_kit, &daemon, options, table);
            }
        }
    }
    if options.has(Part::Trees) {
        trees::trees(options, &daemon, table);
    }
    if options.has(Part::Oci) {
        for corpus in corpora {
            oci::cold(corpus, options, table);
            if corpus.kind().shares_context() {
                oci::change_pushed(corpus, &registry, &daemon, options, table);
            }
        }
    }
}

/// The cost of `windlass --help`.
fn start_up(options: &Options, table: &mut Table) {
    let windlass = Windlass::new(Path::new("."), "unix:///none");
    let costs: Vec<Cost> = (0..options.rounds * 5).map(|_| windlass.cost(&["--help"])).collect();
    table.add("start-up", "`windlass --help`", &costs, &[]);
}

/// The cost of runs that have little or nothing to build.
fn warm(corpus: &Corpus, registry: &Registry, daemon: &PrivateDaemon, options: &Options, table: &mut Table) {
    let kind = corpus.kind();
    eprintln!("{kind}: nothing changed");
    corpus.write_config(&registry.address(), None);
    corpus.forget_state();
    let windlass = Windlass::new(corpus.root(), daemon.host());
    windlass.build(&[]).1.expect("first build", Counts { built: corpus.images(), skipped: 0 });

    let bake = Bake::of(corpus, &registry.address(), daemon.host());
    if let Some(bake) = &bake {
        bake.build(&[]);
    }

    let all_skipped = Counts { built: 0, skipped: corpus.images() };
    let (mut unchanged, mut walks, mut status, mut baked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (cost, counts) = windlass.build(&[]);
        counts.expect("nothing changed", all_skipped);
        unchanged.push(cost);
        if kind.shares_context() {
            let (cost, files) = walk::walk(&corpus.context(), Some(".dockerignore"));
            assert!(files > 20_000, "the walk saw only {files} files: half of the corpus should be there");
            walks.push(cost);
        }
        if corpus.root().join(".git").is_dir() {
            status.push(measure::cost(measure::command("git", &["status", "--short"], corpus.root())));
        }
        baked.extend(bake.as_ref().map(|bake| bake.build(&[])));
    }
    let case = format!("`{kind}`, nothing changed");
    let others = [("bare stat walk", &walks[..]), ("`git status`", &status), (bake::NAME, &baked)];
    table.add(&case, windlass::NAME, &unchanged, &others);

    let mut without_index = Vec::new();
    for _ in 0..options.rounds {
        corpus.forget_index();
        let (cost, counts) = windlass.build(&[]);
        counts.expect("no stat index", all_skipped);
        without_index.push(cost);
    }
    table.add(&format!("`{kind}`, no stat index"), windlass::NAME, &without_index, &[]);

    let (mut one_changed, mut baked) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            corpus.change_one();
            if ours_now {
                // Pushing would measure how fast the daemon compresses.
                let (cost, counts) = windlass.build(&["--skip-push"]);
                counts.expect("one file changed", Counts { built: 1, skipped: corpus.images() - 1 });
                one_changed.push(cost);
            } else {
                baked.extend(bake.as_ref().map(|bake| bake.build(&[])));
            }
        }
    }
    let case = format!("`{kind}`, one file changed: 1 image built");
    table.add(&case, windlass::NAME, &one_changed, &[(bake::NAME, &baked)]);
}

/// The cost of builds from scratch, compared with the same builds through the bare API.
fn cold(corpus: &Corpus, build_kit: bool, daemon: &PrivateDaemon, options: &Options, table: &mut Table) {
    let kind = corpus.kind();
    let builder = if build_kit { "BuildKit" } else { "classic" };
    eprintln!("{kind}: cold, {builder}");
    corpus.write_config("bench.invalid", Some(build_kit));
    let windlass = Windlass::new(corpus.root(), daemon.host());
    let bare = bare_api::BareApi::connect(daemon.host());
    let parallel = PARALLEL.to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        // The order alternates, so that neither always finds the caches as the other left them.
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            corpus.forget_state();
            corpus.change_all();
            if ours_now {
                settle();
                let (cost, counts) = windlass.build(&["--skip-push", "--max-concurrent-builds", &parallel]);
                counts.expect("cold build", Counts { built: corpus.images(), skipped: 0 });
                ours.push(cost);
            } else {
                let tars = corpus.minimal_tars();
                settle();
                theirs.push(bare.build_all(&tars, build_kit, PARALLEL));
            }
            forget_images(daemon);
        }
    }
    let case = format!("`{kind}`, cold, {builder}");
    table.add(&case, windlass::NAME, &ours, &[("bare API", &theirs)]);
}

/// Writes dirty pages to disk, so that no measurement includes earlier work.
fn settle() {
    // SAFETY: sync takes no arguments and cannot fail.
    unsafe { libc::sync() };
}

/// Removes everything from the daemon, which is the benchmark's own.
fn forget_images(daemon: &PrivateDaemon) {
    daemon.docker(["image", "prune", "--all", "--force"]);
    daemon.docker(["builder", "prune", "--all", "--force"]);
}
