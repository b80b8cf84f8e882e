//! `--since`: the images that changed since a revision of the repository.

use serde_json::Value;

use crate::harness::Project;

/// Three images in a repository with one commit; `api` is built from `base`. Nothing needs a daemon or a registry.
fn project() -> Project {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9
images:
  base:
    image: acme/base
    dockerfile: base/Dockerfile
    context: base
  api:
    image: acme/api
    dockerfile: api/Dockerfile
    context: api
    build:
      docker:
        options:
          buildArgs:
            VERSION: '1'
            STAMP: $!(git describe --always --dirty)
  web:
    image: acme/web
    dockerfile: web/Dockerfile
    context: web
",
        )
        .file("base/Dockerfile", "FROM scratch\nCOPY data /\n")
        .file("base/data", "1")
        .file("base/README.md", "not copied")
        .file("api/Dockerfile", "FROM acme/base\nARG VERSION\nCOPY main.txt /\n")
        .file("api/main.txt", "1")
        .file("web/Dockerfile", "FROM scratch\nCOPY . /\n")
        .file("web/index.html", "1")
        .file("README.md", "shop")
        .file(".gitignore", "*.log\n.env\n");
    git(&project, &["init", "--quiet", "--initial-branch=main"]);
    commit(&project);
    project
}

fn git(project: &Project, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"];
    project.run_program("git", who.iter().chain(arguments)).success().stdout.clone()
}

fn commit(project: &Project) {
    git(project, &["add", "."]);
    git(project, &["commit", "--quiet", "--message", "change"]);
}

/// What `plan --since REVISION` prints.
#[track_caller]
fn since(project: &Project, arguments: &[&str]) -> String {
    let output = project.run(["plan", "--since"].iter().chain(arguments));
    output.success();
    assert_eq!(output.stderr, "", "{output}");
    output.stdout.replace(git(project, &["rev-parse", "--short=8", "HEAD"]).trim(), "[head]")
}

#[test]
fn only_images_with_another_key_are_affected() {
    let project = project();
    let none = "0 of 3 images affected since [head]\n";
    assert_eq!(since(&project, &["HEAD"]), none);

    // No image reads them. Without a commit, the build argument from `git describe` ends with `-dirty`.
    project.write("README.md", "new");
    project.write("base/README.md", "new");
    assert_eq!(since(&project, &["HEAD"]), none);

    project.write("base/data", "2");
    let of_base = "base | affected: data changed\n\
        api  | affected: its base `base` changed\n\
        2 of 3 images affected since [head]\n";
    assert_eq!(since(&project, &["HEAD"]), of_base);
    assert_eq!(since(&project, &["HEAD", "web"]), "0 of 1 image affected since [head]\n");
    project.run(["plan", "--since", "HEAD", "--exit-code", "web"]).exits(0);
    project.run(["plan", "--since", "HEAD", "--exit-code"]).exits(3);
    commit(&project);
    assert_eq!(since(&project, &["HEAD"]), none);
    let parent = git(&project, &["rev-parse", "--short=8", "HEAD~1"]);
    assert_eq!(since(&project, &["HEAD~1"]), of_base.replace("[head]", parent.trim()));

    let yaml = project.read("devspace.yaml").replace("VERSION: '1'", "VERSION: '2'");
    let more = "  tool:\n    image: acme/tool\n    dockerfile: web/Dockerfile\n    context: web\n";
    project.write("devspace.yaml", yaml.replace("  web:", &format!("{more}  web:")));
    assert_eq!(
        since(&project, &["HEAD"]),
        "api  | affected: build argument `VERSION` changed\n\
         tool | affected: new\n\
         2 of 4 images affected since [head]\n"
    );
    commit(&project);
    project.write("devspace.yaml", yaml);
    assert_eq!(since(&project, &["HEAD"]), "removed: tool\n0 of 3 images affected since [head]\n");
}

/// The revision is compared at the common commit: later changes of the other branch do not count.
#[test]
fn changes_of_the_other_branch_do_not_count() {
    let project = project();
    git(&project, &["checkout", "--quiet", "-b", "topic"]);
    project.write("web/index.html", "2");
    commit(&project);
    git(&project, &["checkout", "--quiet", "main"]);
    project.write("base/data", "2");
    commit(&project);
    git(&project, &["checkout", "--quiet", "topic"]);
    let json: Value =
        serde_json::from_str(&project.run(["plan", "--since", "main", "--json"]).success().stdout)
            .expect("JSON");
    let expected = serde_json::json!({
        "version": 1,
        "base": git(&project, &["merge-base", "main", "topic"]).trim(),
        "affected": [{
            "image": "web",
            "reason": "index.html changed",
            "changes": [{"change": "changed", "input": "file", "name": "index.html"}],
        }],
        "removed": [],
    });
    assert_eq!(json, expected);
}

