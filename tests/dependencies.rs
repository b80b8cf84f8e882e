//! Dependencies: projects that are built first, each by its own pipeline.

use serde_json::Value;

use crate::harness::{Daemon, Output, Project, Signal, TestRepository};

/// A devspace.yaml with `more` and the image `r.example/WHO/api`, whose command writes `WHO` to `$LOG`.
fn config(who: &str, more: &str) -> String {
    custom(who, &format!("echo {who} >> $LOG"), more)
}

/// The same with another command.
fn custom(who: &str, command: &str, more: &str) -> String {
    format!(
        "version: v1beta11\nimages:\n  api:\n    image: r.example/{who}/api\n    tags: ['1']\n    build:\n      custom:\n        \
         command: '{command}'\n        onChange: [input]\n{more}"
    )
}

/// Dependencies on the projects in these directories.
fn on(folders: &[&str]) -> String {
    let entry = |folder: &&str| {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        format!("- {{name: {name}, source: {{path: {folder}}}}}\n")
    };
    format!("dependencies:\n{}", folders.iter().map(entry).collect::<String>())
}

/// A project whose builds write to `log`.
fn project(root: &str) -> Project {
    let project = Project::new().file("devspace.yaml", root).file("input", "0");
    let log = project.path("log");
    project.env("LOG", log)
}

trait With {
    fn with(self, folder: &str, config: String) -> Self;
}

impl With for Project {
    fn with(self, folder: &str, config: String) -> Self {
        self.file(format!("{folder}/devspace.yaml"), config).file(format!("{folder}/input"), "0")
    }
}

/// The images that were built, in order.
#[track_caller]
fn log(project: &Project) -> Vec<String> {
    project.read("log").lines().map(str::to_owned).collect()
}

/// The names and outcomes of the images of a run with `--progress json`.
fn outcomes(output: &Output) -> Vec<(String, String)> {
    let finished = output.json_lines().into_iter().filter(|event| event["type"] == "image_finished");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut outcomes: Vec<_> =
        finished.map(|event| (text(&event["image"]), text(&event["outcome"]))).collect();
    outcomes.sort();
    outcomes
}

#[test]
fn dependencies_are_built_first_and_rebuilt_only_if_changed() {
    let project = project(&config("root", &on(&["libs/auth"])))
        .with("libs/auth", config("auth", &on(&["../db"])))
        .with("libs/db", config("db", ""));
    let output = project.run(["build"]);
    output.success().stderr_has("db.api").stderr_has("auth.api").stderr_has("3 built");
    assert_eq!(log(&project), ["db", "auth", "root"]);
    project.run(["build"]).success().stderr_has("3 skipped");
    project.write("libs/auth/input", "1");
    project.run(["build"]).success().stderr_has("auth.api | building").stderr_has("1 built, 2 skipped");
    assert_eq!(log(&project), ["db", "auth", "root", "auth"]);
    // Each project records its own builds: it is the same project when it is built alone.
    project.run_in("libs/auth", ["build"]).success().stderr_has("2 skipped");
    assert!(project.path("libs/db/.windlass").is_dir());
}

#[test]
fn shared_dependency_is_built_once() {
    let project = project(&config("root", &on(&["a", "b"])))
        .with("a", config("a", &on(&["../shared"])))
        .with("b", config("b", &on(&["../shared"])))
        .with("shared", config("shared", ""));
    let output = project.run(["build", "--progress", "json"]);
    let built = |name: &str| (name.to_owned(), "built".to_owned());
    assert_eq!(outcomes(output.success()), ["a.api", "api", "b.api", "shared.api"].map(built));
    let log = log(&project);
    assert_eq!((log.len(), log[0].as_str(), log[3].as_str()), (4, "shared", "root"));
}

#[test]
fn other_profiles_or_variables_make_a_separate_project() {
    let shared = "profiles:\n- {name: small, patches: [{op: replace, path: 'images.api.tags[0]', value: small}]}\nvars:\n- {name: WHO, default: none}\n";
    let more = "dependencies:\n- {name: one, source: {path: shared}}\n- {name: two, source: {path: shared}, profiles: [small]}\n\
                - {name: three, source: {path: shared}, vars: [{name: WHO, value: me}]}\n";
    let project =
        project(&config("root", more)).with("shared", custom("shared", "echo $TAG ${WHO} >> $LOG", shared));
    project.run(["build", "--build-sequential"]).success().stderr_has("4 built");
    let mut log = log(&project);
    assert_eq!(log.pop().as_deref(), Some("root"));
    log.sort();
    assert_eq!(log, ["1 me", "1 none", "small none"]);
}

