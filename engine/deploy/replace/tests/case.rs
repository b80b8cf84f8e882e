//! One case of tag replacement.

use miette::Diagnostic as _;
use serde_json::{Value, json};

use super::super::*;
use super::known;

/// One case: the input and the options.
pub struct Case {
    name: &'static str,
    input: Value,
    is_manifest: bool,
    images: KnownImages,
    options: ReplaceOptions,
    kept: Vec<&'static str>,
    hints: Vec<&'static str>,
}

pub fn manifest(name: &'static str, input: Value) -> Case {
    Case { is_manifest: true, ..values(name, input) }
}

pub fn values(name: &'static str, input: Value) -> Case {
    let options = ReplaceOptions::default();
    Case { name, input, is_manifest: false, images: known(), options, kept: Vec::new(), hints: Vec::new() }
}

/// A Deployment with one container.
pub fn container(image: &str) -> Value {
    workload("Deployment", json!({ "containers": [{ "name": "main", "image": image }] }))
}

/// A Deployment or the like with this pod spec.
pub fn workload(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": "web" },
        "spec": { "template": { "spec": spec } },
    })
}

impl Case {
    pub fn with(self, options: ReplaceOptions) -> Self {
        Self { options, ..self }
    }

    pub fn knowing(self, images: impl IntoIterator<Item = KnownImage>) -> Self {
        Self { images: images.into_iter().collect(), ..self }
    }

    /// An unchanged reference is reported with this text.
    pub fn kept(mut self, text: &'static str) -> Self {
        self.kept.push(text);
        self
    }

    /// A hint reads as given.
    pub fn hints(mut self, text: &'static str) -> Self {
        self.hints.push(text);
        self
    }

    #[track_caller]
    pub fn stays(self) -> ReplaceReport {
        let expected = self.input.clone();
        self.becomes(expected)
    }

    #[track_caller]
    pub fn becomes(self, expected: Value) -> ReplaceReport {
        let (result, report) = self.run(&self.input).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(result, expected, "{}", self.name);
        assert_eq!(report.changes.is_empty(), result == self.input, "{}: {:?}", self.name, report.changes);
        let (again, second) = self.run(&result).unwrap();
        assert_eq!(again, result, "36 (again): {}", self.name);
        assert_eq!(second.changes, [], "36 (again): {}", self.name);
        let left_alone: Vec<_> = report.left_alone.iter().map(ToString::to_string).collect();
        assert!(
            left_alone.len() == self.kept.len() && all_in(&self.kept, &left_alone),
            "{}: {left_alone:?}",
            self.name
        );
        let hints: Vec<_> = report.hints.iter().map(ToString::to_string).collect();
        assert!(hints.len() == self.hints.len() && all_in(&self.hints, &hints), "{}: {hints:?}", self.name);
        report
    }

    #[track_caller]
    pub fn fails(self, code: &str, message: &str, help: &str) {
        let error = self.run(&self.input).map(|(result, _)| result).expect_err(self.name);
        assert_eq!(error.code().unwrap().to_string(), code, "{}", self.name);
        assert_eq!(error.to_string(), message, "{}", self.name);
        assert_eq!(error.help().unwrap().to_string(), help, "{}", self.name);
    }

    fn run(
        &self,
        input: &Value,
    ) -> Result<(Value, ReplaceReport), crate::deploy::replace::error::ReplaceError> {
        if self.is_manifest {
            let mut objects = [input.clone()];
            let report = replace_in_objects(&mut objects, &self.images, &self.options)?;
            let [object] = objects;
            return Ok((object, report));
        }
        let crate::deploy::replace::values::ReplacedValues { changes, merged, report } =
            replace_in_values(input, None, &self.images, &self.options)?;
        let mut by_helm = input.clone();
        merge_values(&mut by_helm, &Value::Object(changes));
        assert_eq!(by_helm, merged, "{}", self.name);
        Ok((merged, report))
    }
}

fn all_in(expected: &[&str], actual: &[String]) -> bool {
    expected.iter().zip(actual).all(|(expected, actual)| actual.contains(expected))
}
