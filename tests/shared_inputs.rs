//! The inputs that are stored with shared builds: `windlass why` on machines that never built an image, what leaves a machine,
//! and documents that cannot be used.

use serde_json::{Value, json};

use crate::harness::{Daemon, Fault, Project};
use crate::sharing_world::{Clones, READ, WRITE, decisions};

/// The type of the documents.
const KIND: &str = "application/vnd.windlass.inputs.v1+json";

/// What `why side` prints.
fn why(project: &Project) -> String {
    let output = project.run(["why", "side", "--share", "read"]);
    output.success().stdout.clone()
}

/// The tag of the list of documents of what `tag` of `image` names.
fn list_tag(clones: &Clones, image: &str, tag: &str) -> String {
    let digest = clones.registry().digest(clones.repository(image), tag).expect("the tag exists");
    digest.replacen(':', "-", 1)
}

/// The documents of what the tag `v1` of `image` names, with their lists of files.
fn documents(clones: &Clones, image: &str) -> Vec<(Value, Vec<u8>)> {
    let registry = clones.registry();
    let list = registry.manifest(clones.repository(image), &list_tag(clones, image, "v1"));
    let json = |digest: &Value| {
        let content = digest.as_str().and_then(|digest| registry.blob(digest)).expect("it is stored");
        serde_json::from_slice::<Value>(&content).expect("JSON")
    };
    let entries = list["manifests"].as_array().expect("a list");
    let entries = entries.iter().filter(|entry| entry["artifactType"] == KIND);
    let document = |entry: &Value| {
        let manifest = json(&entry["digest"]);
        let files = manifest["layers"][1]["digest"].as_str().and_then(|digest| registry.blob(digest));
        (json(&manifest["layers"][0]["digest"]), files.unwrap_or_default())
    };
    entries.map(document).collect()
}

/// A project with a directory of sources, an argument, and what must not leave the machine.
fn with_canaries(clones: &Clones) -> Project {
    let project = clones
        .machine()
        .file("src/canary-path/main.txt", "main\n")
        .file("src/lib.txt", "lib\n")
        .env("USER", "canary-user")
        .env("LOGNAME", "canary-user")
        .env("HOSTNAME", "canary-host");
    project.write(
        "devspace.yaml",
        clones.config_of(
            "side",
            "    build: {docker: {options: {buildArgs: {MODE: canary-value}, network: canary-network}}}\n",
        ),
    );
    project.write(
        "side.Dockerfile",
        "FROM scratch\nARG MODE\nARG LEVEL=canary-default\nCOPY src /src/\nLABEL used=\"$MODE\" text=canary-text\n",
    );
    project
}

