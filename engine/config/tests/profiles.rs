use serde_json::{Value, json};

use super::{Answers, Fixture};

const BASE: &str = "dev: {v: 0, l: [a]}\n";

fn fixture(profiles: &str) -> Fixture {
    Fixture::new(&format!("{BASE}profiles:\n{profiles}"))
}

#[track_caller]
fn dev(fixture: &Fixture) -> Value {
    fixture.loaded().project.other["dev"].clone()
}

#[test]
fn profiles_apply_in_order_each_after_its_parents() {
    let profiles = "
- {name: grand, patches: [{op: add, path: dev.l, value: grand}]}
- {name: parent, parent: grand, patches: [{op: add, path: dev.l, value: parent}]}
- {name: child, parents: [{profile: parent}], patches: [{op: add, path: dev.l, value: child}]}
- {name: other, parent: grand, patches: [{op: add, path: dev.l, value: other}]}
";
    let fixture = fixture(profiles).profiles(&["child", "other"]);
    assert_eq!(dev(&fixture)["l"], json!(["a", "grand", "parent", "child", "other"]));
    assert_eq!(fixture.loaded().project.profiles, ["grand", "parent", "child", "other"]);
}

#[test]
fn sections_apply_replace_merge_strategic_merge_patches() {
    let profiles = "
- name: p
  patches: [{op: replace, path: dev.v, value: patched}]
  strategicMerge: {dev: {v: strategic, s: 1}}
  merge: {dev: {v: merged, l: null, m: 1}}
  replace: {dev: {v: replaced, r: 1, l: [x]}}
";
    assert_eq!(dev(&fixture(profiles).profiles(&["p"])), json!({"v": "patched", "r": 1, "m": 1, "s": 1}));
    assert_eq!(dev(&fixture(profiles)), json!({"v": 0, "l": ["a"]}));
}

#[test]
fn activation_needs_all_of_one_entry() {
    let profiles = "
- name: auto
  activation: [{env: {CI: 'true|1', STAGE: 'pro.*'}}, {vars: {KIND: ci}}]
  merge: {dev: {v: auto}}
- {name: given, merge: {dev: {v: given}}}
";
    let base = || fixture(profiles).var("KIND=no");
    assert_eq!(dev(&base().env("CI", "true"))["v"], 0);
    assert_eq!(dev(&base().env("CI", "xtrue").env("STAGE", "prod"))["v"], 0);
    assert_eq!(dev(&base().env("CI", "true").env("STAGE", "prod"))["v"], "auto");
    assert_eq!(dev(&fixture(profiles).var("KIND=ci"))["v"], "auto");
    let both = base().env("CI", "1").env("STAGE", "prod").profiles(&["given"]);
    assert_eq!(both.loaded().project.profiles, ["auto", "given"]);
    let mut off = base().env("CI", "1").env("STAGE", "prod");
    off.options.disable_profile_activation = true;
    assert_eq!(dev(&off)["v"], 0);
}

#[test]
fn variables_of_other_profiles_do_not_prompt_and_vars_can_be_patched() {
    let answers = Answers::new(&[]);
    let profiles = "
- {name: other, merge: {dev: {v: '${SECRET}'}}}
- {name: p, replace: {vars: [{name: A, value: fromprofile}]}, merge: {dev: {v: '${A}'}}}
";
    assert_eq!(dev(&fixture(profiles).profiles(&["p"]).ask(&answers))["v"], "fromprofile");
    assert_eq!(answers.names(), [""; 0]);
}

#[test]
fn text_stays_as_written_through_profiles() {
    let text = "
images: {a: {image: acme/a}}
vars: [{name: T, default: 1.20}]
profiles:
- name: p
  merge: {images: {a: {tags: [1.10, 007, yes, 1e3]}}}
  patches: [{op: add, path: 'images.a.tags', value: 0x10}, {op: add, path: /images/a/tags/-, value: '${T}'}]
";
    let loaded = Fixture::new(text).profiles(&["p"]).loaded();
    let tags: Vec<_> = loaded.project.images["a"].tags.iter().map(|tag| tag.text.as_str()).collect();
    assert_eq!(tags, ["1.10", "007", "yes", "1e3", "0x10", "1.20"]);
}