#[test]
fn new_files_count_ignored_ones_do_not_and_the_repository_stays() {
    let project = project();
    project.write("web/new.html", "new");
    project.write("web/debug.log", "ignored");
    // Values of the project, although git ignores the file.
    project.write(".env", "UNUSED=1\n");
    let state = || {
        let objects = git(&project, &["count-objects", "--verbose"]);
        let index = std::fs::read(project.path(".git/index")).expect("an index");
        let files = project.run_program("find", [".", "-not", "-path", "./.git*"]).stdout;
        (objects, index, files, git(&project, &["stash", "list"]))
    };
    let before = state();
    for _ in 0..2 {
        assert_eq!(
            since(&project, &["HEAD"]),
            "web | affected: new.html changed\n1 of 3 images affected since [head]\n"
        );
    }
    assert_eq!(state(), before);
    project.remove("web/new.html");
    assert_eq!(since(&project, &["HEAD"]), "0 of 3 images affected since [head]\n");
}

/// The directory of windlass may be in the repository, as in jobs that may only cache files below the checkout.
#[test]
fn cache_in_the_repository_is_no_input() {
    let project = project();
    let cache = project.path("web/cache").into_os_string();
    let project = project.env("XDG_CACHE_HOME", cache);
    for _ in 0..2 {
        assert_eq!(since(&project, &["HEAD"]), "0 of 3 images affected since [head]\n");
    }
    project.write("base/data", "2");
    assert!(since(&project, &["HEAD"]).contains("base | affected: data changed"));
}

#[test]
fn scripts_count_for_what_they_change() {
    let project = project()
        .file("windlass.rhai", "import \"std/tags\" as tags;\nfn tags(image) { [tags::commit()] }\n");
    commit(&project);
    project.write("windlass.rhai", "fn entrypoint(image) { [\"sleep\", \"infinity\"] }\n");
    let changed = since(&project, &["HEAD"]);
    assert!(changed.contains("web  | affected: the Dockerfile changed"), "{changed}");
    assert!(changed.ends_with("3 of 3 images affected since [head]\n"), "{changed}");
}

#[test]
fn without_a_common_commit_all_images_are_affected() {
    let project = project();
    project.write("web/index.html", "2");
    commit(&project);
    let url = format!("file://{}", project.path("").display());
    let clone = Project::new();
    git(&clone, &["clone", "--quiet", "--depth=1", &url, "."]);
    let output = clone.run(["plan", "--since", "HEAD~1"]);
    let lines: Vec<_> = output.success().stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "base | affected: history too short",
            "api  | affected: history too short",
            "web  | affected: history too short",
            "3 of 3 images affected"
        ]
    );
    let json: Value =
        serde_json::from_str(&clone.run(["plan", "--since", "origin/x", "--json"]).success().stdout)
            .expect("JSON");
    assert_eq!((&json["base"], json["affected"].as_array().map(Vec::len)), (&Value::Null, Some(3)));
}

#[test]
fn invalid_revisions_are_explained() {
    let project = project();
    project
        .run(["plan", "--since", "orign/main"])
        .exits(2)
        .stderr_says("cannot compare with `orign/main`: unknown revision");
    let outside =
        Project::new().file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n");
    outside.run(["plan", "--since", "HEAD"]).exits(2).stderr_says("is not in a git repository");
    project.run(["build", "--since", "HEAD", "--watch"]).exits(2).stderr_has("cannot be used with");
}

/// Submodules are not checked out, so nothing is known about their files.
#[test]
fn a_changed_submodule_affects_all_images() {
    let library = Project::new().file("a.txt", "1");
    git(&library, &["init", "--quiet"]);
    commit(&library);
    let project = project();
    let url = library.path("").display().to_string();
    git(&project, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "web/lib"]);
    commit(&project);
    assert_eq!(since(&project, &["HEAD"]), "0 of 3 images affected since [head]\n");
    let inside = project.path("web/lib").display().to_string();
    let who = ["-C", &inside, "commit", "--quiet", "--allow-empty", "--message", "2"];
    git(&project, &who);
    let text = since(&project, &["HEAD"]);
    assert!(text.starts_with("base | affected: submodule web/lib changed\n"), "{text}");
}

#[test]
fn build_since_builds_the_affected_images() {
    let project = project();
    let build = |more: &[&str]| {
        let all = ["build", "--builder", "oci", "--skip-push", "--result", "result.json", "--since", "HEAD"];
        let output = project.run(all.iter().chain(more));
        output.success();
        let result: Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
        let images = result["images"].as_array().expect("a list").iter();
        let names: Vec<_> = images.map(|image| format!("{} {}", image["image"], image["outcome"])).collect();
        (names.join(", ").replace('"', ""), output)
    };
    let (images, output) = build(&[]);
    assert_eq!(images, "");
    output.stderr_has("0 of 3 images affected since").stderr_has("nothing to build");
    project.write("web/index.html", "2");
    assert_eq!(build(&[]).0, "web built");
    assert_eq!(build(&[]).0, "web skipped");
    project.write("api/main.txt", "2");
    assert_eq!(build(&["api"]).0, "base built, api built");
}
