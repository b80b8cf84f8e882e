//! The table of keys as a JSON schema, for editors.

use serde_json::{Map, Value, json};

use super::{FILE, SchemaKey, Section, Shape};
use crate::config::version::Version;

/// A JSON schema for `devspace.yaml` (draft 7, which all editors support): the allowed keys depend on `version`.
pub fn json_schema() -> Value {
    let mut definitions = Definitions::default();
    let versions = Version::ALL.into_iter().rev();
    let of_version: Vec<_> = versions
        .clone()
        .map(|version| {
            let is_version = json!({ "properties": { "version": { "const": version.as_str() } } });
            json!({ "if": is_version, "then": definitions.section(FILE, version) })
        })
        .collect();
    let names: Vec<_> = versions.map(Version::as_str).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "devspace.yaml",
        "type": "object",
        "required": ["version"],
        "properties": { "version": { "enum": names, "description": "The version of the format." } },
        "allOf": of_version,
        "definitions": definitions.into_json(),
    })
}

/// The sections as definitions, without duplicates: most are the same in many versions.
#[derive(Default)]
struct Definitions(Vec<(String, Value)>);

impl Definitions {
    /// A reference to `section` as `version` has it.
    fn section(&mut self, section: &Section, version: Version) -> Value {
        let keys: Vec<_> = section.keys(version).collect();
        let properties: Map<String, Value> =
            keys.iter().map(|key| (key.name.to_owned(), self.key(key, version))).collect();
        let required: Vec<_> = keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
        let definition = json!({
            "type": ["object", "null"],
            "properties": properties,
            "patternProperties": { "^x-": true },
            "additionalProperties": false,
            "required": required,
        });
        let known = self.0.iter().position(|(_, known)| *known == definition);
        let place = known.unwrap_or_else(|| {
            self.0.push((format!("{}-{}", section.noun.replace(' ', "-"), self.0.len()), definition));
            self.0.len() - 1
        });
        json!({ "$ref": format!("#/definitions/{}", self.0[place].0) })
    }

    fn key(&mut self, key: &SchemaKey, version: Version) -> Value {
        let mut description = key.doc.to_owned();
        match key.instead {
            Some(earlier) if key.until == Version::NEWEST => {
                description += &format!(" Before {}: {earlier}.", key.since.as_str());
            }
            Some(instead) => description += &format!(" Removed after {}: {instead}.", key.until.as_str()),
            None => {}
        }
        // Draft 7 ignores all keywords next to a `$ref`.
        json!({ "description": description, "allOf": [self.shape(&key.shape, version)] })
    }

    fn shape(&mut self, shape: &Shape, version: Version) -> Value {
        match shape {
            Shape::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
            Shape::Boolean => or_variable(json!({ "type": ["boolean", "null"] })),
            Shape::Number => or_variable(json!({ "type": ["integer", "null"] })),
            Shape::Any => json!(true),
            Shape::Choice(texts) => or_variable(json!({ "enum": texts })),
            Shape::List(item) => json!({ "type": ["array", "null"], "items": self.shape(item, version) }),
            Shape::Map(value) => {
                json!({ "type": ["object", "null"], "additionalProperties": self.shape(value, version) })
            }
            Shape::Fields(section) => self.section(section, version),
            Shape::TextOr(section) => {
                json!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, self.section(section, version)] })
            }
            // A profile contains part of a file: the recursion would not end.
            Shape::File => json!({ "type": ["object", "string", "null"] }),
        }
    }

    fn into_json(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

/// The values that `schema` allows, or a string with a variable.
fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": "\\$[!{(]" }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_schema_leads_somewhere() {
        let schema = json_schema();
        let text = schema.to_string();
        let references: Vec<_> = text.split("\"$ref\":\"#/definitions/").skip(1).collect();
        assert!(references.len() > 100, "{}", references.len());
        for reference in references {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(schema["definitions"][name].is_object(), "no definition `{name}`");
        }
    }

    #[test]
    fn keys_follow_the_version() {
        let schema = json_schema();
        let keys = |version: &str| {
            let branches = schema["allOf"].as_array().expect("a list");
            let branch = branches.iter().find(|one| one["if"]["properties"]["version"]["const"] == version);
            let reference =
                branch.expect("the version exists")["then"]["$ref"].as_str().expect("a reference");
            schema.pointer(reference.trim_start_matches('#')).expect("a definition")["properties"].clone()
        };
        assert!(keys("v2beta1")["pipelines"].is_object() && keys("v1beta9")["pipelines"].is_null());
        assert_eq!(keys("v1beta9")["vars"]["allOf"][0]["type"][0], "array");
        assert_eq!(keys("v2beta1")["vars"]["allOf"][0]["type"][0], "object");
    }
}
