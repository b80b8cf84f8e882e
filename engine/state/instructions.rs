//! The recorded instructions of a Dockerfile, to report later which of them changed.

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Dockerfile};

/// A recorded instruction: its name, and a salted hash of the rest, which may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInstruction {
    /// `RUN`, `COPY`.
    pub name: String,
    /// The line it starts at, counted from 1.
    pub line: usize,
    pub(super) hash: String,
}

/// A difference between the instructions of two Dockerfiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstructionChange<'a> {
    /// A new instruction, at this line of the current Dockerfile.
    Added {
        /// The line.
        line: usize,
        /// Its first line.
        text: &'a str,
    },
    /// A removed instruction.
    Removed(&'a RecordedInstruction),
}

/// The instructions of `dockerfile`, with hashes that are comparable only for the same `salt`.
pub(super) fn record(dockerfile: &Dockerfile, salt: &str) -> Vec<RecordedInstruction> {
    let hashed = |text: &str| Digest::of(format!("{salt}\0{text}")).hex()[..12].to_owned();
    let instructions = dockerfile.instructions();
    instructions
        .map(|found| RecordedInstruction {
            name: found.name().to_owned(),
            line: found.lines().0,
            hash: hashed(&found.text().split_whitespace().collect::<Vec<_>>().join(" ")),
        })
        .collect()
}

/// The differences between the instructions `before` and those of `dockerfile`, in order.
pub(super) fn changes<'a>(
    before: &'a [RecordedInstruction],
    dockerfile: &'a Dockerfile,
    salt: &str,
) -> Vec<InstructionChange<'a>> {
    let now = record(dockerfile, salt);
    let texts: Vec<&str> = dockerfile.instructions().map(|found| shown(found.text(), found.name())).collect();
    let common = common_lengths(before, &now);
    let (mut old, mut new) = (0, 0);
    let mut changes = Vec::new();
    while old < before.len() || new < now.len() {
        let is_same = old < before.len() && new < now.len() && before[old].hash == now[new].hash;
        if is_same {
            (old, new) = (old + 1, new + 1);
        } else if new == now.len() || (old < before.len() && common[old + 1][new] >= common[old][new + 1]) {
            changes.push(InstructionChange::Removed(&before[old]));
            old += 1;
        } else {
            changes.push(InstructionChange::Added { line: now[new].line, text: texts[new] });
            new += 1;
        }
    }
    changes
}

/// For each pair of positions, how many instructions the rest of both lists have in common.
fn common_lengths(before: &[RecordedInstruction], now: &[RecordedInstruction]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; now.len() + 1]; before.len() + 1];
    for old in (0..before.len()).rev() {
        for new in (0..now.len()).rev() {
            lengths[old][new] = match before[old].hash == now[new].hash {
                true => lengths[old + 1][new + 1] + 1,
                false => lengths[old + 1][new].max(lengths[old][new + 1]),
            };
        }
    }
    lengths
}

/// The part of an instruction that may be shown: only the name of the variable for `ARG` and `ENV`, otherwise the first
/// line.
fn shown<'a>(text: &'a str, name: &'a str) -> &'a str {
    match name {
        "ARG" | "ENV" => text.split('=').next().unwrap_or(name),
        _ => text.lines().next().unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, now: &str, expected: &[&str]) {
        let parse = |text: &str| Dockerfile::parse("Dockerfile", text).unwrap();
        let before = record(&parse(before), "salt");
        let dockerfile = parse(now);
        let words = |change: &InstructionChange<'_>| match change {
            InstructionChange::Added { line, text } => format!("+ {line}: {text}"),
            InstructionChange::Removed(gone) => format!("- {}: {}", gone.line, gone.name),
        };
        let changes: Vec<_> = changes(&before, &dockerfile, "salt").iter().map(words).collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn changed_instructions_are_found() {
        let text = "FROM scratch\nCOPY a /\nRUN make \\\n  all\n";
        check(text, text, &[]);
        check(text, "FROM scratch\nCOPY a /\nRUN   make all\n", &[]);
        check(text, "FROM scratch\nCOPY b /\nRUN make all\n", &["- 2: COPY", "+ 2: COPY b /"]);
        check(text, "FROM scratch\nRUN make all\nCOPY c /", &["- 2: COPY", "+ 3: COPY c /"]);
    }

    #[test]
    fn values_are_never_shown() {
        check(
            "FROM scratch",
            "FROM scratch\nENV TOKEN=hunter2\nARG P=hunter2",
            &["+ 2: ENV TOKEN", "+ 3: ARG P"],
        );
        let recorded =
            record(&Dockerfile::parse("Dockerfile", "FROM scratch\nENV T=hunter2").unwrap(), "salt");
        assert!(!serde_json::to_string(&recorded).unwrap().contains("hunter2"));
    }
}
