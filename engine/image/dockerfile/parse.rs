//! Parses a Dockerfile's text into build stages and instructions.

use super::instruction::{self, Instruction, InstructionKind, NAMES};
use super::source::{Mistake, Source};
use super::split::Split;
use super::{BuildStage, Parsed};

pub(super) fn parse(text: &str) -> Result<Parsed, Mistake> {
    let mut source = Source::new(text);
    let mut global = Vec::new();
    let mut targets: Vec<BuildStage> = Vec::new();
    while let Some(instruction) = next(&mut source)? {
        match (&instruction.kind, targets.last_mut()) {
            (InstructionKind::From(from), _) => {
                targets.push(BuildStage { from: from.clone(), start: instruction, instructions: Vec::new() });
            }
            (_, Some(target)) => target.instructions.push(instruction),
            (InstructionKind::Arg(_), None) => global.push(instruction),
            (_, None) => {
                let reason = format!("{} is not allowed before the first FROM", instruction.name);
                return Err(Mistake { reason, range: instruction.head });
            }
        }
    }
    if global.is_empty() && targets.is_empty() {
        return Err(Mistake { reason: "it has no instructions".into(), range: 0..0 });
    }
    let Source { escape, syntax, strict_checks, .. } = source;
    Ok(Parsed { escape, syntax, strict_checks, global, targets })
}

fn next(source: &mut Source<'_>) -> Result<Option<Instruction>, Mistake> {
    let Some(mut line) = source.next()? else { return Ok(None) };
    let lenient = source.syntax.as_deref().is_some_and(is_ahead_of_docker);
    let mistake = |reason, range| Mistake { reason, range };
    let split = Split::new(&line.text, 0..line.text.len(), source.escape)
        .map_err(|reason| mistake(reason, line.head.clone()))?;
    let heredocs = if split.takes_heredocs() { source.heredocs(&mut line)? } else { Vec::new() };
    let name = split.name.clone();
    if !lenient && !NAMES.contains(&name.as_str()) {
        let hint = crate::suggestion::nearest(&name, NAMES).map(|hint| format!(", did you mean {hint}?"));
        let reason = format!("unknown instruction `{name}`{}", hint.unwrap_or_default());
        let end = line.head.end.min(line.head.start + name.len());
        return Err(mistake(reason, line.head.start..end));
    }
    let kind = instruction::kind(split, &line, &heredocs, lenient)
        .map_err(|reason| mistake(reason, line.head.clone()))?;
    Ok(Some(Instruction {
        name,
        kind,
        lines: line.lines,
        span: line.span,
        head: line.head,
        dangling: line.dangling,
        text: line.text.trim().to_owned(),
    }))
}

/// Whether the frontend image `syntax` is Docker's own, in any registry.
pub(crate) fn is_docker_frontend(syntax: &str) -> bool {
    let name = syntax.split([':', '@', ' ']).next().unwrap_or_default();
    ["docker/dockerfile", "docker/dockerfile-upstream"]
        .iter()
        .any(|own| name.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('/')))
}

/// Whether the frontend may support instructions and flags that stable Docker does not.
fn is_ahead_of_docker(syntax: &str) -> bool {
    !is_docker_frontend(syntax) || syntax.contains("labs") || syntax.contains("master")
}
