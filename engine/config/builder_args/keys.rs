//! The arguments of Docker that have keys in `docker` and `buildKit`, and options in scripts.

use super::{BuilderArg, BuilderArgs, flag};
use crate::config::Origin;

/// An argument of Docker with a key.
#[derive(Debug, PartialEq, Eq)]
pub struct DockerKey {
    /// The key, with a list of values.
    pub name: &'static str,
    /// The option in scripts.
    pub option: &'static str,
    /// The flag of each value.
    flag: &'static str,
}

/// The arguments of Docker that have keys.
pub const DOCKER_KEYS: [DockerKey; 5] = [
    DockerKey { name: "platforms", option: "platforms", flag: "platform" },
    DockerKey { name: "cacheFrom", option: "cache_from", flag: "cache-from" },
    DockerKey { name: "cacheTo", option: "cache_to", flag: "cache-to" },
    DockerKey { name: "secrets", option: "secrets", flag: "secret" },
    DockerKey { name: "ssh", option: "ssh", flag: "ssh" },
];

impl BuilderArgs {
    /// Replaces the arguments of `key` by those for `values`, each with its location.
    pub fn set_key(&mut self, key: &DockerKey, values: Vec<(String, Option<Origin>)>) {
        self.0.retain(|arg| arg.key != Some(key.name));
        let flag = flag::DOCKER.iter().find(|flag| flag.name == key.flag);
        self.0.extend(values.into_iter().map(|(value, origin)| BuilderArg {
            flag,
            name: format!("--{}", key.flag),
            fault: fault(key, &value),
            value: Some(value),
            key: Some(key.name),
            origin,
        }));
        // Their order is an input of the image, and must not depend on which of them is set first.
        self.0.sort_by_key(|arg| {
            let position = |name| DOCKER_KEYS.iter().position(|key| key.name == name);
            arg.key.and_then(position).unwrap_or(DOCKER_KEYS.len())
        });
    }

    /// Replaces the arguments without a key by `words`, each with its location, as arguments of `docker build`.
    pub fn set_words(&mut self, words: Vec<(String, Option<Origin>)>) {
        self.0.retain(|arg| arg.key.is_some());
        self.0.extend(Self::of_docker(words).0);
    }
}

/// Why `value` is invalid for all builders.
fn fault(key: &DockerKey, value: &str) -> Option<&'static str> {
    let has_id =
        || value.split(',').any(|part| part.trim().strip_prefix("id=").is_some_and(|id| !id.is_empty()));
    match key.name {
        _ if value.trim().is_empty() => Some("it is empty"),
        "secrets" if !has_id() => Some("a secret requires an id, such as `id=npm,env=NPM_TOKEN`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_arguments_and_stay_beside_args() {
        let unplaced =
            |texts: &[&str]| texts.iter().map(|text| ((*text).to_owned(), None)).collect::<Vec<_>>();
        let mut args = BuilderArgs::of_docker(unplaced(&["--pull"]));
        args.set_key(&DOCKER_KEYS[1], unplaced(&["r.io/api", "type=gha"]));
        args.set_key(&DOCKER_KEYS[3], unplaced(&["id=a,src=b", "src=c"]));
        assert_eq!(
            args.words().collect::<Vec<_>>(),
            [
                "--cache-from=r.io/api",
                "--cache-from=type=gha",
                "--secret=id=a,src=b",
                "--secret=src=c",
                "--pull"
            ]
        );
        assert_eq!(args.iter().filter(|arg| arg.fault.is_some()).count(), 1);
        assert_eq!(args.key_words().collect::<Vec<_>>(), ["--secret=a", "--secret="]);
        args.set_words(unplaced(&["--squash"]));
        args.set_key(&DOCKER_KEYS[3], Vec::new());
        assert_eq!(
            args.words().collect::<Vec<_>>(),
            ["--cache-from=r.io/api", "--cache-from=type=gha", "--squash"]
        );
    }
}
