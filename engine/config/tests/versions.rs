//! Files of all versions, each read by the rules of its version.

use serde_json::json;

use super::Fixture;
use crate::config::{KanikoConfig, Loaded};

fn loaded(text: &str) -> Loaded {
    Fixture::raw(text.as_bytes()).loaded()
}

fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.warnings.iter().map(ToString::to_string).collect()
}

/// The configuration of the only image of a file.
fn image(text: &str) -> String {
    let loaded = loaded(text);
    let mut image = loaded.project.images["api"].clone();
    // Only the locations differ between versions.
    image.origin.line = 0;
    image.origin.column = 0;
    image.tags.iter_mut().for_each(|tag| tag.origin = image.origin.clone());
    format!("{image:#?}")
}

#[test]
fn one_image_is_the_same_in_every_version() {
    let newest = image(
        "version: v2beta1
name: shop
images:
  api:
    image: ghcr.io/acme/api
    tags: [1.10]
    dockerfile: docker/Dockerfile
    context: src
    createPullSecret: false
    skipPush: true
    target: dev
    buildArgs: {A: 007}
    docker: {preferMinikube: false}
",
    );
    let build =
        "{docker: {preferMinikube: false, skipPush: true, options: {target: dev, buildArgs: {A: 007}}}}";
    let head = "images: {api: {image: ghcr.io/acme/api, dockerfile: docker/Dockerfile, context: src, createPullSecret: false";
    for version in ["v1beta7", "v1beta8", "v1beta9", "v1beta10", "v1beta11"] {
        let text = format!("version: {version}\n{head}, tags: [1.10], build: {build}}}}}");
        assert_eq!(image(&text), newest, "{version}");
    }
    for version in ["v1beta2", "v1beta3", "v1beta4", "v1beta5", "v1beta6"] {
        let text = format!("version: {version}\n{head}, tag: 1.10, build: {build}}}}}");
        assert_eq!(image(&text), newest, "{version}");
    }
    let old = |image: &str, dockerfile: &str, context: &str| {
        format!(
            "{image}, tag: 1.10, skipPush: true, createPullSecret: false, build: {{{dockerfile}: docker/Dockerfile, \
             {context}: src, docker: {{preferMinikube: false}}, options: {{target: dev, buildArgs: {{A: 007}}}}}}}}}}"
        )
    };
    for version in ["v1alpha3", "v1alpha4", "v1beta1"] {
        let fields = old("image: ghcr.io/acme/api", "dockerfile", "context");
        assert_eq!(image(&format!("version: {version}\nimages: {{api: {{{fields}")), newest, "{version}");
    }
    let fields = old("image: ghcr.io/acme/api", "dockerfilePath", "contextPath");
    assert_eq!(image(&format!("version: v1alpha2\nimages: {{api: {{{fields}")), newest);
    let fields = old("name: acme/api, registry: hub", "dockerfilePath", "contextPath");
    let registries = "registries: {hub: {url: ghcr.io}}";
    assert_eq!(image(&format!("version: v1alpha1\n{registries}\nimages: {{api: {{{fields}")), newest);
}

#[test]
fn keys_of_a_later_version_are_refused_with_its_name() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Fixture::raw(text.as_bytes()).problems(), [expected], "{text}");
    };
    check(
        "version: v1beta8\nimages: {a: {image: a/a, build: {buildKit: {}}}}",
        "2:34: `buildKit` in `build` of image `a` needs v1beta10",
    );
    check("version: v1beta2\nprofiles: []", "2:1: `profiles` in `devspace.yaml` needs v1beta3");
    check(
        "version: v1beta6\nimages: {a: {image: a/a, tags: [x]}}",
        "2:26: `tags` in image `a` needs v1beta7",
    );
    check(
        "version: v2beta1\nimages: {a: {image: a/a, build: {}}}",
        "2:26: `build` in image `a` was removed in v2beta1",
    );
    check("version: v2beta1\nvars: [{name: X}]", "2:7: `vars` must be a map, found a list");
    check("version: v1beta11\nvars: {X: 1}", "2:7: `vars` must be a list, found a map");
}

#[test]
fn newest_version_has_its_own_short_forms_and_defaults() {
    let loaded = loaded(
        "version: v2beta1
name: shop
vars:
  REGISTRY: ghcr.io/acme
  TAG: $(printf 1.4.0)
images:
  api: {image: '${REGISTRY}/api', tags: ['${TAG}'], kaniko: {}}
  web: {image: '${REGISTRY}/web', custom: {command: make web}}
commands:
  test: go test ./...
functions: {greet: echo hello}
localRegistry: {enabled: true, port: 5000}
",
    );
    let project = &loaded.project;
    assert_eq!(project.images["api"].repository.to_string(), "ghcr.io/acme/api");
    assert_eq!(project.images["api"].tags[0].text, "1.4.0");
    assert_eq!(project.images["api"].kaniko, Some(KanikoConfig::default()));
    assert!(project.images["web"].custom.as_ref().is_some_and(|custom| custom.skip_image_arg));
    assert_eq!(project.commands["test"].command, "go test ./...");
    assert_eq!(project.other["functions"], json!({"greet": "echo hello"}));
    let ignored = "`localRegistry` is ignored: windlass does not start a registry in the cluster";
    assert_eq!(warnings(&loaded), [format!("devspace.yaml:12:1: {ignored}")]);
}

