//! Checks a document against the table of keys.

use super::{FILE, SchemaKey, Section, Shape, deployment};
use crate::config::node::{Entry, Mapping, Scalar, Span, Style, Value, YamlNode};
use crate::config::problem::{Diagnostics, Report, UnknownKey};
use crate::config::reader::wrong;
use crate::config::version::Version;
use crate::suggestion::nearest;

/// Whether variables are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// They are: every value is final.
    Filled,
    /// They are not: a string with a reference may become any value.
    Raw,
}

/// Checks `document`, a file of `version` or some of its sections. Unknown keys are removed from it and values of a
/// wrong type are marked, so that nothing is reported twice.
pub(crate) fn check(document: &mut Mapping, version: Version, stage: Stage, problems: &mut Diagnostics) {
    Check { version, stage, problems, is_of_dev: false }.section(document, FILE, &SchemaPath::File);
}

/// Checks the top-level key `key`, which was removed from the document.
pub(crate) fn check_key(
    entry: &mut Entry,
    key: &str,
    version: Version,
    stage: Stage,
    problems: &mut Diagnostics,
) {
    let mut check = Check { version, stage, problems, is_of_dev: false };
    let Some(known) = check.known(FILE, key, entry.key, &SchemaPath::File) else { return };
    check.value(&mut entry.node, &known.shape, &SchemaPath::Key { key, of: &SchemaPath::File });
}

/// The location of a value, for messages.
enum SchemaPath<'a> {
    File,
    /// The value of a key: "`build` of image `api`".
    Key {
        key: &'a str,
        of: &'a SchemaPath<'a>,
    },
    /// A named entry: "image `api`".
    Named {
        noun: &'a str,
        name: &'a str,
    },
    /// A map in a list: "a mount of image `api`".
    Item {
        noun: &'a str,
        of: &'a SchemaPath<'a>,
    },
    /// A value in a list: "an item of `tags` of image `api`".
    Element(&'a SchemaPath<'a>),
    /// A value in a map with arbitrary keys: "`A` in `buildArgs` of image `api`".
    Entry {
        name: &'a str,
        of: &'a SchemaPath<'a>,
    },
}

impl<'a> SchemaPath<'a> {
    /// The nearest enclosing location that identifies this one: a named entry or a top-level key.
    fn owner(&self) -> &Self {
        match self {
            SchemaPath::Key { of: SchemaPath::File, .. } => self,
            SchemaPath::Key { of, .. } | SchemaPath::Element(of) | SchemaPath::Entry { of, .. } => of.owner(),
            SchemaPath::Item { of, .. } if !matches!(of, SchemaPath::Key { of: SchemaPath::File, .. }) => {
                of.owner()
            }
            _ => self,
        }
    }
}

impl std::fmt::Display for SchemaPath<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaPath::File => formatter.write_str("`devspace.yaml`"),
            SchemaPath::Key { key, of: SchemaPath::File } => write!(formatter, "`{key}`"),
            SchemaPath::Key { key, of } => write!(formatter, "`{key}` of {}", of.owner()),
            SchemaPath::Named { noun, name } => write!(formatter, "{noun} `{name}`"),
            SchemaPath::Item { noun, of: SchemaPath::Key { of: SchemaPath::File, .. } } => {
                write!(formatter, "{} {noun}", article(noun))
            }
            SchemaPath::Item { noun, of } => write!(formatter, "{} {noun} of {}", article(noun), of.owner()),
            SchemaPath::Element(of) => write!(formatter, "an item of {of}"),
            SchemaPath::Entry { name, of } => write!(formatter, "`{name}` in {of}"),
        }
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

struct Check<'p> {
    version: Version,
    stage: Stage,
    problems: &'p mut Diagnostics,
    /// Whether this is inside `dev`.
    is_of_dev: bool,
}

