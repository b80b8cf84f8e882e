//! Pipelines of a project: `windlass run NAME`.

use crate::harness::{Output, Project};

const SCRIPT: &str = r#"//! Pipelines of the shop.

/// Builds everything and gives it a version.
///
/// Every image gets the version and the channel as its tags.
///
/// @param version string The version: 1.4.0
/// @param channel "stable"|"beta" = "stable" Who gets it
/// @param retries int = 3 How often a push is tried
/// @param ratio float = 0.5 The part of users that gets it
/// @param dry_run bool Only say what would happen
/// @param announce bool = true Tell the team
/// @param note list = [] What to say about it
fn release(project, version, channel, retries, ratio, dry_run, announce, note) {
    print(`release ${[version, channel, retries, ratio, dry_run, announce, note]}`);
    if dry_run { return; }
    parallel(project.images, |image| build_image(image.with_tags([version, channel])));
}

/// Adds numbers.
///
/// @param numbers list The numbers
fn sum(project, numbers) { print(`sum ${numbers.map(|number| parse_int(number)).reduce(|sum, n| sum + n, 0)}`) }

/// @param port int Where to listen
fn serve(project, port) { print(`port ${port + 1}`) }

fn plain(project, what) { print(`plain ${what}`) }

fn fails(project) { throw #{ message: "the moon is not full", code: "release::moon", help: "wait" } }

private fn hidden(project) { }

fn helper(image) { }
"#;

/// A project with one image whose command writes its references to `log`.
fn project() -> Project {
    Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n    build:\n      custom:\n        \
             command: ./log\nprofiles:\n  - name: staging\n",
        )
        .executable("log", "#!/bin/sh\necho \"$@\" >> log.txt\n")
        .file("windlass.rhai", SCRIPT)
}

/// The output of scripts.
fn printed(output: &Output) -> Vec<&str> {
    output.stderr.lines().filter(|line| !line.contains(" | ") && !line.contains(" in ")).collect()
}

