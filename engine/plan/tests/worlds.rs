//! A plan selects the same builder as the build, and fails if the build fails, in any test world.

use proptest::prelude::*;

use crate::cluster::ClusterContext;
use crate::config::BuilderKind;
use crate::fake_project::{FakeProject, PipelineRun};
use crate::run::RunOptions;

/// Possible contents of an image's `build` section.
const BUILDS: [&str; 12] = [
    "{}",
    "{docker: {}}",
    "{docker: {disableFallback: true}}",
    "{docker: {useCli: true}}",
    "{docker: {args: [--squash]}}",
    "{docker: {skipPush: true}}",
    "{docker: {}, kaniko: {insecure: true}}",
    "{docker: {options: {network: host}}}",
    "{kaniko: {}}",
    "{buildKit: {inCluster: {}}}",
    "{disabled: true}",
    "{custom: {command: make}}",
];

const DOCKERFILES: [&str; 4] = [
    "FROM scratch\nCOPY a.txt /\n",
    "FROM scratch\nRUN make\n",
    "FROM scratch\nCOPY a.txt /\nUSER \"\n",
    // The image that is built from it needs a daemon.
    "FROM scratch\nCOPY a.txt /\nONBUILD RUN make\n",
];

const SCRIPTS: [&str; 9] = [
    "",
    "fn builder(image) { \"docker\" }",
    "fn builder(image) { \"oci\" }",
    "fn builder(image) { \"kaniko\" }",
    "fn builder(image) { \"buildkit\" }",
    "fn builder(image) { \"custom\" }",
    "fn builder(image) { if image.name == \"api\" { \"disabled\" } else { choose_builder(image) } }",
    "import \"scripts/build\" as base;
     fn prepare(image, dockerfile) { base::prepare(image, dockerfile.with_instructions([\"RUN make\"])) }",
    "fn publish(image, built) { built.push() }",
];

/// A cluster on this machine, and a remote one.
const CLUSTERS: [&str; 2] = ["kind-dev", "prod"];

/// A test world, its project, and the user's options.
#[derive(Debug, Clone)]
struct Case {
    has_daemon: bool,
    cluster: Option<usize>,
    build: usize,
    dockerfile: usize,
    script: usize,
    builder: Option<BuilderKind>,
    skip_push: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let builder = prop::option::of(prop::sample::select(&BuilderKind::OF_DOCKERFILES[..]));
    let cluster = prop::option::of(0..CLUSTERS.len());
    // Most test worlds vary only in the tested property.
    let script = prop_oneof![2 => Just(0), 1 => 0..SCRIPTS.len()];
    let world = (any::<bool>(), cluster, prop::bool::weighted(0.3));
    let project = (0..BUILDS.len(), 0..DOCKERFILES.len(), script, builder);
    (world, project).prop_map(|((has_daemon, cluster, skip_push), (build, dockerfile, script, builder))| {
        Case { has_daemon, cluster, build, dockerfile, script, builder, skip_push }
    })
}

/// The part of a run's result that a plan can predict.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    builders: Vec<String>,
    decisions: Vec<String>,
    outcomes: Vec<String>,
    pushes: Vec<String>,
}

impl Told {
    fn new(ended: &PipelineRun, builders: Vec<String>, pushes: Vec<String>) -> Self {
        Self { builders, decisions: ended.decisions(), outcomes: ended.outcomes(), pushes }
    }
}

impl Case {
    fn world(&self) -> FakeProject {
        let build = BUILDS[self.build];
        let world = FakeProject::of_config(&format!(
            "version: v1beta11\nimages:\n  api: {{image: r.io/api, tags: [one], build: {build}}}\n  web: {{image: r.io/web, \
             dockerfile: web.Dockerfile, tags: [one]}}\n"
        ));
        world.write("Dockerfile", DOCKERFILES[self.dockerfile]);
        world.write("web.Dockerfile", "FROM r.io/api\nCOPY a.txt /\n");
        world.write("a.txt", "a");
        world.set_daemon(self.has_daemon);
        if let Some(cluster) = self.cluster {
            let name = CLUSTERS[cluster].to_owned();
            let context = ClusterContext {
                cluster: name.clone(),
                name,
                namespace: "dev".to_owned(),
                server: "https://127.0.0.1:6443".to_owned(),
                provider: None,
            };
            world.set_cluster(context, Vec::new());
        }
        world
    }

    fn options(&self) -> RunOptions {
        RunOptions {
            jobs: 1,
            keep_going: true,
            builder: self.builder,
            skip_push: self.skip_push,
            ..RunOptions::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plan_and_build_take_the_same_builder_in_every_world(case in case()) {
        let world = case.world();
        let script = SCRIPTS[case.script];
        let planned = world.plan_with(script, case.options());
        prop_assert_eq!(world.take_log(), Vec::<String>::new(), "a plan does nothing");
        let planned = Told::new(&planned, world.planned_builders(), world.planned_pushes());
        let built = world.build_with(script, case.options());
        let built = Told::new(&built, world.builders(), world.pushed());
        prop_assert_eq!(&planned, &built);
        if case.skip_push {
            prop_assert_eq!(built.pushes, Vec::<String>::new());
        }
    }
}

/// A disabled image is built elsewhere; its `tags` select it if the Dockerfile names it without a tag.
#[test]
fn disabled_image_is_a_base_under_its_tag() {
    let config = |tags: &str| {
        format!(
            "version: v1beta11\nimages:\n  base: {{image: acme/base, tags: {tags}, build: {{disabled: true}}}}\n  app: {{image: \
             acme/app, tags: [one]}}\n"
        )
    };
    let world = FakeProject::of_config(&config("['9.9', '9']"));
    let made = |from: &str, is_planned: bool| {
        world.write("Dockerfile", &format!("FROM {from}\nCOPY a.txt /\n"));
        let options = RunOptions { jobs: 1, ..RunOptions::default() };
        let ended = if is_planned { world.plan_with("", options) } else { world.build_with("", options) };
        ended.succeeds();
        (ended.keys(), world.made("app"))
    };
    world.write("a.txt", "a");
    let (planned, _) = made("acme/base", true);
    let (built, dockerfile) = made("acme/base", false);
    assert_eq!(planned, built);
    assert_eq!(dockerfile.as_deref(), Some("FROM acme/base:9.9\nCOPY a.txt /\n"));
    // Another tag is another base.
    world.write("devspace.yaml", &config("['10']"));
    let (rebuilt, dockerfile) = made("acme/base:latest", false);
    assert_ne!(rebuilt, built);
    assert_eq!(dockerfile.as_deref(), Some("FROM acme/base:10\nCOPY a.txt /\n"));
    // Explicit tags stay, and so does everything if no tag is fixed.
    world.write("devspace.yaml", &config("['9.9', '9']"));
    assert_eq!(made("acme/base:9", false).1.as_deref(), Some("FROM acme/base:9\nCOPY a.txt /\n"));
    world.write("devspace.yaml", &config("['####']"));
    assert_eq!(made("acme/base", false).1.as_deref(), Some("FROM acme/base\nCOPY a.txt /\n"));
}
