//! A plan and the build after it decide the same.

mod sharing;
mod worlds;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::fake_project::{FakeProject, PipelineRun};
use crate::run::RunOptions;

/// Three images built from each other, one independent, and one with a custom command.
const CONFIG: &str = "version: v1beta9
images:
  top:
    image: acme/top
    dockerfile: top.Dockerfile
    build:
      docker:
        options:
          buildArgs:
            FLAVOR: plain
  mid:
    image: acme/mid
    dockerfile: mid.Dockerfile
  low:
    image: acme/low
    dockerfile: low.Dockerfile
  side:
    image: acme/side
    dockerfile: side.Dockerfile
  made:
    image: acme/made
    build:
      custom:
        command: make
        onChange: [made.txt]
";

fn world() -> FakeProject {
    let world = FakeProject::of_config(CONFIG);
    world.write("low.Dockerfile", "FROM scratch\nENV DIR=low\nCOPY low.txt /\nONBUILD COPY trigger.txt /\n");
    world.write("mid.Dockerfile", "FROM acme/low\nCOPY $DIR.txt mid.txt /\n");
    world.write("top.Dockerfile", "FROM acme/mid AS base\nARG FLAVOR\nFROM base AS other\nCOPY other.txt /\nFROM base\nCOPY top.txt /\n");
    world.write("side.Dockerfile", "FROM scratch\nCOPY side.txt low.txt /\n");
    for name in ["low", "mid", "top", "side", "made", "other", "trigger", "unread"] {
        world.write(&format!("{name}.txt"), name);
    }
    world
}

/// Something a user may do between two builds.
#[derive(Debug, Clone)]
enum Edit {
    /// A file changes.
    File(usize, u8),
    /// A line is added to a Dockerfile.
    Dockerfile(usize, u8),
    /// A value in devspace.yaml changes.
    Config(usize),
    /// Another override.
    Script(usize),
    /// Images are removed from the daemon.
    Prune(usize),
    /// State is removed.
    Forget(usize),
    /// Another option.
    Option(usize),
    Nothing,
}

const FILES: [&str; 8] = ["low", "mid", "top", "side", "made", "other", "trigger", "unread"];
const IMAGES: [&str; 4] = ["low", "mid", "top", "side"];
const LINES: [&str; 4] = ["LABEL a=b", "ENV DIR=mid", "ONBUILD COPY other.txt /", "COPY other.txt /copy"];
const CONFIGS: [(&str, &str); 6] = [
    ("FLAVOR: plain", "FLAVOR: sweet"),
    ("dockerfile: top.Dockerfile", "dockerfile: top.Dockerfile\n    rebuildStrategy: ignoreContextChanges"),
    ("dockerfile: mid.Dockerfile", "dockerfile: mid.Dockerfile\n    entrypoint: [sleep]"),
    ("dockerfile: low.Dockerfile", "dockerfile: low.Dockerfile\n    rebuildStrategy: always"),
    ("command: make", "command: make all"),
    ("image: acme/side", "image: acme/aside"),
];
const SCRIPTS: [&str; 8] = [
    "",
    "fn tags(image) { [\"1.0\"] }",
    "fn verify(image, built) { exec([\"scan\", image.name]); }",
    "fn tags(image) { [\"1.0\", \"dev-##\"] }",
    "fn entrypoint(image) { if image.name == \"mid\" { [\"sleep\"] } else { image.entrypoint } }",
    "fn needs_build(image, plan) { image.name == \"side\" || plan.needs_build }",
    "fn plan(image) { if image.is_custom { return plan_custom(image); }
        let image = image.with_build_args(#{ FLAVOR: \"scripted\" });
        plan_image(image, prepare(image, dockerfile(image)), context(image)) }",
    "import \"scripts/build\" as base; fn build_image(image) { base::build_image(image) } fn publish(image, built) { built }",
];
const FORGOTTEN: [&str; 5] = [
    ".windlass",
    ".windlass/images/low.json",
    ".windlass/images/mid.json",
    ".windlass/bases.json",
    ".windlass/contexts",
];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0..FILES.len(), 0..3u8).prop_map(|(file, content)| Edit::File(file, content)),
        3 => (0..IMAGES.len(), 0..LINES.len() as u8).prop_map(|(image, line)| Edit::Dockerfile(image, line)),
        3 => (0..CONFIGS.len()).prop_map(Edit::Config),
        3 => (0..SCRIPTS.len()).prop_map(Edit::Script),
        1 => (0..IMAGES.len()).prop_map(Edit::Prune),
        1 => (0..FORGOTTEN.len()).prop_map(Edit::Forget),
        2 => (0..5usize).prop_map(Edit::Option),
        1 => Just(Edit::Nothing),
    ]
}