#[test]
fn pipeline_gets_typed_arguments() {
    let project = project();
    let output = project.run(["run", "release", "1.4.0", "--dry-run"]);
    assert_eq!(printed(output.success()), [r#"release ["1.4.0", "stable", 3, 0.5, true, true, []]"#]);
    let given = [
        "run",
        "release",
        "--channel",
        "beta",
        "--retries=-1",
        "--ratio",
        "2",
        "1.5",
        "--no-announce",
        "--note",
        "a",
        "--note",
        "b c",
        "--dry-run",
    ];
    let output = project.run(given);
    assert_eq!(printed(output.success()), [r#"release ["1.5", "beta", -1, 2.0, true, false, ["a", "b c"]]"#]);
    assert_eq!(printed(project.run(["run", "sum", "1", "2", "39"]).success()), ["sum 42"]);
    assert_eq!(printed(project.run(["run", "serve", "8080"]).success()), ["port 8081"]);
    assert_eq!(printed(project.run(["run", "plain", "--", "--text"]).success()), ["plain --text"]);
}

#[test]
fn pipeline_builds_images() {
    let project = project();
    project.run(["run", "release", "1.4.0"]).success().stderr_has("1 built");
    assert_eq!(project.read("log.txt"), "r.example/api:1.4.0 r.example/api:stable\n");
}

#[test]
fn images_of_a_loop_are_reported_like_those_of_parallel() {
    let script = "fn ship(project) {\n    for image in project.images { build_image(image.with_tags([\"1\"])); }\n    print(\"shipped\");\n}\n";
    let project = project().file("windlass.rhai", script);
    let output = project.run(["run", "ship", "--result", "result.json"]).success().clone();
    let end = output
        .stderr
        .find("api | built r.example/api:1 in ")
        .unwrap_or_else(|| panic!("no summary line of the image\n{output}"));
    assert!(end < output.stderr.find("shipped").expect("it is printed"), "{output}");
    output.stderr_has("1 built in ");
    let result: serde_json::Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    assert_eq!(result["images"][0]["tags"], serde_json::json!(["1"]));
    // A pipeline that fails is reported as failed, and its error once.
    let project = project.executable("log", "#!/bin/sh\necho broken-$((40+2)); exit 3\n");
    let output = project.run(["run", "ship", "-b"]).exits(1).clone();
    output.stderr_has("1 failed");
    assert_eq!(output.stderr.matches("cannot build `api`").count(), 2, "a line and a diagnostic\n{output}");
}

#[test]
fn options_may_precede_or_follow_the_pipeline_name() {
    let tags = |arguments: &[&str]| {
        let project = project().file(
            "windlass.rhai",
            "fn ship(project) { parallel(project.images, |image| build_image(image)) }\n",
        );
        project.run(arguments).success();
        project.read("log.txt")
    };
    assert_eq!(tags(&["run", "-t", "7", "ship"]), "r.example/api:7\n");
    assert_eq!(tags(&["run", "ship", "-t", "7"]), "r.example/api:7\n");
    assert_eq!(
        tags(&["run", "--build-sequential", "ship", "--tag", "7,8"]),
        "r.example/api:7 r.example/api:8\n"
    );
}

#[test]
fn profile_may_follow_the_name() {
    let project = project().file(
        "windlass.staging.rhai",
        "/// @param port int\nfn serve(project, port) { print(`${project.profiles} on ${port}`) }\nfn only(project) { }\n",
    );
    for arguments in [["run", "-p", "staging", "serve", "1"], ["run", "serve", "1", "-p", "staging"]] {
        assert_eq!(printed(project.run(arguments).success()), [r#"["staging"] on 1"#]);
    }
    project.run(["run", "-p", "staging", "only"]).success();
    project
        .run(["run", "only", "-p", "staging"])
        .exits(2)
        .stderr_has("pass the profile first: `windlass run -p PROFILE only`");
}

#[test]
fn help_comes_from_the_doc_comment() {
    let output = project().run(["run", "release", "--help"]);
    output.success();
    let (own, shared) = output.stdout.split_once("Options of every pipeline:").expect("it has all options");
    insta::assert_snapshot!(own, @"
    Builds everything and gives it a version.

    Every image gets the version and the channel as its tags.

    Usage: windlass run release [OPTIONS] <VERSION>

    Arguments:
      <VERSION>  The version: 1.4.0

    Options:
          --channel <CHANNEL>  Who gets it [default: stable] [possible values: stable, beta]
          --retries <RETRIES>  How often a push is tried [default: 3]
          --ratio <RATIO>      The part of users that gets it [default: 0.5]
          --dry-run            Only say what would happen
          --no-announce        Disable: Tell the team
          --note <NOTE>        What to say about it (repeatable)
      -h, --help               Print help
    ");
    assert!(shared.contains("--skip-push") && shared.contains("--profile"), "{output}");
}

#[test]
fn invalid_arguments_are_explained() {
    let project = project();
    let wrong = |arguments: &[&str], message: &str| {
        project.run(["run"].iter().chain(arguments)).exits(2).stderr_has(message).lacks("release [\"");
    };
    wrong(&["release"], "<VERSION>");
    wrong(&["release", "1", "--channel", "bata"], "tip: a similar value exists: 'beta'");
    wrong(&["release", "1", "--chanel", "beta"], "a similar argument exists: '--channel'");
    wrong(&["release", "1", "--retries", "many"], "expected a whole number such as 8080");
    wrong(&["release", "1", "--ratio", "half"], "expected a number such as 0.5");
    wrong(&["release", "1", "2"], "unexpected argument '2'");
    wrong(&["serve", "http"], "invalid value 'http' for '<PORT>': expected a whole number such as 8080");
    wrong(&["sum"], "<NUMBERS>...");
    wrong(&[], "<NAME>");
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let project = project();
    let wrong = |name: &str, help: &str| {
        project
            .run(["run", name])
            .exits(2)
            .stderr_has(format!("unknown pipeline or command `{name}`"))
            .stderr_has(help);
    };
    wrong("relaese", "did you mean `release`?");
    wrong("build", "run `windlass build`");
    wrong("hidden", "choose one of `fails`, `plain`, `release`, `serve`, `sum`");
    wrong("helper", "choose one of");
    project.remove("windlass.rhai");
    wrong("release", "write a pipeline: a function in windlass.rhai whose first parameter is `project`");
}

#[test]
fn invalid_doc_comment_shows_its_line() {
    let project = project().file(
        "windlass.rhai",
        "/// Runs.\n/// @param port nit Where\nfn serve(project, port) { }\n/// @param tag string = \"x\"\nfn tagging(project, tag) { }\n",
    );
    insta::assert_snapshot!(project.run(["run", "serve", "1"]).exits(2).snapshot(), @"
    exit 2
    --- stdout
    --- stderr
    script::param

      x cannot read the parameters of `serve`: unknown type `nit`
       ,-[windlass.rhai:2:12]
     1 | /// Runs.
     2 | /// @param port nit Where
       :            ^^^^^^^|^^^^^^
       :                   `-- this line
     3 | fn serve(project, port) { }
       `----
      help: did you mean `int`?
    ");
    project.run(["run", "tagging"]).exits(2).stderr_has("conflicts with the built-in option `--tag`");
}

#[test]
fn failing_pipeline_is_reported_with_its_location() {
    project()
        .run(["run", "fails"])
        .exits(1)
        .stderr_has("the moon is not full")
        .stderr_has("windlass.rhai:")
        .stderr_has("release::moon");
}

#[test]
fn pipeline_named_like_a_default_stage_causes_no_warning() {
    let project =
        project().file("windlass.rhai", "fn rebuild(project) { print(\"again\") }\nfn bulid(project) { }\n");
    project
        .run(["run", "rebuild"])
        .success()
        .stderr_has("again")
        .stderr_has("`bulid(project)` in windlass.rhai overrides nothing; did you mean `build(project)`?")
        .lacks("`rebuild(project)`");
}

#[test]
fn pipelines_are_listed() {
    let project = project();
    insta::assert_snapshot!(project.run(["list", "pipelines"]).success().stdout, @"
    NAME     PARAMETERS                                                       DESCRIPTION                                LOCATION
    fails    -                                                                -                                          windlass.rhai:30
    plain    what                                                             -                                          windlass.rhai:28
    release  version [channel] [retries] [ratio] [dry_run] [announce] [note]  Builds everything and gives it a version.  windlass.rhai:14
    serve    port                                                             -                                          windlass.rhai:26
    sum      numbers                                                          Adds numbers.                              windlass.rhai:23
    ");
    let output = project.run(["list", "pipelines", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("it is JSON");
    assert_eq!(
        listed[3],
        serde_json::json!({
            "name": "serve", "documentation": "", "file": "windlass.rhai", "line": 26,
            "parameters": [{"name": "port", "type": "int", "default": null, "documentation": "Where to listen"}],
        })
    );
    project.remove("windlass.rhai");
    project.run(["list", "pipelines"]).success().stdout_is("").stderr_has("the project has no pipelines");
}

/// A project with the scripts of `page`, which are called `names`: each block has its name in the first line, and a block
/// without a name continues the block before it.
#[track_caller]
fn project_of_page(page: &str, names: &[&str]) -> Project {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = std::fs::read_to_string(path).expect("the page can be read");
    let mut scripts: Vec<(String, String)> = Vec::new();
    for block in page.split("```rhai\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let header = text.strip_prefix("//! ").and_then(|rest| rest.split([':', '\n']).next());
        match header.filter(|name| name.ends_with(".rhai")) {
            Some(name) => scripts.push((name.to_owned(), text.to_owned())),
            None => {
                let (_, script) = scripts.last_mut().expect("the first block has a name");
                *script = format!("{script}\n{text}");
            }
        }
    }
    assert_eq!(scripts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    let config = "version: v1beta9\nimages:\n  api:\n    image: ghcr.io/shop/api\n  web:\n    image: ghcr.io/shop/web\nprofiles:\n- name: dev\n- name: staging\n";
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY main /\n")
        .file("main", "");
    scripts.into_iter().fold(project, |project, (name, text)| project.file(name, text))
}

#[test]
fn scripts_of_the_front_page_work_together() {
    let project = project_of_page("README.md", &["windlass.dev.rhai", "windlass.rhai", "windlass_test.rhai"]);
    project.run(["check"]).success().stderr_has("no problems in 2 images, 1 test file and 2 profiles");
    project.run(["test"]).success().stdout_has("1 passed");
    project
        .run(["plan", "release", "1.4.0"])
        .success()
        .stdout_has("  push     ghcr.io/shop/api:1.4.0\n  push     ghcr.io/shop/api:stable\n");
}

#[test]
fn scripts_of_the_library_page_work_together() {
    let project = project_of_page("stdlib/README.md", &["windlass.staging.rhai", "windlass.rhai"]);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        project.run_program("git", identity.iter().chain(arguments)).success().clone()
    };
    git(&["init", "--quiet", "--initial-branch=feature/login"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "scripts"]);
    project.run(["check"]).success().stderr_has("no problems in 2 images and 2 profiles");
    let commit = git(&["rev-parse", "--short", "HEAD"]).stdout;
    let tag = format!("  tag      ghcr.io/shop/api:feature-login-{}\n", commit.trim());
    project.run(["plan", "-p", "staging"]).success().stdout_has(tag);
    let project = project.env("CHAT_HOOK", "https://chat.example/secret-path");
    let output = project.run(["plan", "release", "1.4.0"]).success().clone();
    output
        .stdout_has("  push     ghcr.io/shop/api:1.4.0\n  push     mirror.example/shop/api:1.4.0\n")
        .stdout_has("  run      http POST https://chat.example/***\n")
        .stdout_has("after the images:\n  write dist/digests.json\n")
        .lacks("secret-path");
}

#[test]
fn scripts_of_the_page_about_tests_work_together() {
    let project = project_of_page("examples/testing/README.md", &["windlass_test.rhai"]);
    let deployments = "deployments:\n- name: web\n  helm: {chart: {name: ./chart}}\n- name: worker\n  kubectl: {manifests: [kube.yaml]}\n";
    let config = project.read("devspace.yaml") + deployments;
    let project = project
        .file("devspace.yaml", config)
        .file("windlass.dev.rhai", "fn chart_values(deployment) { #{ replicas: 1 } }\n")
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file("kube.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}\n");
    project.run(["check"]).success().stderr_has("1 test file and 2 profiles");
    project.run(["test", "--update"]).success().stdout_has("5 passed");
    project.run(["test"]).success().stdout_has("5 passed");
}
