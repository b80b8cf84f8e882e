//! The flags of the build commands, and how windlass treats them.

/// A flag of a build command.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// Its short form.
    pub letter: Option<char>,
    /// Whether it has a value.
    pub has_value: bool,
    /// Its role.
    pub role: Role,
}

/// The role of a flag, which determines which builders support it and whether it is an input of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An input for which `devspace.yaml` or the model has a separate field: moved there.
    Input,
    /// Caching or display of builds, or a query for the current base images: not an input of the image.
    Aside,
    /// A file with information about the image.
    Report,
    /// The selection of a builder.
    Builder,
    /// The output format of the builder.
    Output,
    /// A source that only `RUN --mount` reads, identified by its id.
    Source,
    /// A named context: a directory or an image that the Dockerfile refers to by name.
    Context,
    /// The environment of `RUN` instructions.
    Run,
    /// A feature of the image that only BuildKit supports.
    BuildKit,
    /// Any other input of the image.
    Image,
    /// The command does something other than a build.
    Other,
}

impl Flag {
    const fn new(name: &'static str, has_value: bool, role: Role) -> Self {
        Self { name, letter: None, has_value, role }
    }

    const fn switch(name: &'static str, role: Role) -> Self {
        Self::new(name, false, role)
    }

    const fn value(name: &'static str, role: Role) -> Self {
        Self::new(name, true, role)
    }

    const fn letter(self, letter: char) -> Self {
        Self { letter: Some(letter), ..self }
    }
}

/// The flags of `docker build`, of its classic builder and of `docker buildx build` (Docker 28, buildx 0.20).
pub(super) static DOCKER: &[Flag] = &[
    Flag::value("add-host", Role::Run),
    Flag::value("allow", Role::Run),
    Flag::value("annotation", Role::BuildKit),
    Flag::value("attest", Role::BuildKit),
    Flag::value("build-arg", Role::Input),
    Flag::value("build-context", Role::Context),
    Flag::value("builder", Role::Builder),
    Flag::value("cache-from", Role::Aside),
    Flag::value("cache-to", Role::Aside),
    Flag::value("call", Role::Other),
    Flag::value("cgroup-parent", Role::Run),
    Flag::switch("check", Role::Other),
    Flag::switch("compress", Role::Aside),
    Flag::value("cpu-period", Role::Run),
    Flag::value("cpu-quota", Role::Run),
    Flag::value("cpu-shares", Role::Run).letter('c'),
    Flag::value("cpuset-cpus", Role::Run),
    Flag::value("cpuset-mems", Role::Run),
    Flag::switch("debug", Role::Aside).letter('D'),
    Flag::switch("disable-content-trust", Role::Aside),
    Flag::value("file", Role::Input).letter('f'),
    Flag::switch("force-rm", Role::Aside),
    Flag::value("iidfile", Role::Report),
    Flag::value("isolation", Role::Run),
    Flag::value("label", Role::Input),
    Flag::switch("load", Role::Output),
    Flag::value("memory", Role::Run).letter('m'),
    Flag::value("memory-swap", Role::Run),
    Flag::value("metadata-file", Role::Report),
    Flag::value("network", Role::Input),
    Flag::switch("no-cache", Role::Aside),
    Flag::value("no-cache-filter", Role::Aside),
    Flag::value("output", Role::Output).letter('o'),
    Flag::value("platform", Role::Input),
    Flag::value("print", Role::Other),
    Flag::value("progress", Role::Aside),
    Flag::value("provenance", Role::BuildKit),
    Flag::switch("pull", Role::Aside),
    Flag::switch("push", Role::Output),
    Flag::switch("quiet", Role::Aside).letter('q'),
    Flag::switch("rm", Role::Aside),
    Flag::value("sbom", Role::BuildKit),
    Flag::value("secret", Role::Source),
    Flag::value("security-opt", Role::Run),
    Flag::value("shm-size", Role::Run),
    Flag::switch("squash", Role::Image),
    Flag::value("ssh", Role::Source),
    Flag::value("tag", Role::Image).letter('t'),
    Flag::value("target", Role::Input),
    Flag::value("ulimit", Role::Run),
];

/// The flags of kaniko 1.24 that have a value, or select files to read. All others are boolean flags.
pub(super) static KANIKO: &[Flag] = &[
    Flag::value("build-arg", Role::Input),
    Flag::value("cache-dir", Role::Image),
    Flag::value("cache-repo", Role::Image),
    Flag::value("cache-ttl", Role::Image),
    Flag::value("compression", Role::Image),
    Flag::value("compression-level", Role::Image),
    Flag::value("context", Role::Context).letter('c'),
    Flag::value("context-sub-path", Role::Context),
    Flag::value("custom-platform", Role::Input),
    Flag::value("customPlatform", Role::Input),
    Flag::value("destination", Role::Image).letter('d'),
    Flag::value("digest-file", Role::Image),
    Flag::value("dockerfile", Role::Input).letter('f'),
    Flag::value("git", Role::Image),
    Flag::value("ignore-path", Role::Image),
    Flag::value("image-download-retry", Role::Image),
    Flag::value("image-fs-extract-retry", Role::Image),
    Flag::value("image-name-tag-with-digest-file", Role::Image),
    Flag::value("image-name-with-digest-file", Role::Image),
    Flag::value("insecure-registry", Role::Image),
    Flag::value("kaniko-dir", Role::Image),
    Flag::value("label", Role::Input),
    Flag::value("log-format", Role::Image),
    Flag::value("oci-layout-path", Role::Image),
    Flag::value("push-retry", Role::Image),
    Flag::value("registry-certificate", Role::Image),
    Flag::value("registry-client-cert", Role::Image),
    Flag::value("registry-map", Role::Image),
    Flag::value("registry-mirror", Role::Image),
    Flag::value("skip-tls-verify-registry", Role::Image),
    Flag::value("snapshot-mode", Role::Image),
    Flag::value("snapshotMode", Role::Image),
    Flag::value("tar-path", Role::Image),
    Flag::value("tarPath", Role::Image),
    Flag::value("target", Role::Input),
    Flag::value("verbosity", Role::Image).letter('v'),
];
