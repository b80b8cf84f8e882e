use super::*;

fn project(paths: &[&str]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    for path in paths {
        let path = project.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, "").expect("written");
    }
    project
}

fn found(project: &tempfile::TempDir, entry: &str) -> Result<Vec<String>, ManifestError> {
    let relative =
        |path: PathBuf| path.strip_prefix(project.path()).expect("below").to_string_lossy().into_owned();
    Ok(files(entry, project.path())?.into_iter().map(relative).collect())
}

const PATHS: [&str; 11] = [
    "kube/web.yaml",
    "kube/api.yml",
    "kube/job.json",
    "kube/README.md",
    "kube/sub/deep.yaml",
    "kube/sub/deeper/deepest.yaml",
    "kube/.hidden/h.yaml",
    "services/a/k8s/a.yaml",
    "services/b/k8s/b.yaml",
    "odd/[x].yaml",
    "empty/nothing.txt",
];

#[test]
fn entries_have_a_stable_order() {
    let project = project(&PATHS);
    for (entry, expected) in [
        ("kube/web.yaml", &["kube/web.yaml"][..]),
        ("./kube/README.md", &["kube/README.md"]),
        ("kube", &["kube/api.yml", "kube/job.json", "kube/web.yaml"]),
        ("kube/", &["kube/api.yml", "kube/job.json", "kube/web.yaml"]),
        ("kube/*", &["kube/api.yml", "kube/job.json", "kube/web.yaml"]),
        ("kube/*.yaml", &["kube/web.yaml"]),
        ("kube/*.md", &["kube/README.md"]),
        ("kube/?[ob]?.json", &["kube/job.json"]),
        ("kube/[^w]*.y*ml", &["kube/api.yml"]),
        ("kube/*/*.yaml", &["kube/.hidden/h.yaml", "kube/sub/deep.yaml"]),
        ("kube/**/*.yaml", &["kube/sub/deep.yaml", "kube/sub/deeper/deepest.yaml", "kube/web.yaml"]),
        (
            "kube/**",
            &[
                "kube/api.yml",
                "kube/job.json",
                "kube/sub/deep.yaml",
                "kube/sub/deeper/deepest.yaml",
                "kube/web.yaml",
            ],
        ),
        ("**/**/deepest.yaml", &["kube/sub/deeper/deepest.yaml"]),
        ("services/*/k8s", &["services/a/k8s/a.yaml", "services/b/k8s/b.yaml"]),
        ("odd/[x].yaml", &["odd/[x].yaml"]),
        ("odd/\\[*.yaml", &["odd/[x].yaml"]),
    ] {
        assert_eq!(found(&project, entry).expect(entry), expected, "{entry}");
    }
    let absolute = project.path().join("kube/w*").to_string_lossy().into_owned();
    assert_eq!(found(&project, &absolute).expect("absolute"), ["kube/web.yaml"]);
}

#[test]
fn missing_entries_have_hints() {
    let project = project(&PATHS);
    let check = |entry: &str, expected: &str, help: &str| {
        let error = found(&project, entry).expect_err("missing");
        let root = project.path().display().to_string();
        assert_eq!(error.to_string(), expected, "{entry}");
        let shown = miette::Diagnostic::help(&error).map(|help| help.to_string().replace(&root, "ROOT"));
        assert_eq!(shown.unwrap_or_default(), help, "{entry}");
    };
    let relative = "paths are relative to the project directory `ROOT`";
    check(
        "kube/wbe.yaml",
        "cannot load manifest `kube/wbe.yaml`: not found",
        "did you mean `kube/web.yaml`?",
    );
    check("kubee/web.yaml", "cannot load manifest `kubee/web.yaml`: not found", "did you mean `kube`?");
    check("other/x.yaml", "cannot load manifest `other/x.yaml`: not found", relative);
    check(
        "kube/other.yaml",
        "cannot load manifest `kube/other.yaml`: not found",
        "`kube` has no `other.yaml`",
    );
    check(
        "kube/web.yaml/x",
        "cannot load manifest `kube/web.yaml/x`: not found",
        "`kube/web.yaml` has no `x`",
    );
    check("kube/*.yal", "cannot load manifests: no file matches `kube/*.yal`", "");
    check("kub/*.yaml", "cannot load manifests: no file matches `kub/*.yaml`", "did you mean `kube`?");
    check(
        "a[",
        "invalid pattern `a[`: a `[` is not closed, or a `\\` is last",
        "escape a literal `[` as `\\[`",
    );
    check("empty", "cannot load manifests from `empty`: it has no `.yaml`, `.yml` or `.json` files", "");
    check(
        "services/a/",
        "cannot load manifests from `services/a`: it has no `.yaml`, `.yml` or `.json` files",
        "its subdirectory `k8s` has some: add `services/a/k8s` or `services/a/**`",
    );
}

#[cfg(unix)]
#[test]
fn symlink_loops_end() {
    let project = project(&["a/b/c.yaml"]);
    std::os::unix::fs::symlink("..", project.path().join("a/b/up")).expect("linked");
    std::os::unix::fs::symlink("none", project.path().join("a/b/dangling.yaml")).expect("linked");
    assert_eq!(found(&project, "**/*.yaml").expect("found"), ["a/b/c.yaml"]);
    // A directory has it, and reading it is an error.
    assert_eq!(found(&project, "a/b").expect("found"), ["a/b/c.yaml", "a/b/dangling.yaml"]);
}
