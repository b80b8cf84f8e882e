//! Loads the file into a [`Project`]: imports, profiles, variables, then decoding.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::Environment;
use super::explain::{self, Explain, Explanation, Layer, Origins, ProfileStatus, Reason, list_variables};
use super::import::Importer;
use super::locate::locate;
use super::node::{Mapping, Span, Value, YamlNode, field};
use super::parse::parse;
use super::problem::{Diagnostics, Report, shown};
use super::profile::{self, Profiles, Sources};
use super::reader::Reader;
use super::schema::check::{Stage, check, check_key};
use super::upgrade::upgrade_with_dev;
use super::variable::{
    Definitions, Predefined, Resolver, command::structured, definition, is_evaluated, is_filled_late,
    is_reference, substitute,
};
use super::{Ask, ConfigDiagnostic, ConfigError, Project, Version, decode, shorthand, version};
use crate::git::{Checkouts, TreeCopy};
use crate::secret::Secret;
use crate::suggestion::nearest;
use crate::text;

/// The variable that selects another file instead of `.env`.
const ENV_FILE: &str = "DEVSPACE_ENV_FILE";

/// The options of loading a project.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// The start directory of the search for `devspace.yaml`, and the base of a relative `config`.
    pub directory: PathBuf,
    /// `--config`: the configuration file. Its directory is the project directory.
    pub config: Option<PathBuf>,
    /// `--profile`, in order.
    pub profiles: Vec<String>,
    /// `--var`, each `NAME=VALUE`; a comma is part of the value.
    pub vars: Vec<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--kube-context`.
    pub kube_context: Option<String>,
    /// `--disable-profile-activation`.
    pub disable_profile_activation: bool,
    /// `--no-exec`: variables of the project run no commands.
    pub no_exec: bool,
    /// Prompts for variables without a value; `None` without a terminal.
    pub ask: Option<Arc<dyn Ask>>,
    /// Replaces the environment of the process.
    pub environment: Option<HashMap<String, String>>,
    /// The data to keep for explanations.
    pub explain: Explain,
    /// The command to run: if the file has it, only its variables are filled in and the rest of the file is ignored,
    /// so that windlass does not prompt for variables of images.
    pub command: Option<String>,
    /// The parent of the state directory `.windlass/` for saved answers; if absent, the project directory.
    pub state: Option<PathBuf>,
    /// Load the copy of a project with the values of the original that do not come from files: the outputs of commands,
    /// and what git returns.
    pub copy: Option<TreeCopy>,
    /// Warn if a name in `vars` is similar to that of a variable; not for dependencies, which get all of `vars`.
    pub checks_vars: bool,
}

impl LoadOptions {
    /// The user's checkouts of git repositories.
    pub(crate) fn checkouts(&self) -> Checkouts {
        Checkouts::of_user(|name| match &self.environment {
            Some(environment) => environment.get(name).cloned(),
            None => std::env::var(name).ok(),
        })
    }

    /// The parent of the state directory with the saved answers for the project in `root`. For a project in a git
    /// checkout, all branches, tags and revisions share their answers.
    pub(super) fn answers_folder(&self, root: &Path) -> PathBuf {
        let own = self.state.clone().or_else(|| self.checkouts().answers_of(root));
        own.unwrap_or_else(|| self.original_of(root))
    }

    /// The directory that `root` is a copy of.
    fn original_of(&self, root: &Path) -> PathBuf {
        self.copy.as_ref().map_or_else(|| root.to_owned(), |copy| copy.original_of(root))
    }

    /// The directory with `file`: `root`, or the original of it, as a copy has no files that git ignores.
    fn folder_of(&self, root: &Path, file: &str) -> PathBuf {
        if root.join(file).exists() { root.to_owned() } else { self.original_of(root) }
    }
}

/// A loaded project.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// The warnings about the file, in file order.
    pub warnings: Vec<ConfigDiagnostic>,
    /// The variables of the `.env` file in the project directory that the environment does not have: for child
    /// processes, and for build arguments without a value.
    pub environment: Vec<(String, String)>,
    /// The values of the variables that were used, by name, for dependencies.
    pub variables: Vec<(String, Secret)>,
    /// Images that were omitted because a variable has no value, if [`Explain`] allows that.
    pub left_out: Vec<String>,
    /// The files that it was read from, and `.env` even if it does not exist.
    pub files: Vec<PathBuf>,
    /// The data for explanations, if [`LoadOptions::explain`] requests it.
    pub explanation: Option<Explanation>,
}

/// Loads a project. Blocks: it reads files, may prompt, and may run git and the commands of variables. Do not call it
/// from async code.
///
/// # Errors
/// `config::not_found` and `config::unreadable` for files, `config::flag` for a bad `--var`,
/// `config::cancelled` if the user cancels a prompt or interrupts a command, and `config::invalid` with all problems of
/// the file. No error contains the value of a password variable or of `--var`.
pub fn load(options: &LoadOptions) -> Result<Loaded, ConfigError> {
    let flags = flags(&options.vars)?;
    let (file, shown) = find(options)?;
    let root = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    let bytes = read(&file)?;
    let environment = Environment::read(options.environment.clone(), &options.folder_of(&root, ".env"))?;
    let environment = environment.with_no_exec(options.no_exec);
    environment.note(&file);

    let decoded = text::decode_strictly(&bytes).map(drop);
    let text: Arc<str> = text::decode(&bytes).into();
    let mut problems = Diagnostics::new(&shown, text.clone());
    let predefined = Predefined {
        root: options.original_of(&root),
        copy: options.copy.clone(),
        name: None,
        profiles: options.profiles.clone(),
        kube_context: options.kube_context.clone(),
        namespace: options.namespace.clone(),
    };
    let mut loader = Loader {
        options,
        resolver: Resolver::new(predefined, flags, &environment, options.ask.clone()),
        environment: &environment,
        problems: &mut problems,
        layers: Vec::new(),
        profiles: Vec::new(),
        file: &file,
        version: Version::NEWEST,
    };
    loader.resolver.keep_answers_in(&options.answers_folder(&root));
    if options.config.is_some() {
        loader.resolver.config_flag = format!(" --config {shown}");
    }
    loader.prepare();
    let document = match decoded {
        Ok(()) => loader.document(&text),
        Err(at) => loader.not_text(&bytes, at),
    };
    // Save the answers even if the file has errors, so that the next run does not prompt again.
    if let Err(reason) = loader.resolver.finish() {
        let report = Report::new("config::answers", reason, "its variables");
        loader.problems.warn(Span { line: 1, column: 1, ..Span::default() }, report);
    }
    loader.check_flags();
    let variables = loader.variables();
    let explanation = match &document {
        Some((document, _)) if options.explain.is_wanted() => Some(loader.explanation(document)),
        _ => None,
    };
    if let Some(error) = loader.resolver.cancelled.take() {
        return Err(error);
    }
    let version = loader.version;
    let passwords = loader.resolver.passwords();
    let mut left_out = Vec::new();
    let project = document.map(|(mut document, profiles)| {
        let dev = upgrade_with_dev(&mut document, version, &mut problems);
        left_out = image_names(&document);
        let decoded = decode::project(document, &dev, &mut Reader { problems: &mut problems });
        left_out.retain(|name| !decoded.images.contains_key(name));
        Project {
            root,
            file,
            passwords,
            profiles,
            images: decoded.images,
            deployments: decoded.deployments,
            hooks: decoded.hooks,
            commands: decoded.commands,
            dependencies: decoded.dependencies,
            pull_secrets: decoded.pull_secrets,
            dev: decoded.dev,
            namespace: options.namespace.clone(),
            kube_context: options.kube_context.clone(),
            other: decoded.other,
        }
    });
    let (problems, omitted, warnings) = problems.finish();
    match project {
        Some(mut project) if problems.is_empty() => {
            let of_dev = warnings.iter().filter(|warning| warning.is_of_dev());
            project.dev.problems = of_dev.map(ConfigDiagnostic::as_error).collect();
            let files = environment.files();
            let environment = environment.additions();
            Ok(Loaded { project, warnings, environment, variables, left_out, files, explanation })
        }
        _ => Err(ConfigError::Invalid { file: shown, problems, omitted }),
    }
}

struct Loader<'a> {
    options: &'a LoadOptions,
    resolver: Resolver<'a>,
    environment: &'a Environment,
    problems: &'a mut Diagnostics,
    /// The changes of the profiles so far.
    layers: Vec<Layer>,
    /// All profiles, if explanations are requested.
    profiles: Vec<ProfileStatus>,
    /// The file. Absolute.
    file: &'a Path,
    /// The version of the file, once it is known.
    version: Version,
}

impl Loader<'_> {
    fn prepare(&mut self) {
        self.resolver.uses = self.options.explain.is_wanted().then(Vec::new);
        self.resolver.is_survey = self.options.explain.is_patient();
        if !self.options.checks_vars {
            self.resolver.flag_origin = "`--var` or a project that depends on this one";
        }
    }

    fn explanation(&mut self, document: &Mapping) -> Explanation {
        let is_survey = self.options.explain == Explain::ProjectCheck;
        let (variables, uses) = list_variables(&mut self.resolver, is_survey, self.problems);
        let layers = std::mem::take(&mut self.layers);
        let origins = Origins::new(self.problems.files(), layers, &uses, &variables);
        let definitions = std::mem::take(&mut self.resolver.definitions);
        let profiles = std::mem::take(&mut self.profiles);
        Explanation::new(document.clone(), origins, profiles, variables, definitions)
    }

    /// Warns about `--var` options with an unknown name that is similar to a known one.
    fn check_flags(&mut self) {
        let names = if self.options.checks_vars { self.resolver.unused_flags() } else { Vec::new() };
        for name in names {
            let known = self.resolver.definitions.iter();
            // An unknown name may be for a dependency: warn only about a probable typo.
            let known = known.map(|(known, _)| known.as_str());
            let known = known.filter(|known| known.chars().next() == name.chars().next());
            let Some(near) = nearest(&name, known) else { continue };
            let span = self.resolver.definitions[near].span;
            let message = format!("`--var {name}=...` has no effect: unknown variable `{name}`");
            let report = Report::new("config::flag", message, "similar name");
            self.problems.warn(span, report.help(format!("did you mean `{near}`?")));
        }
    }

    fn variables(&self) -> Vec<(String, Secret)> {
        let names = self.resolver.definitions.keys();
        let known = names.filter_map(|name| Some((name.clone(), self.resolver.known(name)?)));
        known.map(|(name, value)| (name, Secret::new(value.text))).collect()
    }

    /// The document with profiles applied and variables filled in, and the names of the profiles.
    fn document(&mut self, text: &str) -> Option<(Mapping, Vec<String>)> {
        let root = match parse(text, self.problems) {
            Some(root) => root,
            None if self.problems.is_empty() => YamlNode::empty(),
            None => return None,
        };
        let mut root = match root.is_null() {
            true => YamlNode { value: Value::Mapping(Mapping::new()), ..root },
            false => root,
        };
        let mut reader = Reader { problems: self.problems };
        let mapping = reader.mapping(&root, "the file")?;
        let version = version::read(&root, mapping, &mut reader)?;
        self.version = version;
        self.resolver.version = version;
        self.resolver.predefined.name =
            field(mapping, "name").and_then(YamlNode::as_scalar).map(|name| name.text.clone());
        self.imports(&mut root);
        shorthand::expand(&mut root, version);
        let profiles = self.profiles(&mut root);
        // Profiles may contain short forms as well.
        shorthand::expand(&mut root, version);

        let mut vars = match &mut root.value {
            Value::Mapping(mapping) => mapping.shift_remove("vars"),
            _ => None,
        };
        if let Some(entry) = &mut vars {
            check_key(entry, "vars", version, Stage::Raw, self.problems);
        }
        let definitions = self.definitions(vars.map(|entry| entry.node).as_ref());
        self.resolver.redefine(definitions);
        self.env_file();
        self.resolver.resolve_always(self.problems);

        // A patch may have replaced the document with any value.
        let Value::Mapping(mut mapping) = root.value else { return None };
        mapping.retain(|key, _| !key.starts_with("x-"));
        let wanted = self.options.command.as_deref();
        let command = wanted.and_then(|name| decode::command_mut(mapping.get_mut("commands")?, name));
        if let Some(command) = command {
            substitute(command, false, &mut self.resolver, self.problems);
            mapping.retain(|key, _| ["version", "commands"].contains(&key.as_str()));
        } else {
            for (key, entry) in mapping.iter_mut().filter(|(key, _)| !is_filled_late(key)) {
                substitute(&mut entry.node, is_evaluated(key), &mut self.resolver, self.problems);
            }
        }
        check(&mut mapping, version, Stage::Filled, self.problems);
        Some((mapping, profiles))
    }

    /// Merges the files that the document imports.
    fn imports(&mut self, root: &mut YamlNode) {
        let Value::Mapping(document) = &mut root.value else { return };
        let base = std::path::absolute(&self.options.directory).unwrap_or_default();
        let checkouts = Checkouts::of_user(|name| self.environment.get(name));
        let environment = self.environment;
        let read = |file: &Path| read_text(file, environment);
        let importer = Importer { version: self.version, base: &base, read: &read, checkouts: &checkouts };
        importer.resolve(document, self.file, self.problems);
    }

    /// Adds the profiles of other projects that are parents of the profiles `names`.
    fn foreign_profiles(&mut self, profiles: &mut Profiles, names: &[String]) {
        let base = std::path::absolute(&self.options.directory).unwrap_or_default();
        let checkouts = Checkouts::of_user(|name| self.environment.get(name));
        let environment = self.environment;
        let read = |file: &Path| read_text(file, environment);
        let sources = Sources { version: self.version, base: &base, read: &read, checkouts: &checkouts };
        let folder = self.file.parent().unwrap_or(Path::new(""));
        sources.resolve(profiles, names, folder, self.problems);
    }

    /// Removes the profiles from the document and applies the active ones.
    fn profiles(&mut self, root: &mut YamlNode) -> Vec<String> {
        let Value::Mapping(mapping) = &mut root.value else { return Vec::new() };
        let mut section = mapping.shift_remove("profiles").filter(|entry| !entry.node.is_null());
        if let Some(entry) = &mut section {
            check_key(entry, "profiles", self.version, Stage::Raw, self.problems);
        }
        let vars = mapping.get("vars").map(|entry| &entry.node);
        if let Some(entry) = &mut section {
            self.fill_profiles(&mut entry.node, vars);
        }
        let mut profiles = match &section {
            Some(entry) => profile::read(&entry.node, &mut Reader { problems: self.problems }),
            None => Profiles::new(),
        };
        let place = section.map_or(Span { line: 1, column: 1, ..Span::default() }, |entry| entry.key);
        let activated = match self.options.disable_profile_activation {
            true => Vec::new(),
            false => self.activated(&profiles),
        };
        let active: Vec<String> = activated.iter().map(|(name, _)| name.clone()).collect();
        let selected: Vec<String> = active.iter().chain(&self.options.profiles).cloned().collect();
        self.foreign_profiles(&mut profiles, &selected);
        let mut reader = Reader { problems: self.problems };
        let ordered = profile::order(&profiles, place, &active, &self.options.profiles, &mut reader);
        let is_own = |name: &&String| profiles.get(*name).is_some_and(|profile| !profile.is_foreign);
        let own: Vec<String> = ordered.iter().filter(is_own).cloned().collect();
        self.resolver.predefined.profiles = own.clone();
        if self.options.explain.is_wanted() {
            let asked = &self.options.profiles;
            self.profiles = explain::statuses(&profiles, asked, &activated, &ordered, reader.problems);
        }
        for name in &ordered {
            let Some(profile) = profiles.get_mut(name) else { continue };
            for (key, mut section) in profile.take_open() {
                substitute(&mut section, true, &mut self.resolver, self.problems);
                let parsed = section
                    .as_scalar()
                    .and_then(|scalar| structured(&scalar.text, section.span, self.problems));
                let section = parsed.unwrap_or(section);
                profile.close(name, (key, section), self.version, self.problems);
            }
            let mut reader = Reader { problems: self.problems };
            profile.apply(name, root, self.version, &mut self.layers, &mut reader);
        }
        own
    }

    /// Fills in the variables that determine which profiles are applied: in their parents and activations. Uses the
    /// definitions before profiles change them.
    fn fill_profiles(&mut self, profiles: &mut YamlNode, vars: Option<&YamlNode>) {
        let Value::Sequence(profiles) = &mut profiles.value else { return };
        let has = |node: &YamlNode, key: &str| node.get(key).is_some();
        let is_wanted = |node: &YamlNode| {
            has(node, "activation")
                || node.as_mapping().is_some_and(|profile| {
                    let mut texts = profile.values().filter_map(|entry| entry.node.as_scalar());
                    texts.any(|scalar| is_reference(&scalar.text))
                })
        };
        if !profiles.iter().any(is_wanted) {
            return;
        }
        if let Some(node) = vars.filter(|node| !node.is_null()) {
            // Their problems are reported when they are read again, after profiles changed them.
            let mut unused = self.problems.silent();
            self.resolver.definitions = definition::read(node, &mut Reader { problems: &mut unused });
        }
        for profile in profiles {
            let Value::Mapping(profile) = &mut profile.value else { continue };
            for key in ["parent", "parents", "activation"] {
                let Some(entry) = profile.get_mut(key) else { continue };
                substitute(&mut entry.node, true, &mut self.resolver, self.problems);
            }
        }
    }

    /// The profiles whose activation matches, in file order, and the reasons.
    fn activated(&mut self, profiles: &Profiles) -> Vec<(String, Reason)> {
        let mut active = Vec::new();
        for (name, profile) in profiles {
            let variable =
                |name: &str, span| self.resolver.resolve(name, span, self.problems).map(|value| value.text);
            let reason = profile.activated_by(|name| self.environment.get(name), variable);
            active.extend(reason.map(|reason| (name.clone(), reason)));
        }
        active
    }

    /// Reads the file that the variable `DEVSPACE_ENV_FILE` names instead of `.env`, as in DevSpace 6.
    fn env_file(&mut self) {
        let Some(definition) = self.resolver.definitions.get(ENV_FILE) else { return };
        let span = definition.span;
        let Some(path) = self.resolver.resolve(ENV_FILE, span, self.problems) else { return };
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let folder = self.options.folder_of(folder, &path.text);
        if let Err(error) = self.environment.replace_file(&folder.join(&path.text)) {
            let message = format!("cannot read the file in `{ENV_FILE}`: {error}");
            let report = Report::new("config::variable", message, "defined here");
            self.problems.add(span, report.help("use a path relative to the file that contains it"));
        }
    }

    fn definitions(&mut self, vars: Option<&YamlNode>) -> Definitions {
        match vars.filter(|node| !node.is_null()) {
            Some(node) => definition::read(node, &mut Reader { problems: self.problems }),
            None => Definitions::new(),
        }
    }

    fn not_text<T>(&mut self, bytes: &[u8], at: usize) -> Option<T> {
        let before = text::decode(&bytes[..at]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let start = before.len();
        let report =
            Report::new("config::yaml", "the file is not UTF-8 text", "this byte").help("save it as UTF-8");
        self.problems.add(Span { start, end: start, line, column, ..Span::default() }, report);
        None
    }
}

/// The names of the images with a value.
fn image_names(document: &Mapping) -> Vec<String> {
    let images = field(document, "images").and_then(YamlNode::as_mapping).into_iter().flatten();
    images.filter(|(_, entry)| !entry.node.is_null()).map(|(name, _)| name.clone()).collect()
}

fn flags(vars: &[String]) -> Result<HashMap<String, String>, ConfigError> {
    let mut flags = HashMap::new();
    for (index, text) in vars.iter().enumerate() {
        let (name, value) = text.split_once('=').ok_or(ConfigError::VariableFlag { number: index + 1 })?;
        flags.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(flags)
}

fn home(options: &LoadOptions) -> Option<PathBuf> {
    match &options.environment {
        Some(environment) => environment.get("HOME").map(PathBuf::from),
        None => std::env::home_dir(),
    }
}

/// Reads a file that another file includes.
fn read_text(file: &Path, environment: &Environment) -> std::io::Result<String> {
    environment.note(file);
    text_of(file).map_err(|error| match error {
        ConfigError::Unreadable { source, .. } => source,
        other => std::io::Error::other(other.to_string()),
    })
}

/// The configuration file of `options`, as an absolute path and as displayed.
pub(crate) fn find(options: &LoadOptions) -> Result<(PathBuf, String), ConfigError> {
    let file = locate(&options.directory, options.config.as_deref(), home(options).as_deref())?;
    let shown = shown(&file, &std::path::absolute(&options.directory).unwrap_or_default());
    Ok((file, shown))
}

/// The content of a file.
pub(crate) fn text_of(file: &Path) -> Result<String, ConfigError> {
    let bytes = read(file)?;
    text::decode_strictly(&bytes).map(Cow::into_owned).map_err(|_| ConfigError::Unreadable {
        file: file.to_owned(),
        source: std::io::Error::other("it is not UTF-8 text"),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
    crate::input_file::read(file).map_err(unreadable)
}