#[test]
fn variables_are_passed_as_declared() {
    let vars = "vars:\n- {name: A, default: a}\n- {name: B, default: b}\n";
    let dep = |fields: &str| format!("{vars}dependencies:\n- {{name: dep, source: {{path: dep}}{fields}}}\n");
    let said = |fields: &str, arguments: &[&str]| {
        let root = custom("root", "echo root ${A} ${B} >> $LOG", &dep(fields))
            .replace("default: a", "default: from-root");
        let project = project(&root).with("dep", custom("dep", "echo ${A} ${B} >> $LOG", vars));
        project.run(["build"].iter().chain(arguments)).success();
        log(&project)[0].clone()
    };
    assert_eq!(said("", &[]), "a b");
    assert_eq!(said(", vars: [{name: B, value: given}]", &[]), "a given");
    assert_eq!(said(", overwriteVars: true", &[]), "from-root b");
    assert_eq!(said("", &["--var", "A=flag"]), "flag b");
    // The project's own profiles are not passed on; a dependency has only the profiles in its declaration.
    assert_eq!(said(", vars: [{name: A, value: own}], overwriteVars: true", &[]), "own b");
}

#[test]
fn newest_version_declares_dependencies_as_a_map() {
    let root = "version: v2beta1\nname: root\nimages:\n  api:\n    image: r.example/root\n    tags: ['1']\n    custom: {command: 'echo root >> $LOG'}\n\
                dependencies:\n  auth:\n    path: auth\n    vars: {WHO: me}\n";
    let auth = "version: v2beta1\nname: auth\nvars:\n  WHO: nobody\nimages:\n  api:\n    image: r.example/auth\n    tags: ['1']\n    custom: {command: 'echo auth ${WHO} >> $LOG'}\n";
    let project = project(root).file("auth/devspace.yaml", auth);
    project.run(["build"]).success();
    assert_eq!(log(&project), ["auth me", "root"]);
}

#[test]
fn dependency_has_its_own_overrides_and_modules() {
    let project = project(&config("root", &on(&["auth"])))
        .with("auth", config("auth", "profiles:\n- {name: dev}\n"))
        .file("windlass.rhai", "fn before_image(image) { print(`root has ${image.name}`) }\n")
        .file("auth/windlass.rhai", "import \"lib/names\" as names;\nfn tags(image) { [names::tag()] }\n")
        .file("auth/lib/names.rhai", "fn tag() { \"from-module\" }\n");
    let output = project.run(["build", "--progress", "json"]);
    let tags: Vec<_> =
        output.success().json_lines().into_iter().filter(|event| event["type"] == "image_finished").collect();
    assert_eq!(tags[0]["tags"], serde_json::json!(["from-module"]), "{output}");
    assert_eq!(tags[1]["tags"], serde_json::json!(["1"]), "{output}");
    // A module is looked up only in the project that imports it.
    project.write("lib/outside.rhai", "fn tag() { \"outside\" }\n");
    for path in ["../lib/outside", "lib/outside", "/lib/outside"] {
        project.write(
            "auth/windlass.rhai",
            format!("import \"{path}\" as x;\nfn tags(image) {{ [x::tag()] }}\n"),
        );
        project
            .run(["build"])
            .exits(2)
            .stderr_has(format!("cannot find the module `{path}`"))
            .stderr_has("auth/windlass.rhai:1:");
    }
}

#[test]
fn one_job_limit_holds_for_all_projects() {
    let alone = "mkdir $LOG.lock && sleep 0.05 && rmdir $LOG.lock";
    let folders = ["a", "b", "c"];
    let mut all = project(&custom("root", alone, &on(&folders)));
    for folder in folders {
        all = all.with(folder, custom(folder, alone, ""));
    }
    all.run(["build", "--build-sequential"]).success().stderr_has("4 built");
    // In parallel if the limit allows it: each waits for the other to begin.
    let meet =
        |own: &str, other: &str| format!("touch $LOG.{own}; until test -e $LOG.{other}; do sleep 0.01; done");
    let project = project(&config("root", &on(&["a", "b"])))
        .with("a", custom("a", &meet("a", "b"), ""))
        .with("b", custom("b", &meet("b", "a"), ""));
    project.run(["build", "--max-concurrent-builds", "2"]).success().stderr_has("3 built");
}

