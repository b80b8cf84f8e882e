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
fn variables_of_other_profiles_are_not_asked_and_vars_can_be_patched() {
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
    check("- {name: p}\n- {name: p}", &["5:10: two profiles are called `p`"]);
    check("- {name: p, patches: [{path: a, value: 1}]}", &["4:23: a patch of profile `p` has no `op`"]);
    check("- {name: p, patches: [{op: add, value: 1}]}", &["4:23: a patch of profile `p` has no `path`"]);
    check("- {name: p, patches: [{op: ad, path: a}]}", &["4:28: `ad` is no patch operation"]);
    check(
        "- {name: p, patches: [{op: add, path: a, valeu: 1}]}",
        &["4:42: unknown key `valeu` in a patch of profile `p`"],
    );
    check(
        "- {name: p, patches: [{op: remove, path: 'a[0'}]}",
        &["4:42: `path` of a patch of profile `p` is no path: a `[` is not closed"],
    );
    check(
        "- {name: p, activation: [{env: {A: '('}}]}",
        &["4:36: `A` in `env` of an activation of profile `p` is no regular expression"],
    );
    check(
        "- {name: p, parent: a, parents: [{profile: b}]}",
        &["4:33: profile `p` has both `parent` and `parents`"],
    );
    check("- {name: p, merge: '${X}'}", &["4:20: `merge` of profile `p` must be a map, found `${X}`"]);
}

#[test]
fn wrong_selections_are_reported() {
    let profiles = "- {name: staging, patches: [{op: remove, path: dev.none}]}\n- {name: a, parent: b}\n- {name: b, parent: a}\n- {name: c, parent: d}";
    let check = |name: &str, expected: &[&str]| {
        assert_eq!(fixture(profiles).profiles(&[name]).problems(), expected, "{name}");
    };
    check("stagin", &["3:1: there is no profile `stagin`"]);
    check("staging", &["4:48: patch 1 of profile `staging` cannot be applied: its path matches nothing"]);
    check("a", &["6:21: profiles are their own parents: `a` -> `b` -> `a`"]);
    check("c", &["7:21: there is no profile `d`"]);
}
