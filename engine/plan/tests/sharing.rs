//! Two machines share a registry, and never take a wrong image for the right one.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::fake_project::{FakeProject, PipelineRun};
use crate::host::memory::MadeImage;
use crate::run::{RunOptions, ShareMode};

/// Three images built from each other, base images first.
const IMAGES: [&str; 3] = ["low", "mid", "top"];
/// Lines that developers append to Dockerfiles.
const LINES: [&str; 3] = ["", "LABEL a=b\n", "ENV C=d\n"];
/// The values of `DOCKER_DEFAULT_PLATFORM`.
const PLATFORMS: [&str; 3] = ["", "linux/arm64", "linux/amd64,linux/arm64"];
/// Overrides of the pipeline.
const SCRIPTS: [&str; 5] = [
    "",
    "fn tags(image) { [\"ci-####\", \"main\"] }",
    "fn builder(image) { if image.name == \"low\" { \"oci\" } else { choose_builder(image) } }",
    "fn needs_build(image, plan) { image.name == \"low\" || plan.needs_build }",
    "fn verify(image, built) { exec([\"scan\", image.name]); }",
];

/// A build on one of the machines, and what happened before it.
#[derive(Debug, Clone)]
struct Step {
    machine: usize,
    /// The lines that the Dockerfiles of this machine have.
    lines: [usize; 3],
    platform: usize,
    script: usize,
    mode: usize,
    forced: Option<usize>,
    skips_push: bool,
    /// Whether the other machine pushes while this one builds.
    is_race: bool,
    /// Whether the records of this machine, or the images of its daemon, were removed.
    loses_records: bool,
    loses_images: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let lines = prop_oneof![3 => Just([0, 0, 0]), 1 => prop::array::uniform3(0..LINES.len())];
    let platform = prop_oneof![3 => Just(0), 1 => 0..PLATFORMS.len()];
    let script = prop_oneof![2 => Just(0), 1 => 0..SCRIPTS.len()];
    // Most builds share.
    let mode = prop_oneof![1 => Just(0), 2 => Just(1), 4 => Just(2)];
    let forced = prop_oneof![3 => Just(None), 1 => (0..IMAGES.len()).prop_map(Some)];
    let rare = || prop::bool::weighted(0.15);
    let lost = (rare(), rare());
    (0..2usize, lines, platform, script, mode, forced, rare(), any::<bool>(), lost).prop_map(
        |(machine, lines, platform, script, mode, forced, skips_push, is_race, lost)| Step {
            machine,
            lines,
            platform,
            script,
            mode,
            forced,
            skips_push,
            is_race,
            loses_records: lost.0,
            loses_images: lost.1,
        },
    )
}

fn body(image: usize, lines: [usize; 3]) -> String {
    format!("COPY {name}.txt /\n{line}", name = IMAGES[image], line = LINES[lines[image]])
}

/// A machine with a clone of the project.
fn machine(name: &str) -> FakeProject {
    let config = "version: v1beta9\nimages:\n".to_owned();
    let image = |name: &&str| {
        format!("  {name}:\n    image: acme/{name}\n    dockerfile: {name}.Dockerfile\n    tags: [main]\n")
    };
    let machine = FakeProject::of_config(&(config + IMAGES.iter().map(image).collect::<String>().as_str()));
    machine.set_machine(name);
    for name in IMAGES {
        machine.write(&format!("{name}.txt"), name);
    }
    machine
}

impl Step {
    fn build(&self, machine: &FakeProject) -> PipelineRun {
        for (index, name) in IMAGES.iter().enumerate() {
            let from =
                if index == 0 { "scratch".to_owned() } else { format!("acme/{}:main", IMAGES[index - 1]) };
            machine
                .write(&format!("{name}.Dockerfile"), &format!("FROM {from}\n{}", body(index, self.lines)));
            if self.loses_images {
                machine.prune(&format!("acme/{name}"));
            }
        }
        if self.loses_records {
            machine.remove(".windlass");
        }
        machine.set_variable("DOCKER_DEFAULT_PLATFORM", PLATFORMS[self.platform]);
        let options = RunOptions {
            jobs: 1,
            share: Some(ShareMode::ALL[self.mode]),
            force: self.forced.iter().map(|image| IMAGES[*image].to_owned()).collect(),
            skip_push: self.skips_push,
            ..RunOptions::default()
        };
        machine.build_with(SCRIPTS[self.script], options)
    }

