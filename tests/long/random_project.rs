//! Random projects under random edits: after every run, each image equals a fresh `docker build` of the same files, and
//! the next run has nothing to do.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use windlass::image::Digest;

use super::edit::edit;
use super::oracle::{Essence, Oracle, docker_build};
use super::settings::{number, seed};
use super::sketch::{Hooks, Mode, Sketches};
use crate::harness::{Daemon, ImageTree, Output, Project, Signal, stored};

/// How many rounds one project is used for.
const LIFE: usize = 20;

/// Disturbances of a run, in addition to edits between the runs.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// How many of 8 runs are killed at a random moment.
    pub kills: u8,
    /// How many of 8 runs see edits while they run.
    pub edits: u8,
}

/// A random project, and its known properties.
struct Life<'a> {
    rng: Rng,
    daemon: &'a Daemon,
    project: Project,
    sketches: Sketches,
    oracle: Oracle,
    /// Earlier states of the contexts.
    past: Vec<TempDir>,
    /// The content of the images that windlass built, by image ID.
    images: BTreeMap<String, Essence>,
    /// The digests of all contents that were ever in a context, in the format of the tree.
    contents: HashSet<String>,
    /// The history of the project, which the report shows.
    story: Vec<String>,
}

/// Uses random projects until `rounds` runs were checked; returns the failures, each with the seed of its project.
pub fn live(mode: Mode, seed: u64, rounds: usize, trouble: Trouble) -> Vec<String> {
    let Some(daemon) = Daemon::acquire() else { return Vec::new() };
    let mut wrong = Vec::new();
    let mut done = 0;
    for seed in seed.. {
        if done >= rounds {
            break;
        }
        let mut life = Life::begin(&daemon, mode, seed);
        for _ in 0..LIFE.min(rounds - done) {
            done += 1;
            let round = std::panic::AssertUnwindSafe(|| life.round(trouble));
            let ended = std::panic::catch_unwind(round);
            if let Err(what) = ended.unwrap_or_else(|_| Err("the test itself panics".to_owned())) {
                wrong.push(format!("{mode:?}, WINDLASS_TEST_SEED={seed}: {what}\n{}", life.told()));
                println!("{}", wrong[wrong.len() - 1]);
                break;
            }
        }
        println!("{mode:?}: {done} of {rounds} rounds, {} wrong", wrong.len());
    }
    wrong
}

/// Name, outcome, and image ID and reference of an image of a run.
type Ended = (String, String, Option<(String, String)>);

impl<'a> Life<'a> {
    fn begin(daemon: &'a Daemon, mode: Mode, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let project = Project::new().daemon(daemon);
        let sketches = Sketches::draw(&mut rng, daemon, &project, mode);
        let (oracle, images, contents) = (Oracle::default(), BTreeMap::new(), HashSet::new());
        let (past, story) = (Vec::new(), Vec::new());
        let mut life = Self { rng, daemon, project, sketches, oracle, past, images, contents, story };
        life.make_base();
        life
    }

    /// One round: edits, perhaps a disturbed run, then a run that is checked.
    fn round(&mut self, trouble: Trouble) -> Result<(), String> {
        for _ in 0..self.rng.usize(1..4) {
            let what = self.change();
            self.story.push(what);
        }
        if self.rng.u8(..8) < trouble.edits {
            self.run_with_edits()?;
        }
        if self.rng.u8(..8) < trouble.kills {
            self.run_and_kill()?;
        }
        let arguments = self.arguments();
        self.story.push(arguments.join(" "));
        let output = self.project.run(&arguments);
        self.check(&output)?;
        // A file that a hook writes for one image may belong to the context of another.
        if self.rng.u8(..3) == 0 && self.last_all_right() {
            self.check_rest(&arguments)?;
        }
        Ok(())
    }