#[test]
fn dependency_cycle_is_shown_with_its_locations() {
    let project = project(&config("root", &on(&["a"])))
        .with("a", config("a", &on(&["../b"])))
        .with("b", config("b", &on(&["../a"])));
    project
        .run(["build"])
        .exits(2)
        .stderr_has("dependency cycle: a -> b -> a")
        .stderr_has("b/devspace.yaml:");
    project.write("b/devspace.yaml", config("b", &on(&["../../project"])));
    project.run(["build"]).exits(2).stderr_has(" -> a -> b -> ");
    project.write(
        "b/devspace.yaml",
        config("b", "dependencies:\n- {name: a, source: {path: ../a}, disabled: true}\n"),
    );
    project.run(["build"]).success();
}

#[test]
fn dependencies_can_be_selected_and_skipped() {
    let all = || {
        project(&config("root", &on(&["a", "b"])))
            .with("a", config("a", &on(&["../c"])))
            .with("b", config("b", ""))
            .with("c", config("c", ""))
    };
    let built = |arguments: &[&str]| {
        let project = all();
        project.run(["build", "--build-sequential"].iter().chain(arguments)).success();
        let mut log = log(&project);
        log.sort();
        log.join(" ")
    };
    assert_eq!(built(&["--skip-dependencies"]), "root");
    assert_eq!(built(&["--skip-dependency", "b"]), "a c root");
    assert_eq!(built(&["--skip-dependency", "c"]), "a b root");
    assert_eq!(built(&["--dependency", "a"]), "a c");
    assert_eq!(built(&["--dependency", "c"]), "c");
    assert_eq!(built(&["api"]), "root");
    assert_eq!(built(&["b.api"]), "b");
    assert_eq!(built(&["api", "b.api"]), "b root");
    all().run(["build", "--dependency", "d"]).exits(2).stderr_has("unknown dependency `d`");
    all().run(["build", "a.apo"]).exits(2).stderr_has("unknown image `a.apo`");
    let project = all();
    project.run(["build"]).success();
    project.run(["build", "--force", "c.api"]).success().stderr_has("1 built, 3 skipped");
}

#[test]
fn images_and_dependencies_of_a_dependency_can_be_skipped() {
    let more = "dependencies:\n- {name: a, source: {path: a}, skipBuild: true}\n- {name: b, source: {path: b}, ignoreDependencies: true}\n";
    let project = project(&config("root", more))
        .with("a", config("a", &on(&["../c"])))
        .with("b", config("b", &on(&["../d"])))
        .with("c", config("c", ""))
        .with("d", config("d", ""));
    // Skipping builds is a feature of older versions.
    let old = project.read("devspace.yaml").replace("v1beta11", "v1beta9");
    project.write("devspace.yaml", old);
    project.run(["build", "--build-sequential"]).success();
    let mut log = log(&project);
    log.sort();
    assert_eq!(log, ["b", "c", "root"]);
}

#[test]
fn references_of_a_dependency_can_be_used() {
    let line = "echo ${runtime.dependencies.auth.images.api} ${runtime.dependencies.auth.images.api.tag} ${runtime.images.api.image} $HOOK >> $LOG";
    let hooks = "hooks:\n- {command: 'echo ${runtime.dependencies.auth.images.api.image} >> $LOG', events: ['after:build']}\n";
    let project = project(&custom("root", line, &format!("{hooks}{}", on(&["auth"]))))
        .with("auth", config("auth", ""))
        .file("windlass.rhai", "fn before_image(image) { print(`auth is ${global_auth(image)}`) }\nfn global_auth(image) { \"here\" }\nfn after_build(project, results) {\n    run_hooks(project, \"after:build\");\n    print(`found ${project.image(\"auth.api\").reference}, ${project.dependencies.keys()}`);\n}\n");
    project.run(["build"]).success().stderr_has("found r.example/auth/api:1, [\"auth\"]");
    assert_eq!(log(&project), ["auth", "r.example/auth/api:1 1 r.example/root/api", "r.example/auth/api"]);
    // Naming an image builds the dependencies that it refers to.
    project.write("input", "1");
    project.write("auth/input", "1");
    project.run(["build", "api"]).success().stderr_has("2 built");
    // If it is skipped, its reference comes from its last build.
    project.write("input", "2");
    project.run(["build", "--skip-dependency", "auth"]).success().stderr_has("1 built");
    let broken = custom("root", "echo ${runtime.dependencies.auht.images.api}", "");
    project.write("devspace.yaml", broken);
    project.run(["build"]).exits(1).stderr_has("cannot resolve `${runtime.dependencies.auht.images.api}`");
}

#[test]
fn pipelines_build_dependencies_only_on_request() {
    let project = project(&config("root", &on(&["auth"]))).with("auth", config("auth", "")).file(
        "windlass.rhai",
        "fn alone(project) { parallel(project.images, |image| build_image(image)) }\nfn both(project) { build_dependencies(project); alone(project) }\n",
    );
    project.run(["run", "alone"]).success();
    assert_eq!(log(&project), ["root"]);
    project.run(["run", "both"]).success().stderr_has("auth.api");
    assert_eq!(log(&project), ["root", "auth"]);
}