#[test]
fn why_names_the_inputs_that_differ_where_the_image_was_never_built() {
    let Some(clones) = Clones::start() else { return };
    let one = with_canaries(&clones).env("CI_JOB_URL", "https://ci.example/jobs/7");
    one.run(WRITE).success();
    let digest = clones.digests(&["side"], "v1").remove(0);

    let other = with_canaries(&clones);
    // The same inputs: who built them.
    let same = why(&other);
    assert!(same.contains("unchanged, found in the registry"), "{same}");
    assert!(same.contains("built by https://ci.example/jobs/7, just now"), "{same}");
    assert!(!same.contains(" ~ ") && !same.contains(" + ") && !same.contains(" - "), "{same}");

    other.write("src/canary-path/main.txt", "changed\n");
    other.write("src/new.txt", "new\n");
    other.remove("src/lib.txt");
    let text = why(&other);
    let expected = format!(
        "side | build: never built\n  compared with {}:v1, built by https://ci.example/jobs/7, just now\n    digest     \
         {digest}\n  ~ file         src/canary-path/main.txt\n  + file         src/new.txt\n  - 1 file that is not here\n",
        clones.repository("side")
    );
    assert_eq!(text, expected);
    other.remove("src/new.txt");
    other.write("src/canary-path/main.txt", "main\n");
    let text = why(&other);
    assert!(text.contains("  - 1 file that is not here\n") && !text.contains("context"), "{text}");

    // Instructions, arguments and options.
    other.write(
        "devspace.yaml",
        clones.config_of(
            "side",
            "    build: {docker: {options: {target: last, buildArgs: {MODE: another, NEW: x}}}}\n",
        ),
    );
    other.write(
        "side.Dockerfile",
        "FROM scratch AS last\nARG MODE\nARG NEW\nARG LEVEL=canary-default\nCOPY src /src/\nLABEL used=\"$MODE$NEW\"\n",
    );
    let text = why(&other);
    for line in [
        "  ~ Dockerfile\n",
        "    - was line 1: FROM\n    + line 1: FROM scratch AS last\n    + line 3: ARG NEW\n    - was line 5: LABEL\n",
        "  + target       last\n",
        "  - network\n",
        "  ~ build arg    MODE\n",
        "  + build arg    NEW\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let output = other.run(["why", "side", "--share", "read", "--json"]);
    let images: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    let foreign = &images[0]["foreign_build"];
    assert_eq!((&foreign["run"], &foreign["builder"]), (&json!("https://ci.example/jobs/7"), &json!("oci")));
    assert_eq!((&foreign["digest"], &images[0]["missing_files"]), (&json!(digest), &json!(1)));
    // Without sharing, no registry is asked.
    let before = clones.requests();
    other.run(["why", "side"]).success().stdout_has("never built here").lacks("compared with");
    assert_eq!(clones.requests(), before);
}

#[test]
fn why_explains_dependent_images_of_a_changed_base() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let other = clones.machine();
    other.write("base.txt", "changed\n");
    let text = other.run(["why", "base", "app", "--share", "read"]).success().stdout.clone();
    assert!(
        text.contains("  ~ file         base.txt\n") && text.contains("  ~ base         base\n"),
        "{text}"
    );
}

#[test]
fn builds_of_docker_are_explained_as_well() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(clones) = Clones::with_daemon(&daemon) else { return };
    clones.machine().daemon(&daemon).run(["build", "--share", "write", "side"]).success();
    let other = clones.machine().daemon(&daemon);
    other.write("side.txt", "changed\n");
    let text = why(&other);
    assert!(
        text.contains("built by another machine") && text.contains("  ~ file         side.txt\n"),
        "{text}"
    );
    assert_eq!(documents(&clones, "side")[0].0["builder"], "docker");
}

#[test]
fn no_value_path_user_or_host_leaves_the_machine() {
    let Some(clones) = Clones::start() else { return };
    let one = with_canaries(&clones).env("CANARY", "canary-environment");
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=windlass", "-c", "user.email=windlass@example.com"];
        one.run_program("git", who.iter().chain(arguments)).success().stdout.trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    let folder = one.path("").display().to_string();
    one.run(WRITE).success();
    let (document, files) = documents(&clones, "side").remove(0);
    let text = document.to_string();
    assert!(!text.contains("canary") && !text.contains(&folder) && !text.contains(".txt"), "{text}");
    assert!(!String::from_utf8_lossy(&files).contains("canary"));
    // Two files and their directories, 16 bytes each.
    assert!(!files.is_empty() && files.len() % 16 == 0, "{}", files.len());
    let commit = json!(git(&["rev-parse", "HEAD"]));
    assert_eq!((&document["commit"], &document["dirty"]), (&commit, &json!(false)));
    assert_eq!((&document["version"], &document["image"]), (&json!(1), &json!("side")));
    let share = clones.shared_tags("side").remove(0);
    assert_eq!(document["share"], share.0.trim_start_matches("windlass-"));
    assert_eq!(document["digest"], share.1);
}

#[test]
fn with_a_secret_only_its_owners_compare() {
    let Some(clones) = Clones::start() else { return };
    let one = with_canaries(&clones).env("WINDLASS_SHARE_SECRET", "open sesame");
    one.run(WRITE).success();
    let (document, _) = documents(&clones, "side").remove(0);
    assert_eq!(document.get("key"), None, "it would allow guesses");
    let changed = |secret: &str| {
        let other = with_canaries(&clones).env("WINDLASS_SHARE_SECRET", secret);
        other.write("src/lib.txt", "changed\n");
        other
    };
    let text = why(&changed("open sesame"));
    assert!(text.ends_with("  ~ file         src/lib.txt\n"), "{text}");
    let output = changed("open barley").run(["why", "side", "--share", "read"]);
    output.success().stderr_has("are ignored: they were stored with another WINDLASS_SHARE_SECRET");
    assert_eq!(output.stdout, "side | build: never built\n");
}

