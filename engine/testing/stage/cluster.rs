//! The in-memory cluster that a test sets up, and its objects.

use rhai::plugin::*;

/// The behavior of the in-memory cluster of a test, and its objects.
#[export_module]
pub mod cluster {
    use rhai::{Array, Dynamic, Map};

    use super::super::TestHost;
    use super::super::argument::TestOptions;
    use super::super::bench;
    use super::{checked_name, complete};
    use crate::cluster::ClusterContext;
    use crate::host::memory::test_cluster;
    use crate::script::RhaiResultOf;

    /// Sets the cluster: a map with some of `context` (`test` by default), `namespace` (`default`), `server` (an
    /// address on this machine by default), and `objects`, a list of maps: the objects that are in it already. The
    /// context determines the type of cluster, as usual: `kind-dev` is a kind cluster.
    ///
    /// A test begins without a cluster, so that its images are built as on a machine without one. If it deploys all the
    /// same, it gets the default cluster.
    ///
    /// # Errors
    /// `deploy::...` for an object without `apiVersion`, `kind` or `metadata.name`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_images_are_loaded_into_kind() {
    ///     host.cluster(#{ context: "kind-dev" });
    ///     build(project());
    ///     assert_eq(calls("push"), []);
    ///     assert(calls("load").len() > 0);
    /// }
    ///
    /// fn test_objects_of_others_stay() {
    ///     let other = #{ apiVersion: "v1", kind: "Service", metadata: #{ name: "other" } };
    ///     host.cluster(#{ objects: [other] });
    ///     deploy(project());
    ///     assert_eq(calls("delete"), []);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn cluster(_host: &mut TestHost, facts: Map) -> RhaiResultOf<()> {
        let known = ["context", "namespace", "server", "objects"];
        let options = TestOptions::new("host.cluster", &facts, &known)?;
        let default = test_cluster();
        let name = options.text("context")?.unwrap_or(default.name);
        let context = ClusterContext {
            cluster: name.clone(),
            name,
            namespace: options.text("namespace")?.unwrap_or(default.namespace),
            server: options.text("server")?.unwrap_or(default.server),
            provider: default.provider,
        };
        let objects =
            options.maps("objects")?.map(|objects| complete(objects, &context.namespace)).transpose()?;
        let bench = bench()?;
        let mut state = bench.memory.state();
        state.cluster = Some((context, Vec::new()));
        if let Some(objects) = objects {
            state.objects = objects;
        }
        Ok(())
    }

    /// Makes the cluster refuse the object `KIND/NAME`: `host.apply("Deployment/web", #{ fails: "quota exceeded" })`;
    /// `#{}` lets it accept the object again. A chart is the object `Chart/RELEASE`.
    ///
    /// # Errors
    /// `test::object` for an invalid name.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_refused_object_stops_the_run() {
    ///     host.apply("Deployment/api", #{ fails: "quota exceeded" });
    ///     assert_throws(|| deploy(project()), "run::failed");
    ///     assert_eq(calls("apply"), []);
    /// }
    /// ```
    #[rhai_fn(name = "apply", pure, return_raw)]
    pub fn set_apply(_host: &mut TestHost, object: &str, answer: Map) -> RhaiResultOf<()> {
        let fails = TestOptions::new("host.apply", &answer, &["fails"])?.text("fails")?;
        let object = checked_name(object)?;
        let bench = bench()?;
        let refused = &mut bench.memory.state().unapplied;
        match fails {
            Some(reason) => refused.insert(object, reason),
            None => refused.remove(&object),
        };
        Ok(())
    }

    /// Keeps the object `KIND/NAME` from becoming ready: `host.ready("Deployment/web", #{ fails: "CrashLoopBackOff"
    /// })`; with `#{}` it is ready at once, as all objects are by default. A chart is the object `Chart/RELEASE`.
    ///
    /// # Errors
    /// `test::object` for an invalid name.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_crash_loop_fails_the_run() {
    ///     host.ready("Deployment/api", #{ fails: "CrashLoopBackOff" });
    ///     let project = project();
    ///     assert_throws(|| deploy(project), "run::failed");
    ///     assert_contains(deployment_outcomes(project).api.reason, "CrashLoopBackOff");
    /// }
    /// ```
    #[rhai_fn(name = "ready", pure, return_raw)]
    pub fn set_ready(_host: &mut TestHost, object: &str, answer: Map) -> RhaiResultOf<()> {
        let fails = TestOptions::new("host.ready", &answer, &["fails"])?.text("fails")?;
        let object = checked_name(object)?;
        let bench = bench()?;
        let unready = &mut bench.memory.state().unready;
        match fails {
            Some(reason) => unready.insert(object, reason),
            None => unready.remove(&object),
        };
        Ok(())
    }

    /// The object `KIND/NAME` in the cluster, a map, or `()`. A chart is one object, `Chart/RELEASE`, with
    /// its `values`, because tests do not run helm.
    ///
    /// # Errors
    /// `test::object` for an invalid name.
    ///
    /// # Example
    /// ```rhai
    /// fn test_what_is_deployed() {
    ///     deploy(project(#{ tag: "1.4" }));
    ///     let container = host.object("Deployment/api").spec.template.spec.containers[0];
    ///     assert_eq(container.image, "acme/api:1.4");
    ///     assert_eq(host.object("Chart/web").values.image, "acme/web:1.4");
    ///     assert_eq(host.object("Deployment/other"), ());
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn object(_host: &mut TestHost, name: &str) -> RhaiResultOf<Dynamic> {
        let name = checked_name(name)?;
        let bench = bench()?;
        let object = bench.memory.state().objects_named(&name).next().cloned();
        object.map_or(Ok(Dynamic::UNIT), rhai::serde::to_dynamic)
    }

    /// The objects in the cluster, a list of maps, in the order in which they were created.
    ///
    /// # Example
    /// ```rhai
    /// fn test_the_namespace_is_created() {
    ///     deploy(project(#{ namespace: "staging" }));
    ///     let namespaces = host.objects().filter(|object| object.kind == "Namespace");
    ///     assert_eq(namespaces.map(|object| object.metadata.name), ["staging"]);
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn objects(_host: &mut TestHost) -> RhaiResultOf<Array> {
        let bench = bench()?;
        let objects = bench.memory.state().objects.clone();
        objects.into_iter().map(rhai::serde::to_dynamic).collect()
    }

    /// Sets the output of pods, by their name or the label selector that a script uses. Other pods print nothing.
    ///
    /// # Example
    /// ```rhai
    /// fn test_logs_are_read() {
    ///     host.cluster(#{ context: "prod" });
    ///     host.pod_logs("app=api", "ready");
    ///     assert_eq(pod_logs("app=api"), "ready");
    /// }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn pod_logs(_host: &mut TestHost, pods: &str, text: &str) -> RhaiResultOf<()> {
        bench()?.memory.state().pod_logs.insert(pods.to_owned(), text.to_owned());
        Ok(())
    }
}