#[test]
fn wrong_profiles_are_reported_even_when_not_selected() {
    let check = |profiles: &str, expected: &[&str]| {
        assert_eq!(fixture(profiles).problems(), expected, "{profiles}");
    };
    check("- {name: p, pathces: []}", &["4:13: unknown key `pathces` in profile `p`"]);
    check("- {name: p, merge: {image: {}}}", &["4:21: unknown key `image` in `merge` of profile `p`"]);
    check("- {parent: p}", &["4:3: a profile has no `name`"]);
    check("- {name: p}\n- {name: p}", &["5:10: duplicate profile `p`"]);
    check("- {name: p, patches: [{path: a, value: 1}]}", &["4:23: a patch of profile `p` has no `op`"]);
    check("- {name: p, patches: [{op: add, value: 1}]}", &["4:23: a patch of profile `p` has no `path`"]);
    check("- {name: p, patches: [{op: ad, path: a}]}", &["4:28: unknown patch operation `ad`"]);
    check(
        "- {name: p, patches: [{op: add, path: a, valeu: 1}]}",
        &["4:42: unknown key `valeu` in a patch of profile `p`"],
    );
    check(
        "- {name: p, patches: [{op: remove, path: 'a[0'}]}",
        &["4:42: `path` of a patch of profile `p` is not a path: a `[` is not closed"],
    );
    check(
        "- {name: p, activation: [{env: {A: '('}}]}",
        &["4:36: `A` in `env` of an activation of profile `p` is not a regular expression"],
    );
    check(
        "- {name: p, parent: a, parents: [{profile: b}]}",
        &["4:33: profile `p` has both `parent` and `parents`"],
    );
}

#[test]
fn wrong_selections_are_reported() {
    let profiles = "- {name: staging, patches: [{op: remove, path: dev.none}]}\n- {name: a, parent: b}\n- {name: b, parent: a}\n- {name: c, parent: d}";
    let check = |name: &str, expected: &[&str]| {
        assert_eq!(fixture(profiles).profiles(&[name]).problems(), expected, "{name}");
    };
    check("stagin", &["3:1: unknown profile `stagin`"]);
    check("staging", &["4:48: cannot apply patch 1 of profile `staging`: its path matches nothing"]);
    check("a", &["6:21: profile parent cycle: `a` -> `b` -> `a`"]);
    check("c", &["7:21: unknown profile `d`"]);
}

#[test]
fn sections_may_come_from_variables_and_expressions() {
    let profiles = r#"
- {name: p, merge: '${WHOLE}', patches: "$(printf '[{op: add, path: dev.l, value: %s}]' '${B}')"}
- {name: off, replace: '${NEVER_ASKED}'}
- {name: wrong, merge: '${TEXT}'}
- {name: unknown, merge: '${IMAGE}'}
"#;
    let base = || {
        fixture(profiles)
            .env("WHOLE", "dev: {v: 'from ${B}', m: {k: 1}}")
            .env("TEXT", "just text")
            .env("IMAGE", "{imgaes: {}}")
            .var("B=b")
    };
    assert_eq!(dev(&base().profiles(&["p"])), json!({"v": "from b", "m": {"k": 1}, "l": ["a", "b"]}));
    assert_eq!(dev(&base())["v"], 0);
    assert_eq!(
        base().profiles(&["wrong"]).problems(),
        ["7:24: `merge` of profile `wrong` must be a map, found `just text`"]
    );
    let unknown = base().profiles(&["unknown"]).problems();
    assert!(unknown[0].starts_with("8:26: unknown key `imgaes`"), "{unknown:?}");
}