#[test]
fn two_inputs_of_one_image_have_two_documents() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let other = clones.machine();
    // A comment changes the inputs, not the image.
    other.write("side.Dockerfile", "# a comment\nFROM scratch\nCOPY side.txt /\n");
    other.run(WRITE).success();
    let shared = clones.shared_tags("side");
    assert_eq!((shared.len(), &shared[0].1), (2, &shared[1].1), "two names of one image");
    let mut names: Vec<_> =
        documents(&clones, "side").iter().map(|(document, _)| document["share"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(
        names,
        shared.iter().map(|(tag, _)| json!(tag.trim_start_matches("windlass-"))).collect::<Vec<_>>()
    );
    // A forced build replaces the document of its inputs.
    let forced = [WRITE, &["side", "--force", "side"]].concat();
    other.env("CI_JOB_URL", "https://ci.example/9").run(&forced).success();
    let runs: Vec<_> =
        documents(&clones, "side").iter().map(|(document, _)| document["run"].clone()).collect();
    assert_eq!(runs, [Value::Null, json!("https://ci.example/9")]);
}

#[test]
fn documents_cost_no_request_of_a_build_that_reads() {
    let Some(clones) = Clones::start() else { return };
    let script = "fn sharing(image) { #{ mode: \"write\", inputs: false } }\n";
    let without = clones.machine().file("windlass.rhai", script);
    without.run(["build", "--builder", "oci", "side"]).success();
    assert_eq!(clones.shared_tags("side").len(), 1);
    assert_eq!(clones.registry().digest(clones.repository("side"), &list_tag(&clones, "side", "v1")), None);
    let other = clones.machine();
    other.write("side.txt", "changed\n");
    assert_eq!(why(&other), "side | build: never built\n");
    let wrong = "fn sharing(image) { #{ mode: \"write\", input: false } }\n";
    let wrong = clones.machine().file("windlass.rhai", wrong);
    wrong.run(["build", "side"]).exits(2).stderr_has("unknown option `input` of `with_sharing`");

    clones.machine().run(WRITE).success();
    let lists = |clones: &Clones| {
        let of = |image| {
            let path = clones.repository(image).path().to_owned();
            clones.proxy().count("", &format!("/v2/{path}/referrers/"))
                + clones.proxy().count("", &format!("/v2/{path}/manifests/sha256-"))
        };
        of("base") + of("app") + of("side")
    };
    let before = lists(&clones);
    clones.machine().run(READ).success();
    assert_eq!(lists(&clones), before);
}

#[test]
fn registry_that_refuses_documents_costs_one_line() {
    for status in [403, 500] {
        let Some(clones) = Clones::start() else { return };
        for image in ["base", "app", "side"] {
            let path = clones.repository(image).path().to_owned();
            clones.proxy().fault(
                usize::MAX,
                "PUT",
                &format!("/v2/{path}/manifests/sha256"),
                Fault::Status(status),
            );
        }
        let output = clones.machine().run(WRITE);
        let lines =
            output.success().stderr.lines().filter(|line| line.contains("inputs are not stored in")).count();
        assert_eq!(lines, 1, "{}", output.stderr);
        // The builds are shared all the same.
        decisions(&clones.machine(), READ)
            .iter()
            .for_each(|line| assert!(line.ends_with("found in the registry"), "{line}"));
        let other = clones.machine();
        other.write("side.txt", "changed\n");
        assert_eq!(why(&other), "side | build: never built\n");
        // Reading is refused in the same way.
        for image in ["base", "app", "side"] {
            let path = clones.repository(image).path().to_owned();
            clones.proxy().fault(usize::MAX, "GET", &format!("/v2/{path}/referrers/"), Fault::Status(status));
        }
        let output = other.run(["why", "--share", "read"]);
        let lines = output.success().stderr.lines().filter(|line| line.contains("stored inputs of")).count();
        assert_eq!(lines, 1, "{}", output.stderr);
    }
}

/// Replaces the documents of `side:v1` by one with this content.
fn replace_document(clones: &Clones, content: &[u8], size: Option<u64>) {
    let (registry, repository) = (clones.registry(), clones.repository("side"));
    let list = list_tag(clones, "side", "v1");
    let mut index = registry.manifest(repository, &list);
    let entry = index["manifests"][0].clone();
    let mut manifest: Value = registry
        .blob(entry["digest"].as_str().expect("a digest"))
        .map(|content| serde_json::from_slice(&content).expect("JSON"))
        .expect("the manifest is stored");
    let digest = registry.put_blob(repository, content);
    manifest["layers"][0]["digest"] = digest.into();
    manifest["layers"][0]["size"] = size.unwrap_or(content.len() as u64).into();
    let manifest = manifest.to_string();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    index["manifests"][0]["digest"] = registry.put_manifest(repository, None, kind, &manifest).into();
    index["manifests"][0]["size"] = manifest.len().into();
    let kind = "application/vnd.oci.image.index.v1+json";
    registry.put_manifest(repository, Some(&list), kind, &index.to_string());
}

#[test]
fn documents_that_cannot_be_used_are_as_absent() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let good = documents(&clones, "side").remove(0).0;
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        edit(&mut document);
        document.to_string().into_bytes()
    };
    let large = edited(&|document| document["padding"] = "x".repeat(2 << 20).into());
    for (content, size, reason) in [
        (b"not JSON".to_vec(), None, "are ignored: damaged (expected"),
        (
            edited(&|document| document["version"] = 2.into()),
            None,
            "version 2, but this windlass supports version 1",
        ),
        (edited(&|document| document["inputs"] = 1.into()), None, "are ignored: damaged (invalid type"),
        (
            edited(&|document| document["run"] = "\u{1b}]0;x\u{7}".into()),
            None,
            "are ignored: damaged (a string",
        ),
        (edited(&|document| document["digest"] = "sha256:1".into()), None, "they are those of another image"),
        (large.clone(), None, "the document is larger than 1048576 bytes"),
        // The size in the manifest is wrong.
        (large, Some(100), "limit"),
    ] {
        replace_document(&clones, &content, size);
        let other = clones.machine();
        other.write("side.txt", "changed\n");
        let output = other.run(["why", "side", "--share", "read"]);
        if reason == "limit" {
            output.success().stderr_has("stored inputs of");
        } else {
            output.success().stderr_has(reason);
        }
        assert_eq!(output.stdout, "side | build: never built\n");
        // A skip depends on the tag only.
        let found = "side skip: unchanged, found in the registry";
        assert_eq!(decisions(&clones.machine(), &[READ, &["side"]].concat()), [found]);
    }
    // The good one again.
    replace_document(&clones, &edited(&|_| {}), None);
    let other = clones.machine();
    other.write("side.txt", "changed\n");
    assert!(why(&other).contains("  ~ file         side.txt\n"));
}

#[test]
fn damaged_list_is_as_absent_and_then_replaced() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let (registry, repository) = (clones.registry(), clones.repository("side"));
    let list = list_tag(&clones, "side", "v1");
    // Its tag names an image instead of a list.
    let image = registry.manifest(repository, "v1").to_string();
    registry.put_manifest(repository, Some(&list), "application/vnd.oci.image.manifest.v1+json", &image);
    let other = clones.machine();
    other.write("side.txt", "changed\n");
    let output = other.run(["why", "side", "--share", "read"]);
    output.success().stderr_has("are ignored: invalid response (invalid list of documents");
    assert_eq!(output.stdout, "side | build: never built\n");
    clones.machine().run(WRITE.iter().chain(&["side", "--force", "side"])).success();
    assert_eq!(documents(&clones, "side").len(), 1);
    assert!(why(&other).contains("  ~ file         side.txt\n"));
}