#[test]
fn failing_dependency_is_reported_with_its_project() {
    let project = project(&config("root", &on(&["libs/auth", "libs/other"])))
        .with("libs/auth", custom("auth", "echo broken-$((40+2)); exit 3", ""))
        .with("libs/other", config("other", ""))
        .file("libs/auth/windlass.rhai", "fn before_image(image) { print(\"in\") }\n");
    let output = project.run(["build", "--build-sequential", "--keep-going", "--result", "result.json"]);
    output.exits(1).stderr_has("auth.api (in libs/auth): cannot build `api`").stderr_has("broken-42");
    assert_eq!(log(&project), ["other"]);
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("it is JSON");
    assert_eq!(result["images"][0]["image"], "auth.api");
    assert_eq!(
        (&result["unfinished"], &result["success"]),
        (&serde_json::json!(["api"]), &Value::Bool(false))
    );

    // Its script or its configuration is invalid.
    project.write("libs/auth/windlass.rhai", "fn build(project) { throw \"no moon\" }\n");
    project
        .run(["build"])
        .exits(1)
        .stderr_has("auth (in libs/auth): no moon")
        .stderr_has("libs/auth/windlass.rhai:1:");
    project.write("libs/auth/windlass.rhai", "fn build(project) {\n");
    project.run(["build"]).exits(2).stderr_has("cannot read the script `libs/auth/windlass.rhai`");
    project.remove("libs/auth/windlass.rhai");
    project.write("libs/auth/devspace.yaml", "version: v1beta11\nimgaes: {}\n");
    project.run(["build"]).exits(2).stderr_has("cannot use `libs/auth/devspace.yaml`");
    project.remove("libs/auth/devspace.yaml");
    project
        .run(["build"])
        .exits(2)
        .stderr_has("cannot find the dependency `auth`: `")
        .stderr_has("devspace.yaml:");
}

#[test]
fn hooks_run_around_dependencies_in_their_own_directory() {
    let hook =
        |word: &str, event: &str| format!("- {{command: 'echo {word} >> $LOG', events: ['{event}']}}\n");
    let own = format!(
        "hooks:\n{}{}",
        hook("before-deps", "before:buildDependencies"),
        hook("after-deps", "after:buildDependencies")
    );
    let project = project(&config("root", &format!("{own}{}", on(&["auth"])))).with(
        "auth",
        config(
            "auth",
            "hooks:\n- {command: 'echo hook in $(basename $PWD) >> $LOG', events: ['before:build']}\n",
        ),
    );
    project.run(["build"]).success();
    assert_eq!(log(&project), ["before-deps", "hook in auth", "auth", "after-deps", "root"]);
}

#[test]
fn interrupt_ends_the_builds_of_all_projects() {
    // The command itself is printed before it starts: only its output has the number.
    let wait = |who: &str| format!("echo $$ >> $LOG; echo ready-{who}-$((40+2)); exec sleep 1000");
    let project = project(&config("root", &on(&["a", "b"])))
        .with("a", custom("a", &wait("a"), ""))
        .with("b", custom("b", &wait("b"), ""));
    let running = project.spawn(["build", "--max-concurrent-builds", "2"]);
    running.wait_for_text("ready-a-42");
    running.wait_for_text("ready-b-42");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    for pid in log(&project) {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z"), "{state}");
    }
}

/// A repository with the project `auth` in `services/auth`; returns its URL.
fn repository(project: &Project) -> String {
    repository_of(project, [&config("auth", ""), &config("newer", "")])
}

/// A repository with a project in `services/auth`: the first configuration has the tag `v1`, the other is the tip of
/// `main`; returns its URL.
fn repository_of(project: &Project, [one, two]: [&str; 2]) -> String {
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-C", "origin"];
        project.run_program("git", identity.iter().chain(arguments)).success().clone()
    };
    project.write("origin/services/auth/devspace.yaml", one);
    project.write("origin/services/auth/input", "0");
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "v1"]);
    project.write("origin/services/auth/devspace.yaml", two);
    git(&["commit", "--quiet", "--all", "-m", "two"]);
    format!("file://{}", project.path("origin").display())
}

