//! The modules of the standard library, driven through the binary.

use serde_json::{Value, json};

use crate::harness::{Daemon, Project, Registry};

fn project() -> Project {
    Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: ghcr.io/shop/staging/api\n")
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
        .file(".gitignore", "out.json\n.windlass\nwindlass.rhai\n")
}

/// The value of `expression`, with the module `name` of the standard library imported.
#[track_caller]
fn value(project: &Project, name: &str, expression: &str) -> Value {
    let script = format!(
        "import \"std/{name}\" as {name};\nfn build(project) {{ write_file(\"out.json\", to_json({expression})); }}"
    );
    project.write("windlass.rhai", script);
    project.run(["build"]).success();
    serde_json::from_str(&project.read("out.json")).expect("`to_json` writes JSON")
}

/// Runs git in `project`, with a fixed identity.
fn git(project: &Project, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
    project.run_program("git", identity.iter().chain(arguments)).success().stdout.trim().to_owned()
}

fn committed(project: &Project) {
    git(project, &["init", "-q"]);
    git(project, &["add", "."]);
    git(project, &["commit", "-q", "-m", "one"]);
}

/// Each module has tests in Rhai in its directory, which run on an in-memory host.
#[test]
fn every_module_passes_its_own_tests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib");
    let files = std::fs::read_dir(folder).expect("the directory can be read").flatten();
    let mut names: Vec<_> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let modules = names.iter().filter(|name| !name.ends_with("_test.rhai"));
    let project = modules.fold(Project::new(), |project, name| {
        let test = name.replace(".rhai", "_test.rhai");
        assert!(names.contains(&test), "stdlib/{name} has no tests");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib").join(&test);
        project.file(test, std::fs::read(path).expect("the file can be read"))
    });
    project.run(["test"]).success().stdout_has("passed");
}

#[test]
fn any_string_becomes_a_valid_tag() {
    let project = project();
    let clean = |text: &str| value(&project, "tags", &format!("tags::clean(\"{text}\")"));
    assert_eq!(clean("feature/Login #12"), "feature-Login-12");
    assert_eq!(clean("--.x.."), "x");
    assert_eq!(clean("äöx y"), "x-y");
    assert_eq!(clean(&"x".repeat(200)), "x".repeat(128));
    assert_eq!(value(&project, "tags", "tags::join([\"api\", \"\", \"1.4\"])"), "api-1.4");
    project.write("windlass.rhai", "import \"std/tags\" as tags;\nfn build(project) { tags::clean(\"/\") }");
    project
        .run(["build"])
        .exits(1)
        .stderr_has("cannot make a tag of `/`: no valid character")
        .stderr_has("called from");
}

#[test]
fn versions_expand_from_exact_to_general() {
    let project = project();
    let versions = |version: &str| value(&project, "tags", &format!("tags::versions(\"{version}\")"));
    assert_eq!(versions("v1.4.2"), json!(["1.4.2", "1.4", "1", "latest"]));
    assert_eq!(versions("1.4.2+build7"), json!(["1.4.2", "1.4", "1", "latest"]));
    assert_eq!(versions("v1.5.0-rc.1"), json!(["1.5.0-rc.1"]));
    for none in ["v1.4", "latest", "v1.x.2", ""] {
        assert_eq!(versions(none), json!([]), "{none}");
    }
}

#[test]
fn tags_come_from_git() {
    let project = project().env("GITHUB_REF_NAME", "from/server");
    committed(&project);
    let short = git(&project, &["rev-parse", "--short", "HEAD"]);
    let all =
        "[tags::branch(), tags::commit(), tags::branch_and_commit(), tags::git_describe(), tags::semver()]";
    assert_eq!(value(&project, "tags", all), json!(["main", short, format!("main-{short}"), short, []]));
    git(&project, &["checkout", "-q", "-b", "feature/login"]);
    git(&project, &["tag", "v1.4.2"]);
    project.write("new.txt", "");
    assert_eq!(
        value(&project, "tags", all),
        json!([
            "feature-login",
            format!("{short}-dirty"),
            format!("feature-login-{short}-dirty"),
            "v1.4.2-dirty",
            ["1.4.2", "1.4", "1", "latest"]
        ])
    );
    git(&project, &["checkout", "-q", "--detach"]);
    assert_eq!(value(&project, "tags", "tags::branch()"), json!("from-server"));
    let project = project.without_env("GITHUB_REF_NAME");
    project.write("windlass.rhai", "import \"std/tags\" as tags;\nfn build(project) { tags::branch() }");
    project.run(["build"]).exits(1).stderr_has("no branch is checked out");
}

