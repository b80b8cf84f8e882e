//! Whole third-party trees, as `tests/long/trees` creates them: one image copies all of them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::harness::PrivateDaemon;
use super::measure::{self, Cost};
use super::options::Options;
use super::table::Table;
use super::walk;
use super::windlass::{self, Counts, Windlass};
use super::{forget_images, settle};

/// Where the trees are, unless `WINDLASS_TEST_TREES` names another directory.
const FOLDER: &str = "/var/tmp/windlass-trees";
/// The name of the image.
const IMAGE: &str = "bench.invalid/bench/trees";

/// Adds the rows of a build from scratch, compared with `docker build`, and of a run without changes, compared with a
/// bare stat walk.
pub fn trees(options: &Options, daemon: &PrivateDaemon, table: &mut Table) {
    let folder = std::env::var_os("WINDLASS_TEST_TREES").map_or_else(|| FOLDER.into(), PathBuf::from);
    if !folder.is_dir() {
        eprintln!("trees: none found in {}; create them with tests/long/trees", folder.display());
        return;
    }
    eprintln!("trees: cold, BuildKit");
    let project = project(&folder);
    let windlass = Windlass::new(project.path(), daemon.host());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            forget_images(daemon);
            let _ = fs::remove_dir_all(project.path().join(".windlass"));
            settle();
            if ours_now {
                let (cost, counts) = windlass.build(&["--skip-push"]);
                counts.expect("cold build", Counts { built: 1, skipped: 0 });
                ours.push(cost);
            } else {
                theirs.push(docker_build(project.path(), &folder, daemon));
            }
        }
    }
    table.add("`trees`, cold, BuildKit", windlass::NAME, &ours, &[("`docker build`", &theirs)]);

    windlass.build(&["--skip-push"]);
    let (mut unchanged, mut walks) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (cost, counts) = windlass.build(&["--skip-push"]);
        counts.expect("nothing changed", Counts { built: 0, skipped: 1 });
        unchanged.push(cost);
        walks.push(walk::walk(&folder, None).0);
    }
    table.add("`trees`, nothing changed", windlass::NAME, &unchanged, &[("bare stat walk", &walks)]);
    forget_images(daemon);
}

/// A project whose image copies all of `folder`, regardless of the ignore files in it.
fn project(folder: &Path) -> TempDir {
    let project = TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
    let config = format!(
        "version: v1beta9\nimages:\n  trees:\n    image: {IMAGE}\n    tags: [bench]\n    dockerfile: Dockerfile\n    \
         context: {}\n    build: {{docker: {{useBuildKit: true}}}}\n",
        folder.display()
    );
    let files = [
        ("devspace.yaml", config.as_str()),
        ("Dockerfile", "FROM scratch\nCOPY . /trees/\n"),
        ("Dockerfile.dockerignore", "# Everything.\n"),
    ];
    for (name, content) in files {
        fs::write(project.path().join(name), content).expect("a file can be written");
    }
    project
}

/// The same with the docker CLI and BuildKit. Its processor time is that of the client alone.
fn docker_build(project: &Path, folder: &Path, daemon: &PrivateDaemon) -> Cost {
    let folder = folder.display().to_string();
    let image = format!("{IMAGE}:docker");
    let words = ["build", "--progress", "plain", "--tag", &image, "--file", "Dockerfile", &folder];
    let mut command = measure::command("docker", &words, project);
    command.env("DOCKER_HOST", daemon.host()).env("DOCKER_BUILDKIT", "1");
    measure::cost(command)
}