use serde_json::Value;

use crate::deploy::manifest::{ManifestDocument, check_complete, check_duplicates, fill_in};
use crate::error::StageError;

/// A string does not name an object.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("invalid object `{name}`: it must be a kind and a name")]
#[diagnostic(code(test::object))]
struct BadObject {
    name: String,
    #[help]
    help: String,
}

/// `name`, if it is like `Deployment/web`.
fn checked_name(name: &str) -> Result<String, StageError> {
    let (kind, object) = name.split_once('/').unwrap_or(("", name));
    // Kubernetes begins every kind with a capital letter.
    let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase());
    if is_kind && !object.is_empty() && !object.contains('/') {
        return Ok(name.to_owned());
    }
    let capital = kind.get(..1).unwrap_or_default().to_ascii_uppercase();
    let help = match kind.get(1..) {
        Some(rest) if !is_kind => format!("did you mean `{capital}{rest}/{object}`?"),
        _ => "write it like `Deployment/web`".to_owned(),
    };
    Err(BadObject { name: name.to_owned(), help }.into())
}

/// `objects` as they are in a cluster: each in a namespace if its kind has one, by default in `namespace`.
fn complete(objects: Vec<Value>, namespace: &str) -> Result<Vec<Value>, StageError> {
    let mut documents: Vec<_> = objects.into_iter().map(ManifestDocument::new).collect();
    check_complete(&documents)?;
    fill_in(&mut documents, namespace, &|_, _| None);
    check_duplicates(&documents)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}
