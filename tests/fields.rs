//! Every field of devspace.yaml changes the plan, or deliberately changes nothing in it. The last test compares the
//! tables below with the list of all keys.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::{IdleDaemon, Project};

/// The effect of a key.
enum Effect {
    /// It changes the cache key.
    Key,
    /// It does not change the build.
    Nothing,
    /// This value at a JSON pointer of the image.
    At(&'static str, Value),
}
use Effect::{At, Key, Nothing};

/// Fields of an image of a version, and their effects.
type Table = (&'static str, Vec<(&'static str, Effect)>);

/// Its RUN needs a daemon.
const DOCKERFILE: &str =
    "FROM scratch AS dev\nARG A\nCOPY a /\nFROM scratch\nCOPY a /\nRUN [\"/a\"]\nENTRYPOINT [\"/a\"]\n";

/// The daemon that every plan finds.
static DAEMON: LazyLock<IdleDaemon> = LazyLock::new(IdleDaemon::start);

/// A project with `file` and everything that the tables name.
fn project(file: &str) -> Project {
    Project::new()
        .env("DOCKER_HOST", DAEMON.host())
        .file("devspace.yaml", file)
        .file("Dockerfile", DOCKERFILE)
        .file("other/Dockerfile", format!("{DOCKERFILE}LABEL other=1\n"))
        .file("other/a", "another content")
        .file("helper.sh", "#!/bin/sh\nexec \"$@\"\n")
        .file("a", "content")
}

/// The plan of the one image of a file.
fn plan(file: &str) -> Value {
    let plan: Value =
        serde_json::from_str(&project(file).run(["plan", "--json"]).success().stdout).expect("JSON");
    plan["images"][0].clone()
}

/// Whether a version has one `tag` instead of `tags`.
fn has_one_tag(version: &str) -> bool {
    let number = version.strip_prefix("v1beta").and_then(|number| number.parse::<u32>().ok());
    version.starts_with("v1alpha") || number.is_some_and(|number| number < 7)
}

/// An image of `version` with `fields`.
fn file(version: &str, fields: &str) -> String {
    let tags = match version {
        _ if fields.starts_with("tag") => "",
        _ if has_one_tag(version) => ", tag: t",
        _ => ", tags: [t]",
    };
    let image = match version {
        _ if fields.starts_with("image:") || fields.starts_with("name:") => "",
        "v1alpha1" => "name: acme/api, ",
        _ => "image: acme/api, ",
    };
    let registries = if version == "v1alpha1" { "registries: {hub: {url: r.example}}\n" } else { "" };
    format!("version: {version}\n{registries}images:\n  api: {{{image}{fields}{tags}}}\n")
}

#[track_caller]
fn check((version, table): &Table) {
    let base = plan(&file(version, "createPullSecret: true"));
    assert_eq!(base["builder"], "docker");
    for (fields, effect) in table {
        let planned = plan(&file(version, fields));
        match effect {
            Key => assert_ne!(planned["key"], base["key"], "{fields}"),
            Nothing => assert_eq!(planned, base, "{fields}"),
            At(pointer, value) => assert_eq!(planned.pointer(pointer), Some(value), "{fields}: {planned:#}"),
        }
    }
}

fn of_an_image() -> Table {
    (
        "v1beta9",
        vec![
            ("image: ghcr.io/acme/web", At("/tags", json!(["ghcr.io/acme/web:t"]))),
            ("tags: [v1, v2]", At("/push", json!(["acme/api:v1", "acme/api:v2"]))),
            ("tag: 1.10", At("/tags", json!(["acme/api:1.10"]))),
            ("tags: [v], tagsAppendRandom: true", At("/tags", json!(["acme/api:v-#####"]))),
            ("dockerfile: other/Dockerfile", Key),
            ("context: other", Key),
            ("entrypoint: [/b]", Key),
            ("entrypoint: []", Key),
            ("cmd: [x]", Key),
            ("appendDockerfileInstructions: ['LABEL x=1']", Key),
            ("injectRestartHelper: true", Key),
            ("restartHelperPath: helper.sh", Nothing),
            ("injectRestartHelper: true, restartHelperPath: helper.sh", Key),
            ("createPullSecret: false", Nothing),
            ("preferSyncOverRebuild: true", Nothing),
            ("rebuildStrategy: default", Nothing),
            ("rebuildStrategy: ignoreContextChanges", Key),
            ("rebuildStrategy: always", At("/reason", json!("`rebuildStrategy` is `always`"))),
        ],
    )
}