impl Check<'_> {
    fn value(&mut self, node: &mut YamlNode, shape: &Shape, place: &SchemaPath<'_>) {
        if self.is_open(node) {
            return;
        }
        match shape {
            Shape::Any => {}
            Shape::Text | Shape::Choice(_) => {
                self.expect(node, place, "a string", |scalar| !scalar.is_null())
            }
            Shape::Boolean => {
                self.expect(node, place, "`true` or `false`", |scalar| scalar.as_bool().is_some());
            }
            Shape::Number => {
                self.expect(node, place, "an integer", |scalar| {
                    scalar.style != Style::Text && scalar.text.parse::<i64>().is_ok()
                });
            }
            Shape::List(shape) => self.list(node, shape, place),
            Shape::Map(shape) => self.map(node, shape, place),
            Shape::TextOr(_) if node.as_scalar().is_some() => {}
            Shape::Fields(section) | Shape::TextOr(section) => self.fields(node, section, place),
            Shape::File => self.fields(node, FILE, place),
        }
    }

    fn list(&mut self, node: &mut YamlNode, shape: &Shape, place: &SchemaPath<'_>) {
        let Value::Sequence(nodes) = &mut node.value else { return self.wrong(node, place, "a list") };
        for node in nodes {
            let Shape::Fields(section) = shape else {
                self.value(node, shape, &SchemaPath::Element(place));
                continue;
            };
            let name =
                node.get("name").and_then(YamlNode::as_scalar).map(|scalar| scalar.shown().trim().to_owned());
            match &name {
                Some(name) => self.fields(node, section, &SchemaPath::Named { noun: section.noun, name }),
                None => self.fields(node, section, &SchemaPath::Item { noun: section.noun, of: place }),
            }
        }
    }

    fn map(&mut self, node: &mut YamlNode, shape: &Shape, place: &SchemaPath<'_>) {
        let Value::Mapping(mapping) = &mut node.value else { return self.wrong(node, place, "a map") };
        for (name, entry) in mapping {
            if entry.node.is_null() {
                continue;
            }
            match shape {
                Shape::Fields(section) | Shape::TextOr(section) => {
                    self.value(&mut entry.node, shape, &SchemaPath::Named { noun: section.noun, name });
                }
                _ => self.value(&mut entry.node, shape, &SchemaPath::Entry { name, of: place }),
            }
        }
    }

    fn fields(&mut self, node: &mut YamlNode, section: &Section, place: &SchemaPath<'_>) {
        if self.is_open(node) {
            return;
        }
        match &mut node.value {
            Value::Mapping(mapping) => self.section(mapping, section, place),
            Value::Scalar(scalar) if section.noun == "image" && scalar.written.is_none() => {
                let help = format!("write `image: {}` below it", scalar.text);
                let report = wrong(node, &place.to_string(), "a map").help(help);
                self.report_wrong(node, report);
            }
            _ => self.wrong(node, place, "a map"),
        }
    }

    fn section(&mut self, mapping: &mut Mapping, section: &Section, place: &SchemaPath<'_>) {
        mapping.retain(|name, entry| {
            if name.starts_with("x-") {
                return true;
            }
            let Some(key) = self.known(section, name, entry.key, place) else {
                // It may be the key that is missing, misspelled or in the form of another version: do not report the
                // missing key as well.
                let may_be_missing = match section.noun {
                    "dependency" => matches!(name.as_str(), "path" | "git"),
                    noun => {
                        ["deployment", "helm", "chart", "kubectl", "port", "port forwarding", "page"]
                            .contains(&noun)
                            || noun == "sync command"
                    }
                };
                if may_be_missing {
                    entry.node.value = unresolved();
                }
                return may_be_missing || self.is_of_dev;
            };
            let outside = self.is_of_dev;
            self.is_of_dev |= key.is_of_dev;
            if !entry.node.is_null() {
                self.value(&mut entry.node, &key.shape, &SchemaPath::Key { key: name, of: place });
            }
            self.is_of_dev = outside;
            true
        });
    }

    /// The key `name`, found at `span`; reported if this version does not have it.
    fn known<'s>(
        &mut self,
        section: &'s Section,
        name: &str,
        span: Span,
        place: &SchemaPath<'_>,
    ) -> Option<&'s SchemaKey> {
        if let Some(key) = section.key(name, self.version) {
            return Some(key);
        }
        let known = section.any(name);
        if let Some(key) = known.filter(|key| key.is_alias && key.until < self.version) {
            let report =
                Report::new("config::alias", format!("`{name}` in {place} is deprecated"), "deprecated key");
            self.problems.warn(span, Report { help: key.instead.map(str::to_owned), ..report });
            return Some(key);
        }
        let report = match known {
            Some(key) => self.of_another_version(key, place),
            None => self.unknown(section, name, place),
        };
        let unknown_key = UnknownKey {
            section: section.noun,
            key: name.to_owned(),
            place: place.to_string(),
            is_known: known.is_some(),
        };
        self.report(span, Report { unknown_key: Some(unknown_key), ..report });
        None
    }

    fn report(&mut self, span: Span, report: Report<'_>) {
        if self.is_of_dev { self.problems.add_of_dev(span, report) } else { self.problems.add(span, report) }
    }

    fn of_another_version(&self, key: &SchemaKey, place: &SchemaPath<'_>) -> Report<'static> {
        let (name, version) = (key.name, self.version);
        let label = format!("not in {version}");
        if key.since > version {
            let message = format!("`{name}` in {place} needs {}", key.since);
            let change = format!("change the file to `version: {}`", key.since);
            return Report::new("config::unknown_key", message, label).help(match key.instead {
                Some(earlier) if key.until == Version::NEWEST => format!("{earlier}, or {change}"),
                _ => change,
            });
        }
        let message = format!("`{name}` in {place} was removed in {}", key.until.next().unwrap_or(key.until));
        let report = Report::new("config::unknown_key", message, label);
        Report { help: key.instead.map(str::to_owned), ..report }
    }

    fn unknown(&self, section: &Section, name: &str, place: &SchemaPath<'_>) -> Report<'static> {
        let report =
            Report::new("config::unknown_key", format!("unknown key `{name}` in {place}"), "unknown key");
        if section.noun == "deployment"
            && let Some(help) = deployment::instead_of(name)
        {
            return report.help(help);
        }
        let known: Vec<&str> = section.keys(self.version).map(|key| key.name).collect();
        if nearest(name, known.iter().copied()).is_none()
            && let Some(near) = nearest(name, section.keys.iter().map(|key| key.name))
            && let Some(key) = section.any(near).filter(|key| key.since > self.version)
        {
            return report.help(format!("did you mean `{near}`? It needs {}", key.since));
        }
        report.suggest(name, known)
    }

    fn expect(
        &mut self,
        node: &mut YamlNode,
        place: &SchemaPath<'_>,
        expected: &str,
        fits: impl Fn(&Scalar) -> bool,
    ) {
        if !node.as_scalar().is_some_and(fits) {
            self.wrong(node, place, expected);
        }
    }

    fn wrong(&mut self, node: &mut YamlNode, place: &SchemaPath<'_>, expected: &str) {
        let report = wrong(node, &place.to_string(), expected);
        self.report_wrong(node, report);
    }

    fn report_wrong(&mut self, node: &mut YamlNode, report: Report<'_>) {
        self.report(node.span, report);
        node.value = unresolved();
    }

    /// Whether the node cannot be checked, because its variables are not known.
    fn is_open(&self, node: &YamlNode) -> bool {
        node.as_scalar().is_some_and(|scalar| {
            scalar.style == Style::Unresolved || (self.stage == Stage::Raw && scalar.text.contains('$'))
        })
    }
}

/// A marker for a value that was reported already.
fn unresolved() -> Value {
    Value::Scalar(Scalar { style: Style::Unresolved, ..Scalar::null() })
}
