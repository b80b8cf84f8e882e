//! Machines with clones of one project, which share a registry.

use serde_json::Value;

use crate::harness::{Daemon, FaultProxy, Project, Registry, TestRepository};

/// A build without a daemon that shares what it builds.
pub const WRITE: &[&str] = &["build", "--builder", "oci", "--share", "write"];
/// A build that uses what others share.
pub const READ: &[&str] = &["build", "--builder", "oci", "--share", "read"];

/// A registry, and clones of a project with three images: `app`, which is built on `base`, and `side`.
pub struct Clones {
    registry: Registry,
    proxy: FaultProxy,
    repositories: Vec<(&'static str, TestRepository)>,
}

impl Clones {
    /// `None`, with a notice, if no registry is installed.
    pub fn start() -> Option<Self> {
        let registry = Registry::start()?;
        let proxy = FaultProxy::before(&registry);
        let repository = |name| (name, TestRepository::alone(&proxy.address(), name));
        let repositories = ["base", "app", "side"].map(repository).into();
        Some(Self { registry, proxy, repositories })
    }

    /// As [`Clones::start`], with repositories whose images `daemon` may get.
    pub fn with_daemon(daemon: &Daemon) -> Option<Self> {
        let clones = Self::start()?;
        let repository = |name| (name, daemon.repository(&clones.proxy.address(), name));
        Some(Self { repositories: ["base", "app", "side"].map(repository).into(), ..clones })
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }

    pub fn repository(&self, image: &str) -> &TestRepository {
        let found = self.repositories.iter().find(|(name, _)| *name == image);
        &found.expect("an image of the project").1
    }

    /// A fresh clone with its own home, and without a daemon.
    pub fn machine(&self) -> Project {
        self.machine_with("")
    }

    /// A fresh clone, whose images have these options.
    pub fn machine_with(&self, options: &str) -> Project {
        Project::new()
            .file("devspace.yaml", self.config(options))
            .file("base.Dockerfile", "FROM scratch\nCOPY base.txt /\n")
            .file("app.Dockerfile", format!("FROM {}:v1\nCOPY app.txt /\n", self.repository("base")))
            .file("side.Dockerfile", "FROM scratch\nCOPY side.txt /\n")
            .file("base.txt", "base\n")
            .file("app.txt", "app\n")
            .file("side.txt", "side\n")
            .file("README.md", "A project.\n")
    }

    fn config(&self, options: &str) -> String {
        let image = |(name, repository): &(&str, TestRepository)| {
            format!(
                "  {name}:\n    image: {repository}\n    tags: [v1]\n    dockerfile: {name}.Dockerfile\n{options}"
            )
        };
        let images: String = self.repositories.iter().map(image).collect();
        format!("version: v2beta1\nname: clones\nimages:\n{images}")
    }

    /// The configuration of a project with one image, in the version v1beta11.
    pub fn config_of(&self, name: &str, options: &str) -> String {
        let repository = self.repository(name);
        format!(
            "version: v1beta11\nimages:\n  {name}:\n    image: {repository}\n    tags: [v1]\n    dockerfile: \
             {name}.Dockerfile\n{options}"
        )
    }

    /// Gives all files of a machine other times.
    pub fn touch(&self, project: &Project) {
        project.run_program("sh", ["-c", "touch -d 2001-02-03 *"]).success();
    }

    /// The digests of a tag of these images.
    pub fn digests(&self, images: &[&str], tag: &str) -> Vec<String> {
        let digest = |image: &&str| self.registry.digest(self.repository(image), tag);
        images.iter().filter_map(digest).collect()
    }

    /// The tags by which machines share builds of `image`, with their digests.
    pub fn shared_tags(&self, image: &str) -> Vec<(String, String)> {
        let repository = self.repository(image);
        let tags = self.registry.tags(repository).into_iter().filter(|tag| tag.starts_with("windlass-"));
        tags.filter_map(|tag| Some((tag.clone(), self.registry.digest(repository, &tag)?))).collect()
    }

    /// All requests so far.
    pub fn requests(&self) -> usize {
        self.proxy.count("", "")
    }

    /// The requests that ask which image a tag names.
    pub fn asked(&self) -> usize {
        let manifests = |(_, repository): &(&str, TestRepository)| {
            self.proxy.count("HEAD", &format!("/v2/{}/manifests/", repository.path()))
        };
        self.repositories.iter().map(manifests).sum()
    }

    /// The requests for tags by which machines share builds.
    pub fn shared_requests(&self, method: &str) -> usize {
        let tags = |(_, repository): &(&str, TestRepository)| {
            self.proxy.count(method, &format!("/v2/{}/manifests/windlass-", repository.path()))
        };
        self.repositories.iter().map(tags).sum()
    }

    /// The number of writing requests of a run.
    pub fn written(&self, project: &Project, arguments: &[&str]) -> usize {
        let before = self.proxy.count("PUT", "") + self.proxy.count("POST", "");
        project.run(arguments).success();
        self.proxy.count("PUT", "") + self.proxy.count("POST", "") - before
    }

    /// A platform that is not that of this machine.
    pub fn foreign_platform(&self) -> &'static str {
        if cfg!(target_arch = "aarch64") { "linux/amd64" } else { "linux/arm64" }
    }

    /// Lets `tag` of `image` name another image: one without any layer.
    pub fn overwrite(&self, image: &str, tag: &str) {
        let project = Project::new()
            .file(
                "devspace.yaml",
                format!(
                    "version: v1beta9\nimages:\n  x: {{image: {}, tags: ['{tag}']}}\n",
                    self.repository(image)
                ),
            )
            .file("Dockerfile", "FROM scratch\nLABEL another=1\n");
        project.run(["build", "--builder", "oci"]).success();
    }
}

/// `image decision: reason` of each image, sorted; `objects` have these as `name`, `decision` and `reason`.
fn told(objects: &[Value], name: &str) -> Vec<String> {
    let text = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let line = |object: &Value| {
        format!("{} {}: {}", text(object, name), text(object, "decision"), text(object, "reason"))
    };
    let mut lines: Vec<_> = objects.iter().map(line).collect();
    lines.sort();
    lines
}

/// The decisions of a build.
#[track_caller]
pub fn decisions(project: &Project, arguments: &[&str]) -> Vec<String> {
    let events = project.run(arguments.iter().chain(&["--progress", "json"])).success().json_lines();
    let decided: Vec<_> = events.into_iter().filter(|event| event["type"] == "image_decided").collect();
    told(&decided, "image")
}

/// The decisions of a plan.
#[track_caller]
pub fn planned(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run(["plan", "--json", "--builder", "oci"].iter().chain(arguments));
    let plan: Value = serde_json::from_str(&output.success().stdout).expect("a plan is JSON");
    told(plan["images"].as_array().expect("a list"), "name")
}