fn of_build() -> Table {
    (
        "v1beta9",
        vec![
            ("build: {disabled: true}", At("/reason", json!("disabled"))),
            ("build: {docker: {}}", Nothing),
            ("build: {docker: {preferMinikube: false}}", Nothing),
            ("build: {docker: {skipPush: true}}", At("/push", json!([]))),
            ("build: {docker: {disableFallback: true}}", Nothing),
            ("build: {docker: {args: [--shm-size=1g]}}", Key),
            ("build: {docker: {options: {target: dev}}}", Key),
            ("build: {docker: {options: {network: host}}}", Key),
            ("build: {docker: {options: {target: dev, buildArgs: {A: 1}}}}", Key),
            ("build: {buildKit: {skipPush: true}}", At("/push", json!([]))),
            ("build: {buildKit: {preferMinikube: false}}", Nothing),
            ("build: {buildKit: {args: [--shm-size=1g]}}", Key),
            ("build: {buildKit: {options: {target: dev}}}", Key),
            ("build: {buildKit: {options: {network: host}}}", Key),
            ("build: {buildKit: {options: {target: dev, buildArgs: {A: 1}}}}", Key),
            ("build: {docker: {useBuildKit: true}}", Nothing),
            ("build: {docker: {useCli: true}}", Nothing),
            ("build: {docker: {platforms: [linux/arm64]}}", Key),
            ("build: {docker: {cacheFrom: [r.io/x], cacheTo: [inline]}}", Nothing),
            ("build: {docker: {secrets: ['id=a,env=A']}}", Key),
            ("build: {docker: {ssh: [default]}}", Key),
            ("build: {buildKit: {platforms: [linux/arm64]}}", Key),
            ("build: {buildKit: {cacheFrom: [r.io/x], cacheTo: [inline]}}", Nothing),
            ("build: {buildKit: {secrets: ['id=a,env=A']}}", Key),
            ("build: {buildKit: {ssh: [default]}}", Key),
            ("build: {custom: {command: make}}", At("/builder", json!("custom"))),
        ],
    )
}

/// The command line of a custom command.
fn runs(words: &str) -> Effect {
    At("/effects/0/what", json!(words))
}

fn of_a_custom_builder() -> Table {
    (
        "v1beta9",
        vec![
            ("build: {custom: {command: ./b}}", runs("exec ./b acme/api:t")),
            ("build: {custom: {command: './b x | y'}}", runs("sh ./b x | y")),
            ("build: {custom: {command: ./b, args: [x]}}", runs("exec ./b x acme/api:t")),
            ("build: {custom: {command: ./b, imageFlag: --tag}}", runs("exec ./b --tag acme/api:t")),
            ("build: {custom: {command: ./b, appendArgs: [z]}}", runs("exec ./b acme/api:t z")),
            ("build: {custom: {command: ./b, imageTagOnly: true}}", runs("exec ./b t")),
            ("build: {custom: {command: ./b, skipImageArg: true}}", runs("exec ./b")),
            (
                "build: {custom: {command: ./b, commands: [{command: ./l, os: 'linux,darwin'}]}}",
                runs("exec ./l acme/api:t"),
            ),
            ("build: {custom: {command: ./b, onChange: [a]}}", At("/reason", json!("never built here"))),
        ],
    )
}