    /// Changes something about the project or its images; returns a description.
    fn change(&mut self) -> String {
        let index = self.rng.usize(..self.sketches.images.len());
        let image = &self.sketches.images[index];
        let root = self.project.path(image.folder);
        match self.rng.u8(..24) {
            0..3 => {
                let path = root.join(format!("{}.Dockerfile", image.name));
                let text = fs::read_to_string(&path).unwrap_or_default();
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                let what = match self.rng.u8(..3) {
                    0 if lines.len() > 3 => {
                        let place = self.rng.usize(1..lines.len());
                        if lines[place].starts_with("FROM") {
                            return "nothing".to_owned();
                        }
                        format!("drop {}", lines.remove(place))
                    }
                    1 => {
                        let Some(place) = lines.iter().rposition(|line| line.starts_with("FROM ")) else {
                            return "nothing".to_owned();
                        };
                        lines[place] = format!("FROM {}", self.sketches.draw_base(&mut self.rng, index));
                        lines[place].clone()
                    }
                    _ => {
                        lines.push(self.sketches.draw_line(&mut self.rng, index, &root));
                        lines[lines.len() - 1].clone()
                    }
                };
                let _ = fs::write(path, lines.join("\n") + "\n");
                format!("{}.Dockerfile: {what}", image.name)
            }
            3 => {
                self.sketches.images[index].argument = self.rng.u32(..4);
                self.sketches.write_config(&self.project);
                "another build argument".to_owned()
            }
            4 => {
                self.make_base();
                "the base is another image".to_owned()
            }
            5 if !self.past.is_empty() => {
                let past = self.rng.usize(..self.past.len());
                for image in &self.sketches.images {
                    let (from, to) =
                        (self.past[past].path().join(image.folder), self.project.path(image.folder));
                    if from.exists() {
                        let _ = fs::remove_dir_all(&to);
                        self.project.run_program("cp", ["-a".into(), from, to]).success();
                    }
                }
                format!("back to state {past}")
            }
            6 if self.past.len() < 6 => {
                let copy = TempDir::with_prefix("windlass-past-").expect("a directory");
                let folders: HashSet<_> = self.sketches.images.iter().map(|image| image.folder).collect();
                for folder in folders {
                    let from = self.project.path(folder);
                    self.project.run_program("cp", ["-a".into(), from, copy.path().join(folder)]).success();
                }
                self.past.push(copy);
                format!("keep this as state {}", self.past.len() - 1)
            }
            7 if self.sketches.mode == Mode::Docker => {
                let tags = self.daemon.tags(&image.repository);
                let Some(tag) = self.rng.choice(tags) else { return "nothing".to_owned() };
                let reference = format!("{}:{tag}", image.repository);
                let arguments = match self.rng.bool() {
                    true => {
                        vec!["image".to_owned(), "rm".to_owned(), "--force".to_owned(), reference.clone()]
                    }
                    false => vec!["tag".to_owned(), format!("{}:1", self.sketches.base), reference.clone()],
                };
                self.project.run_program("docker", &arguments);
                format!("docker {}", arguments.join(" "))
            }
            _ => format!("{}: {}", image.folder, edit(&mut self.rng, &root)),
        }
    }

    /// Creates the image that the others are built from.
    fn make_base(&mut self) {
        let folder = TempDir::new().expect("a directory");
        let mark = self.rng.u32(..);
        let text = format!("FROM {}\nCOPY mark /base/mark\nENV MARK={mark}\n", self.daemon.base());
        fs::write(folder.path().join("Dockerfile"), text).expect("written");
        fs::write(folder.path().join("mark"), mark.to_string()).expect("written");
        let reference = format!("{}:1", self.sketches.base);
        let folder = folder.path().display().to_string();
        docker_build(&self.project, false, &["--tag", &reference, &folder]).success();
    }

    fn result(&self) -> PathBuf {
        self.project.home().join("result.json")
    }

    fn arguments(&mut self) -> Vec<String> {
        let result = self.result().display().to_string();
        let _ = fs::remove_file(&result);
        let mut arguments =
            ["build", "--keep-going", "--skip-push", "--result", &result].map(str::to_owned).to_vec();
        if self.rng.bool() {
            arguments.extend(["-t".to_owned(), format!("t{}", self.rng.u8(..3))]);
        }
        if self.sketches.mode == Mode::Oci {
            arguments.extend(["--builder".to_owned(), "oci".to_owned()]);
        }
        if self.rng.u8(..10) == 0 {
            arguments.push("-b".to_owned());
        }
        arguments
    }

