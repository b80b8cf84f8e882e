//! Creates pull secrets, each once per run, and reports them.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Run;
use crate::cluster::{PullSecret, PullSecretResult, RegistryLogin};
use crate::config::{ImageConfig, PullSecretConfig};
use crate::error::StageError;
use crate::event::Level;
use crate::lock::lock;

impl Run {
    /// Creates the secret for `registry` with Docker's credentials, unless the section `pullSecrets` has one for it.
    ///
    /// # Errors
    /// As for [`Run::create_pull_secret`].
    pub fn create_pull_secret_for(&self, registry: &str) -> Result<(), StageError> {
        let is_configured = self.project.pull_secrets.iter().any(|secret| secret.registry == registry);
        if is_configured { Ok(()) } else { self.create_pull_secret(&PullSecret::of_registry(registry)) }
    }

    /// Creates the secrets of the section `pullSecrets`; entries with the same secret share it. All are tried: the last
    /// of several failures is the error, and earlier ones are warnings.
    ///
    /// # Errors
    /// As for [`Run::create_pull_secret`].
    pub fn create_configured_pull_secrets(&self) -> Result<(), StageError> {
        self.create_configured_in(None)
    }

    /// Creates all pull secrets of the project in `namespace`: those of the section `pullSecrets`, and those of the
    /// images with `createPullSecret`.
    ///
    /// # Errors
    /// As for [`Run::create_configured_pull_secrets`].
    pub fn create_pull_secrets_in(&self, namespace: &str) -> Result<(), StageError> {
        let own = self.session.host.cluster.context()?;
        // The secret of the run's own namespace is the one that a build creates.
        let namespace = own.is_none_or(|own| own.namespace != namespace).then(|| namespace.to_owned());
        for image in self.images_with_pull_secrets() {
            let registry = image.repository.domain();
            if !self.project.pull_secrets.iter().any(|secret| secret.registry == registry) {
                let secret = PullSecret { namespace: namespace.clone(), ..PullSecret::of_registry(registry) };
                self.create_pull_secret(&secret)?;
            }
        }
        self.create_configured_in(namespace)
    }

    /// Whether the project has pull secrets.
    pub fn needs_pull_secrets(&self) -> bool {
        !self.project.pull_secrets.is_empty() || self.images_with_pull_secrets().next().is_some()
    }

    fn images_with_pull_secrets(&self) -> impl Iterator<Item = &ImageConfig> {
        let wants = |image: &&ImageConfig| image.create_pull_secret == Some(true) && !image.disabled;
        self.project.images.values().filter(wants).filter(|_| !self.options.skip_push)
    }