#[test]
fn activation_and_parents_may_hold_variables() {
    let profiles = "
- {name: base, patches: [{op: add, path: dev.l, value: base}]}
- name: p
  parents: [{profile: '${PARENT}'}]
  activation: [{env: {STAGE: '${WANTED}'}}, {vars: {KIND: $(echo ci)}}]
  merge: {dev: {v: p}}
";
    let base = || fixture(profiles).var("PARENT=base").var("WANTED=pro.*").var("KIND=no");
    assert_eq!(dev(&base())["v"], 0);
    assert_eq!(dev(&base().env("STAGE", "prod")), json!({"v": "p", "l": ["a", "base"]}));
    assert_eq!(dev(&fixture(profiles).var("PARENT=base").var("WANTED=x").var("KIND=ci"))["v"], "p");
}

#[test]
fn newer_versions_tell_a_missing_path_and_go_on() {
    let text = "version: v1beta10
dev: {v: 0}
profiles:
- name: p
  patches:
  - {op: remove, path: dev.gone}
  - {op: replace, path: dev.fresh, value: 1}
  - {op: add, path: dev, value: {more: 2}}
";
    let loaded = Fixture::raw(text.as_bytes()).profiles(&["p"]).loaded();
    assert_eq!(loaded.project.other["dev"], json!({"v": 0, "fresh": 1, "more": 2}));
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    assert_eq!(
        warnings.filter(|warning| warning.contains("patch")).collect::<Vec<_>>(),
        [
            "devspace.yaml:6:24: patch 1 of profile `p` has no effect: its path matches nothing",
            "devspace.yaml:7:25: patch 2 of profile `p` adds its value: its path matches nothing to replace",
        ]
    );
}

#[test]
fn parents_may_be_profiles_of_other_projects() {
    let shared = "version: v1beta10
profiles:
- {name: grand, patches: [{op: add, path: dev.l, value: grand}]}
- {name: base, parent: grand, merge: {dev: {v: shared}}}
- {name: far, parents: [{profile: top, source: {path: ../top}}]}
";
    let top = "version: v1beta10\nprofiles: [{name: top, merge: {dev: {v: top}}}]\n";
    let own = |parent: &str| {
        let text = format!(
            "version: v1beta10\ndev: {{v: 0, l: [a]}}\nprofiles:\n- {{name: p, parents: [{parent}], patches: [{{op: add, path: dev.l, value: p}}]}}\n"
        );
        Fixture::raw(text.as_bytes())
            .file("shared/devspace.yaml", shared)
            .file("shared/old.yaml", "version: v1beta9\n")
            .file("top/devspace.yaml", top)
            .profiles(&["p"])
    };
    let fixture = own("{profile: base, source: {path: shared}}");
    assert_eq!(dev(&fixture), json!({"v": "shared", "l": ["a", "grand", "p"]}));
    assert_eq!(fixture.loaded().project.profiles, ["p"]);
    assert_eq!(dev(&own("{profile: far, source: {path: ./shared}}"))["v"], "top");
    let check = |parent: &str, expected: &str| {
        let problems = own(parent).problems();
        assert!(problems[0].contains(expected), "{problems:?}");
    };
    check(
        "{profile: bsae, source: {path: shared}}",
        "4:33: unknown profile `bsae` in `shared/devspace.yaml`",
    );
    check("{profile: base, source: {path: none}}", "4:33: cannot read `none/devspace.yaml`");
    check(
        "{profile: base, source: {path: shared, configName: old.yaml}}",
        "shared/old.yaml:1:10: a profile of version v1beta9",
    );
    check("{profile: base, source: {}}", "has no `path` and no `git`");
}

#[test]
fn patch_without_a_value_is_reported() {
    let file = "images: {a: {image: acme/a, tags: [t]}}
profiles:
- name: p
  patches: [{op: add, path: images.a.cmd}, {op: replace, path: images.a.tags, value: null}, {op: remove, path: images.a.tags}]
";
    let loaded = Fixture::new(file).profiles(&["p"]).loaded();
    let warnings: Vec<_> = loaded.warnings.iter().map(super::super::ConfigDiagnostic::in_one_line).collect();
    assert_eq!(
        warnings,
        [
            "devspace.yaml:5:18: a patch of profile `p` has no `value`: it inserts null; add `value`, or write `op: remove`"
        ]
    );
}
