//! A random project: images that are built from each other, their Dockerfiles and contexts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fastrand::Rng;

use crate::harness::{Daemon, Project, TestRepository};

/// The builder of the images of a random project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The Docker daemon, each image with BuildKit or without.
    Docker,
    /// Windlass itself.
    Oci,
}

/// An image of a random project.
pub struct Sketch {
    /// Its name.
    pub name: &'static str,
    /// Its context, a directory of the project, which contains its Dockerfile as `NAME.Dockerfile`.
    pub folder: &'static str,
    /// The repository for the builds of windlass.
    pub repository: TestRepository,
    /// The repository for the builds of the oracle.
    pub truth: TestRepository,
    /// Whether BuildKit builds it.
    pub has_build_kit: bool,
    /// The value of its build argument `A`.
    pub argument: u32,
}

/// A hook of a random project: it makes a file of the context from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    None,
    /// A hook that runs once, before all images.
    OfProject,
    /// A hook that runs before each image.
    OfImages,
}

/// The images of a random project, bases first, and its hooks.
pub struct Sketches {
    pub images: Vec<Sketch>,
    pub hooks: Hooks,
    pub mode: Mode,
    /// The image that all others are built from, which is created outside of the project.
    pub base: TestRepository,
}

const NAMES: [&str; 3] = ["one", "two", "three"];

impl Sketches {
    /// Draws a project and writes its files into `project`.
    pub fn draw(rng: &mut Rng, daemon: &Daemon, project: &Project, mode: Mode) -> Self {
        let hooks = match rng.u8(..4) {
            0 => Hooks::OfProject,
            1 => Hooks::OfImages,
            _ => Hooks::None,
        };
        let is_shared = hooks == Hooks::None && rng.bool();
        let images = NAMES[..rng.usize(1..=3)].iter().map(|name| Sketch {
            name,
            folder: if is_shared { "shared" } else { name },
            repository: daemon.repository("", name),
            truth: daemon.repository("", &format!("truth-{name}")),
            has_build_kit: mode == Mode::Oci || rng.bool(),
            argument: 0,
        });
        let sketches = Self { images: images.collect(), hooks, mode, base: daemon.repository("", "base") };
        for (index, image) in sketches.images.iter().enumerate() {
            let root = project.path(image.folder);
            if !root.exists() {
                draw_context(rng, &root);
            }
            let text = sketches.draw_dockerfile(rng, index, &root);
            project.write(format!("{}/{}.Dockerfile", image.folder, image.name), text);
        }
        sketches.write_config(project);
        sketches
    }

    /// Writes `devspace.yaml`.
    pub fn write_config(&self, project: &Project) {
        let mut config = "version: v1beta9\nimages:\n".to_owned();
        for Sketch { name, folder, repository, has_build_kit, argument, .. } in &self.images {
            let _ = write!(
                config,
                "  {name}:\n    image: {repository}\n    context: {folder}\n    dockerfile: {folder}/{name}.Dockerfile\n    \
                 build:\n      docker:\n        useBuildKit: {has_build_kit}\n        options:\n          buildArgs: {{A: '{argument}'}}\n"
            );
        }
        let hook = |images: &str, from: &str, to: &str| {
            format!(
                "  - command: 'rm -rf {to} && cat {from} > {to}'\n    when: {{before: {{images: {images}}}}}\n"
            )
        };
        match self.hooks {
            Hooks::None => {}
            Hooks::OfProject => {
                let folder = self.images[0].folder;
                config += "hooks:\n";
                config += &hook("all", &format!("{folder}/keep.txt"), &format!("{folder}/made.txt"));
            }
            Hooks::OfImages => {
                config += "hooks:\n";
                for Sketch { name, folder, .. } in &self.images {
                    config += &hook(name, &format!("{folder}/keep.txt"), &format!("{folder}/made.txt"));
                }
            }
        }
        project.write("devspace.yaml", config);
    }

    /// Draws the Dockerfile of the image `index`.
    fn draw_dockerfile(&self, rng: &mut Rng, index: usize, root: &Path) -> String {
        let mut text = String::new();
        let from = self.draw_base(rng, index);
        if rng.u8(..3) == 0 {
            let _ = writeln!(text, "FROM {} AS build", self.draw_base(rng, index));
            let _ = write!(
                text,
                "{}\nCOPY keep.txt /b/\nFROM {from}\nCOPY --from=build /b /b\n",
                self.draw_line(rng, index, root)
            );
        } else {
            let _ = writeln!(text, "FROM {from}");
        }
        text += "COPY keep.txt /x/keep.txt\n";
        for _ in 0..rng.usize(1..5) {
            text += &self.draw_line(rng, index, root);
            text.push('\n');
        }
        text
    }

    /// Draws the base image of the image `index`.
    pub fn draw_base(&self, rng: &mut Rng, index: usize) -> String {
        match rng.usize(..=index) {
            0 => format!("{}:1", self.base),
            other => self.images[other - 1].repository.to_string(),
        }
    }

    /// Draws an instruction of the Dockerfile of the image `index`.
    pub fn draw_line(&self, rng: &mut Rng, index: usize, root: &Path) -> String {
        let paths = paths(root);
        let mut some = |is_folder: bool| {
            let fitting: Vec<_> = paths.iter().filter(|path| root.join(path).is_dir() == is_folder).collect();
            rng.choice(fitting).map_or_else(|| "keep.txt".to_owned(), |path| path.clone())
        };
        let (file, folder) = (some(false), some(true));
        let number = rng.u32(..6);
        match rng.u8(..20) {
            0..3 => format!("COPY [\"{file}\", \"/x/\"]"),
            3..6 => format!("COPY . /all{number}/"),
            6..8 => format!("COPY [\"{folder}\", \"/d{number}/\"]"),
            8 => "COPY *.txt /txt/".to_owned(),
            9 => format!("COPY --chown=7:{number} keep.txt /own/"),
            10 => format!("ADD [\"{file}\", \"/add{number}/\"]"),
            11 => format!("ENV E{number}={}", rng.u8(..9)),
            12 => format!("LABEL l{number}={}", rng.u8(..9)),
            13 => format!("WORKDIR /w{number}/sub"),
            14 => format!("ARG A=none\nENV SEEN=$A.{number}"),
            15 => "ARG A\nCOPY keep.txt /arg-$A/".to_owned(),
            16 => format!("USER {number}\nCMD [\"c{number}\"]\nEXPOSE 80{number}"),
            17 if index > 0 => {
                format!(
                    "COPY --from={} /x/keep.txt /from{number}/",
                    self.images[rng.usize(..index)].repository
                )
            }
            18 if self.mode == Mode::Docker => format!("USER 0\nRUN echo {number} > /ran{number}"),
            // In an existing directory: versions of BuildKit create directories with different permissions.
            _ if self.images[index].has_build_kit => {
                format!("COPY --chmod=64{number} keep.txt /base/mode{number}")
            }
            _ => format!("COPY keep.txt /more{number}/"),
        }
    }
}

/// Draws the files of a context.
fn draw_context(rng: &mut Rng, root: &Path) {
    fs::create_dir_all(root).expect("a directory");
    super::edit::write_file(rng, &root.join("keep.txt"));
    for _ in 0..rng.usize(2..9) {
        super::edit::add(rng, root);
    }
}

/// All paths below `root`, relative and sorted, except Dockerfiles.
pub fn paths(root: &Path) -> Vec<String> {
    fn add(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                add(&entry.path(), &format!("{name}/"), found);
            }
            if !name.ends_with("Dockerfile") {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    add(root, "", &mut found);
    found.sort();
    found
}
