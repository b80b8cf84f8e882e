//! The section `pullSecrets`.

use crate::config::PullSecretConfig;
use crate::config::node::{Mapping, YamlNode};
use crate::config::reader::Reader;
use crate::registry::domain_of;
use crate::secret::Secret;

/// The common secret of all entries without `secret`.
const MERGED: &str = "devspace-pull-secrets";

/// Reads `pullSecrets`, without disabled entries.
pub(crate) fn pull_secrets(section: Option<&YamlNode>, reader: &mut Reader<'_>) -> Vec<PullSecretConfig> {
    let Some(section) = section else { return Vec::new() };
    let Some(named) = reader.mapping(section, "`pullSecrets`") else { return Vec::new() };
    let entries = named.iter().filter(|(_, entry)| !entry.node.is_null());
    let read = entries.filter_map(|(name, entry)| {
        let what = format!("pull secret `{name}`");
        let mapping = reader.mapping(&entry.node, &what)?;
        pull_secret(mapping, &entry.node, &what, reader)
    });
    read.collect()
}

fn pull_secret(
    mapping: &Mapping,
    node: &YamlNode,
    what: &str,
    reader: &mut Reader<'_>,
) -> Option<PullSecretConfig> {
    let text = |key: &str, reader: &mut Reader<'_>| {
        reader.text(mapping, key, what).filter(|text| !text.trim().is_empty())
    };
    let registry = text("registry", reader);
    let (username, password) = (text("username", reader), text("password", reader));
    let (email, secret) = (text("email", reader), text("secret", reader));
    let accounts = reader.texts(mapping, "serviceAccounts", what).filter(|accounts| !accounts.is_empty());
    if reader.boolean(mapping, "disabled", what) == Some(true) {
        return None;
    }
    if !mapping.contains_key("registry") {
        reader.missing(node, "registry", what);
    }
    let registry = domain_of(&registry?).to_owned();
    Some(PullSecretConfig {
        registry,
        username,
        password: password.map(Secret::new),
        email,
        secret: secret.unwrap_or_else(|| MERGED.to_owned()),
        service_accounts: accounts.unwrap_or_else(|| vec!["default".to_owned()]),
    })
}
