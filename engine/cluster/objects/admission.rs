//! Errors of admission webhooks and policies.

use super::ApplyError;

/// The error of an admission webhook or policy; `None` for another message.
pub(super) fn admission(message: &str, doing: &str) -> Option<ApplyError> {
    let doing = doing.to_owned();
    if let Some((_, rest)) = message.split_once("failed calling webhook \"") {
        let (webhook, reason) = rest.split_once('"')?;
        let reason = reason.trim_start_matches(": ").to_owned();
        let host = reason.split_once("https://").map(|(_, rest)| rest);
        let host = host.and_then(|rest| rest.split(['/', ':', '"']).next()).unwrap_or_default();
        let service = match host.strip_suffix(".svc").and_then(|host| host.split_once('.')) {
            Some((service, namespace)) => format!("the service `{service}` in the namespace `{namespace}`"),
            None => "its server".to_owned(),
        };
        return Some(ApplyError::Webhook { doing, webhook: webhook.to_owned(), reason, service });
    }
    if let Some((_, rest)) = message.split_once("admission webhook \"") {
        let (webhook, rest) = rest.split_once('"')?;
        let by = format!("the admission webhook `{webhook}`");
        let reason = rest.trim_start().strip_prefix("denied the request")?;
        let reason = match reason.strip_prefix(": ") {
            Some(reason) => reason.to_owned(),
            None => "no reason given".to_owned(),
        };
        return Some(ApplyError::Denied { doing, by, reason });
    }
    let (_, rest) = message.split_once("ValidatingAdmissionPolicy '")?;
    let (policy, rest) = rest.split_once('\'')?;
    let (_, reason) = rest.split_once("denied request: ")?;
    Some(ApplyError::Denied {
        doing,
        by: format!("the admission policy `{policy}`"),
        reason: reason.to_owned(),
    })
}