/// A test world with a sequence of edits.
struct Story {
    world: FakeProject,
    config: String,
    dockerfiles: Vec<String>,
    script: &'static str,
    options: RunOptions,
}

impl Story {
    fn new() -> Self {
        let world = world();
        let dockerfiles = IMAGES.map(|image| world.read(&format!("{image}.Dockerfile"))).to_vec();
        let options = RunOptions { jobs: 1, ..RunOptions::default() };
        Self { world, config: CONFIG.to_owned(), dockerfiles, script: "", options }
    }

    fn apply(&mut self, edit: &Edit) {
        self.options.force.clear();
        match *edit {
            Edit::File(file, content) => {
                self.world.write(&format!("{}.txt", FILES[file]), &format!("content {content}"));
            }
            Edit::Dockerfile(image, line) => {
                let text = format!("{}{}\n", self.dockerfiles[image], LINES[usize::from(line)]);
                self.world.write(&format!("{}.Dockerfile", IMAGES[image]), &text);
            }
            Edit::Config(index) => {
                let (plain, edited) = CONFIGS[index];
                self.config = match self.config.contains(edited) {
                    true => self.config.replace(edited, plain),
                    false => self.config.replace(plain, edited),
                };
                self.world.write("devspace.yaml", &self.config);
            }
            Edit::Script(index) => self.script = SCRIPTS[index],
            Edit::Prune(image) => self.world.prune(&format!("acme/{}", IMAGES[image])),
            Edit::Forget(index) => self.world.remove(FORGOTTEN[index]),
            Edit::Option(0) => self.options.skip_push = !self.options.skip_push,
            Edit::Option(1) => self.options.check_registry = !self.options.check_registry,
            Edit::Option(2) => drop(self.options.force.insert("low".to_owned())),
            Edit::Option(3) => drop(self.options.force.insert("mid".to_owned())),
            Edit::Option(_) => self.options.images = vec!["mid".to_owned()],
            Edit::Nothing => self.options.images.clear(),
        }
        if !self.options.images.is_empty() {
            self.options.force.remove("side");
        }
    }

    fn plan(&self) -> PipelineRun {
        self.world.plan_with(self.script, self.options.clone())
    }

