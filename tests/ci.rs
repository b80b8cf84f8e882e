//! Output for CI systems: folds, annotations, summaries and files for later steps.

use serde_json::Value;

use crate::harness::{Project, Registry};

/// A project in the directory `shop` of a checkout on GitHub. No image needs a daemon.
fn on_github(yaml: &str) -> Project {
    let project = Project::new().file("shop/devspace.yaml", yaml).folder("ci");
    let file = |name: &str| project.path(name).into_os_string();
    let (root, summary, outputs) = (file(""), file("ci/summary"), file("ci/outputs"));
    project
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", root)
        .env("GITHUB_STEP_SUMMARY", summary)
        .env("GITHUB_OUTPUT", outputs)
}

const API: &str = "version: v1beta9
images:
  api: {image: acme/api}
";

/// The value of an output of GitHub.
#[track_caller]
fn output(project: &Project, name: &str) -> Value {
    let text = project.read("ci/outputs");
    let rest = text.split_once(&format!("{name}<<")).expect("the output").1;
    let (delimiter, rest) = rest.split_once('\n').expect("a delimiter");
    let value = rest.split_once(&format!("\n{delimiter}\n")).expect("an end").0;
    serde_json::from_str(value).expect("JSON")
}

#[test]
fn a_failed_instruction_is_annotated_at_its_line() {
    let project = on_github(API).file("shop/Dockerfile", "FROM scratch\n\n# The program\nCOPY missing /\n");
    let run = || project.run_in("shop", ["build", "--builder", "oci", "--skip-push"]);
    let failed = run();
    failed.exits(1);
    let annotation = failed.stderr.lines().find(|line| line.starts_with("::error ")).expect("an annotation");
    assert!(annotation.starts_with("::error file=shop/Dockerfile,line=4,title="), "{annotation}");
    assert!(annotation.contains("missing"), "{annotation}");
    let summary = project.read("ci/summary");
    assert!(summary.contains("| image | decision | reason | digest | time |\n"), "{summary}");
    assert!(summary.contains("| api | **failed** |"), "{summary}");
    assert_eq!(output(&project, "failed"), serde_json::json!(["api"]));
    assert_eq!(output(&project, "built"), serde_json::json!([]));

    // Plain output stays plain, and nothing is written for GitHub.
    let before = project.read("ci/summary");
    let plain = project.run_in("shop", ["build", "--builder", "oci", "--skip-push", "--progress", "plain"]);
    plain.exits(1).lacks("::error");
    assert_eq!(project.read("ci/summary"), before);
    project.write("shop/missing", "found");
    run().success().lacks("::error");
    assert!(project.read("ci/summary").starts_with(&before), "it is appended");
}

/// No output of a build is read as a command of GitHub.
#[test]
fn output_of_commands_is_folded_and_guarded() {
    let yaml = "version: v1beta9
images:
  good:
    image: acme/good
    build: {custom: {command: 'echo ::endgroup::; echo \"##[error]a\"; echo ::set-output name=x::y'}}
  bad:
    image: acme/bad
    build: {custom: {command: 'echo ::endgroup::; exit 1'}}
";
    let project = on_github(yaml);
    let failed = project.run_in("shop", ["build", "--keep-going"]);
    failed.exits(1);
    let mut guard: Option<String> = None;
    let mut groups = Vec::new();
    let mut is_open = false;
    for line in failed.stderr.lines() {
        match &guard {
            Some(token) if line == format!("::{token}::") => guard = None,
            Some(_) => {}
            None if line.starts_with("::stop-commands::") => {
                guard = line.strip_prefix("::stop-commands::").map(str::to_owned);
            }
            None if line.starts_with("::group::") => {
                assert!(!is_open, "{failed}");
                is_open = true;
                groups.push(line.to_owned());
            }
            None if line == "::endgroup::" => {
                assert!(is_open, "{failed}");
                is_open = false;
            }
            None => {
                let is_command = line.starts_with("::") && !line.starts_with("::error ");
                assert!(!is_command && !line.contains("##["), "`{line}` is a command\n{failed}");
            }
        }
    }
    assert!(guard.is_none() && !is_open, "{failed}");
    assert_eq!(groups.len(), 1, "only the output of `good` is folded\n{failed}");
    assert!(groups[0].starts_with("::group::good | built "), "{failed}");
    failed.stderr_has("::set-output name=x::y");
    let summary = project.read("ci/summary");
    assert!(summary.contains("<summary>bad</summary>\n\n```text\n::endgroup::\n```"), "{summary}");
}