#[test]
fn tags_come_from_time_and_content() {
    let project = project();
    let times = value(&project, "tags", "[tags::date(), tags::date_and_time()]");
    let text = |index: usize| times[index].as_str().expect("a string").to_owned();
    assert!(text(1).starts_with(&text(0)) && text(0).len() == 8 && text(1).len() == 15, "{times}");
    let content = || value(&project, "tags", "tags::content(plan(project.image(\"api\")))");
    let first = content();
    assert_eq!(first.as_str().map(str::len), Some(12));
    assert_eq!(content(), first);
    project.write("a.txt", "other");
    assert_ne!(content(), first);
}

#[test]
fn entrypoints_start_programs_and_debuggers() {
    let project = project();
    let entrypoint = |expression: &str| value(&project, "entrypoints", &format!("entrypoints::{expression}"));
    assert_eq!(
        entrypoint("debug_go([\"/app\", \"serve\"])"),
        json!([
            "dlv",
            "exec",
            "--headless",
            "--listen=:2345",
            "--api-version=2",
            "--accept-multiclient",
            "--continue",
            "/app",
            "--",
            "serve"
        ])
    );
    assert_eq!(entrypoint("debug_go([\"/app\"], 40000)")[3], "--listen=:40000");
    assert_eq!(entrypoint("debug_node([\"a.js\"])"), json!(["node", "--inspect=0.0.0.0:9229", "a.js"]));
    assert_eq!(
        entrypoint("debug_python([\"-m\", \"x\"], 1)"),
        json!(["python", "-m", "debugpy", "--listen", "0.0.0.0:1", "-m", "x"])
    );
    assert_eq!(entrypoint("debug_jvm([\"-jar\", \"a\"])").as_array().map(Vec::len), Some(4));
    assert_eq!(entrypoint("restart([\"/app\"])")[4], "/app");
}

/// Runs an entrypoint as a container would, in the project directory.
fn start(project: &Project, expression: &str) -> crate::harness::Running {
    let words = value(project, "entrypoints", expression);
    let words: Vec<_> = words
        .as_array()
        .expect("a list")
        .iter()
        .map(|word| word.as_str().expect("text").to_owned())
        .collect();
    project.spawn_program(&words[0], &words[1..])
}

/// Stops an entrypoint as a container runtime does: the first process gets the signal, and its remaining children are
/// killed. A signal to all of them could arrive while a child is being created, which would then miss it.
fn end(running: crate::harness::Running) {
    running.signal(crate::harness::Signal::Terminate);
    running.finish_alone();
}

#[test]
fn waiting_entrypoint_ends_on_sigterm() {
    let project = project();
    let running = start(&project, "entrypoints::wait()");
    // It ends either by its trap or, before the trap is set, by the signal itself.
    end(running);
}

#[test]
fn program_restarts_when_it_ends_and_when_a_file_changes() {
    let project = project().folder("src");
    let running = start(&project, "entrypoints::restart([\"echo\", \"started\"])");
    running.wait_for_text("started\nexited with code 0, restarting\nstarted");
    end(running);
    let running = start(&project, "entrypoints::watch([\"sh\", \"-c\", \"echo up; sleep 60\"], [\"src\"])");
    running.wait_for_text("up\n");
    // File timestamps may be coarse, so touch the file until the change is noticed.
    crate::harness::wait_for("the restart", std::time::Duration::from_secs(60), || {
        project.write("src/a.txt", "changed");
        running.output_so_far().0.contains("files changed, restarting\nup\n").then_some(())
    });
    end(running);
}

#[test]
fn labels_name_the_origin_of_an_image() {
    let project = project();
    committed(&project);
    git(&project, &["remote", "add", "origin", "git@git.example:shop/api.git"]);
    git(&project, &["tag", "v1.4.2"]);
    let labels = value(&project, "labels", "labels::from_git()");
    let name = |end: &str| format!("org.opencontainers.image.{end}");
    assert_eq!(labels[name("revision")], git(&project, &["rev-parse", "HEAD"]));
    assert_eq!(labels[name("version")], "v1.4.2");
    assert_eq!(labels[name("source")], "https://git.example/shop/api");
    assert!(labels[name("created")].as_str().is_some_and(|time| time.ends_with('Z')), "{labels}");
    let added = value(&project, "labels", "labels::add(load_dockerfile(project.image(\"api\"))).labels");
    assert_eq!(added, labels);
    for (remote, address) in [
        ("https://git.example/shop/api.git", "https://git.example/shop/api"),
        ("ssh://git@git.example/shop/api", "https://git.example/shop/api"),
    ] {
        assert_eq!(value(&project, "labels", &format!("labels::web_address(\"{remote}\")")), address);
    }
}

