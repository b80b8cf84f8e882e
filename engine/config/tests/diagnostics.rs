use miette::{Diagnostic as _, NarratableReportHandler};

use super::Fixture;
use crate::config::{ConfigError, LoadOptions, load};

fn rendered(fixture: &Fixture) -> String {
    let error = fixture.load().expect_err("the file is wrong");
    let mut text = String::new();
    NarratableReportHandler::new().render_report(&mut text, &error).expect("rendered");
    text
}

#[test]
fn report_shows_file_line_column_label_and_the_nearest_name() {
    let text = rendered(&Fixture::new("images:\n  api:\n    image: acme/api\n    dockefile: x\n"));
    insta::assert_snapshot!(text.trim_end(), @r"
    cannot use `devspace.yaml`: it has a problem
        Diagnostic severity: error
    diagnostic code: config::invalid

    Error: devspace.yaml:5:5: unknown key `dockefile` in image `api`
        Diagnostic severity: error

    Begin snippet for devspace.yaml starting at line 4, column 1

    snippet line 4:     image: acme/api
    snippet line 5:     dockefile: x
        label at line 5, columns 5 to 13: unknown key
    diagnostic help: did you mean `dockerfile`?
    diagnostic code: config::unknown_key
    ");
}

#[test]
fn all_problems_come_in_one_report() {
    let problems = Fixture::new("imgaes: {}\nvars: [{nam: x}]\nimages: {a: {image: 'A B', tags: ['${X}', '?']}}\nprofiles: [{name: p, x: 1}]\n").problems();
    assert_eq!(problems.len(), 7, "{problems:#?}");
}

#[test]
fn versions_are_distinguished() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Fixture::raw(text.as_bytes()).problems(), [expected], "{text}")
    };
    check("version: v3", "1:10: unknown configuration version `v3`");
    check("images: {}", "1:1: the file has no `version`");
    check("", "1:1: the file has no `version`");
    check("# nothing\n", "1:1: the file has no `version`");
    check("[]", "1:1: the file must be a map, found a list");
    check("version: [v1beta9]", "1:10: `version` of the file must be a string, found a list");
}

#[test]
fn yaml_errors_have_their_place() {
    assert_eq!(Fixture::new("images:\n\t- x").problems().len(), 1);
    assert_eq!(Fixture::new("dev: {a: 1, a: 2}").problems(), ["2:13: duplicate key `a`"]);
    assert_eq!(Fixture::raw(b"version: v1beta9\na: \xff").problems(), ["2:4: the file is not UTF-8 text"]);
}

#[test]
fn free_keys_hold_anchors() {
    let loaded =
        Fixture::new("x-common: &c {image: acme/a, unknown: '${NEVER}'}\nimages: {a: {<<: *c, unknown: }}")
            .problems();
    assert_eq!(loaded, ["3:22: unknown key `unknown` in image `a`"]);
    let loaded = Fixture::new("x-common: &c {image: acme/a}\nimages: {a: *c}").loaded();
    assert!(loaded.project.other.is_empty() && loaded.project.images.contains_key("a"));
}

#[test]
fn other_sections_are_kept_and_unknown_ones_refused() {
    let text = "dev: {v: {port: 80, s: '80', t: yes}}\ncommands: [{name: c, command: 'echo ${X}'}]\nrequire: {devspace: '> 5'}\n";
    let project = Fixture::new(text).loaded().project;
    let other = project.other;
    assert_eq!(other["dev"]["v"], serde_json::json!({"port": 80, "s": "80", "t": "yes"}));
    assert_eq!(project.commands["c"].command, "echo ${X}");
    assert!(other.contains_key("require"));
    assert_eq!(
        Fixture::new("pipelines: {}").problems(),
        ["2:1: `pipelines` in `devspace.yaml` needs v2beta1"]
    );
}

#[test]
fn keys_of_other_versions_say_which() {
    let check = |text: &str, expected: &[&str], help: &str| {
        let fixture = Fixture::raw(text.as_bytes());
        assert_eq!(fixture.problems(), expected, "{text}");
        let rendered = rendered(&fixture);
        assert!(rendered.contains(&format!("diagnostic help: {help}\n")), "{rendered}");
    };
    check(
        "version: v1beta9\nlocalRegistry: {}\n",
        &["2:1: `localRegistry` in `devspace.yaml` needs v2beta1"],
        "change the file to `version: v2beta1`",
    );
    check(
        "version: v1beta9\nimages: {a: {image: acme/a, build: {kaniko: {flags: [x]}}}}\n",
        &["2:46: `flags` in `kaniko` of image `a` was removed in v1beta8"],
        "write `args`",
    );
    check(
        "version: v1beta9\nimages: {a: {image: acme/a, skippush: true}}\n",
        &["2:29: unknown key `skippush` in image `a`"],
        "did you mean `skipPush`? It needs v2beta1",
    );
    check(
        "version: v1beta9\nimages: {a: {image: acme/a, target: dev}}\n",
        &["2:29: `target` in image `a` needs v2beta1"],
        "write `build: {docker: {options: {target: ...}}}`, or change the file to `version: v2beta1`",
    );
    check(
        "version: v1beta99\n",
        &["1:10: unknown configuration version `v1beta99`"],
        "use `v1alpha1` to `v1alpha4`, `v1beta1` to `v1beta11`, or `v2beta1`",
    );
}