    /// A run during which files change: every file of its images is, as a whole, a content that existed.
    fn run_with_edits(&mut self) -> Result<(), String> {
        let arguments = self.arguments();
        self.learn_contents();
        let running = self.project.spawn(&arguments);
        let mut is_whole = true;
        for _ in 0..self.rng.usize(1..6) {
            sleep(Duration::from_millis(self.rng.u64(..120)));
            let folder = self.project.path(self.rng.choice(&self.sketches.images).expect("an image").folder);
            let what = edit(&mut self.rng, &folder);
            self.learn_contents();
            // A write in place exposes partial content to readers.
            is_whole &= !what.contains("in place");
            self.story.push(format!("while it runs: {what}"));
        }
        let output = running.finish();
        self.story.push(format!("run with edits: {:?}", output.code()));
        check_panic(&output)?;
        self.learn_contents();
        if !is_whole {
            return Ok(());
        }
        for (name, id, reference) in self.results()?.into_iter().filter_map(|(name, _, image)| {
            let (id, reference) = image?;
            Some((name, id, reference))
        }) {
            let essence = self.essence(&id, &reference);
            for (path, digest) in essence.contents() {
                let is_ours = ["x/", "all", "d0/", "d1/", "d2/", "d3/", "d4/", "d5/", "txt/", "add"];
                let written = ["Dockerfile", ".dockerignore", ".new", "made.txt"];
                let is_written = written.iter().any(|name| path.ends_with(name));
                if is_ours.iter().any(|prefix| path.starts_with(prefix))
                    && !is_written
                    && !self.contents.contains(digest)
                {
                    return Err(format!("{name} has {path} with content that never existed: {digest}"));
                }
            }
        }
        Ok(())
    }

    /// A run that is killed at a random moment.
    fn run_and_kill(&mut self) -> Result<(), String> {
        let arguments = self.arguments();
        let running = self.project.spawn(arguments);
        let pause = self.rng.u64(..700);
        sleep(Duration::from_millis(pause));
        let signal = if self.rng.u8(..4) == 0 { Signal::Interrupt } else { Signal::Kill };
        running.signal(signal);
        let (_, told) = running.output_so_far();
        let status = running.finish_alone();
        self.story.push(format!("{signal:?} after {pause} ms: {status}"));
        if told.contains("panicked") { Err(format!("a panic:\n{told}")) } else { Ok(()) }
    }

    /// Records every content that is in a context now.
    fn learn_contents(&mut self) {
        for image in &self.sketches.images {
            let root = self.project.path(image.folder);
            for path in super::sketch::paths(&root) {
                if let Ok(content) = fs::read(root.join(path)) {
                    self.contents.insert(Digest::of(content).hex()[..12].to_owned());
                }
            }
        }
    }