#[test]
fn problems_of_the_configuration_are_annotated() {
    let images: String = (0..30).map(|number| format!("  i{number}: {{imge: acme/i}}\n")).collect();
    let project = on_github(&format!("version: v1beta9\nimages:\n{images}"));
    let failed = project.run_in("shop", ["build"]);
    failed.exits(2);
    let errors: Vec<_> = failed.stderr.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10, "{failed}");
    assert!(
        errors[0].starts_with("::error file=shop/devspace.yaml,line=3,title=config%3A%3A"),
        "{}",
        errors[0]
    );
    assert!(errors[9].contains("%0Aand ") && errors[9].ends_with(" more errors"), "{}", errors[9]);

    let project = on_github(&format!("{API}  old:\n"));
    project.write("shop/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    project
        .run_in("shop", ["build", "--builder", "oci", "--skip-push"])
        .success()
        .stderr_has("::warning file=shop/devspace.yaml,line=4,title=config%3A%3A");
    project.write("shop/devspace.yaml", API);
    project.write("shop/windlass.rhai", "\nfn tags(image) { [unknown_name] }\n");
    let failed = project.run_in("shop", ["build", "--builder", "oci", "--skip-push"]);
    failed.exits(2).stderr_has("::error file=shop/windlass.rhai,line=2,title=script%3A%3A");
    project
        .run_in("shop", ["check"])
        .exits(2)
        .stderr_has("::error file=shop/windlass.rhai,line=2,title=script%3A%3A");
    project.write("shop/windlass.rhai", "fn tags(image) { let }\n");
    project
        .run_in("shop", ["build"])
        .exits(2)
        .stderr_has("::error file=shop/windlass.rhai,line=1,title=script");
}

#[test]
fn images_are_passed_to_later_steps() {
    let Some(registry) = Registry::start() else { return };
    let repository = format!("{}/acme/api", registry.address());
    let yaml = format!("version: v1beta9\nimages:\n  api-v2: {{image: '{repository}', tags: ['1']}}\n");
    let project = on_github(&yaml).file("shop/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    let arguments = [
        "build",
        "--builder",
        "oci",
        "--outputs",
        "../ci/env",
        "--summary",
        "../ci/own",
        "--result",
        "../ci/r",
    ];
    project.run_in("shop", arguments).success();
    let digest = registry.digest_at("acme/api", "1").expect("pushed");
    let reference = format!("{repository}@{digest}");
    assert_eq!(project.read("ci/env"), format!("API_V2_IMAGE={reference}\n"));
    assert_eq!(output(&project, "images"), serde_json::json!({ "api-v2": reference }));
    assert_eq!(output(&project, "built"), serde_json::json!(["api-v2"]));
    let summary = project.read("ci/own");
    assert!(summary.contains(&format!("| api-v2 | built | never built here | `{digest}` |")), "{summary}");
    assert_eq!(project.read("ci/summary"), summary);
    let result: Value = serde_json::from_str(&project.read("ci/r")).expect("JSON");
    let image = &result["images"][0];
    assert_eq!(image["reference"], reference);
    assert_eq!(image["platforms"].as_array().map(Vec::len), Some(1), "{image}");
    assert_eq!(image["share"], Value::Null);

    // Skipped images are passed on too.
    project.remove("ci/outputs");
    project.run_in("shop", [&arguments[..], &["--share", "write"]].concat()).success();
    assert_eq!(output(&project, "skipped"), serde_json::json!(["api-v2"]));
    assert_eq!(output(&project, "images"), serde_json::json!({ "api-v2": reference }));
    let result: Value = serde_json::from_str(&project.read("ci/r")).expect("JSON");
    let share = result["images"][0]["share"].as_str().expect("a tag").to_owned();
    assert_eq!(registry.digest_at("acme/api", &share), Some(digest));
    project.run_in("shop", ["build", "--outputs", "none/env"]).exits(2).stderr_has("none/env");
}

#[test]
fn gitlab_has_sections_and_a_code_quality_report() {
    let yaml = "version: v1beta9
images:
  good: {image: acme/good, build: {custom: {command: 'echo done'}}}
  api: {image: acme/api, dockerfile: api/Dockerfile}
";
    let project = Project::new()
        .file("devspace.yaml", yaml)
        .file("api/Dockerfile", "FROM scratch\nCOPY missing /\n")
        .env("GITLAB_CI", "true");
    let report =
        |project: &Project| -> Value { serde_json::from_str(&project.read("problems.json")).expect("JSON") };
    let arguments =
        ["build", "--builder", "oci", "--keep-going", "--skip-push", "--report", "codequality=problems.json"];
    let failed = project.run(arguments);
    failed.exits(1).stderr_has("[collapsed=true]\r\x1b[0Kgood | built ").lacks("::error");
    assert_eq!(
        failed.stderr.matches("section_start:").count(),
        failed.stderr.matches("section_end:").count()
    );
    let entries = report(&project);
    assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
    let location = serde_json::json!({"path": "api/Dockerfile", "lines": {"begin": 2}});
    assert_eq!((&entries[0]["location"], &entries[0]["severity"]), (&location, &"major".into()));
    project.write("api/Dockerfile", "FROM scratch\nCOPY api /\n");
    project.run(arguments).success();
    assert_eq!(report(&project), serde_json::json!([]));
    project.write("devspace.yaml", "version: v1beta9\nimages:\n  api: {imge: acme/api}\n");
    project.run(arguments).exits(2);
    assert_eq!(report(&project)[0]["location"]["path"], "devspace.yaml");
    project.run(["build", "--report", "junit=a.xml"]).exits(2).stderr_has("codequality=FILE");
}