    fn build(&self) -> PipelineRun {
        self.world.build_with(self.script, self.options.clone())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plan_and_build_decide_the_same(edits in prop::collection::vec(edit(), 1..7)) {
        check_edits(&edits)?;
    }
}

/// Plans and builds after each of `edits`.
fn check_edits(edits: &[Edit]) -> Result<(), TestCaseError> {
    let mut story = Story::new();
    for edit in std::iter::once(&Edit::Nothing).chain(edits) {
        story.apply(edit);
        let files = story.world.files();
        story.world.take_log();
        let plan = story.plan();
        prop_assert_eq!(story.world.files(), files, "a plan changes no file");
        prop_assert_eq!(story.world.take_log(), Vec::<String>::new(), "a plan does nothing");
        let build = story.build();
        build.succeeds();
        // A plan leaves random characters to the build, where the test world always returns an `x`.
        let hide = |line: &String| line.replace("xxxxx", "#####").replace("-xx", "-##");
        let decided: Vec<_> = build.decisions().iter().map(hide).collect();
        // A tag of an earlier build already has random characters.
        let planned: Vec<_> = plan.decisions().iter().map(hide).collect();
        prop_assert_eq!(planned, decided, "{:?}", edit);
        prop_assert_eq!(plan.keys(), build.keys(), "{:?}", edit);
    }
    Ok(())
}

/// A project whose image is built on that of another project, in each of the two ways to name it.
const ABOVE: &str = "version: v1beta11
images:
  named:
    image: acme/named
    dockerfile: named.Dockerfile
    build:
      docker:
        options:
          buildArgs:
            BASE: ${runtime.dependencies.low.images.base}
  fixed:
    image: acme/fixed
    dockerfile: fixed.Dockerfile
dependencies:
- {name: low, source: {path: low}}
";
const BELOW: &str = "version: v1beta11\nimages:\n  base:\n    image: acme/low-base\n    tags: ['1.0']\n";
const BELOW_DOCKERFILE: &str = "FROM scratch\nENV DIR=one\nCOPY base.txt /\n";

fn world_with_dependency() -> FakeProject {
    let world = FakeProject::of_config(ABOVE);
    world.write("named.Dockerfile", "ARG BASE\nFROM $BASE\nCOPY $DIR.txt /\n");
    world.write("fixed.Dockerfile", "FROM acme/low-base:1.0\nCOPY $DIR.txt side.txt /\n");
    world.write("low/devspace.yaml", BELOW);
    world.write("low/Dockerfile", BELOW_DOCKERFILE);
    for file in ["one.txt", "two.txt", "side.txt", "low/base.txt", "low/unread.txt"] {
        world.write(file, file);
    }
    world
}

/// Possible changes in two projects between two builds: a file and its new content.
const CHANGES: [(&str, &str); 14] = [
    ("one.txt", "1"),
    ("one.txt", "2"),
    ("two.txt", "1"),
    ("side.txt", "1"),
    ("low/base.txt", "1"),
    ("low/base.txt", "2"),
    ("low/unread.txt", "1"),
    ("low/Dockerfile", "FROM scratch\nENV DIR=two\nCOPY base.txt /\n"),
    ("low/Dockerfile", "FROM scratch\nENV DIR=one\nONBUILD COPY two.txt /on\nCOPY base.txt /\n"),
    ("low/Dockerfile", BELOW_DOCKERFILE),
    ("low/devspace.yaml", BELOW),
    (
        "low/devspace.yaml",
        "version: v1beta11\nimages:\n  base:\n    image: acme/low-base\n    tags: ['1.0', '2.0']\n",
    ),
    ("low/windlass.rhai", "fn needs_build(image, plan) { true }"),
    ("low/windlass.rhai", ""),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plan_and_build_decide_the_same_with_dependencies(
        steps in prop::collection::vec((0..CHANGES.len() + 3, 0..4u8), 1..7)
    ) {
        check_steps_with_dependency(&steps)?;
    }
}

#[test]
fn plan_and_build_decide_the_same_when_a_base_gets_a_random_tag() {
    check_edits(&[Edit::Script(1), Edit::File(0, 0), Edit::Script(0)]).expect("they decide the same");
}

#[test]
fn plan_and_build_decide_the_same_when_a_base_gets_its_tag_back() {
    // Its tag is put back in the daemon, in the registry, and in the registry by another of its tags.
    let stories = [
        &[(11, 0), (10, 0), (7, 2), (9, 0)][..],
        &[(7, 1), (11, 1), (9, 2)],
        &[(7, 0), (11, 2), (8, 1), (10, 2), (7, 0)],
        &[(5, 0), (11, 0), (4, 1), (10, 2), (5, 0)],
    ];
    for steps in stories {
        check_steps_with_dependency(steps).expect("they decide the same");
    }
}

/// Plans and builds after each of `steps`: the index of a change or of a further action, and an option.
fn check_steps_with_dependency(steps: &[(usize, u8)]) -> Result<(), TestCaseError> {
    let world = world_with_dependency();
    for (change, option) in std::iter::once((CHANGES.len(), 0)).chain(steps.iter().copied()) {
        match change.checked_sub(CHANGES.len()) {
            None => world.write(CHANGES[change].0, CHANGES[change].1),
            Some(0) => {}
            Some(1) => world.prune("acme/low-base"),
            Some(_) => world.remove("low/.windlass"),
        }
        let options = RunOptions {
            jobs: 1,
            skip_push: option == 1,
            check_registry: option == 2,
            ..RunOptions::default()
        };
        let files = world.files();
        world.take_log();
        let plan = world.plan_with("", options.clone());
        prop_assert_eq!(world.files(), files, "a plan changes no file");
        prop_assert_eq!(world.take_log(), Vec::<String>::new(), "a plan does nothing");
        let build = world.build_with("", options);
        build.succeeds();
        prop_assert_eq!(plan.decisions(), build.decisions(), "{:?}", CHANGES.get(change));
        prop_assert_eq!(plan.keys(), build.keys(), "{:?}", CHANGES.get(change));
        prop_assert!(build.decisions()[0].starts_with("low.base "), "{:?}", build.decisions());
    }
    Ok(())
}

#[test]
fn plan_lists_the_actions_of_the_build() {
    let world = world();
    let script = "fn tags(image) { [`${image.name}-##`] }";
    world.plan_with(script, RunOptions { jobs: 1, ..RunOptions::default() }).succeeds();
    let planned = world.effects();
    assert_eq!(
        planned[..4],
        ["build low", "push acme/low:low-##", "build mid", "push acme/mid:mid-##"],
        "{planned:?}"
    );
    assert_eq!(world.take_log(), [""; 0]);
}
