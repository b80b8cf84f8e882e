use serde_json::{Value, json};

use super::{Answers, Fixture};
use crate::config::ConfigError;

/// The value of the untyped key `dev.v`.
#[track_caller]
fn value(fixture: &Fixture) -> Value {
    fixture.loaded().project.other["dev"]["v"].clone()
}

fn one(definition: &str) -> Fixture {
    Fixture::new(&format!("vars: [{definition}]\ndev: {{v: '${{A}}'}}\n"))
}

#[test]
fn sources_are_tried_in_order() {
    let answers = Answers::new(&[("A", "asked")]);
    let all = || one("{name: A}").file(".windlass/vars.json", r#"{"version":1,"vars":{"A":"cached"}}"#);
    assert_eq!(value(&all().env("A", "env").var("A=flag").ask(&answers)), "flag");
    assert_eq!(value(&all().env("A", "env").ask(&answers)), "env");
    assert_eq!(value(&all().env("A", "").ask(&answers)), "cached");
    assert_eq!(answers.names(), [""; 0]);
    assert_eq!(value(&one("{name: A}").ask(&answers)), "asked");
    let input = || one("{name: A, source: input, default: d}").env("A", "env");
    assert_eq!(value(&input().ask(&answers)), "asked");
    assert_eq!(value(&input()), "d");
    // A default is the value without a question, and the suggested answer with one.
    assert_eq!(value(&one("{name: A, default: d}").ask(&answers)), "d");
    assert_eq!(value(&one("{name: A, default: d, question: Which?}").ask(&answers)), "asked");
    assert_eq!(value(&one("{name: A, source: env, default: d}").ask(&answers)), "d");
    assert_eq!(value(&one("{name: A, source: env, default: d}").env("A", "e")), "e");
    assert_eq!(value(&one("{name: A, source: none, default: d}").env("A", "e")), "d");
    assert_eq!(value(&one("{name: A, value: v}").env("A", "e")), "v");
    assert_eq!(value(&one("{name: A, value: v}").var("A=x,y=z")), "x,y=z");
}

#[test]
fn commands_give_values_and_fall_back_to_the_default() {
    assert_eq!(value(&one("{name: A, command: 'echo a b | tr a-z A-Z'}")), "A B");
    assert_eq!(value(&one("{name: A, command: echo, args: ['x  y']}")), "x  y");
    assert_eq!(value(&one("{name: A, source: command, command: 'true', default: d}")), "d");
    assert_eq!(
        value(&one("{name: A, commands: [{os: plan9, command: 'echo no'}], command: echo yes}")),
        "yes"
    );
    assert_eq!(value(&one("{name: A, command: 'echo $B'}").file(".env", "B=fromfile")), "fromfile");
    assert_eq!(
        one("{name: A, command: 'exit 3'}").problems(),
        ["2:15: the command of variable `A` failed: exit code 3"]
    );
    assert_eq!(
        one("{name: A, command: no-such-program-here}").problems(),
        ["2:15: the command of variable `A` failed: command not found"]
    );
}

#[test]
fn references_are_replaced_in_values_only() {
    let check = |text: &str, expected: Value| {
        let fixture =
            Fixture::new(&format!("dev: {{v: {text}}}")).var("A=x").var("N=8080").var("Z=007").var("T=true");
        assert_eq!(value(&fixture), expected, "{text}");
    };
    check("'a-${A}-${A}'", json!("a-x-x"));
    check("'$${A}'", json!("${A}"));
    check("'$$${A} ${A}'", json!("$${A} x"));
    check("'${a:b} $A ${ A } $(date)'", json!("${a:b} $A ${ A } $(date)"));
    check("'${runtime.images.api.tag}'", json!("${runtime.images.api.tag}"));
    check("['${A}', {'${A}': '${A}'}]", json!(["x", {"${A}": "x"}]));
    check("'${N}'", json!(8080));
    check("'$!{N}'", json!("8080"));
    check("'${N}0'", json!("80800"));
    check("'${Z}'", json!("007"));
    check("'${T}'", json!(true));
    check("'$!{T}'", json!("true"));
}

#[test]
fn values_are_not_scanned_again_but_definitions_may_refer_to_others() {
    let fixture = Fixture::new("dev: {v: '${A}'}").env("A", "${B}");
    assert_eq!(value(&fixture), "${B}");
    let fixture = Fixture::new("vars: [{name: A, value: 'a${B}'}, {name: B, value: b}]\ndev: {v: '${A}'}");
    assert_eq!(value(&fixture), "ab");
    let fixture =
        Fixture::new("vars: [{name: A, value: '${B}'}, {name: B, value: '${A}'}]\ndev: {v: '${A}'}");
    assert_eq!(fixture.problems(), ["2:41: variable reference cycle: `A` -> `B` -> `A`"]);
}

#[test]
fn predefined_variables_are_found_in_every_form() {
    let check = |name: &str, expected: &str| {
        let mut fixture = Fixture::new(&format!("profiles: [{{name: p}}]\ndev: {{v: '$!{{{name}}}'}}"))
            .profiles(&["p"])
            .env("HOME", "/home/me");
        fixture.options.namespace = Some("ns".to_owned());
        fixture.options.kube_context = Some("ctx".to_owned());
        assert_eq!(value(&fixture), expected, "{name}");
    };
    check("DEVSPACE_PROFILE", "p");
    check("devspace_profile", "p");
    check("devspace.profile", "p");
    check("DEVSPACE_VERSION", env!("CARGO_PKG_VERSION"));
    check("devspace.userHome", "/home/me");
    check("DEVSPACE_CONTEXT", "ctx");
    check("devspace.namespace", "ns");
}

#[test]
fn random_value_is_one_for_the_whole_load() {
    let fixture = Fixture::new("dev: {v: ['${DEVSPACE_RANDOM}', '${devspace.random}', 'x']}");
    let found = value(&fixture);
    assert_eq!(found[0], found[1]);
    assert!(found[0].to_string().trim_matches('"').len() == 6, "{found}");
    let time = value(&Fixture::new("dev: {v: '${DEVSPACE_TIMESTAMP}'}"));
    assert!(time.as_u64().is_some_and(|time| time > 1_700_000_000), "{time}");
}

#[test]
fn git_and_kubeconfig_are_read_where_they_are_used() {
    let fixture = Fixture::new("dev: {v: '$!{DEVSPACE_GIT_COMMIT} ${devspace.git.branch}'}");
    let git = |arguments: &[&str]| {
        let status = std::process::Command::new("git")
            .args(["-c", "user.name=n", "-c", "user.email=e@example.org"])
            .args(arguments)
            .current_dir(fixture.folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
    };
    git(&["init", "-b", "topic"]);
    git(&["commit", "--allow-empty", "-m", "first"]);
    let found = value(&fixture);
    let found = found.as_str().unwrap_or_default();
    assert!(found.len() == 14 && found.ends_with(" topic"), "{found}");

    // The repository may be in a parent directory of the project.
    let mut below =
        fixture.file("below/devspace.yaml", "version: v1beta9\ndev: {v: '${DEVSPACE_GIT_BRANCH}'}\n");
    below.options.config = Some("below/devspace.yaml".into());
    assert_eq!(value(&below), "topic");

    let none = Fixture::new("dev: {v: '${DEVSPACE_GIT_COMMIT}'}");
    assert_eq!(
        none.env("GIT_CEILING_DIRECTORIES", "/").env("GIT_DIR", "/nowhere").problems(),
        ["2:10: cannot resolve `DEVSPACE_GIT_COMMIT`: `git rev-parse --verify HEAD`: not a git repository: \
             '/nowhere'"]
    );

    let config = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, namespace: n}}]\n";
    let fixture = Fixture::new("dev: {v: '${DEVSPACE_CONTEXT}/${DEVSPACE_NAMESPACE}'}").file("kube", config);
    let path = fixture.folder.path().join("kube").display().to_string();
    assert_eq!(value(&fixture.env("KUBECONFIG", &path)), "c/n");
}

