//! Rereads the inputs of an image before a build, because hooks and scripts may have written files since planning.

use std::sync::Arc;

use super::Plan;
use super::plan::{Identity, Recipe, custom_files};
use crate::error::StageError;
use crate::event::Level;
use crate::image::context::shown;

impl Plan {
    /// Whether a command that may have written its files has run since this plan was made.
    pub fn is_outdated(&self) -> bool {
        let run = self.image.run();
        self.seen.as_ptr() != Arc::as_ptr(&run.forest())
    }

    /// This new plan with the decision of the earlier plan `decided`.
    #[must_use]
    pub fn in_place_of(self, decided: &Self) -> Self {
        Self {
            verdict: decided.verdict.clone(),
            reason: decided.reason.clone(),
            share: decided.share.clone(),
            asks_registry: decided.asks_registry,
            told: Arc::clone(&decided.told),
            _claim: decided._claim.clone(),
            ..self
        }
    }

    /// The plan with the current files.
    pub(super) fn with_files_of_now(&self) -> Result<Self, StageError> {
        if !self.is_outdated() {
            return Ok(self.clone());
        }
        let forest = self.image.run().forest();
        let seen = Arc::downgrade(&forest);
        match &self.recipe {
            Recipe::Dockerfile(recipe) => {
                let context = recipe.context.open_again(&forest)?;
                let again = Self::undecided_of_dockerfile(&self.image, &recipe.dockerfile, &context)?;
                Ok(again.in_place_of(self))
            }
            Recipe::Custom(_) => {
                let recipe = Recipe::Custom(custom_files(&self.image)?);
                Ok(Self { recipe, identity: Arc::default(), seen, ..self.clone() })
            }
        }
    }

    /// The inputs of a custom command that ran on `before`. For files that changed while it ran, it is unknown which
    /// content it read, so later runs must not treat them as unchanged inputs.
    pub(super) fn identity_of_run(&self, before: &Identity) -> Result<Identity, StageError> {
        let now = self.with_files_of_now()?;
        let now = now.identity()?;
        let changes = now.files.changes_since(&before.files);
        let Some(first) = changes.first() else { return Ok(before.clone()) };
        let others = if changes.len() == 1 { "" } else { " and others" };
        let message = format!(
            "`{}`{others} changed while the custom command ran: the next run repeats it",
            shown(&first.path)
        );
        self.image.events().notice(Level::Info, message);
        Ok(self.identify(now.files.after(&before.files)))
    }
}
