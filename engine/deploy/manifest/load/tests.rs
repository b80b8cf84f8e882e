use super::*;
use futures_util::FutureExt as _;

fn fetch(url: &str) -> BoxFuture<'static, Result<Vec<u8>, String>> {
    let answer = match url {
        "https://h.example/cm.yaml" => Ok(object("ConfigMap", "fetched").into_bytes()),
        _ => Err("HTTP 404".to_owned()),
    };
    async move { answer }.boxed()
}

fn object(kind: &str, name: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

fn project(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    for (path, content) in files {
        let path = project.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, content).expect("written");
    }
    project
}

fn load_in(
    project: &tempfile::TempDir,
    manifests: &[&str],
    inline: Option<&str>,
) -> Result<Vec<ManifestDocument>, ManifestError> {
    let manifests: Vec<String> = manifests.iter().map(|entry| (*entry).to_owned()).collect();
    let sources = ManifestSources { manifests: &manifests, inline, directory: project.path() };
    load(sources, &fetch).now_or_never().expect("ready")
}

#[test]
fn all_sources_are_loaded_once() {
    let two = [object("Pod", "b1"), object("Pod", "b2")].join("---\n");
    let project = project(&[("k/b.yaml", two.as_bytes()), ("k/a.yaml", object("Pod", "a").as_bytes())]);
    let url = "https://h.example/cm.yaml";
    let documents =
        load_in(&project, &["k/b.yaml", url, "k", "./k/*.yaml", url], Some(&object("Pod", "inline")));
    let places: Vec<String> = documents
        .expect("valid")
        .iter()
        .map(|document| format!("{} {}", document.place(), document.id().expect("complete")))
        .collect();
    assert_eq!(
        places,
        [
            "k/b.yaml:1 Pod/b1",
            "k/b.yaml:6 Pod/b2",
            "https://h.example/cm.yaml:1 ConfigMap/fetched",
            "k/a.yaml:1 Pod/a",
            "inlineManifest:1 Pod/inline",
        ]
    );
}

#[test]
fn a_single_problem_is_the_error() {
    let project = project(&[("k/b.yaml", b"kind: Pod")]);
    let error = load_in(&project, &["k"], None).expect_err("it is incomplete");
    assert_eq!(error.to_string(), "k/b.yaml:1:1: document 1 has no `apiVersion`");
}

#[test]
fn all_problems_are_listed() {
    let project = project(&[
        ("k/a.yaml", b"a: b: c"),
        ("k/b.yaml", b"kind: Pod"),
        ("k/c.yaml", b"kind: Pod\nx: \xff"),
        ("k/d.yaml", b"\xff\xfea\0:\0 \x001\0"),
    ]);
    let Err(ManifestError::Invalid { problems }) = load_in(&project, &["k"], None) else { panic!("valid") };
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "k/a.yaml:1:5: this is not valid YAML",
            "k/c.yaml:2:4: this is not UTF-8 text",
            "k/b.yaml:1:1: document 1 has no `apiVersion`",
            "k/d.yaml:1:1: document 1 has no `apiVersion`",
        ]
    );
}

#[test]
fn unreadable_sources_are_errors() {
    let project = project(&[]);
    let check = |entry: &str, expected: &str| {
        assert_eq!(load_in(&project, &[entry], None).expect_err("unreadable").to_string(), expected);
    };
    check("HTTPS://me:pw@h.example/x?token=t", "cannot load manifest `HTTPS://h.example/x`: HTTP 404");
    check("/dev/zero", "cannot load manifest `/dev/zero`: it is a device or socket, not a regular file");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(project.path().join("p.yaml"))
            .status()
            .expect("run")
            .success()
    );
    check("p.yaml", "cannot load manifest `p.yaml`: it is a named pipe, not a regular file");
    check(".", "cannot load manifest `p.yaml`: it is a named pipe, not a regular file");
    std::fs::File::create(project.path().join("large.yaml"))
        .and_then(|file| file.set_len(20 << 20))
        .expect("made");
    check("large.yaml", "cannot load manifest `large.yaml`: it is larger than 10 MiB");
}

#[test]
fn total_size_is_limited() {
    let mut loading = Loading::default();
    let text = "#".repeat(MAX_TOTAL << 19);
    loading.add(text.as_bytes(), ManifestOrigin::Inline).expect("half");
    loading.add(text.as_bytes(), ManifestOrigin::Inline).expect("all");
    let error = loading.add(b"#", ManifestOrigin::Inline).expect_err("too large");
    assert_eq!(error.to_string(), "cannot load the manifests: their total size is larger than 64 MiB");
}