    /// The images of the last run.
    fn results(&self) -> Result<Vec<Ended>, String> {
        let text = fs::read_to_string(self.result()).map_err(|error| format!("no result: {error}"))?;
        let result: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let images = result["images"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = images.iter().map(|image| {
            let (name, outcome) = (text(&image["image"]), text(&image["outcome"]));
            let there = ["built", "skipped"].contains(&outcome.as_str()).then(|| {
                let reference = format!("{}:{}", text(&image["repository"]), text(&image["tags"][0]));
                (self.id(&reference), reference)
            });
            (name, outcome, there)
        });
        Ok(found.collect())
    }

    /// The image ID that `reference` resolves to, as a string.
    fn id(&self, reference: &str) -> String {
        match self.sketches.mode {
            Mode::Docker => self.daemon.image_id(reference).unwrap_or_default(),
            Mode::Oci => stored(&self.project, reference).digest().to_string(),
        }
    }

    fn essence(&mut self, id: &str, reference: &str) -> Essence {
        if let Some(known) = self.images.get(id) {
            return known.clone();
        }
        let essence: Essence = match self.sketches.mode {
            Mode::Docker => ImageTree::of_daemon(self.daemon, reference).into(),
            Mode::Oci => ImageTree::of_store(&self.project, reference).into(),
        };
        self.images.insert(id.to_owned(), essence.clone());
        essence
    }

    /// Every image matches the oracle.
    fn check(&mut self, output: &Output) -> Result<(), String> {
        check_panic(output)?;
        let results = self.results().map_err(|error| format!("{error}\n{output}"))?;
        let truth = self.oracle.images(&self.sketches, self.daemon, &self.project);
        let images: Vec<_> =
            self.sketches.images.iter().map(|image| (image.name, image.has_build_kit)).collect();
        for ((image, has_build_kit), expected) in images.into_iter().zip(&truth) {
            let found = results.iter().find(|(name, ..)| name == image);
            let Some((_, outcome, there)) = found else {
                return Err(format!("no result for {image}\n{output}"));
            };
            match (there, expected) {
                (None, Err(_)) => {}
                (None, Ok(_)) => return Err(format!("{image} is {outcome}, but docker builds it\n{output}")),
                // Docker reads no ignore file with a line of 64 KiB; windlass does.
                (Some(_), Err(why)) if why.contains("bufio.Scanner: token too long") => {}
                (Some(_), Err(why)) => {
                    return Err(format!("{image} is {outcome}, but docker reports {why}\n{output}"));
                }
                (Some((id, reference)), Ok(expected)) => {
                    if id.is_empty() {
                        return Err(format!(
                            "{image} is {outcome}, but {reference} does not exist\n{output}"
                        ));
                    }
                    let essence = self.essence(id, reference);
                    let differences = match has_build_kit {
                        true => essence.differences(expected),
                        false => essence
                            .without_ignore_files()
                            .differences(&expected.clone().without_ignore_files()),
                    };
                    if !differences.is_empty() {
                        return Err(format!(
                            "{image} is {outcome}, and wrong:\n  {}\n{output}",
                            differences.join("\n  ")
                        ));
                    }
                }
            }
        }
        let is_right = truth.iter().all(Result::is_ok);
        if is_right != (output.code() == Some(0)) {
            return Err(format!("exit code {:?}\n{output}", output.code()));
        }
        Ok(())
    }

    fn last_all_right(&self) -> bool {
        let results = self.results().unwrap_or_default();
        results.iter().all(|(_, outcome, _)| ["built", "skipped"].contains(&outcome.as_str()))
    }

    /// Another run immediately afterwards builds nothing.
    fn check_rest(&mut self, arguments: &[String]) -> Result<(), String> {
        let arguments: Vec<_> = arguments.iter().filter(|argument| *argument != "-b").collect();
        let output = self.project.run(&arguments);
        self.check(&output)?;
        let built = self.results()?.into_iter().find(|(_, outcome, _)| outcome == "built");
        match built {
            Some((name, ..)) if self.sketches.hooks != Hooks::OfImages || !self.shares() => {
                Err(format!("{name} is built again, but nothing changed\n{output}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether images share a context.
    fn shares(&self) -> bool {
        let folders: HashSet<_> = self.sketches.images.iter().map(|image| image.folder).collect();
        folders.len() < self.sketches.images.len()
    }

    fn told(&self) -> String {
        let from = self.story.len().saturating_sub(14);
        let mut told = format!("last events:\n  {}\n", self.story[from..].join("\n  "));
        for image in &self.sketches.images {
            let path = format!("{}/{}.Dockerfile", image.folder, image.name);
            told += &format!(
                "--- {path} (BuildKit: {}), hooks: {:?}\n{}",
                image.has_build_kit,
                self.sketches.hooks,
                self.project.read(&path)
            );
        }
        told
    }
}

fn check_panic(output: &Output) -> Result<(), String> {
    let is_panic = output.stderr.contains("panicked") || output.code().is_none();
    if is_panic { Err(format!("a panic or a signal\n{output}")) } else { Ok(()) }
}

/// The setting for ordinary test runs.
const SHORT: Trouble = Trouble { kills: 0, edits: 2 };

#[test]
fn a_random_project_always_matches_docker() {
    let wrong = live(Mode::Docker, 1, 24, SHORT);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_random_project_always_matches_docker_also_without_docker() {
    let wrong = live(Mode::Oci, 1, 24, SHORT);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn random_projects_with_docker() {
    let wrong =
        live(Mode::Docker, seed("random_projects_with_docker"), number("WINDLASS_TEST_ROUNDS", 1000), SHORT);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn random_projects_with_oci() {
    let wrong =
        live(Mode::Oci, seed("random_projects_with_oci"), number("WINDLASS_TEST_ROUNDS", 1000), SHORT);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn killed_runs_leave_nothing_wrong() {
    let (seed, rounds) = (seed("killed_runs_leave_nothing_wrong"), number("WINDLASS_TEST_ROUNDS", 100));
    let trouble = Trouble { kills: 8, edits: 1 };
    let mut wrong = live(Mode::Docker, seed, rounds, trouble);
    wrong.extend(live(Mode::Oci, seed, rounds, trouble));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