#[test]
fn dependency_comes_from_git() {
    let project = project("");
    let url = repository(&project);
    let root = |fields: &str| {
        config(
            "root",
            &format!(
                "dependencies:\n- {{name: auth, source: {{git: '{url}', subPath: services/auth{fields}}}}}\n"
            ),
        )
    };
    project.write("devspace.yaml", root(", tag: v1"));
    project.run(["build"]).success().stderr_has("cloning file://").stderr_has("auth.api");
    assert_eq!(log(&project), ["auth", "root"]);
    // The reference in the file changes, so there is another checkout. Otherwise the network is not used.
    project.write("devspace.yaml", root(", branch: main"));
    project.run(["build"]).success();
    assert_eq!(log(&project), ["auth", "root", "newer"]);
    project.write("origin/services/auth/devspace.yaml", config("newest", ""));
    project.run(["build"]).success().stderr_has("2 skipped").lacks("cloning");
    assert!(project.home().join(".cache/windlass/git").is_dir());

    project.run(["list", "dependencies"]).success().stdout_has("@main (services/auth)");
    project.run(["update", "dependencies"]).success().stdout_has("@main: unchanged");
    let commit =
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "-C", "origin", "commit", "-qam", "three"];
    project.run_program("git", commit).success();
    project.run(["update", "dependencies"]).success().stdout_has(" -> ");
    project.run(["build"]).success().stderr_has("1 built, 1 skipped");
    assert_eq!(log(&project).last().map(String::as_str), Some("newest"));

    project.write("devspace.yaml", root(", tag: v2"));
    project.run(["build"]).exits(1).stderr_has("cannot clone `file://").stderr_has("git ls-remote");
    let outside = root(", tag: v1").replace("services/auth", "../../..");
    project.write("devspace.yaml", outside);
    project.run(["build"]).exits(2).stderr_has("leads out of its repository");
}

#[test]
fn saved_answers_for_a_repository_outlive_its_tags() {
    let asking = |who: &str| {
        let question = "vars: [{name: TIER, question: 'Which tier?'}]\n";
        custom(who, &format!("echo {who}-${{TIER}} >> $LOG"), question)
    };
    let project = project("");
    let url = repository_of(&project, [&asking("auth"), &asking("newer")]);
    let root = |reference: &str| {
        let source = format!("{{git: '{url}', subPath: services/auth, {reference}}}");
        config("root", &format!("dependencies:\n- {{name: auth, source: {source}}}\n"))
    };
    project.write("devspace.yaml", root("tag: v1"));
    let mut terminal = project.terminal(["build"]);
    terminal.wait_for_text("Which tier?");
    terminal.type_text("gold\r");
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    project.write("devspace.yaml", root("branch: main"));
    project.run(["build"]).success();
    assert_eq!(log(&project), ["auth-gold", "root", "newer-gold"]);

    // The file of any one checkout will do.
    let only = |folder: std::path::PathBuf, start: &str| {
        let entries = std::fs::read_dir(folder).expect("a directory").flatten();
        let is_wanted = |entry: &std::fs::DirEntry| {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            is_folder && entry.file_name().to_string_lossy().starts_with(start)
        };
        entries.filter(is_wanted).map(|entry| entry.path()).next().expect("an entry")
    };
    let repository = only(project.home().join(".cache/windlass/git"), "origin-");
    let file = only(repository, "v1-").join("services/auth/devspace.yaml");
    let config = file.to_str().expect("a string");
    project.run(["set", "var", "TIER=iron", "--config", config]).success();
    project.run(["build"]).success();
    assert_eq!(log(&project).last().map(String::as_str), Some("newer-iron"));
    project.run(["reset", "vars", "--config", config]).success().stderr_has("deleted TIER");
    project.run(["build"]).exits(2).stderr_has("windlass set var TIER=VALUE");
}

#[test]
fn script_of_a_dependency_imports_from_its_own_directory() {
    let project = project(&config("root", &on(&["libs/auth"])))
        .with("libs/auth", config("auth", ""))
        .file("libs/auth/windlass.rhai", "import \"./names\" as names;\nfn tags(image) { [names::tag()] }\n")
        .file("libs/auth/names.rhai", "import \"lib/word\" as word;\nfn tag() { word::word() }\n")
        .file("libs/auth/lib/word.rhai", "fn word() { \"beside\" }\n");
    let output = project.run(["build", "--progress", "json"]);
    let is_finished = |event: &Value| event["type"] == "image_finished" && event["image"] == "auth.api";
    let finished = output.success().json_lines().into_iter().find(is_finished).expect("it was built");
    assert_eq!(finished["tags"], serde_json::json!(["beside"]));
    // A link cannot lead out of its project either, and modules that import each other are reported.
    project.write("lib/word.rhai", "fn word() { \"outside\" }\n");
    std::os::unix::fs::symlink(project.path("lib"), project.path("libs/auth/link"))
        .expect("a link can be created");
    project.write("libs/auth/names.rhai", "import \"link/word\" as word;\nfn tag() { word::word() }\n");
    project.run(["build"]).exits(2).stderr_has("cannot find the module `link/word`");
    project.write("libs/auth/names.rhai", "import \"./windlass\" as up;\nfn tag() { up::tags(1)[0] }\n");
    project.run(["build"]).exits(2).stderr_has("import cycle: names.rhai -> windlass.rhai -> names.rhai");
}

