//! `windlass why`: the changes since the last build, and which images a change of a file would rebuild.

use regex::Regex;
use serde_json::Value;

use crate::harness::{Daemon, Project, Registry, TestRepository};

/// Two images on top of each other.
fn project(daemon: &Daemon, base: &TestRepository, app: &TestRepository) -> Project {
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", config(base, app, "VERSION: '1'\n            OLD: x"))
        .file("base/Dockerfile", "FROM scratch\nCOPY base/data /\n")
        .file("base/data", "12345")
        .file("app/Dockerfile", format!("FROM {base}\nARG VERSION\nCOPY app/src /src\nLABEL a=b\n"))
        .file("app/src/main.txt", "hello")
        .file("app/src/gone.txt", "hello")
        .file(".dockerignore", "# docs\n*.md\napp/src/*.log\n")
}

fn config(base: &TestRepository, app: &TestRepository, args: &str) -> String {
    format!(
        "version: v1beta9
images:
  app:
    image: {app}
    dockerfile: app/Dockerfile
    build:
      docker:
        options:
          buildArgs:
            {args}
  base:
    image: {base}
    dockerfile: base/Dockerfile
"
    )
}

/// Standard output without the parts that differ from run to run.
fn shown(text: &str, base: &TestRepository, app: &TestRepository) -> String {
    let text = text.replace(&base.to_string(), "[base]").replace(&app.to_string(), "[app]");
    let rules = [
        (r"\d{4}-\d\d-\d\dT[\d:]+Z", "[time]"),
        (r"(sha256:)?[0-9a-f]{64}", "[digest]"),
        (r"\](:)[A-Za-z0-9]{5}\b", "]:[random]"),
    ];
    rules.iter().fold(text, |text, (pattern, replacement)| {
        Regex::new(pattern).expect("a valid pattern").replace_all(&text, *replacement).into_owned()
    })
}

fn world() -> Option<(Daemon, Registry, TestRepository, TestRepository)> {
    let (daemon, registry) = Daemon::acquire_with_registry()?;
    let [base, app] = ["base", "app"].map(|name| daemon.repository(&registry.address(), name));
    Some((daemon, registry, base, app))
}