    fn create_configured_in(&self, namespace: Option<String>) -> Result<(), StageError> {
        let mut secrets: IndexMap<&str, PullSecret> = IndexMap::new();
        for config in &self.project.pull_secrets {
            let secret = secrets.entry(&config.secret).or_insert_with(|| PullSecret {
                name: config.secret.clone(),
                namespace: namespace.clone(),
                logins: Vec::new(),
                service_accounts: Vec::new(),
            });
            secret.logins.push(login(config));
            for account in &config.service_accounts {
                if !secret.service_accounts.contains(account) {
                    secret.service_accounts.push(account.clone());
                }
            }
        }
        let mut failure = None;
        for secret in secrets.values() {
            if let Err(error) = self.create_pull_secret(secret)
                && let Some(before) = failure.replace(error)
            {
                self.session.notice(Level::Warning, before.to_string());
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Creates `secret` in the namespace of the run and reports the result. Each secret is tried once per run, and a
    /// failure is an error only the first time, because images of one registry share the secret.
    ///
    /// # Errors
    /// `cluster::...` if the cluster does not respond or refuses. A missing cluster and missing credentials are not
    /// errors.
    pub fn create_pull_secret(&self, secret: &PullSecret) -> Result<(), StageError> {
        let is_done = Arc::clone(lock(&self.cluster.pull_secrets).entry(secret.to_string()).or_default());
        // Other threads that need it wait until it exists.
        let mut is_done = lock(&is_done);
        if std::mem::replace(&mut *is_done, true) {
            return Ok(());
        }
        let registries: Vec<_> = secret.logins.iter().map(|login| login.registry.as_str()).collect();
        if self.session.host.cluster.context()?.is_none() {
            let message = format!("no pull secret for {}: no cluster is configured", registries.join(", "));
            self.session.notice(Level::Info, message);
            return Ok(());
        }
        let result = self.session.wait(self.session.host.cluster.create_pull_secret(secret))??;
        for message in messages(secret, &result) {
            self.session.notice(Level::Info, message);
        }
        Ok(())
    }
}

fn login(config: &PullSecretConfig) -> RegistryLogin {
    RegistryLogin {
        registry: config.registry.clone(),
        username: config.username.clone(),
        password: config.password.clone(),
        email: config.email.clone(),
    }
}

/// The messages about `result`: the users of the secret, and the registries without credentials.
fn messages(secret: &PullSecret, result: &PullSecretResult) -> Vec<String> {
    let missing = result.missing.iter().map(|registry| {
        format!(
            "no pull secret for {registry}: no credentials that a cluster can use; run `windlass \
             login {registry}`"
        )
    });
    let users: Vec<_> = result.users.iter().map(|(registry, user)| format!("{registry} as {user}")).collect();
    let written = (!users.is_empty()).then(|| {
        let accounts = secret.service_accounts.join(", ");
        format!(
            "namespace {} of {} pulls from {} (secret {}, service account {accounts})",
            result.namespace,
            result.context,
            users.join(", "),
            secret.name
        )
    });
    missing.chain(written).collect()
}

#[cfg(test)]
mod tests {
    use crate::cluster::{ClusterContext, ClusterNode};
    use crate::fake_project::FakeProject;
    use crate::run::RunOptions;

    /// A test project whose images all need pull secrets, with `more` configuration.
    fn world(images: &[(&str, &str)], more: &str) -> FakeProject {
        let mut config = "version: v1beta9\nimages:\n".to_owned();
        for (name, registry) in images {
            config += &format!(
                "  {name}: {{image: {registry}/{name}, dockerfile: Dockerfile, createPullSecret: true, tags: [one]}}\n"
            );
        }
        let world = FakeProject::of_config(&format!("{config}{more}"));
        world.write("Dockerfile", "FROM scratch\n");
        world
    }

    fn context(name: &str) -> ClusterContext {
        ClusterContext {
            name: name.to_owned(),
            cluster: name.to_owned(),
            namespace: "dev".to_owned(),
            server: "https://127.0.0.1:6443".to_owned(),
            provider: None,
        }
    }

    #[test]
    fn images_of_one_registry_share_a_secret() {
        let world = world(&[("api", "r.io"), ("web", "r.io"), ("db", "nobody.io")], "");
        world.set_cluster(context("prod"), Vec::new());
        world.log_out("nobody.io");
        let ended = world.build_with("", RunOptions { jobs: 1, ..RunOptions::default() });
        ended.succeeds();
        let mut log = world.take_log();
        log.retain(|line| line.contains("secret"));
        assert_eq!(log, ["pull_secret devspace-auth-r-io for r.io"]);
        let line = "namespace dev of prod pulls from r.io as ann (secret devspace-auth-r-io, service account default)";
        assert_eq!(ended.printed().iter().filter(|printed| **printed == line).count(), 1);
        assert!(ended.printed().iter().any(|line| line.starts_with("no pull secret for nobody.io: ")));
    }

    #[test]
    fn hooks_run_around_all_of_them() {
        let hook = |event: &str| {
            format!("{{command: tell, args: ['{event}'], events: ['{event}:createPullSecrets']}}")
        };
        let hooks = ["before", "after", "error"].map(hook).join(", ");
        let images = [("api", "r.io"), ("web", "q.io")];
        let world = world(&images, &format!("hooks: [{hooks}]\n"));
        let build = |world: &FakeProject| {
            world.build_with("", RunOptions { jobs: 1, ..RunOptions::default() }).succeeds();
            let mut log = world.take_log();
            log.retain(|line| line.contains("secret") || line.contains("tell"));
            log
        };
        // Without a cluster, nothing is created.
        assert!(build(&world).is_empty());
        world.set_cluster(context("prod"), Vec::new());
        let log = build(&world);
        assert!(log[0].contains("tell before") && log[3].contains("tell after") && log.len() == 4, "{log:?}");
    }

    #[test]
    fn local_clusters_get_images_without_a_registry() {
        let world = world(&[("api", "r.io")], "");
        let node = ClusterNode {
            name: "here".to_owned(),
            hostname: "here".to_owned(),
            platform: "linux/amd64".to_owned(),
            runtime: "docker://27.0".to_owned(),
            kernel: "6.1".to_owned(),
        };
        let build = |world: &FakeProject| {
            world.build_with("", RunOptions { jobs: 1, ..RunOptions::default() }).succeeds();
            let mut log = world.take_log();
            log.retain(|line| line.starts_with("push") || line.starts_with("load"));
            log
        };
        world.set_cluster(context("orbstack"), vec![node]);
        assert!(build(&world).is_empty());
        world.set_cluster(context("kind-dev"), Vec::new());
        assert_eq!(build(&world), ["load r.io/api:one into the kind cluster dev"]);
        world.set_cluster(context("prod"), Vec::new());
        assert_eq!(build(&world), ["push r.io/api:one"]);
        // The nodes can pull images from a registry.
        world.set_cluster(context("kind-dev"), Vec::new());
        assert!(build(&world).is_empty());
    }
}
