//! Strings made from secrets.

use rhai::plugin::*;

/// A string joined with a secret is a secret.
#[export_module]
pub mod secret_text {
    use crate::secret::Secret;

    /// A secret after a string: `"Bearer " + token`.
    #[rhai_fn(name = "+")]
    pub fn after_text(text: &str, secret: Secret) -> Secret {
        Secret::new(format!("{text}{}", secret.expose()))
    }

    /// A secret before a string: `user + ":x"`.
    #[rhai_fn(name = "+")]
    pub fn before_text(secret: Secret, text: &str) -> Secret {
        Secret::new(format!("{}{text}", secret.expose()))
    }
}