#[test]
fn errors_in_dev_are_warnings() {
    let loaded = Fixture::new("dev: {sync: [{localSubPth: a}], ports: x}\n").loaded();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "devspace.yaml:2:15: unknown key `localSubPth` in a sync entry of `dev`",
        "devspace.yaml:2:40: `ports` of `dev` must be a list, found `x`",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(loaded.project.other["dev"]["sync"][0]["localSubPth"], "a");
}

#[test]
fn secrets_never_reach_a_report() {
    let password = "vars:\n- name: P\n  password: true\n  default: hunter2 hunter2\n  dflt: 1\nimages:\n  a: {image: '${P}', tags: ['${P}'], rebuildStrategy: '${P}', createPullSecret: '${P}', entrypoint: '${P}'}\nhooks: [{name: '${P}', comand: x}]\n";
    let flag = "images:\n  a: {image: 'a/${P}', tags: ['x ${P}'], createPullSecret: '${P}', build: '${P}'}\n";
    for fixture in [Fixture::new(password), Fixture::new(flag).var("P=hunter2 hunter2")] {
        let error = fixture.load().expect_err("wrong");
        let mut text = format!("{error:?}");
        NarratableReportHandler::new().render_report(&mut text, &error).expect("rendered");
        for related in error.related().into_iter().flatten() {
            NarratableReportHandler::new().render_report(&mut text, related).expect("rendered");
        }
        assert!(text.contains("${P}") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn missing_files_have_a_hint() {
    let folder = tempfile::tempdir().expect("directory");
    let options = LoadOptions { directory: folder.path().to_owned(), ..LoadOptions::default() };
    let error = load(&options).expect_err("missing");
    assert!(matches!(error, ConfigError::NotFound { .. }) && error.help().is_some());
    let options = LoadOptions { config: Some("none.yaml".into()), ..options };
    assert!(matches!(load(&options), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn root_is_the_directory_of_the_file() {
    let mut fixture = Fixture::new("").file("sub/deep/x", "").file("other/dev.yaml", "version: v1beta9");
    fixture.options.directory = fixture.folder.path().join("sub/deep");
    assert_eq!(fixture.loaded().project.root, fixture.folder.path());
    fixture.options.config = Some("../../other/dev.yaml".into());
    assert!(fixture.loaded().project.root.ends_with("other"));
}

#[test]
fn common_mistakes_have_hints() {
    let check = |text: &str, help: &str| {
        let rendered = rendered(&Fixture::raw(text.as_bytes()));
        assert!(rendered.contains(&format!("diagnostic help: {help}")), "{text}\n{rendered}");
    };
    let images = |text: &str| format!("version: v1beta9\nimages:\n{text}");
    check(&images("\tapi: {}\n"), "indent with spaces");
    check(&images("  api: *base\n"), "define `&NAME` before `*NAME` in this file");
    check(&images("  api:\n    image: x\n   cmd: []\n"), "align the keys of a map in one column");
    check(&images("  api:\n    image: a: b\n"), "quote strings that contain `: `");
    check(&images("  api:\n    image: @x\n"), "quote strings that begin with this character");
    check(&images("  api:\n    image: {{ .Values.x }}\n"), "quote strings that begin with `{` or `[`");
    check(&images("- name: api\n"), "write `NAME: ...` for each entry, without `- ` before it");
    check(&images("  api: acme/api\n"), "write `image: acme/api` below it");
    check(
        &images("  api: {image: x, cmd: npm run dev}\n"),
        "write it as a list: `[\"npm\", \"run\", \"dev\"]`",
    );
    check(&images("  api: {image: x, cmd: 'a; b'}\n"), "write it as a list: `[...]`");
    check(&images("  api: {image: x, injectRestartHelper: 'true'}\n"), "write it without quotes");
    check("version: v1beta9\nvars: {A: x}\n", "begin each entry with `- `");
    let newest =
        |tag: &str| format!("version: v2beta1\nname: x\nimages: {{api: {{image: x, tags: ['{tag}']}}}}\n");
    check(
        &newest("${NOPE}"),
        "unknown variable `NOPE`: define it in `vars`, export it, or pass `--var NOPE=VALUE`",
    );
    check(&newest("${ A }"), "write it without spaces: `${A}`");
    check(&newest("${A:-b}"), "write `${A}`, and set its default in `vars`");
    check(&newest("$A"), "write variables as `${A}`");
}

#[test]
fn keys_without_effect_are_named_once() {
    let warnings = |text: &str| {
        let loaded = Fixture::raw(format!("version: v2beta1\nname: x\n{text}").as_bytes()).loaded();
        loaded.warnings.iter().map(|warning| warning.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("localRegistry: {enabled: true, port: 5000}\n"),
        ["devspace.yaml:3:1: `localRegistry` is ignored: windlass does not start a registry in the cluster"]
    );
    assert_eq!(warnings("localRegistry: {enabled: false}\n"), [""; 0]);
    assert_eq!(
        warnings("require: {devspace: '>=6', commands: [{name: helm}]}\n"),
        ["devspace.yaml:3:1: `require` is ignored: windlass does not check installed commands"]
    );
    let dependencies = "dependencies: {a: {path: a, disablePull: true}, b: {path: b, disablePull: true}}\n";
    assert_eq!(
        warnings(dependencies),
        ["devspace.yaml:3:29: `disablePull` is ignored: a build does not update checkouts"]
    );
}
