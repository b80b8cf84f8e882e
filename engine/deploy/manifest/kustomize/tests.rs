use std::sync::Mutex;

use super::*;
use crate::process::{LiveExec, OnLine};
use async_trait::async_trait;

/// Answers commands by their program, and records them.
#[derive(Default)]
struct FakeExec {
    answers: Vec<(&'static str, i32, &'static str, &'static str)>,
    calls: Mutex<Vec<String>>,
}

#[async_trait]
impl Exec for FakeExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        self.calls.lock().expect("lock").push(request.to_string());
        let CommandLine::Program(words) = &request.command else { panic!("a shell") };
        let answer = self.answers.iter().find(|answer| answer.0 == words[0]);
        let Some((_, exit_code, stdout, stderr)) = answer else {
            return Err(ProcessError::NotFound { program: words[0].clone(), help: "install it".to_owned() });
        };
        stdout.lines().for_each(|line| on_line(Pipe::Stdout, line));
        stderr.lines().for_each(|line| on_line(Pipe::Stderr, line));
        if *exit_code == -1 {
            while !cancel.is_cancelled() {
                on_line(Pipe::Stdout, &"#".repeat(1 << 20));
            }
            return Err(ProcessError::Cancelled { program: words[0].clone() });
        }
        Ok(*exit_code)
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n";

fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(project.path().join("kube/dev")).expect("created");
    std::fs::write(
        project.path().join("kube/dev/kustomization.yaml"),
        "resources: [pod.yaml]\nnamePrefix: dev-\n",
    )
    .expect("written");
    std::fs::write(project.path().join("kube/dev/pod.yaml"), POD).expect("written");
    project
}

async fn build(exec: &dyn Exec, target: &str, program: Option<&str>) -> Result<Vec<String>, ManifestError> {
    let project = project();
    let arguments = ["--enable-helm".to_owned()];
    let options =
        KustomizeOptions { program, kubectl: "kubectl", arguments: &arguments, directory: project.path() };
    let documents = kustomize(target, options, exec, &CancellationToken::new()).await?;
    Ok(documents
        .iter()
        .map(|document| format!("{} {}", document.place(), document.id().expect("complete")))
        .collect())
}

#[tokio::test]
async fn kustomize_is_found_in_order() {
    let built = "kustomize build kube/dev:1 Pod/web";
    for (program, installed, target, calls) in [
        (None, "kustomize", "kube/dev", &["exec kustomize build kube/dev --enable-helm"][..]),
        (None, "kustomize", "kube/dev/kustomization.yaml", &["exec kustomize build kube/dev --enable-helm"]),
        (
            None,
            "kubectl",
            "kube/dev",
            &["exec kustomize build kube/dev --enable-helm", "exec kubectl kustomize kube/dev --enable-helm"],
        ),
        (
            Some("bin/kustomize"),
            "bin/kustomize",
            "kube/dev",
            &["exec bin/kustomize build kube/dev --enable-helm"],
        ),
    ] {
        let exec = FakeExec { answers: vec![(installed, 0, POD, "# a warning")], ..FakeExec::default() };
        assert_eq!(build(&exec, target, program).await.expect("built"), [built]);
        assert_eq!(*exec.calls.lock().expect("lock"), calls);
    }
}

#[tokio::test]
async fn failures_are_errors() {
    let check = async |exec: FakeExec, target: &str, program: Option<&str>, expected: &str, help: &str| {
        let error = build(&exec, target, program).await.expect_err("failed");
        assert_eq!(error.to_string(), expected);
        assert_eq!(miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default(), help);
    };
    let answers = |answer| FakeExec { answers: vec![answer], ..FakeExec::default() };
    check(
        answers(("kustomize", 1, "", "Error: no such resource\nin x")),
        "kube/dev",
        None,
        "cannot build `kube/dev` with `kustomize`: exit code 1",
        "the end of its output:\nError: no such resource\nin x",
    )
    .await;
    check(
        FakeExec::default(),
        "kube/dev",
        None,
        "cannot build `kube/dev`: `kustomize` and `kubectl` are not installed",
        "install kustomize or kubectl, or set `kustomizeBinaryPath`",
    )
    .await;
    let own = "cannot run `bin/k`: command not found";
    check(FakeExec::default(), "kube/dev", Some("bin/k"), own, "install it").await;
    let missing = "cannot load manifest `kube/dve`: not found";
    check(FakeExec::default(), "kube/dve", None, missing, "did you mean `kube/dev`?").await;
    let no_file = "cannot build `kube`: it has no `kustomization.yaml`";
    check(FakeExec::default(), "kube", None, no_file, "did you mean `kube/dev`?").await;
    check(
        answers(("kustomize", -1, "", "")),
        "kube/dev",
        None,
        "cannot load the manifests: the output of `kustomize` is larger than 64 MiB",
        "split the deployment",
    )
    .await;
    check(
        answers(("kustomize", 0, "a: b: c", "")),
        "https://h/x?ref=1",
        None,
        "kustomize build https://h/x:1:5: this is not valid YAML",
        "quote strings that contain `: `",
    )
    .await;
}

/// Runs only where kubectl is installed.
#[tokio::test]
async fn kubectl_builds_a_kustomization() {
    match build(&LiveExec, "kube/dev", None).await {
        Ok(built) => assert_eq!(built, ["kustomize build kube/dev:1 Pod/dev-web"]),
        Err(ManifestError::NoKustomize { .. }) => {}
        Err(error) => panic!("{:?}", miette::Report::new(error)),
    }
}