#[test]
fn only_used_variables_prompt() {
    let answers = Answers::new(&[("A", "a"), ("X", "x"), ("C", "c")]);
    let text = "vars: [{name: A}, {name: B}, {name: C, alwaysResolve: true}]
profiles: [{name: other, merge: {dev: {w: '${B}'}}}]
commands: [{name: c, command: 'echo ${D}'}]
dev: {v: '${A}${X}${A}'}";
    assert_eq!(value(&Fixture::new(text).ask(&answers)), "axa");
    assert_eq!(answers.names(), ["C", "A", "X"]);
}

#[test]
fn answers_are_remembered_but_passwords_are_not() {
    let answers = Answers::new(&[("A", "a"), ("P", "hunter2"), ("N", "n")]);
    let text =
        "vars: [{name: A}, {name: P, password: true}, {name: N, noCache: true}]\ndev: {v: '${A}${P}${N}'}";
    let fixture = Fixture::new(text).ask(&answers);
    assert_eq!(value(&fixture), "ahunter2n");
    let written = std::fs::read_to_string(fixture.folder.path().join(".windlass/vars.json")).expect("file");
    assert!(
        written.contains("\"A\"") && !written.contains("hunter2") && !written.contains("\"N\""),
        "{written}"
    );
    assert_eq!(value(&fixture), "ahunter2n");
    assert_eq!(answers.names(), ["A", "P", "N", "P", "N"]);
}