fn of_the_newest_version() -> Table {
    (
        "v2beta1",
        vec![
            ("skipPush: true", At("/push", json!([]))),
            ("target: dev", Key),
            ("network: host", Key),
            ("target: dev, buildArgs: {A: 1}", Key),
            ("docker: {args: [--shm-size=1g]}", Key),
            ("buildKit: {preferMinikube: false}", At("/builder", json!("docker"))),
            ("custom: {command: ./b}", At("/effects/0/what", json!("exec ./b"))),
            (
                "custom: {command: ./b, skipImageArg: false}",
                At("/effects/0/what", json!("exec ./b acme/api:t")),
            ),
            (
                "custom: {command: './b ${runtime.images.api.image} ${runtime.images.api.tag}'}",
                runs("sh ./b acme/api t"),
            ),
            ("custom: {command: ./b, args: [x], skipImageArg: false}", runs("exec ./b x acme/api:t")),
            (
                "custom: {command: ./b, imageFlag: --tag, skipImageArg: false}",
                runs("exec ./b --tag acme/api:t"),
            ),
            ("custom: {command: ./b, appendArgs: [z], skipImageArg: false}", runs("exec ./b acme/api:t z")),
            ("custom: {command: ./b, imageTagOnly: true, skipImageArg: false}", runs("exec ./b t")),
            ("custom: {command: ./b, onChange: [a]}", At("/reason", json!("never built here"))),
            ("custom: {command: ./b, commands: [{command: ./l, os: 'linux,darwin'}]}", runs("exec ./l")),
            ("docker: {preferMinikube: false}", Nothing),
            ("docker: {disableFallback: true}", Nothing),
            ("docker: {useBuildKit: true}", Nothing),
            ("docker: {useCli: true}", Nothing),
            ("buildKit: {args: [--shm-size=1g]}", Key),
            ("docker: {platforms: [linux/arm64]}", Key),
            ("docker: {cacheFrom: [r.io/x], cacheTo: [inline]}", Nothing),
            ("docker: {secrets: ['id=a,env=A']}", Key),
            ("docker: {ssh: [default]}", Key),
            ("buildKit: {platforms: [linux/arm64]}", Key),
            ("buildKit: {cacheFrom: [r.io/x], cacheTo: [inline]}", Nothing),
            ("buildKit: {secrets: ['id=a,env=A']}", Key),
            ("buildKit: {ssh: [default]}", Key),
            ("injectLegacyRestartHelper: true", Key),
        ],
    )
}

fn of_the_first_versions() -> [Table; 4] {
    [
        (
            "v1alpha1",
            vec![
                ("name: acme/web", At("/tags", json!(["acme/web:t"]))),
                ("name: acme/web, registry: hub", At("/tags", json!(["r.example/acme/web:t"]))),
                ("autoReload: {disabled: true}", Nothing),
                ("skipPush: true", At("/push", json!([]))),
                ("build: {dockerfilePath: other/Dockerfile}", Key),
                ("build: {contextPath: other}", Key),
            ],
        ),
        (
            "v1alpha3",
            vec![
                ("build: {dockerfile: other/Dockerfile}", Key),
                ("build: {context: other}", Key),
                ("build: {options: {target: dev}}", Key),
                ("build: {options: {network: host}}", Key),
                ("build: {options: {target: dev, buildArgs: {A: 1}}}", Key),
            ],
        ),
        ("v1beta5", vec![("build: {custom: {command: ./b, flags: [x]}}", runs("exec ./b x acme/api:t"))]),
        ("v1beta6", vec![("tag: '1.10'", At("/tags", json!(["acme/api:1.10"])))]),
    ]
}

#[test]
fn fields_of_an_image_have_their_effect() {
    check(&of_an_image());
}

#[test]
fn fields_of_build_have_their_effect() {
    check(&of_build());
}

#[test]
fn fields_of_a_custom_builder_have_their_effect() {
    check(&of_a_custom_builder());
}

#[test]
fn fields_of_the_newest_version_have_their_effect() {
    check(&of_the_newest_version());
}

#[test]
fn fields_of_the_oldest_versions_have_their_effect() {
    of_the_first_versions().iter().for_each(check);
}

