//! Prompts for the images to build and their repositories.

use std::fmt;

use inquire::validator::Validation;
use inquire::{MultiSelect, Text};

use super::candidate::Candidate;
use crate::image::Repository;

/// A candidate as a choice.
struct Choice(Candidate);

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.0.name, self.0.dockerfile.display())
    }
}

/// Prompts for the `candidates` to build, if there are several, and for the repository of each; `None` if the user
/// cancels.
pub fn choose(candidates: Vec<Candidate>) -> Option<Vec<Candidate>> {
    let chosen = if candidates.len() > 1 { select(candidates)? } else { candidates };
    let named = chosen.into_iter().map(|candidate| {
        let repository = repository(&candidate)?;
        Some(Candidate { repository, ..candidate })
    });
    named.collect()
}

fn select(candidates: Vec<Candidate>) -> Option<Vec<Candidate>> {
    let suggested = candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_suggested);
    let suggested: Vec<_> = suggested.map(|(place, _)| place).collect();
    let choices = candidates.into_iter().map(Choice).collect();
    let question = MultiSelect::new("Which images should windlass build?", choices);
    let chosen = question
        .with_default(&suggested)
        .with_validator(inquire::min_length!(1, "choose at least one"))
        .with_help_message("press space to select, enter to continue")
        .prompt();
    Some(chosen.ok()?.into_iter().map(|choice| choice.0).collect())
}

fn repository(candidate: &Candidate) -> Option<String> {
    let question = format!("Repository of `{}`, without a tag", candidate.name);
    let check = |text: &str| {
        Ok(match text.parse::<Repository>() {
            Ok(_) => Validation::Valid,
            Err(error) => Validation::Invalid(error.to_string().into()),
        })
    };
    let text = Text::new(&question).with_default(&candidate.repository).with_validator(check);
    text.with_help_message("for example ghcr.io/acme/api").prompt().ok()
}