#[test]
fn prompts_have_the_settings_of_the_file() {
    let answers = Answers::new(&[("A", "b")]);
    let fixture =
        one("{name: ' A ', question: Which?, options: [a, b], default: a, validationPattern: '^x'}")
            .ask(&answers);
    assert_eq!(value(&fixture), "b");
    let asked = answers.asked.lock().expect("lock");
    let question = &asked[0];
    assert_eq!((question.text.as_str(), question.default.as_deref()), ("Which?", Some("a")));
    assert_eq!(question.options, ["a", "b"]);
}

#[test]
fn answers_must_match_the_pattern() {
    let answers = Answers::new(&[("A", "12")]);
    let pattern = "{name: A, validationPattern: '^[0-9]{3}$'}";
    assert_eq!(one(pattern).ask(&answers).problems(), ["2:15: invalid answer for variable `A`"]);
    assert_eq!(
        Fixture::new("vars: [{name: A, validationPattern: '('}]").problems(),
        ["2:37: `validationPattern` of variable `A` is not a regular expression"]
    );
}

#[test]
fn values_from_everywhere_must_be_accepted() {
    let options = "{name: A, options: [a, b]}";
    for accepted in ["a", "b"] {
        assert_eq!(value(&one(options).env("A", accepted)), accepted);
        assert_eq!(value(&one(options).var(&format!("A={accepted}"))), accepted);
    }
    let refused =
        |origin: &str, reason: &str| [format!("2:15: invalid value of variable `A` from {origin}: {reason}")];
    let one_of = "it must be one of `a`, `b`";
    assert_eq!(one(options).env("A", "c").problems(), refused("the environment", one_of));
    let given = "`--var` or a project that depends on this one";
    assert_eq!(one(options).var("A=c").problems(), refused(given, one_of));
    assert_eq!(one(options).file(".env", "A=c\n").problems(), refused("`.env`", one_of));
    let pattern = "{name: A, source: env, validationPattern: '^[0-9]{3}$'}";
    assert_eq!(value(&one(pattern).env("A", "123")), 123);
    assert_eq!(
        one(pattern).env("A", "x").problems(),
        refused("the environment", "it must match `^[0-9]{3}$`")
    );
    let message = "{name: A, password: true, validationPattern: '^[0-9]+$', validationMessage: digits only}";
    assert_eq!(one(message).var("A=hunter2").problems(), refused(given, "digits only"));
    // `options` take precedence over the pattern, as in a prompt.
    let both = "{name: A, options: [a], validationPattern: '^[0-9]+$'}";
    assert_eq!(value(&one(both).env("A", "a")), "a");
}