#[test]
fn every_kind_of_change_is_listed() {
    let Some((daemon, _registry, base, app)) = world() else { return };
    let project = project(&daemon, &base, &app);
    project.run(["build"]).success();
    project.write("devspace.yaml", config(&base, &app, "VERSION: '2'\n            NEW: secret-value"));
    project.write("base/data", "changed");
    project.write("app/src/main.txt", "changed");
    project.write("app/src/new.txt", "new");
    project.remove("app/src/gone.txt");
    project.write(
        "app/Dockerfile",
        format!("FROM {base}\nARG VERSION\nENV TOKEN=hunter2\nCOPY app/src /source\nLABEL a=b\n"),
    );
    let output = project.run(["why", "app"]);
    insta::assert_snapshot!(shown(&output.success().stdout, &base, &app), @"
    app | build: the Dockerfile changed, build argument `VERSION` changed, its base `base` changed, app/src/gone.txt, app/src/main.txt and 1 more file changed
      ~ Dockerfile
        - was line 3: COPY
        + line 3: ENV TOKEN
        + line 4: COPY app/src /source
      ~ build arg    VERSION
      ~ base         base
      - file         app/src/gone.txt
      ~ file         app/src/main.txt
      + file         app/src/new.txt
      last build   [time] (just now)
        key        [digest]
        tag        [app]:[random]
        pushed     [app]:[random] as [digest]
    ");
    output.lacks("hunter2").lacks("secret-value");
    // The build gives the same reason.
    let reason = output.stdout.lines().next().and_then(|line| line.split_once(": ")).expect("a reason").1;
    project.run(["build"]).success().stderr_has(format!("app  | building: {reason}"));
}

#[test]
fn unchanged_image_shows_its_records() {
    let Some((daemon, _registry, base, app)) = world() else { return };
    let project = project(&daemon, &base, &app);
    let never = project.run(["why", "base"]);
    never.success().stdout_is("base | build: never built here\n");
    project.run(["build", "-t", "1.0"]).success();
    let output = project.run(["why", "app", "--script", "tags.rhai"]);
    output.exits(2).stderr_has("tags.rhai");
    let project = project.file("windlass.rhai", "fn tags(image) { [\"1.0\"] }\n");
    let output = project.run(["why"]);
    insta::assert_snapshot!(shown(&output.success().stdout, &base, &app), @"
    base | skip: unchanged
      last build   [time] (just now)
        key        [digest]
        tag        [base]:1.0
        pushed     [base]:1.0 as [digest]
    app | skip: unchanged
      last build   [time] (just now)
        key        [digest]
        tag        [app]:1.0
        pushed     [app]:1.0 as [digest]
    ");
}

#[test]
fn json_is_complete() {
    let Some((daemon, _registry, base, app)) = world() else { return };
    let project = project(&daemon, &base, &app);
    project.run(["build", "--skip-push"]).success();
    project.write("app/src/main.txt", "changed");
    let output = project.run(["why", "app", "--json"]);
    let images: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    let image = &images[0];
    assert_eq!((&image["image"], &image["decision"]), (&"app".into(), &"build".into()));
    assert_eq!(
        image["changes"],
        serde_json::json!([{ "change": "changed", "input": "file", "name": "app/src/main.txt" }])
    );
    let last = &image["last_build"];
    assert_eq!((&last["pushed"], last["tags"].as_array().map(Vec::len)), (&serde_json::json!([]), Some(1)));
    assert!(last["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{output}");
}

#[test]
fn question_about_a_file_covers_every_image() {
    let Some((daemon, _registry, base, app)) = world() else { return };
    let project = project(&daemon, &base, &app);
    let files = [
        "app/src/main.txt",
        "app/src/not-there-yet.txt",
        "app/src/trace.log",
        "README.md",
        "notes.txt",
        "base/data",
        "app/Dockerfile",
        ".dockerignore",
        "devspace.yaml",
        "windlass.dev.rhai",
    ];
    let output = project.run(["why", "--if"].iter().chain(&files));
    insta::assert_snapshot!(output.success().stdout, @"
    if app/src/main.txt changes:
      base is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it
      app  is built: COPY of `app/src` at line 3 reads it
    if app/src/not-there-yet.txt changes:
      base is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it
      app  is built: COPY of `app/src` at line 3 reads it
    if app/src/trace.log changes:
      base is skipped: line 3 of .dockerignore ignores it: `app/src/*.log`
      app  is skipped: line 3 of .dockerignore ignores it: `app/src/*.log`
    if README.md changes:
      base is skipped: line 2 of .dockerignore ignores it: `*.md`
      app  is skipped: line 2 of .dockerignore ignores it: `*.md`
    if notes.txt changes:
      base is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it
      app  is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it
    if base/data changes:
      base is built: COPY of `base/data` at line 2 reads it
      app  is built: its base `base` would be built
    if app/Dockerfile changes:
      base is skipped: no COPY, ADD or RUN --mount of its Dockerfile reads it
      app  is built: this is its Dockerfile
    if .dockerignore changes:
      base may be built: it selects the files of the build context
      app  may be built: it selects the files of the build context
    if devspace.yaml changes:
      base may be built: it defines how images are built
      app  may be built: it defines how images are built
    if windlass.dev.rhai changes:
      base may be built: it defines how images are built
      app  may be built: it defines how images are built
    ");
    let output = project.run(["why", "app", "--if", "../elsewhere"]);
    output.success().stdout_has("app is skipped: outside of its build context");
    let output = project.run(["why", "app", "--json", "--if", "base/data"]);
    let answers: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    assert_eq!(answers[0]["file"], "base/data");
    assert_eq!(
        answers[0]["images"],
        serde_json::json!([{ "name": "app", "rebuilds": "yes", "reason": "its base `base` would be built" }])
    );
    assert!(!project.path(".windlass").exists(), "`why` leaves nothing behind");
}

/// A build agrees with the answer of `--if`.
#[test]
fn answers_about_files_match_the_build() {
    let Some((daemon, _registry, base, app)) = world() else { return };
    let project = project(&daemon, &base, &app);
    project.write("app/src/trace.log", "");
    project.run(["build", "--skip-push"]).success();
    for file in ["app/src/main.txt", "app/src/trace.log", "base/data", "notes.txt", "app/src/added.txt"] {
        let output = project.run(["why", "--json", "--if", file]);
        let answers: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
        project.write(file, "changed");
        let plan = project.run(["plan", "--json", "--skip-push"]);
        let plan: Value = serde_json::from_str(&plan.success().stdout).expect("JSON");
        for (answer, image) in answers[0]["images"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(plan["images"].as_array().into_iter().flatten())
        {
            assert_eq!(answer["name"], image["name"]);
            assert_eq!(answer["rebuilds"] == "yes", image["decision"] == "build", "{file}: {answer} {image}");
        }
        project.run(["build", "--skip-push"]).success();
    }
}

#[test]
fn sources_not_in_the_cache_key_are_reported() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n  made:\n    image: acme/made\n    build: {custom: {command: make, onChange: [input]}}\n")
        .file("input", "")
        .file(
            "Dockerfile",
            "FROM r.invalid/tools:1 AS tools\nFROM r.invalid/run:2\nCOPY --from=tools /a /a\nADD https://x.invalid/a.tgz /a\n",
        );
    let output = project.run(["why"]);
    output
        .success()
        .stdout_has("  not covered  the digest of r.invalid/tools:1, whose tag may move\n")
        .stdout_has("  not covered  the digest of r.invalid/run:2, whose tag may move\n")
        .stdout_has("  not covered  the content of https://x.invalid/a.tgz (ADD at line 4)\n")
        .stdout_has("  not covered  everything that its command reads, except the files of `onChange`\n");
}