#[test]
fn interactive_images_of_dev_change_no_build() {
    let plain = file("v1beta9", "createPullSecret: true");
    let interactive = format!(
        "{plain}dev:\n  interactive:\n    defaultEnabled: true\n    images: [{{name: api, entrypoint: [sleep], cmd: ['9']}}]\n"
    );
    assert_eq!(plan(&interactive), plan(&plain));
}

/// The effect of a field of a variable.
enum Said {
    /// The tag, which is the variable, has this value.
    Tag(&'static str),
    /// `plan` fails with this.
    Plan(&'static str),
    /// `windlass set var T=c` fails with this.
    Set(&'static str),
}
use Said::{Plan, Set, Tag};

/// Fields of the variable `T`, and their effects. The environment has `T=env` if the fields use it.
fn of_a_variable() -> Vec<(&'static str, Said)> {
    vec![
        ("default: a", Tag("a")),
        ("default: a, question: Which?", Tag("a")),
        ("default: 1.10", Tag("1.10")),
        ("value: b", Tag("b")),
        ("default: a, source: env", Tag("a")),
        ("default: a, source: none", Tag("a")),
        ("source: env", Plan("the environment variable `T` is not set")),
        ("source: input", Plan("variable `T` has no value")),
        ("command: 'echo c | tr c d'", Tag("d")),
        ("command: printf, args: ['%s', e]", Tag("e")),
        ("command: exit 1, commands: [{os: 'linux,darwin', command: echo, args: [f]}]", Tag("f")),
        ("options: [a, b]", Set("it must be one of `a`, `b`")),
        ("validationPattern: '[0-9]+'", Set("it must match `[0-9]+`")),
        ("validationPattern: '[0-9]+', validationMessage: digits only", Set("digits only")),
        ("password: true", Set("it is a password")),
        ("question: Which?, noCache: true", Set("`noCache`")),
        ("value: x", Set("it has a `value`")),
    ]
}

/// A file whose tag is a variable with `fields`, in the older form or the newest.
fn variable_file(fields: &str, is_newest: bool) -> String {
    let image = "images:\n  api: {image: acme/api, tags: ['${T}']}\n";
    match is_newest {
        true => format!("version: v2beta1\nname: x\nvars:\n  T: {{{fields}}}\n{image}"),
        false => format!("version: v1beta11\nvars:\n- {{name: T, {fields}}}\n{image}"),
    }
}

#[test]
fn fields_of_a_variable_have_their_effect() {
    for (fields, said) in of_a_variable() {
        for is_newest in [false, true] {
            let project = project(&variable_file(fields, is_newest));
            match said {
                Tag(tag) => {
                    let output = project.run(["plan", "--json"]);
                    let plan: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
                    assert_eq!(plan["images"][0]["tags"][0], format!("acme/api:{tag}"), "{fields}");
                }
                Plan(message) => drop(project.run(["plan"]).exits(2).stderr_has(message)),
                Set(message) => drop(project.run(["set", "var", "T=c"]).exits(2).stderr_has(message)),
            }
        }
    }
    // Declared although nothing uses it, which the newest version does automatically.
    let unused = |fields: &str, is_newest| variable_file(fields, is_newest).replace("${T}", "t");
    let fails = "command: exit 3";
    project(&unused(fails, false)).run(["plan"]).success();
    project(&unused(&format!("{fails}, alwaysResolve: true"), false)).run(["plan"]).exits(2);
    project(&unused(fails, true)).run(["plan"]).exits(2);
    project(&unused(&format!("{fails}, alwaysResolve: false"), true)).run(["plan"]).success();
}

/// Fields of the profile `p`, other profiles, and the resulting tag.
fn of_a_profile() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("replace: {images: {api: {image: acme/api, tags: [r]}}}", "", "r"),
        ("merge: {images: {api: {tags: [m]}}}", "", "m"),
        ("strategicMerge: {images: {api: {tags: [s]}}}", "", "s"),
        ("patches: [{op: replace, path: 'images.api.tags[0]', value: p}]", "", "p"),
        ("patches: [{op: copy, from: /images/api/tags/1, path: /images/api/tags/0}]", "", "u"),
        ("description: of no effect", "", "t"),
        ("parent: q", "- {name: q, merge: {images: {api: {tags: [q]}}}}", "q"),
        ("parents: [{profile: q}]", "- {name: q, merge: {images: {api: {tags: [q]}}}}", "q"),
        ("parents: [{profile: q, source: {path: shared}}]", "", "shared"),
        ("parents: [{profile: q, source: {path: ., configName: shared/devspace.yaml}}]", "", "shared"),
    ]
}

#[test]
fn fields_of_a_profile_have_their_effect() {
    let file = |fields: &str, more: &str| {
        format!(
            "version: v1beta11\nvars: [{{name: V, default: w}}]\nimages:\n  api: {{image: acme/api, tags: [t, u]}}\n\
             profiles:\n- {{name: p, {fields}}}\n{more}\n"
        )
    };
    let shared = "version: v1beta11\nprofiles: [{name: q, merge: {images: {api: {tags: [shared]}}}}]\n";
    let tag = |file: &str, words: &[&str]| {
        let project = project(file).file("shared/devspace.yaml", shared).env("ON", "yes");
        let output = project.run(["plan", "--json"].iter().chain(words));
        let plan: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
        plan["images"][0]["tags"][0].as_str().expect("a tag").replace("acme/api:", "")
    };
    for (fields, more, expected) in of_a_profile() {
        assert_eq!(tag(&file(fields, more), &["-p", "p"]), expected, "{fields}");
        assert_eq!(tag(&file(fields, more), &[]), "t", "{fields}");
    }
    let merge = "merge: {images: {api: {tags: [on]}}}";
    for (activation, expected) in [
        ("{env: {ON: 'y.*'}}", "on"),
        ("{env: {ON: no}}", "t"),
        ("{vars: {V: w}}", "on"),
        ("{vars: {V: x}}", "t"),
    ] {
        let file = file(&format!("{merge}, activation: [{activation}]"), "");
        assert_eq!(tag(&file, &[]), expected, "{activation}");
    }
}

/// Keys whose effect a plan alone cannot show, by the beginning of their paths, and the tests that show it.
const ELSEWHERE: [(&str, &str); 35] = [
    ("vars[].alwaysResolve", "fields_of_a_variable_have_their_effect"),
    ("vars.*.alwaysResolve", "fields_of_a_variable_have_their_effect"),
    ("profiles[].activation", "fields_of_a_profile_have_their_effect"),
    ("profiles[].parents[].source.", "parent_is_a_profile_of_a_git_repository"),
    ("hooks[].name", "hook_is_shown_with_its_name"),
    ("hooks[].disabled", "hook_events_and_image_names_select_when_hooks_run"),
    ("hooks[].events", "hook_events_and_image_names_select_when_hooks_run"),
    ("hooks[].when", "old_forms_become_event_names"),
    ("hooks[].command", "old_hooks_run_around_all_images"),
    ("hooks[].args", "command_and_args_run_without_a_shell"),
    ("hooks[].os", "hooks_of_other_operating_systems_are_skipped"),
    ("hooks[].background", "background_hook_runs_in_parallel_and_ends_with_the_build"),
    ("hooks[].silent", "silent_hook_prints_nothing_until_it_fails"),
    ("hooks[].upload", "container_hooks_are_skipped_with_a_message"),
    ("hooks[].download", "container_hooks_are_skipped_with_a_message"),
    ("hooks[].logs", "container_hooks_are_skipped_with_a_message"),
    ("hooks[].wait", "container_hooks_are_skipped_with_a_message"),
    ("hooks[].where", "container_hooks_are_skipped_with_a_message"),
    ("hooks[].container", "container_hooks_are_skipped_with_a_message"),
    ("commands", "every_word_after_the_name_belongs_to_the_command"),
    ("dependencies[].disabled", "dependency_cycle_is_shown_with_its_locations"),
    ("dependencies[].skipBuild", "images_and_dependencies_of_a_dependency_can_be_skipped"),
    ("dependencies[].ignoreDependencies", "images_and_dependencies_of_a_dependency_can_be_skipped"),
    ("dependencies[].profile", "fields_of_dependencies_are_read"),
    ("dependencies[].vars", "variables_are_passed_as_declared"),
    ("dependencies[].overwriteVars", "variables_are_passed_as_declared"),
    ("dependencies[].source.path", "dependencies_are_built_first_and_rebuilt_only_if_changed"),
    ("dependencies[].source", "dependency_comes_from_git"),
    ("dependencies[]", "fields_of_dependencies_are_read"),
    ("dependencies.*", "newest_version_declares_dependencies_as_a_map"),
    ("imports[].git", "imports_come_from_git_too"),
    ("imports", "imports_add_entries_that_the_file_lacks"),
    ("pullSecrets", "the_section_sets_names_accounts_and_credentials"),
    ("images.*.insecure", "v1beta1_moves_keys_of_the_image_and_the_tool"),
    ("images.*.name", "fields_of_the_oldest_versions_have_their_effect"),
];

/// The sections whose keys are used.
const SECTIONS: [&str; 8] =
    ["images", "vars", "profiles", "dependencies", "hooks", "commands", "pullSecrets", "imports"];

/// The paths of all keys in `value` in the notation of the reference; `*` replaces names that the user chooses.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let is_own = ["images", "vars"].contains(&path);
                let step = if is_own { "*" } else { key };
                let path = if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
                paths(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn every_key_has_a_test_of_its_effect() {
    let doc = Project::new().run(["doc", "--json"]).success().stdout.clone();
    let entries: Vec<Value> = serde_json::from_str(&doc).expect("JSON");
    let keys = entries.iter().filter(|entry| entry["kind"] == "key");
    let keys = keys.filter_map(|entry| Some((entry["call"].as_str()?, entry["summary"].as_str()?)));
    // Keys with effects in a cluster have their own tests.
    let is_of_the_cluster =
        |path: &str| [".kaniko", ".inCluster", "buildKit.command"].iter().any(|part| path.contains(part));
    let wanted = keys.filter(|(path, summary)| {
        let section = path.split(['.', '[']).next().unwrap_or_default();
        SECTIONS.contains(&section)
            && *path != section
            && !is_of_the_cluster(path)
            && !summary.contains("Filled in by DevSpace")
    });

    let mut files: Vec<String> = Vec::new();
    let tables = [of_an_image(), of_build(), of_a_custom_builder(), of_the_newest_version()];
    for (version, table) in tables.into_iter().chain(of_the_first_versions()) {
        files.extend(table.iter().map(|(fields, _)| file(version, fields)));
    }
    for (fields, _) in of_a_variable() {
        files.extend([false, true].map(|is_newest| variable_file(fields, is_newest)));
    }
    files.extend(of_a_profile().iter().map(|(fields, ..)| format!("profiles:\n- {{name: p, {fields}}}\n")));
    let mut known = BTreeSet::new();
    for file in files {
        let value: Value = serde_yaml::from_str(&file).expect("it is YAML");
        paths(&value, "", &mut known);
    }
    let missing: Vec<_> = wanted
        .map(|(path, _)| path)
        .filter(|path| !known.contains(*path) && !ELSEWHERE.iter().any(|(start, _)| path.starts_with(start)))
        .collect();
    assert!(missing.is_empty(), "without a test: {missing:#?}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["tests", "engine"].iter().map(|folder| rust_below(&root.join(folder))).collect();
    for (path, test) in ELSEWHERE {
        assert!(sources.contains(&format!("fn {test}(")), "no test `{test}` for {path}");
    }
}

/// The text of all Rust files below `folder`.
fn rust_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a directory").flatten().map(|entry| entry.path());
    let text = |path: PathBuf| match path.is_dir() {
        true => rust_below(&path),
        false if path.extension().is_some_and(|end| end == "rs") => {
            fs::read_to_string(&path).expect("it can be read")
        }
        false => String::new(),
    };
    entries.map(text).collect()
}
