//! Secrets as scripts see them.

use rhai::plugin::*;

/// Stages about secrets.
#[export_module]
pub mod secret {
    use crate::script::RhaiResultOf;
    use crate::secret::Secret;

    /// A string that is masked as `***` in all output, including that of commands. Pass it to a command in `env` or
    /// `input`, and to a web server in the URL, the `headers` or the body.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) {
    ///     let token = secret(env("SCAN_TOKEN", "none yet"));
    ///     sh("echo scanning with $TOKEN", #{ env: #{ TOKEN: token } });
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn secret(context: NativeCallContext, text: &str) -> RhaiResultOf<Secret> {
        super::super::current::run(&context)?.session.secrets.add(text);
        Ok(Secret::new(text))
    }

    /// Whether the secret is empty.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     if secret(env("TOKEN", "")).is_empty { print("publishing without a token"); }
    /// }
    /// ```
    #[rhai_fn(get = "is_empty", pure)]
    pub fn is_empty(secret: &mut Secret) -> bool {
        secret.is_empty()
    }

    /// `***`, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(secret: &mut Secret) -> String {
        secret.to_string()
    }
}