#[test]
fn saved_answer_that_is_no_longer_accepted_is_not_used() {
    let saved =
        |definition: &str| one(definition).file(".windlass/vars.json", r#"{"version":1,"vars":{"A":"old"}}"#);
    assert_eq!(value(&saved("{name: A, options: [old, new], question: Which?}")), "old");
    let fixture = saved("{name: A, options: [new], default: new, question: Which?}");
    assert_eq!(value(&fixture), "new");
    let warnings = fixture.loaded().warnings;
    assert!(
        warnings[0]
            .to_string()
            .ends_with("the saved answer for variable `A` is not used: it must be one of `new`"),
        "{warnings:?}"
    );
}

#[test]
fn cancelled_question_ends_the_load() {
    let error = one("{name: A}").ask(&Answers::new(&[])).load().expect_err("cancelled");
    assert!(matches!(error, ConfigError::Cancelled { name } if name == "A"));
}

#[test]
fn without_a_terminal_a_default_or_an_error() {
    assert_eq!(value(&one("{name: A, default: 1}")), 1);
    assert_eq!(
        one("{name: A}").problems(),
        ["2:15: variable `A` has no value: cannot prompt without a terminal"]
    );
    assert_eq!(
        Fixture::new("dev: {v: '${A} ${A}', w: '${A}'}").problems(),
        ["2:10: variable `A` has no value: cannot prompt without a terminal"]
    );
    assert_eq!(one("{name: A, source: env}").problems(), ["2:15: the environment variable `A` is not set"]);
    assert_eq!(one("{name: A, source: none}").problems(), ["2:15: variable `A` has no value"]);
}

#[test]
fn env_file_is_below_the_environment() {
    let fixture = Fixture::new("dev: {v: '${A}-${B}'}").file(".env", "A=file\nB=file\n").env("A", "real");
    assert_eq!(value(&fixture), "real-file");
    assert_eq!(fixture.loaded().environment, [("B".to_owned(), "file".to_owned())]);
}

#[test]
fn definitions_are_checked() {
    let check = |definition: &str, expected: &[&str]| {
        assert_eq!(Fixture::new(&format!("vars: [{definition}]")).problems(), expected, "{definition}");
    };
    check("{name: A, defualt: 1}", &["2:18: unknown key `defualt` in variable `A`"]);
    check("{question: x}", &["2:8: a variable has no `name`"]);
    check("{name: A}, {name: A}", &["2:26: duplicate variable `A`"]);
    check("{name: A, source: environment}", &["2:26: unknown variable source `environment`"]);
    check("{name: A, source: command}", &["2:15: variable `A` has the source `command` but no `command`"]);
    check("{name: A, value: 1, default: 2}", &["2:18: variable `A` has both `value` and `default`"]);
    check(
        "{name: A, password: maybe}",
        &["2:28: `password` of variable `A` must be `true` or `false`, found `maybe`"],
    );
}

#[test]
fn bad_flags_are_refused_without_their_value() {
    let error = Fixture::new("").var("A=1").var("hunter2").load().expect_err("refused");
    assert_eq!(error.to_string(), "invalid `--var` number 2: it has no `=`");
}

#[test]
fn damaged_answers_are_a_warning() {
    let fixture = one("{name: A, default: d}").file(".windlass/vars.json", "{");
    let loaded = fixture.loaded();
    assert_eq!(loaded.project.other["dev"]["v"], "d");
    assert!(
        loaded.warnings[0]
            .to_string()
            .ends_with("ignoring the saved answers in `.windlass/vars.json`: it is damaged")
    );
}

#[test]
fn values_may_be_lists_and_maps() {
    let fixture = one("{name: A, default: {l: [1, '${B}'], m: {k: true}}}").var("B=b");
    assert_eq!(value(&fixture), json!({"l": [1, "b"], "m": {"k": true}}));
    let text = "vars: [{name: A, value: [x, '2']}]\ndev: {v: ['a ${A}', '$!{A}', '${A}']}";
    assert_eq!(value(&Fixture::new(text)), json!([r#"a ["x","2"]"#, r#"["x","2"]"#, ["x", "2"]]));
    let text = "vars: [{name: A, value: [t, '${N}']}]\nimages: {a: {image: acme/a, tags: '${A}'}}";
    let loaded = Fixture::new(text).var("N=007").loaded();
    let tags: Vec<_> = loaded.project.images["a"].tags.iter().map(|tag| tag.text.clone()).collect();
    assert_eq!(tags, ["t", "007"]);
}

#[test]
fn deep_values_of_variables_cannot_exceed_the_nesting() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let text = format!(
        "vars: [{{name: A, value: {deep}}}]\ndev: {{v: {}'${{A}}'{}}}",
        "[".repeat(50),
        "]".repeat(50)
    );
    assert_eq!(Fixture::new(&text).problems().len(), 1);
}

#[test]
fn expressions_take_the_type_of_their_output() {
    let check = |expression: &str, expected: Value| {
        let fixture =
            Fixture::new(&format!("dev: {{v: \"{expression}\"}}")).var("A=a b").env("SHELL_ONLY", "e");
        assert_eq!(value(&fixture), expected, "{expression}");
    };
    check("$(echo ' text ')", json!("text"));
    check("$(echo 8080)", json!(8080));
    check("$(echo 007)", json!("007"));
    check("$(echo true)", json!(true));
    check("$(echo null)", json!(null));
    check("$(echo '[1, {a: b}]')", json!([1, {"a": "b"}]));
    check("$(printf 'a: 1\\nb: [x]')", json!({"a": 1, "b": ["x"]}));
    check("$!(echo 8080)", json!("8080"));
    check("$!(echo '[1]')", json!("[1]"));
    check("$#(echo ' a ')", json!(" a \n"));
    check("$(echo ${A} \\\"$SHELL_ONLY\\\" '$${A}')", json!("a b e ${A}"));
    check("$(true)", json!(""));
    // Only whole strings are expressions, and hooks run them themselves.
    check("a $(echo b)", json!("a $(echo b)"));
    let text = "hooks: [{command: echo, args: ['$(date)'], events: ['before:build']}]";
    assert_eq!(Fixture::new(text).loaded().project.hooks[0].args, Some(vec!["$(date)".to_owned()]));
}

#[test]
fn expressions_are_values_of_variables_too_and_tell_their_failure() {
    assert_eq!(value(&one("{name: A, value: '$(echo 1)'}")), 1);
    assert_eq!(value(&one("{name: A, default: '$(echo [x])'}")), json!(["x"]));
    assert_eq!(
        Fixture::new("dev: {v: '$(exit 3)'}").problems(),
        ["2:10: the expression `$(exit 3)` failed: exit code 3"]
    );
}

#[test]
fn password_reaches_a_shell_line_but_not_the_process_list() {
    let text = "vars: [{name: P, password: true}, {name: A, command: 'tr -d \"\\0\" </proc/$$/cmdline; echo \" ${P}\"'}]\ndev: {v: '${A}'}";
    let fixture = Fixture::new(text).env("P", "hunter2");
    let found = value(&fixture);
    let found = found.as_str().expect("a text");
    assert!(found.ends_with(" hunter2") && found.matches("hunter2").count() == 1, "{found}");
}

#[test]
fn every_predefined_variable_has_a_value() {
    let mut fixture = Fixture::new("profiles: [{name: a}, {name: b}]\ndev: {v: []}")
        .profiles(&["a", "b"])
        .env("HOME", "/home/me");
    fixture.options.namespace = Some("ns".to_owned());
    let text = std::fs::read_to_string(fixture.folder.path().join("devspace.yaml")).expect("file");
    let check = |name: &str, expected: &str| {
        let text = text.replace("v: []", &format!("v: '$!{{{name}}}'"));
        std::fs::write(fixture.folder.path().join("devspace.yaml"), text).expect("file");
        assert_eq!(value(&fixture), expected, "{name}");
    };
    check("DEVSPACE_PROFILES", "a b");
    check("DEVSPACE_PROFILE", "b");
    check("DEVSPACE_SPACE", "ns");
    check("DEVSPACE_SPACE_NAMESPACE", "ns");
    check("DEVSPACE_TMPDIR", &std::env::temp_dir().display().to_string());
    check("DEVSPACE_EXECUTABLE", &std::env::current_exe().expect("a program").display().to_string());
    let folder = fixture.folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    check("DEVSPACE_NAME", &folder);
    check("devspace.name", &folder);
    // This `PATH` has no `kubectl`.
    let fixture = Fixture::new("dev: {v: '${DEVSPACE_KUBECTL_EXECUTABLE}'}").env("PATH", "/nowhere");
    assert_eq!(value(&fixture), "kubectl");
}

/// A v2beta1 file with `vars` and the untyped value `v`.
fn newest(vars: &str, v: &str) -> Fixture {
    Fixture::raw(format!("version: v2beta1\nname: shop\nvars: {vars}\ndev: {{v: {{x: {v}}}}}\n").as_bytes())
}

#[track_caller]
fn newest_value(fixture: &Fixture) -> Value {
    fixture.loaded().project.other["dev"]["v"]["x"].clone()
}

#[test]
fn newest_version_has_short_forms_and_leaves_unknown_names() {
    let check = |vars: &str, v: &str, expected: Value| {
        assert_eq!(newest_value(&newest(vars, v).env("ENV", "e")), expected, "{vars} {v}");
    };
    check("{A: text}", "'${A}'", json!("text"));
    check("{A: $(echo made)}", "'${A}'", json!("made"));
    check("{A: {default: [1, 2]}}", "'${A}'", json!([1, 2]));
    check("{A: 'a${B}', B: b}", "'${A}'", json!("ab"));
    check("{}", "'${UNKNOWN} ${ENV} $!{X}'", json!("${UNKNOWN} e ${X}"));
    check("{}", "'${DEVSPACE_NAME} ${devspace.name}'", json!("shop shop"));
    check("{A: {value: 1}}", "'${A}'", json!(1));
    let near = newest("{TIER: t}", "'${TEIR}'").loaded();
    let warnings = near.warnings.iter().map(ToString::to_string);
    assert_eq!(
        warnings.filter(|warning| warning.contains("variable")).collect::<Vec<_>>(),
        ["devspace.yaml:4:14: unknown variable `TEIR`: `${TEIR}` stays as written"]
    );
}

#[test]
fn newest_version_resolves_unused_variables_by_default() {
    let answers = Answers::new(&[("A", "a"), ("B", "b")]);
    newest("{A: {question: A?}, B: {question: B?, alwaysResolve: false}}", "1").ask(&answers).loaded();
    assert_eq!(answers.names(), ["A"]);
    let answers = Answers::new(&[]);
    Fixture::new("vars: [{name: A, question: A?}]").ask(&answers).loaded();
    assert_eq!(answers.names(), [""; 0]);
}

#[test]
fn another_env_file_may_be_named() {
    let fixture = newest("{DEVSPACE_ENV_FILE: config/dev.env, A: {source: env}}", "'${A}'")
        .file("config/dev.env", "A=dev\n")
        .file(".env", "A=usual\n");
    assert_eq!(newest_value(&fixture), "dev");
    assert_eq!(fixture.loaded().environment, [("A".to_owned(), "dev".to_owned())]);
    let gone = newest("{DEVSPACE_ENV_FILE: gone.env}", "1").problems();
    assert!(gone[0].contains("cannot read the file in `DEVSPACE_ENV_FILE`"), "{gone:?}");
}