#[test]
fn pipelines_are_kept_and_one_that_builds_otherwise_is_warned_about() {
    let check = |run: &str, expected: &[&str]| {
        let text = format!("version: v2beta1\npipelines:\n  build: {run}\n");
        assert_eq!(warnings(&loaded(&text)), expected, "{run}");
    };
    check("build_images --all", &[]);
    check("|-\n    # all of them\n    run_dependencies --all --pipeline build\n    build_images --all", &[]);
    check("{run: build_images --all}", &[]);
    let warning =
        "devspace.yaml:3:3: the pipeline `build` is ignored: windlass does not run DevSpace scripts";
    check("build_images api", &[warning]);
    check("{run: 'build_images --all -t x'}", &[warning]);
}

#[test]
fn imports_add_entries_that_the_file_lacks() {
    let fixture = Fixture::raw(
        b"version: v2beta1
name: shop
imports:
- path: shared/images.yaml
- path: shared/off.yaml
  enabled: false
images: {api: {image: acme/own}}
hooks: [{command: first, events: ['before:build']}]
",
    )
    .file(
        "shared/images.yaml",
        "version: v2beta1
imports: [{path: deeper}]
vars: {TAG: v1}
images: {api: {image: acme/other}, web: {image: acme/web, tags: ['${TAG}']}}
hooks: [{command: second, events: ['before:build']}]
",
    )
    .file("shared/deeper/devspace.yaml", "version: v2beta1\nimages: {base: {image: acme/base}}\n");
    let project = fixture.loaded().project;
    let repositories: Vec<_> = project.images.values().map(|image| image.repository.to_string()).collect();
    assert_eq!(repositories, ["acme/own", "acme/web", "acme/base"]);
    assert_eq!(project.images["web"].tags[0].text, "v1");
    assert!(project.hooks.iter().map(|hook| hook.command.as_str()).eq(["first", "second"]));
}

#[test]
fn imports_come_from_git_too() {
    let repository = tempfile::tempdir().expect("directory");
    let git = |arguments: &str| {
        let mut git = std::process::Command::new("git");
        git.current_dir(repository.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        let ended = git.args(arguments.split(' ')).output().expect("git runs");
        assert!(ended.status.success(), "{ended:?}");
    };
    git("init --quiet --initial-branch=main");
    std::fs::create_dir(repository.path().join("config")).expect("directory");
    let text = "version: v2beta1\nimages: {web: {image: acme/web}}\n";
    std::fs::write(repository.path().join("config/images.yaml"), text).expect("file");
    git("add --all");
    git("commit --quiet --message=first");
    git("tag v1");
    let cache = tempfile::tempdir().expect("directory");
    let fixture = |repository: &str| {
        let text = format!(
            "version: v2beta1\nimports: [{{git: '{repository}', tag: v1, subPath: config/images.yaml}}]\n"
        );
        Fixture::raw(text.as_bytes()).env("XDG_CACHE_HOME", &cache.path().display().to_string())
    };
    let images = fixture(&repository.path().display().to_string()).loaded().project.images;
    assert!(images.contains_key("web"));
    let problems = fixture("/nowhere/at/all").problems();
    assert!(problems[0].starts_with("2:17: cannot clone `/nowhere/at/all@v1`"), "{problems:?}");
}

#[test]
fn wrong_imports_say_where() {
    let check = |imports: &str, expected: &[&str]| {
        let fixture = Fixture::raw(format!("version: v2beta1\nimports: [{imports}]\n").as_bytes())
            .file("old.yaml", "version: v1beta11\n")
            .file("wrong.yaml", "version: v2beta1\nimages:\n  a: {image: acme/a, dockefile: x}\n")
            .file("loop.yaml", "version: v2beta1\nimports: [{path: loop.yaml}]\n");
        assert_eq!(fixture.problems(), expected, "{imports}");
    };
    check("{}", &["2:11: an import has no `path`"]);
    check(
        "{path: old.yaml}",
        &["old.yaml:1:10: a file of version v2beta1 cannot import a file of version v1beta11"],
    );
    check("{path: wrong.yaml}", &["wrong.yaml:3:22: unknown key `dockefile` in image `a`"]);
    check("{path: loop.yaml}", &["loop.yaml:2:18: `loop.yaml` imports itself"]);
    let missing = "2:18: cannot read the import `none.yaml`: No such file or directory (os error 2)";
    check("{path: none.yaml}", &[missing]);
    assert_eq!(
        Fixture::new("imports: [{path: x}]").problems(),
        ["2:1: `imports` in `devspace.yaml` needs v2beta1"]
    );
}