/// The plan as JSON.
fn plan(project: &Project, arguments: &[&str]) -> Value {
    let output = project.run(["plan", "--json"].iter().chain(arguments));
    serde_json::from_str(&output.success().stdout).expect("it is JSON")
}

#[test]
fn plan_shows_dependencies_and_builds_nothing() {
    let hook = |event: &str| format!("hooks:\n- {{command: touch {event}, events: ['{event}']}}\n");
    let project =
        project(&config("root", &format!("{}{}", hook("before:buildDependencies"), on(&["libs/auth"]))))
            .with("libs/auth", config("auth", &hook("before:build")))
            .file(
                "libs/auth/windlass.rhai",
                "fn after_build(project, results) { exec([\"make\", \"notes\"]); }\n",
            );
    let output = project.run(["plan"]);
    let is_shown = |line: &&str| !line.starts_with("  key ");
    let text = output.success().stdout.lines().filter(is_shown).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @"
    before the dependencies:
      sh touch before:buildDependencies (hook before:buildDependencies)
    before the images of auth:
      sh touch before:build (hook before:build)
    auth.api | build: never built here
      builder  custom
      tag      r.example/auth/api:1
      run      sh echo auth >> $LOG
    after the images of auth:
      exec make notes
    api      | build: never built here
      builder  custom
      tag      r.example/root/api:1
      run      sh echo root >> $LOG
    2 to build
    ");
    assert_eq!(output.stderr, "");
    for path in
        [".windlass", "libs/auth/.windlass", "log", "before:buildDependencies", "libs/auth/before:build"]
    {
        assert!(!project.path(path).exists(), "{path} exists");
    }
    let json = plan(&project, &[]);
    assert_eq!(
        (&json["before"][0]["project"], &json["before"][1]["project"]),
        (&Value::Null, &"auth".into())
    );
    assert_eq!(json["images"][0]["name"], "auth.api");
    project.run(["plan", "--skip-dependencies"]).success().lacks("auth.api");
}

#[test]
fn plan_and_build_agree_on_dependencies() {
    let project = project(&config("root", &on(&["a", "b"])))
        .with("a", config("a", &on(&["../c"])))
        .with("b", config("b", ""))
        .with("c", config("c", ""));
    let agree = |what: &str, arguments: &[&str]| {
        let planned = plan(&project, arguments);
        let options: Vec<_> =
            ["build", "--progress", "json", "--build-sequential"].iter().chain(arguments).copied().collect();
        let events = project.run(options).success().json_lines();
        let decided = |image: &Value, name: &str| {
            let text = |field: &str| image[field].as_str().unwrap_or_default().to_owned();
            format!("{} {}: {}", text(name), text("decision"), text("reason"))
        };
        let planned = planned["images"].as_array().expect("a list").clone();
        let names: Vec<_> = planned.iter().map(|image| decided(image, "name")).collect();
        let of =
            |kind: &str| events.iter().filter(|event| event["type"] == kind).cloned().collect::<Vec<_>>();
        let mut built: Vec<_> = of("image_decided").iter().map(|event| decided(event, "image")).collect();
        let mut sorted = names.clone();
        sorted.sort();
        built.sort();
        assert_eq!(sorted, built, "{what}");
        for event in of("image_finished") {
            let image = planned.iter().find(|image| image["name"] == event["image"]).expect("it was planned");
            assert_eq!(image["key"], event["key"], "{what}: {}", event["image"]);
        }
        names.join(", ")
    };
    let all = agree("first build", &[]);
    let place = |name: &str| all.find(&format!("{name}.api")).expect("it is planned");
    assert!(place("c") < place("a") && all.ends_with(", api build: never built here"), "{all}");
    agree("nothing changed", &[]);
    project.write("c/input", "1");
    assert!(agree("a leaf", &[]).contains("c.api build: input changed"));
    project.write("b/input", "1");
    agree("skipped", &["--skip-dependency", "b"]);
    assert_eq!(agree("one image", &["b.api"]), "b.api build: input changed");
    agree("forced", &["--force", "a.api"]);
    project.write("a/windlass.rhai", "fn needs_build(image, plan) { true }\n");
    agree("a script of a dependency", &["--dependency", "a"]);
    agree("without any", &["--skip-dependencies"]);
}

