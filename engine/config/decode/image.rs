//! The section `images`.

use std::collections::HashMap;
use std::path::PathBuf;

use indexmap::IndexMap;

use super::build::{Build, build};
use crate::config::node::{Mapping, Scalar, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::schema::REBUILD_STRATEGIES;
use crate::config::{ImageConfig, RebuildStrategy, TagConfig};
use crate::image::{Repository, Tag, TagTemplate};

/// Reads `images`, with their JSON for hooks if `with_json` is set. Images without a value are omitted: this is how a
/// profile removes an image.
pub(crate) fn images(
    section: Option<&YamlNode>,
    with_json: bool,
    reader: &mut Reader<'_>,
) -> IndexMap<String, ImageConfig> {
    let mut images = IndexMap::new();
    let Some(section) = section else { return images };
    let Some(mapping) = reader.mapping(section, "`images`") else { return images };
    let mut claims = Claims::default();
    for (name, entry) in mapping {
        if name.is_empty() {
            let report =
                Report::new("config::image", "an image has an empty name", "here").help("give it a name");
            reader.problems.add(entry.key, report);
        } else if entry.node.is_null() {
            let message = format!("image `{name}` is ignored: it is empty");
            let report = Report::new("config::image", message, "no value");
            // No warning for a profile that removes an image this way.
            if entry.node.span.layer == 0 {
                reader.problems.warn(entry.key, report.help("add `image`, or remove the entry"));
            }
        } else if let Some((mut image, tags)) = image(name, entry.key, &entry.node, reader) {
            claims.check(&image, entry.key, &tags, reader);
            image.json = with_json.then(|| json(&entry.node));
            images.insert(name.clone(), image);
        }
    }
    images
}

/// The entry as JSON, with passwords as `***`.
fn json(node: &YamlNode) -> serde_json::Value {
    let mut node = node.clone();
    node.for_each_scalar(&mut Scalar::mask);
    node.to_json()
}

/// The image of each reference, to report images with the same reference, which would overwrite each other.
#[derive(Default)]
struct Claims(HashMap<(Repository, Tag), (String, Span)>);

impl Claims {
    fn check(
        &mut self,
        image: &ImageConfig,
        key: Span,
        tags: &[(TagTemplate, Span)],
        reader: &mut Reader<'_>,
    ) {
        if image.disabled {
            return;
        }
        for (template, span) in tags {
            // Random tags do not conflict.
            let Some(tag) = template.fixed() else { continue };
            let span = if span.line == 0 { key } else { *span };
            match self.0.get(&(image.repository.clone(), tag.clone())) {
                Some((other, first)) if *other != image.name => {
                    // The message omits the reference: its variables may be secret. The labels show its locations.
                    let message = format!("images `{other}` and `{}` have the same reference", image.name);
                    let report = Report::new("config::image", message, "again here")
                        .also(*first, "first here")
                        .help("use another tag or repository for one of them");
                    reader.problems.add(span, report);
                }
                Some(_) => {}
                None => {
                    self.0.insert((image.repository.clone(), tag), (image.name.clone(), span));
                }
            }
        }
    }
}

fn image(
    name: &str,
    key: Span,
    node: &YamlNode,
    reader: &mut Reader<'_>,
) -> Option<(ImageConfig, Vec<(TagTemplate, Span)>)> {
    let what = format!("image `{name}`");
    let mapping = reader.mapping(node, &what)?;
    let repository = repository(node, mapping, &what, reader);
    let tags = tags(mapping, &what, reader);
    let path =
        |text: Option<String>, default: &str| PathBuf::from(text.unwrap_or_else(|| default.to_owned()));
    let Build { disabled, docker, kaniko, custom, options } = build(mapping, &what, reader);
    let mut image = ImageConfig {
        name: name.to_owned(),
        origin: reader.problems.origin(key),
        dockerfile: path(reader.text(mapping, "dockerfile", &what), "./Dockerfile"),
        context: path(reader.text(mapping, "context", &what), "./"),
        entrypoint: reader.texts(mapping, "entrypoint", &what),
        cmd: reader.texts(mapping, "cmd", &what),
        append_dockerfile_instructions: reader
            .texts(mapping, "appendDockerfileInstructions", &what)
            .unwrap_or_default(),
        inject_restart_helper: ["injectRestartHelper", "injectLegacyRestartHelper"]
            .into_iter()
            .any(|key| reader.boolean(mapping, key, &what) == Some(true)),
        restart_helper_path: reader.text(mapping, "restartHelperPath", &what),
        create_pull_secret: reader.boolean(mapping, "createPullSecret", &what),
        rebuild_strategy: rebuild_strategy(mapping, &what, reader),
        disabled,
        docker,
        kaniko,
        custom,
        options,
        json: None,
        tags: tags
            .iter()
            .map(|(template, span)| TagConfig {
                text: template.as_str().to_owned(),
                origin: reader.problems.origin(*span),
            })
            .collect(),
        repository: repository?,
    };
    image.take_inputs_of_arguments();
    Some((image, tags))
}

fn repository(node: &YamlNode, mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<Repository> {
    let Some(image) = field(mapping, "image") else {
        reader.missing(node, "image", what);
        return None;
    };
    let text = reader.text(mapping, "image", what)?;
    let parsed = text.parse::<Repository>().map_err(|error| error.reason);
    // Docker reads such a name as one without a registry, which cannot be pushed or pulled.
    let parsed = parsed.and_then(|repository| match repository.domain() {
        "" => Err(format!("`{}` is not a host name", text.split('/').next().unwrap_or_default())),
        _ => Ok(repository),
    });
    match parsed {
        Ok(repository) => Some(repository),
        Err(reason) => {
            let message = match hidden(image) {
                Some(written) => {
                    format!("`image` of {what} is not a repository: the value of `{written}` is invalid")
                }
                None => format!("`image` of {what} is not a repository: {reason}"),
            };
            let help = unfilled(&text).unwrap_or_else(|| {
                "write only registry and repository, such as `ghcr.io/acme/api`; put tags into `tags`"
                    .to_owned()
            });
            let report = Report::new("config::image", message, "not a repository").help(help);
            reader.problems.add(image.span, report);
            None
        }
    }
}

fn tags(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<(TagTemplate, Span)> {
    let mut nodes: Vec<&YamlNode> = Vec::new();
    if let Some(node) = field(mapping, "tags") {
        nodes.extend(reader.sequence(node, &format!("`tags` of {what}")).unwrap_or_default());
    }
    let mut tags = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(text) = reader.string(node, &format!("a tag of {what}")) else { continue };
        match text.parse::<TagTemplate>() {
            Ok(template) => tags.push((template, node.span)),
            Err(error) => {
                let message = match hidden(node) {
                    Some(written) => {
                        format!("invalid tag of {what}: the value of `{written}` is not a tag")
                    }
                    None => format!("invalid tag `{text}` of {what}: {}", error.reason),
                };
                let help = unfilled(&text).unwrap_or_else(|| {
                    "use at most 128 letters, digits, `_`, `.` and `-`, starting with a letter, digit or `_`"
                        .to_owned()
                });
                reader.problems.add(node.span, Report::new("config::tag", message, "not a tag").help(help));
            }
        }
    }
    tags
}

fn rebuild_strategy(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> RebuildStrategy {
    let Some(node) = field(mapping, "rebuildStrategy") else { return RebuildStrategy::Default };
    match reader.text(mapping, "rebuildStrategy", what).as_deref() {
        None | Some("" | "default") => RebuildStrategy::Default,
        Some("always") => RebuildStrategy::Always,
        Some("ignoreContextChanges") => RebuildStrategy::IgnoreContextChanges,
        Some(other) => {
            let shown = hidden(node).unwrap_or(other);
            let report =
                Report::new("config::image", format!("unknown `rebuildStrategy` `{shown}`"), "unknown value")
                    .suggest(other, REBUILD_STRATEGIES);
            reader.problems.add(node.span, report);
            RebuildStrategy::Default
        }
    }
}

/// The hint for a reference to a variable that is still in `text`.
fn unfilled(text: &str) -> Option<String> {
    let rest = text.split_once('$')?.1;
    let name = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
    Some(match name {
        Some(name) if is_name(name) => {
            format!("unknown variable `{name}`: define it in `vars`, export it, or pass `--var {name}=VALUE`")
        }
        Some(name) if is_name(name.trim()) => format!("write it without spaces: `${{{}}}`", name.trim()),
        Some(name) => {
            let plain: String = name.chars().take_while(|c| is_name_part(*c)).collect();
            let plain = if plain.is_empty() { "NAME" } else { &plain };
            format!("write `${{{plain}}}`, and set its default in `vars`")
        }
        None => {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            format!("write variables as `${{{}}}`", if name.is_empty() { "NAME" } else { &name })
        }
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_part)
}

fn is_name_part(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '-' | '.')
}

/// The notation in the file of a string that must not be displayed.
fn hidden(node: &YamlNode) -> Option<&str> {
    node.as_scalar().and_then(|scalar| scalar.written.as_deref())
}
