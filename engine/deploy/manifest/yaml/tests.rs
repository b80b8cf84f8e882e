use super::*;
use serde_json::json;

fn read(text: &str) -> Result<Vec<Json>, Box<Fault>> {
    Ok(read_yaml(text)?.into_iter().map(|document| document.node.into_json()).collect())
}

fn check(text: &str, expected: Json) {
    match read(text) {
        Ok(values) => assert_eq!(values, [expected], "{text}"),
        Err(fault) => panic!("{text}: {fault:?}"),
    }
}

fn refuses(text: &str, expected: &str) {
    let fault = read(text).expect_err("refused");
    let (line, column) = (fault.span.line, fault.span.column);
    assert_eq!(format!("{line}:{column}: {}: {}", fault.message, fault.label), expected, "{text}");
}

#[test]
fn empty_documents_are_skipped() {
    for text in ["", "\n", "# only\n", "---\n", "---\n---\n# x\n---\n...\n", "~", "null\n---\nnull"] {
        assert_eq!(read(text).expect("valid"), [Json::Null; 0], "{text:?}");
    }
    let documents = read_yaml("# first\n---\n# nothing\n---\na: 1\n---\n\nb: 2 # two\n").expect("valid");
    let places: Vec<_> =
        documents.iter().map(|document| (document.number, document.node.span.line)).collect();
    assert_eq!(places, [(2, 5), (3, 8)]);
}

#[test]
fn documents_end_as_in_kubectl() {
    for text in [
        "a: 1\n",
        "---\na: 1\n...\n",
        "--- # comment\na: 1",
        "%YAML 1.1\n---\na: 1\n",
        "a: 1\r\n",
        "---\r\na: 1\r\n---\r\n",
        "--- {a: 1}",
        "{\n\t\"a\": 1\n}\n",
        "{\"a\":1}",
        "a: 1\n---\n# end",
    ] {
        check(text, json!({"a": 1}));
    }
    check("a: {\n\t\tb: [\n\t1,\n\t2]\n\t}\nc: 3\n", json!({"a": {"b": [1, 2]}, "c": 3}));
    check("a: |\n  x\n  ---\n  y\n", json!({"a": "x\n---\ny\n"}));
    check("a: |\n  \tx\n", json!({"a": "\tx\n"}));
}

/// Compared with kubectl 1.32, except for the duplicate keys.
#[test]
fn merge_keys_are_those_of_kubectl() {
    check(
        "base: &b {x: base, z: 9}\nlate: {x: own, <<: *b}\nearly: {<<: *b, x: own}\ntwo: {<<: [{q: 1, p: 1}, {q: 2}]}",
        json!({
            "base": {"x": "base", "z": 9}, "late": {"x": "base", "z": 9}, "early": {"x": "own", "z": 9},
            "two": {"q": 1, "p": 1},
        }),
    );
    check("x: {\"<<\": 1}", json!({"x": {"<<": 1}}));
    check("a: &x [1]\nb: *x\nc: &x 2\nd: *x", json!({"a": [1], "b": [1], "c": 2, "d": 2}));
    check("&k a: 1\nb: *k", json!({"a": 1, "b": "a"}));
}

#[test]
fn keys_become_strings() {
    check(
        "{y: 1, 1: 2, 1.5: 3, off: 4, 0x10: 5, 2001-01-01: 6, 'null': 7}",
        json!({"true": 1, "1": 2, "1.5": 3, "false": 4, "16": 5, "2001-01-01": 6, "null": 7}),
    );
    refuses("~: 1", "1:1: a key must be a string: this is null");
    refuses("? [a]\n: 1", "1:3: a key must be a string: this is a list or map");
}

#[test]
fn tags_change_types() {
    check(
        "a: !!str 5\nb: !!int '5'\nc: !foo 5\nd: !!binary aGVs\ne: ! 5\nf: !!float 5\ng: !!bool 'yes'\nh: '5'",
        json!({"a": "5", "b": 5, "c": "5", "d": "hel", "e": "5", "f": 5, "g": true, "h": "5"}),
    );
    refuses("a: !!binary '?'", "1:13: this is not base64-encoded UTF-8: `!!binary`");
    refuses("a: !!int b", "1:10: the value does not fit its tag: not of the type `!!int`");
    refuses("a: .inf", "1:4: Kubernetes has no infinite numbers: not a finite number");
}

#[test]
fn errors_have_locations() {
    refuses("a: 1\nb: 2\na: 3\n", "3:1: duplicate key `a`: again here");
    refuses("a: 1\n---\nb:\n  c: 1\n  c: 2\n", "5:3: duplicate key `c`: again here");
    refuses("{1: a, '1': b}", "1:8: duplicate key `1`: again here");
    refuses("{y: a, on: b}", "1:8: duplicate key `true`: again here");
    refuses("a: &x [*x]", "1:8: this alias is inside its anchor: refers to its parent");
    refuses("a: {<<: 1}", "1:9: `<<` must be a map or a list of maps: neither");
    for (text, line) in [
        ("a: b: c", 1),
        ("a: 1\n---\nb: [", 3),
        ("a: *b", 1),
        ("a: &x 1\n---\nb: *x", 3),
        ("a:\n\tb: 1\n", 2),
        ("a: \"x", 1),
        ("a: 1\nb", 2),
    ] {
        let fault = read(text).expect_err("refused");
        assert_eq!(
            (fault.span.line, fault.message.as_str()),
            (line, "this is not valid YAML"),
            "{text}: {fault:?}"
        );
    }
}

#[test]
fn bombs_and_deep_nesting_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{alias}]\n");
    }
    assert_eq!(read(&bomb).expect_err("refused").message, "the aliases expand to too much content");
    let deep =
        [["a: ", &"[".repeat(5000)].concat(), "- ".repeat(5000), "a: {".repeat(300), "? ".repeat(5000)];
    for text in deep {
        assert!(read(&text).is_err());
    }
    let mut chain = format!("a0: &a0 {}{}\n", "[".repeat(60), "]".repeat(60));
    for level in 1..4 {
        chain += &format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(60), level - 1, "]".repeat(60));
    }
    assert_eq!(read(&chain).expect_err("refused").message, "the document is nested too deeply");
    let tabs = "a: [\n\t\n\n".repeat(1000);
    assert!(read(&tabs).is_err());
}