#[test]
fn why_shows_images_of_dependencies() {
    let line = "echo ${runtime.dependencies.auth.images.api}";
    let project = project(&custom("root", line, &on(&["auth"]))).with("auth", config("auth", ""));
    project.run(["build"]).success();
    project.write("auth/input", "1");
    let output = project.run(["why", "auth.api"]).success().clone();
    output
        .stdout_has("auth.api | build: input changed\n  ~ file         input\n  last build   ")
        .stdout_has("tag        r.example/auth/api:1")
        .lacks("\napi |");
    let output = project.run(["why", "--if", "auth/input", "auth/windlass.rhai", "input", "devspace.yaml"]);
    insta::assert_snapshot!(output.success().stdout, @"
    if auth/input changes:
      auth.api is built: matched by `onChange`
      api      may be built: it refers to `auth.api`, whose tag may change
    if auth/windlass.rhai changes:
      auth.api may be built: it defines how images are built
      api      may be built: it refers to `auth.api`, whose tag may change
    if input changes:
      auth.api is skipped: not matched by `onChange`
      api      is built: matched by `onChange`
    if devspace.yaml changes:
      auth.api is skipped: not matched by `onChange`
      api      may be built: it defines how images are built
    ");
}

#[test]
fn reference_to_a_skipped_dependency_is_reported() {
    let project = project(&custom("root", "echo ${runtime.dependencies.auth.images.api}", &on(&["auth"])))
        .with("auth", config("auth", ""));
    project
        .run(["build", "--skip-dependencies"])
        .exits(1)
        .stderr_has("the dependency `auth` is not part of this run")
        .stderr_has("`--skip-dependency auth`");
}

#[test]
fn image_of_a_dependency_can_be_a_base_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let config = |name: &str, image: &TestRepository, more: &str| {
        format!("version: v1beta11\nimages:\n  {name}:\n    image: {image}\n{more}")
    };
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", config("app", &app, &on(&["libs/middle"])))
        .file("Dockerfile", format!("FROM {base}\nCOPY app.txt /app.txt\n"))
        .file("app.txt", "app")
        .file("other/Dockerfile", "FROM scratch\n")
        .file("libs/middle/devspace.yaml", format!("version: v1beta11\n{}", on(&["../base"])))
        .file("libs/base/devspace.yaml", config("base", &base, ""))
        .file("libs/base/Dockerfile", "FROM scratch\nCOPY base.txt /base.txt\n")
        .file("libs/base/base.txt", "one");
    let build = |arguments: &[&str]| {
        let words = ["build", "--skip-push", "--progress", "json"];
        let output = project.run(words.iter().chain(arguments));
        outcomes(output.success())
    };
    let names =
        |outcome: &str| ["app", "base.base"].map(|name| (name.to_owned(), outcome.to_owned())).to_vec();
    let base_in_app = |before: &[String]| {
        let tags = daemon.tags(&app);
        let tag = tags.iter().find(|tag| !before.contains(tag)).expect("a new image of app");
        daemon.file(&format!("{app}:{tag}"), "/base.txt")
    };
    assert_eq!(build(&[]), names("built"));
    assert_eq!(base_in_app(&[]), "one");
    assert_eq!(build(&[]), names("skipped"));

    // A change of the base rebuilds the images built from it, even if only the base is named.
    let before = daemon.tags(&app);
    project.write("libs/base/base.txt", "two");
    assert_eq!(build(&["app"]), names("built"));
    assert_eq!(base_in_app(&before), "two");

    // If the base is skipped, the one from its last build is used.
    let before = daemon.tags(&app);
    project.write("libs/base/base.txt", "three");
    project.write("app.txt", "changed");
    let app_alone = [("app".to_owned(), "built".to_owned())];
    assert_eq!(build(&["--skip-dependency", "base"]), app_alone);
    assert_eq!(base_in_app(&before), "two");
}

#[test]
fn profiles_of_one_directory_are_recorded_separately() {
    let file = "profiles:\n- {name: small, patches: [{op: replace, path: 'images.api.tags[0]', value: small}, {op: replace, path: images.api.build.custom.command, value: 'echo small >> $LOG'}]}\n";
    let more = "dependencies:\n- {name: one, source: {path: shared}}\n- {name: two, source: {path: shared}, profiles: [small]}\n\
                hooks: [{command: 'echo ${runtime.dependencies.one.images.api.tag} ${runtime.dependencies.two.images.api.tag} >> tags', events: ['after:build']}]\n";
    let project = project(&config("root", more)).with("shared", config("shared", file));
    for _ in 0..3 {
        project.run(["build", "--build-sequential"]).success();
    }
    let mut log = log(&project);
    log.sort();
    assert_eq!(log, ["root", "shared", "small"]);
    project.run(["build"]).success().stderr_has("3 skipped");
    project.write("shared/input", "1");
    project.run(["build"]).success().stderr_has("2 built, 1 skipped");
    project.run(["build"]).success().stderr_has("3 skipped");
    assert_eq!(project.read("tags").lines().collect::<Vec<_>>(), ["1 small"; 6]);
}

