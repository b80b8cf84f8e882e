//! Dependencies with real helm.

use tokio_util::sync::CancellationToken;

use super::real::{Project, run, with_helms};
use crate::deploy::chart::{ChartError, RenderOptions, build_dependencies, template};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n- name: sub\n  version: 0.1.0\n  \
                     repository: file://../sub\n";
const SUB: &str = "apiVersion: v2\nname: sub\nversion: 0.1.0\n";

fn project() -> Project {
    Project::new(&[
        ("chart/Chart.yaml", CHART),
        ("sub/Chart.yaml", SUB),
        ("sub/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: sub-a\n"),
    ])
}

#[tokio::test]
async fn missing_dependencies_are_built_once() {
    with_helms("dependencies", |helm| async move {
        let (project, cancel) = (project(), CancellationToken::new());
        let (request, run) = (project.request(), run(&helm, &cancel));
        let text = template(&request, &RenderOptions::default(), run).await.unwrap();
        assert!(text.contains("name: sub-a"), "{text}");
        let archive = project.path("chart/charts/sub-0.1.0.tgz");
        let packed = std::fs::metadata(&archive).unwrap().modified().unwrap();
        build_dependencies(&request, run).await.unwrap();
        assert_eq!(std::fs::metadata(&archive).unwrap().modified().unwrap(), packed);
        // Changed files of a local dependency are packed again.
        project.write("sub/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: sub-b\n");
        let file = std::fs::File::options().write(true).open(project.path("sub/templates/a.yaml")).unwrap();
        file.set_modified(packed + std::time::Duration::from_secs(2)).unwrap();
        let text = template(&request, &RenderOptions::default(), run).await.unwrap();
        assert!(text.contains("name: sub-b"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn dependencies_that_cannot_be_built_are_named() {
    with_helms("dependencies", |helm| async move {
        let (project, cancel) = (project(), CancellationToken::new());
        let (mut request, run) = (project.request(), run(&helm, &cancel));
        project.write("sub/Chart.yaml", &SUB.replace("0.1.0", "0.2.0"));
        let error = build_dependencies(&request, run).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("chart `chart` lacks its dependency `sub`: can't get a valid version"),
            "{text}"
        );
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.ends_with("run `helm dependency build chart`"), "{help}");
        request.disable_dependency_update = true;
        let error = build_dependencies(&request, run).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "chart `chart` lacks its dependency `sub`: `disableDependencyUpdate` is set"
        );
        // The lock file is not changed behind the user's back.
        request.disable_dependency_update = false;
        project.write("sub/Chart.yaml", SUB);
        build_dependencies(&request, run).await.unwrap();
        project.write("chart/Chart.yaml", &CHART.replace("version: 0.1.0\n  repo", "version: 0.2.0\n  repo"));
        project.write("sub/Chart.yaml", &SUB.replace("0.1.0", "0.2.0"));
        let error = build_dependencies(&request, run).await.unwrap_err();
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.ends_with("run `helm dependency update chart`"), "{error}: {help}");
        assert!(matches!(error, ChartError::DependencyMissing { .. }));
    })
    .await;
}
