//! The in-memory host that a test sets up.

use rhai::plugin::*;

/// The constant `host` of tests.
#[derive(Debug, Clone, Copy)]
pub struct TestHost;

/// The behavior of the in-memory host of a test, and the input it received. By default, everything succeeds: each test
/// begins with a Docker daemon, empty registries and a clean git repository on `main`, at 2001-02-03T04:05:06Z.
#[export_module]
pub mod host {
    use rhai::{Array, Dynamic, Map};

    use super::super::argument::TestOptions;
    use super::super::bench;
    use super::TestHost;
    use crate::host::memory::{GitFacts, HttpRule, ProgramRule};
    use crate::script::RhaiResultOf;

    /// Sets the facts of git: a map with some of `branch`, `commit` (40 digits), `tag` or `tags`, `dirty`, `time`
    /// (seconds since 1970), `remote`, `describe`. The defaults are those of a clean repository on `main` without tags.
    ///
    /// # Example
    /// ```rhai
    /// fn test_configured_tags_may_name_the_branch() {
    ///     host.git(#{ branch: "fix/login", dirty: true });
    ///     let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [\"${DEVSPACE_GIT_COMMIT}\"]\n";
    ///     assert_eq(project(#{ config: config }).image("api").tags, ["01234567"]);
    /// }
    /// ```
    #[rhai_fn(name = "git", pure, return_raw)]
    pub fn set_git(_host: &mut TestHost, facts: Map) -> RhaiResultOf<()> {
        let known = ["branch", "commit", "tag", "tags", "dirty", "time", "remote", "describe"];
        let options = TestOptions::new("host.git", &facts, &known)?;
        let default = GitFacts::default();
        let tags = match options.texts("tag")? {
            Some(tags) => tags,
            None => options.texts("tags")?.unwrap_or_default(),
        };
        let branch = if options.has("branch") { options.text("branch")? } else { default.branch };
        let facts = GitFacts {
            branch,
            commit: options.text("commit")?.unwrap_or(default.commit),
            tags,
            is_dirty: options.truth("dirty")?,
            time: options.number("time")?.unwrap_or(default.time),
            remote: options.text("remote")?,
            describe: options.text("describe")?,
        };
        bench()?.memory.state().git = Some(facts);
        Ok(())
    }

