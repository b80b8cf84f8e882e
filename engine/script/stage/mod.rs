//! The stages: Rust functions that scripts compose.

mod argument;
mod cluster;
mod command;
mod connect;
mod context;
mod current;
mod data;
mod deploy;
mod deployment;
mod dev;
mod dockerfile;
mod dockerfile_parts;
mod environment;
mod error;
mod files;
mod flow;
mod git;
mod hooks;
mod http;
mod image;
mod object;
mod option;
mod parallel;
mod plan;
mod project;
mod registry;
mod rollout;
mod secret;
mod secret_text;
mod stored;
mod sync;
mod system_time;
mod tags;

use rhai::{Engine, exported_module};

pub use project::ScriptProject;
pub use sync::SyncedBatch;

/// Registers every stage in `engine`.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<ScriptProject>("Project")
        .register_type_with_name::<crate::run::Image>("Image")
        .register_type_with_name::<crate::run::ImageDockerfile>("Dockerfile")
        .register_type_with_name::<crate::image::Context>("Context")
        .register_type_with_name::<cluster::ScriptCluster>("Cluster")
        .register_type_with_name::<crate::rollout::Deployment>("Deployment")
        .register_type_with_name::<crate::rollout::Rollout>("Rollout")
        .register_type_with_name::<crate::rollout::Deployed>("Deployed")
        .register_type_with_name::<dev::ScriptDev>("Dev")
        .register_type_with_name::<crate::config::Forward>("Forward")
        .register_type_with_name::<crate::config::Folder>("Folder")
        .register_type_with_name::<crate::config::Page>("Page")
        .register_type_with_name::<crate::config::Foreground>("Foreground")
        .register_type_with_name::<crate::config::ContainerSelection>("Selection")
        .register_type_with_name::<crate::run::ImageChange>("ImageChange")
        .register_type_with_name::<sync::SyncedBatch>("SyncedBatch")
        .register_type_with_name::<crate::plan::Plan>("Plan")
        .register_type_with_name::<crate::plan::Built>("Built")
        .register_type_with_name::<command::CommandResult>("CommandResult")
        .register_type_with_name::<git::Git>("Git")
        .register_type_with_name::<crate::host::HttpResponse>("HttpResponse")
        .register_type_with_name::<crate::registry::ManifestFacts>("Manifest")
        .register_type_with_name::<crate::secret::Secret>("Secret")
        .register_type_with_name::<crate::error::StageError>("StageError");
    for module in modules() {
        engine.register_global_module(module.into());
    }
}

fn modules() -> [rhai::Module; 29] {
    let mut git = exported_module!(git::git);
    git.set_var("git", git::Git);
    [
        exported_module!(cluster::cluster),
        exported_module!(command::command),
        exported_module!(connect::connect),
        exported_module!(context::context),
        exported_module!(data::data),
        exported_module!(deploy::deploy),
        exported_module!(deployment::deployment),
        exported_module!(dev::dev),
        exported_module!(dockerfile::dockerfile),
        exported_module!(dockerfile_parts::dockerfile_parts),
        exported_module!(environment::environment),
        exported_module!(error::error),
        exported_module!(files::files),
        exported_module!(flow::flow),
        git,
        exported_module!(hooks::hooks),
        exported_module!(http::http),
        exported_module!(image::image),
        exported_module!(object::object),
        exported_module!(parallel::parallel),
        exported_module!(plan::plan),
        exported_module!(project::project),
        exported_module!(registry::registry),
        exported_module!(rollout::rollout),
        exported_module!(secret::secret),
        exported_module!(secret_text::secret_text),
        exported_module!(stored::stored),
        exported_module!(sync::sync),
        exported_module!(tags::tags),
    ]
}

/// The names of all stages, sorted.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<_> = signatures()
        .iter()
        .filter_map(|signature| signature.split('(').next())
        .filter(|name| !name.contains([' ', '$']))
        .map(ToOwned::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The names of all properties of the values that stages take and return.
pub(super) fn properties() -> Vec<String> {
    let name = |signature: &String| {
        let (name, _) = signature.strip_prefix("get$")?.split_once('(')?;
        Some(name.to_owned())
    };
    signatures().iter().filter_map(name).collect()
}

/// The names of the properties of values of the type `owner`, such as `Image`.
pub(super) fn properties_of(owner: &str) -> Vec<String> {
    let named = getters().into_iter().filter(|(_, of)| of == owner);
    named.map(|(name, _)| name).collect()
}

/// The types of which `name` is a property.
pub(super) fn owners_of(name: &str) -> Vec<String> {
    let mut owners: Vec<_> = getters().into_iter().filter(|(known, _)| known == name).collect();
    owners.sort();
    owners.dedup();
    owners.into_iter().map(|(_, owner)| owner).collect()
}

/// Each property, with the type it belongs to.
fn getters() -> Vec<(String, String)> {
    let getter = |signature: &String| {
        let (name, rest) = signature.strip_prefix("get$")?.split_once('(')?;
        let (_, owner) = rest.split_once(')')?.0.split_once(": ")?;
        Some((name.to_owned(), owner.trim_start_matches("&mut ").to_owned()))
    };
    signatures().iter().filter_map(getter).collect()
}

/// Whether Rhai or a stage has a function of this name.
pub(super) fn is_function(name: &str) -> bool {
    let mut engine = Engine::new();
    register(&mut engine);
    let is_named = |info: rhai::FuncInfo<'_>| (info.metadata.name == name).then_some(());
    !engine.collect_fn_metadata(None, is_named, true).is_empty()
}

/// How the stage `name` is called: `plan_image(image, dockerfile, context)`.
pub(super) fn signature(name: &str) -> Option<String> {
    forms(name).into_iter().next()
}

/// All forms in which the stage `name` can be called, sorted.
pub(super) fn forms(name: &str) -> Vec<String> {
    let signatures = signatures();
    let named = signatures.iter().filter_map(|signature| signature.split_once('('));
    let form = |(_, parameters): (&str, &str)| {
        let parameters = parameters.rsplit_once(')').map_or(parameters, |(parameters, _)| parameters);
        let names = parameters.split(", ").filter_map(|parameter| parameter.split(':').next());
        format!("{name}({})", names.collect::<Vec<_>>().join(", "))
    };
    let mut forms: Vec<_> = named.filter(|(found, _)| *found == name).map(form).collect();
    forms.sort();
    forms.dedup();
    forms
}

fn signatures() -> Vec<String> {
    let mut engine = Engine::new_raw();
    register(&mut engine);
    engine.gen_fn_signatures(false)
}