#[test]
fn projects_with_the_same_reference_are_reported() {
    let more = "dependencies:\n- {name: one, source: {path: shared}}\n- {name: two, source: {path: shared}, vars: [{name: WHO, value: me}]}\n";
    let project = project(&config("root", more))
        .with("shared", custom("shared", "echo ${WHO} >> $LOG", "vars:\n- {name: WHO, default: none}\n"));
    project.run(["build"]).success().stderr_has(
        "`one.api` and `two.api` are both r.example/shared/api:1: the later build replaces the other",
    );
    // Identical images are one image.
    let same = custom("shared", "echo >> $LOG", "vars:\n- {name: WHO, default: none}\n");
    project.write("shared/devspace.yaml", same);
    project.run(["build"]).success().lacks("the later build replaces the other");
}

#[test]
fn saved_answers_belong_to_the_prompting_project() {
    let vars = "vars:\n- {name: TIER, question: Which tier?}\n";
    let root = custom("root", "echo root ${TIER} >> $LOG", &format!("{vars}{}", on(&["dep"])));
    let project = project(&root).with("dep", custom("dep", "echo dep ${TIER} >> $LOG", vars));
    project.run(["set", "var", "TIER=blue"]).success();
    project
        .run(["build"])
        .exits(2)
        .stderr_has("cannot use `dep/devspace.yaml`")
        .stderr_has("variable `TIER` has no value")
        .stderr_has("run `windlass set var TIER=VALUE")
        .stderr_says("--config dep/devspace.yaml`, or add a `default`");
    project
        .run(["set", "var", "LEVEL=1"])
        .exits(2)
        .stderr_says("for a dependency, pass its file with `--config`");
    project.run(["set", "var", "TIER=red", "--config", "dep/devspace.yaml"]).success();
    project.run(["build"]).success();
    assert_eq!(log(&project), ["dep red", "root blue"]);
}

#[test]
fn flags_reach_the_dependencies() {
    let project = project(&custom("root", "echo root $TAG >> $LOG", &on(&["dep"])))
        .with("dep", custom("dep", "echo dep $TAG $SKIP_PUSH >> $LOG", ""));
    project.run(["build", "--build-sequential", "--skip-push", "-t", "seven"]).success();
    assert_eq!(log(&project), ["dep seven true", "root seven"]);
    project.run(["build", "--force-build", "-t", "seven"]).success().stderr_has("2 built");
}

#[test]
fn disabled_image_has_the_configured_reference() {
    let image = "  other: {image: r.example/other, tags: [stable], build: {disabled: true}}\n";
    let hooks = "hooks: [{command: 'echo ${runtime.images.other} >> $LOG', events: ['after:build']}]\n";
    let project = project(&config("root", &format!("{image}{hooks}")));
    project.run(["build"]).success();
    assert_eq!(log(&project), ["root", "r.example/other:stable"]);
}

#[test]
fn plan_includes_bases_of_dependencies() {
    let image = |name: &str| {
        format!("version: v1beta11\nimages:\n  {name}: {{image: r.example/{name}, tags: [fixed]}}\n")
    };
    let project = Project::new()
        .file("devspace.yaml", format!("{}{}", image("app"), on(&["base"])))
        .file("Dockerfile", "FROM r.example/base\nCOPY app.txt /\n")
        .file("app.txt", "app")
        .file("base/devspace.yaml", image("base"))
        .file("base/Dockerfile", "FROM scratch\nCOPY base.txt /\n")
        .file("base/base.txt", "one");
    let plan = || -> Value {
        serde_json::from_str(&project.run(["plan", "--json"]).success().stdout).expect("it is JSON")
    };
    let key = |plan: &Value, name: &str| {
        let images = plan["images"].as_array().expect("a list").iter();
        images.clone().find(|image| image["image"] == name || image["name"] == name).expect(name)["key"]
            .clone()
    };
    let before = plan();
    project.write("base/base.txt", "two");
    let after = plan();
    for name in ["base.base", "app"] {
        assert_ne!(key(&before, name), key(&after, name), "{name}");
    }
    project.run(["plan"]).success().stdout_has("from     base.base");
}