    /// Sets environment variables, a map. A test begins without any, regardless of your shell. Set those that
    /// `devspace.yaml` uses before `project()`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_variables() {
    ///     host.env(#{ VERSION: "1.4" });
    ///     let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [\"${VERSION}\"]\n";
    ///     assert_eq(project(#{ config: config }).image("api").tags, ["1.4"]);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn env(_host: &mut TestHost, variables: Map) -> RhaiResultOf<()> {
        let bench = bench()?;
        let variables = variables.into_iter().map(|(name, value)| (name.to_string(), value.to_string()));
        bench.memory.state().variables.extend(variables);
        Ok(())
    }

    /// Removes the git repository of the project: `host.no_git()`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_without_git() {
    ///     host.no_git();
    ///     assert(project().images.len() > 0);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn no_git(_host: &mut TestHost) -> RhaiResultOf<()> {
        bench()?.memory.state().git = None;
        Ok(())
    }

    /// Sets the result of commands whose command line begins with `command`: a map with some of `code`, `stdout`,
    /// `stderr`, and `times`, the number of calls that it applies to. The last matching rule counts.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_failing_program_is_noticed() {
    ///     host.exec("cosign sign", #{ code: 1, stderr: "no key" });
    ///     build(project());
    ///     assert_eq(calls("exec"), []);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn exec(_host: &mut TestHost, command: &str, answer: Map) -> RhaiResultOf<()> {
        let options = TestOptions::new("host.exec", &answer, &["code", "stdout", "stderr", "times"])?;
        let rule = ProgramRule {
            command: command.to_owned(),
            code: options.number("code")?.and_then(|code| code.try_into().ok()).unwrap_or(0),
            stdout: options.text("stdout")?.unwrap_or_default(),
            stderr: options.text("stderr")?.unwrap_or_default(),
            times: options.number("times")?.and_then(|times| times.try_into().ok()),
        };
        bench()?.memory.state().programs.push(rule);
        Ok(())
    }

    /// Sets the response of web servers for URLs that begin with `url`: a map with some of `status`, `body`, and
    /// `times`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_server_that_is_down() {
    ///     host.http("https://chat.example/", #{ status: 503, times: 2 });
    ///     assert_eq(host.requests(), []);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn http(_host: &mut TestHost, url: &str, answer: Map) -> RhaiResultOf<()> {
        let options = TestOptions::new("host.http", &answer, &["status", "body", "times"])?;
        let rule = HttpRule {
            url: url.to_owned(),
            status: options.number("status")?.and_then(|status| status.try_into().ok()).unwrap_or(200),
            body: options.text("body")?.unwrap_or_default(),
            times: options.number("times")?.and_then(|times| times.try_into().ok()),
        };
        bench()?.memory.state().servers.push(rule);
        Ok(())
    }

    /// Makes builds of `image` fail: `host.build("api", #{ fails: "no space left" })`; `#{}` lets them succeed again.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_broken_image_is_named() {
    ///     let project = project();
    ///     let image = project.images[0].name;
    ///     host.build(image, #{ fails: "no space left" });
    ///     assert_throws(|| build(project), "run::failed");
    ///     assert_contains(outcomes(project)[image].reason, "no space left");
    /// }
    /// ```
    #[rhai_fn(name = "build", pure, return_raw)]
    pub fn set_build(_host: &mut TestHost, image: &str, answer: Map) -> RhaiResultOf<()> {
        let fails = TestOptions::new("host.build", &answer, &["fails"])?.text("fails")?;
        let bench = bench()?;
        let broken = &mut bench.memory.state().broken;
        match fails {
            Some(reason) => broken.insert(image.to_owned(), reason),
            None => broken.remove(image),
        };
        Ok(())
    }

    /// Rejects pushes to references that begin with `reference`: `host.push("ghcr.io/", #{ fails: "denied" })`; `#{}`
    /// allows them again.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_push_that_is_refused() {
    ///     host.push("", #{ fails: "denied" });
    ///     assert_throws(|| build(project()), "run::failed");
    ///     assert_eq(calls("push"), []);
    /// }
    /// ```
    #[rhai_fn(name = "push", pure, return_raw)]
    pub fn set_push(_host: &mut TestHost, reference: &str, answer: Map) -> RhaiResultOf<()> {
        let fails = TestOptions::new("host.push", &answer, &["fails"])?.text("fails")?;
        let bench = bench()?;
        let refused = &mut bench.memory.state().refused;
        refused.retain(|(known, _)| known != reference);
        refused.extend(fails.map(|reason| (reference.to_owned(), reason)));
        Ok(())
    }

    /// Sets whether a Docker daemon is reachable: `host.docker(#{ reachable: false })`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_without_a_daemon() {
    ///     host.docker(#{ reachable: false });
    ///     assert_eq(choose_builder(project().image("api")), "oci");
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn docker(_host: &mut TestHost, facts: Map) -> RhaiResultOf<()> {
        let is_there = TestOptions::new("host.docker", &facts, &["reachable"])?.truth("reachable")?;
        bench()?.memory.state().is_daemon_there = is_there;
        Ok(())
    }

    /// Adds images to registries: a map from references to digests.
    ///
    /// # Errors
    /// `image::reference::...` for an invalid reference.
    ///
    /// # Example
    /// ```rhai
    /// fn test_with_an_image_that_exists() {
    ///     host.registry(#{ "acme/api:staging": "sha256:0123" });
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn registry(_host: &mut TestHost, images: Map) -> RhaiResultOf<()> {
        let bench = bench()?;
        for (reference, digest) in images {
            let reference = reference.parse().map_err(crate::error::StageError::from)?;
            bench.memory.state().pushed.insert(reference, digest.to_string());
        }
        Ok(())
    }

    /// Sets the clock: `host.now("2026-11-23T10:00:00Z")`. Only `sleep` advances it.
    ///
    /// # Errors
    /// `test::time` for an invalid time.
    ///
    /// # Example
    /// ```rhai
    /// fn test_time() { host.now("2026-11-23T10:00:00Z"); }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn now(_host: &mut TestHost, time: &str) -> RhaiResultOf<()> {
        let time =
            time.parse().map_err(|_| crate::error::StageError::from(super::NoTime(time.to_owned())))?;
        bench()?.memory.state().now = time;
        Ok(())
    }

    /// Sets the random characters, which repeat; default: `x`. Random tags consist of them.
    ///
    /// # Example
    /// ```rhai
    /// fn test_random_tags() {
    ///     host.random("k3q");
    ///     let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n";
    ///     build(project(#{ config: config, files: #{ Dockerfile: "FROM scratch\n" } }));
    ///     assert_eq(calls("push"), ["acme/api:k3qk3"]);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn random(_host: &mut TestHost, characters: &str) -> RhaiResultOf<()> {
        let bench = bench()?;
        let mut state = bench.memory.state();
        state.random = characters.chars().collect();
        state.taken = 0;
        Ok(())
    }

    /// The builds so far, in order: maps with `image`, `references`, `dockerfile` (its content), `target` and
    /// `build_args`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_what_is_built() {
    ///     build(project());
    ///     for made in host.builds() { assert_contains(made.dockerfile, "FROM"); }
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn builds(_host: &mut TestHost) -> RhaiResultOf<Array> {
        let bench = bench()?;
        let made = bench.memory.state().made.clone();
        let made = made.into_iter().map(|made| {
            rhai::serde::to_dynamic(serde_json::json!({
                "image": made.image,
                "references": made.references,
                "dockerfile": made.dockerfile,
                "target": made.target,
                "build_args": made.build_args,
            }))
        });
        made.collect()
    }

    /// The HTTP requests so far, in order: maps with `method`, `url`, `headers` and `body`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_nobody_is_told() {
    ///     build(project());
    ///     assert_eq(host.requests(), []);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn requests(_host: &mut TestHost) -> RhaiResultOf<Array> {
        let bench = bench()?;
        let sent = bench.memory.state().requests.clone();
        let sent = sent.into_iter().map(|request| {
            let headers: serde_json::Map<_, _> =
                request.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
            rhai::serde::to_dynamic(serde_json::json!({
                "method": request.method,
                "url": request.url,
                "headers": headers,
                "body": String::from_utf8_lossy(&request.body),
            }))
        });
        sent.collect()
    }

    /// The content that a script wrote to the file `path` of the project; `()` if none did.
    ///
    /// # Example
    /// ```rhai
    /// fn test_nothing_is_written() { assert_eq(host.written("digest.txt"), ()); }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn written(_host: &mut TestHost, path: &str) -> RhaiResultOf<Dynamic> {
        let bench = bench()?;
        let state = bench.memory.state();
        let mut written = state.files.iter().rev().filter(|(known, _)| known.ends_with(path));
        let content = written.find_map(|(_, content)| content.clone());
        Ok(content.map_or(Dynamic::UNIT, |content| String::from_utf8_lossy(&content).into_owned().into()))
    }
}

/// A string is not a time.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("invalid time `{0}`")]
#[diagnostic(code(test::time), help("write it like 2026-11-23T10:00:00Z"))]
struct NoTime(String);