#[test]
fn images_are_selected_and_varied() {
    let config = "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n  web:\n    image: r.example/web\n  base:\n    image: r.example/base\n";
    let project = project().file("devspace.yaml", config);
    let of = |expression: &str| value(&project, "images", expression);
    let names = "map(|image| image.name)";
    assert_eq!(of(&format!("images::named(project, [\"web\", \"api\"]).{names}")), json!(["web", "api"]));
    assert_eq!(of(&format!("images::without(project, [\"web\"]).{names}")), json!(["api", "base"]));
    assert_eq!(
        of("images::base_first(project, \"base\", |image| image.name)"),
        json!(["base", "api", "web"])
    );
    let matrix = "images::matrix(project.image(\"api\"), #{ OS: [\"alpine\"], GO: [\"1.22\", \"1.23\"] })";
    assert_eq!(of(&format!("{matrix}.map(|image| image.tags[0])")), json!(["1.22-alpine", "1.23-alpine"]));
    assert_eq!(of(&format!("{matrix}[1].build_args")), json!({ "GO": "1.23", "OS": "alpine" }));
}

#[test]
fn variants_of_an_image_are_built_one_after_another() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "variants");
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n"))
        .file("Dockerfile", format!("FROM {}\nARG GO\nLABEL go=$GO\n", daemon.base()))
        .file(
            "windlass.rhai",
            "import \"std/images\" as images;
             fn build_image(image) {
                 images::matrix(image, #{ GO: [\"1.22\", \"1.23\"] }).map(|variant| build_or_reuse(variant))
             }",
        );
    project.run(["build", "--skip-push"]).success();
    assert_eq!(daemon.tags(&image), ["1.22", "1.23"]);
    assert_eq!(daemon.inspect(&format!("{image}:1.23"))["Config"]["Labels"]["go"], "1.23");
    project.run(["build", "--skip-push"]).success().stderr_has("skipped");
}

#[test]
fn hooks_notify_record_scan_and_sign() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let image = daemon.repository(&registry.address(), "api");
    let project = Project::new()
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1']\n"),
        )
        .file("Dockerfile", format!("FROM {}\n", daemon.base()))
        .file(
            "windlass.rhai",
            "import \"std/hooks\" as hooks;
             fn after_image(image, result) {
                 hooks::notify((), \"nobody listens\");
                 print(hooks::summary(result));
                 hooks::scan(result, [\"echo\", \"scan of\"]);
                 hooks::sign(result, [\"echo\", \"signature of\"]);
             }
             fn after_build(project, results) {
                 hooks::write_digests(\"dist/digests.json\", results);
                 hooks::write_digests(\"dist/digests.yaml\", results);
             }",
        );
    let output = project.run(["build"]);
    let exact = format!("{image}@{}", registry.digest(&image, "1").expect("it is pushed"));
    output
        .success()
        .stderr_has(format!("api is ready as {image}:1"))
        .stderr_has(format!("scan of {image}:1"))
        .stderr_has(format!("signature of {exact}"))
        .stderr_has("scanning api");
    let digests: Value = serde_json::from_str(&project.read("dist/digests.json")).expect("JSON");
    assert_eq!(digests, json!({ "api": exact }));
    let yaml = project.read("dist/digests.yaml").replace(['"', '\''], "");
    assert_eq!(yaml, format!("api: {exact}\n"));
}

#[test]
fn staging_is_promoted_by_digest() {
    let Some((daemon, staging)) = Daemon::acquire_with_registry() else { return };
    let Some(production) = Registry::start() else { return };
    let image = daemon.repository(&staging.address(), "api");
    let name = image.name().rsplit('/').next().expect("a name");
    let target = format!("{}/shop/{name}", production.address());
    let from = image.name().rsplit_once('/').expect("a path").0;
    let project = Project::new()
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1']\n"),
        )
        .file("Dockerfile", format!("FROM {}\n", daemon.base()))
        .file(
            "windlass.rhai",
            format!(
                "import \"std/registry\" as registry;
                 fn after_build(project, results) {{
                     let all = registry::promote_all(project, \"{from}\", \"{}/shop\", \"1\");
                     print(`${{all.api == `{target}@${{results[0].digest}}`}}`);
                     registry::mirror(results[0], \"{}/mirror\");
                     registry::promote(\"{image}:none\", \"{target}\");
                 }}",
                production.address(),
                production.address()
            ),
        );
    project.run(["build"]).exits(1).stderr_has("true").stderr_has(format!("image `{image}:none` not found"));
    let manifest = |path: &str| production.digest_at(path, "1");
    let digest = staging.digest(&image, "1");
    assert!(digest.is_some());
    assert_eq!(manifest(&format!("shop/{name}")), digest);
    assert_eq!(manifest(&format!("mirror/{name}")), digest);
}