    /// Checks that each image of the run is what this machine would have built, on the base image that the run has.
    fn check(&self, ended: &PipelineRun, made: &[MadeImage]) -> Result<(), TestCaseError> {
        let mut below: Option<MadeImage> = None;
        for (index, name) in IMAGES.iter().enumerate() {
            let finished = ended.execution.run.finished(name);
            let identity = finished.and_then(|finished| finished.identity);
            let Some(identity) = identity else {
                return Err(TestCaseError::fail(format!("`{name}` is missing")));
            };
            let is_it = |made: &&MadeImage| {
                let is_pushed = identity.digest.as_ref() == Some(&made.digest);
                let is_local = || {
                    let id = identity
                        .image_id
                        .clone()
                        .or_else(|| identity.stored.map(|digest| digest.to_string()));
                    id.is_some_and(|id| crate::host::memory::registry_digest(&id) == made.digest)
                };
                is_pushed || (identity.digest.is_none() && is_local())
            };
            let Some(image) = made.iter().find(is_it) else {
                return Err(TestCaseError::fail(format!("no machine built {identity:?} of `{name}`")));
            };
            prop_assert_eq!(&image.image, name);
            let (_, own) = image.dockerfile.split_once('\n').expect("a FROM line");
            prop_assert_eq!(own, body(index, self.lines), "{}", name);
            let platform = PLATFORMS[self.platform];
            prop_assert_eq!(image.platform.as_deref().unwrap_or_default(), platform, "{}", name);
            if let Some(below) = &below {
                prop_assert_eq!(
                    &image.bases,
                    &vec![below.digest.clone()],
                    "`{}` is built on another base",
                    name
                );
            }
            below = Some(image.clone());
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn machines_never_take_a_wrong_image_for_the_right_one(steps in prop::collection::vec(step(), 1..8)) {
        let machines = [machine("one"), machine("two")];
        for step in &steps {
            let (own, other) = (&machines[step.machine], &machines[1 - step.machine]);
            let ended = step.build(own);
            if let Err(error) = &ended.result {
                return Err(TestCaseError::fail(format!("{error}")));
            }
            let made: Vec<_> = machines.iter().flat_map(FakeProject::all_made).collect();
            step.check(&ended, &made)?;
            // Every machine finds the same image under a name of a shared build.
            for (reference, digest) in own.in_registries() {
                if reference.contains(":windlass-") {
                    prop_assert!(made.iter().any(|made| made.digest == digest), "{} is nothing", reference);
                }
            }
            other.receive(own, step.is_race);
        }
    }
}

/// The decisions of a run.
fn decisions(machine: &FakeProject, mode: ShareMode, force: &[&str]) -> Vec<String> {
    let force = force.iter().map(|name| (*name).to_owned()).collect();
    let options = RunOptions { jobs: 1, share: Some(mode), force, ..RunOptions::default() };
    let ended = machine.build_with("", options);
    ended.succeeds();
    ended.decisions()
}

fn two_machines() -> [FakeProject; 2] {
    let machines = [machine("one"), machine("two")];
    for machine in &machines {
        for (index, name) in IMAGES.iter().enumerate() {
            let from =
                if index == 0 { "scratch".to_owned() } else { format!("acme/{}:main", IMAGES[index - 1]) };
            machine.write(&format!("{name}.Dockerfile"), &format!("FROM {from}\n{}", body(index, [0; 3])));
        }
    }
    machines
}

#[test]
fn dependent_images_follow_a_forced_base() {
    let [one, two] = two_machines();
    decisions(&one, ShareMode::Write, &[]);
    assert_eq!(
        decisions(&one, ShareMode::Write, &["mid"]),
        ["low Skip: unchanged", "mid Build: forced", "top Build: its base `mid` is rebuilt"]
    );
    two.receive(&one, false);
    let found = "Skip: unchanged, found in the registry";
    assert_eq!(decisions(&two, ShareMode::Read, &[]), IMAGES.map(|name| format!("{name} {found}")));
    assert_eq!(two.all_made().len(), 0);
}

#[test]
fn a_base_that_is_pulled_is_the_recorded_one() {
    let [one, two] = two_machines();
    let off = |machine: &FakeProject, force: &[&str]| decisions(machine, ShareMode::Off, force);
    off(&two, &[]);
    one.receive(&two, false);
    // The tags name the images of this machine now.
    off(&one, &[]);
    two.receive(&one, false);
    let low = two.all_made().into_iter().find(|made| made.image == "low").expect("low");
    IMAGES.iter().for_each(|name| two.prune(&format!("acme/{name}")));
    off(&two, &["mid"]);
    let mid = two.all_made().into_iter().rfind(|made| made.image == "mid").expect("mid");
    assert_eq!(mid.bases, [low.digest]);
}

#[test]
fn build_that_was_shared_meanwhile_is_used() {
    let [one, two] = two_machines();
    decisions(&one, ShareMode::Write, &[]);
    two.receive(&one, true);
    decisions(&two, ShareMode::Write, &[]);
    // The first image was built before the others were known.
    assert_eq!(two.all_made().len(), 1);
    assert_eq!(one.in_registries(), two.in_registries());
}
