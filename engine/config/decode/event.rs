//! The events that trigger hooks.

use crate::suggestion::nearest;

/// The phases of [`DONE`].
const AROUND: [&str; 4] = ["before", "after", "error", "skip"];

/// The steps with events; in an event, a name such as that of an image may follow.
const DONE: [&str; 11] = [
    "build",
    "deploy",
    "purge",
    "render",
    "createPullSecrets",
    "deployDependencies",
    "buildDependencies",
    "renderDependencies",
    "purgeDependencies",
    "initialSync",
    "loadConfig",
];

/// The phases of [`SERVICES`].
const GOING_ON: [&str; 4] = ["start", "stop", "error", "restart"];

/// The services of `dev` with events.
const SERVICES: [&str; 3] = ["sync", "portForwarding", "reversePortForwarding"];

/// The keys of `when` and their names in events.
const OLD_NAMES: [(&str, &str); 5] = [
    ("images", "build"),
    ("deployments", "deploy"),
    ("purgeDeployments", "purge"),
    ("dependencies", "buildDependencies"),
    ("pullSecrets", "createPullSecrets"),
];

/// The nearest event for a misspelled `event`; `None` for a known event and for a possible plugin event.
pub(super) fn meant(event: &str) -> Option<String> {
    let (moment, rest) = event.split_once(':')?;
    let (what, name) = match rest.split_once(':') {
        Some((what, name)) => (what, format!(":{name}")),
        None => (rest, String::new()),
    };
    let is_around = AROUND.contains(&moment) && DONE.contains(&what);
    let is_going_on = GOING_ON.contains(&moment) && SERVICES.contains(&what);
    if moment == "devCommand" || is_around || is_going_on {
        return None;
    }
    if AROUND.contains(&moment)
        && let Some((_, now)) = OLD_NAMES.iter().find(|(old, _)| *old == what)
    {
        let name = if name == ":all" { "" } else { &name };
        return Some(format!("{moment}:{now}{name}"));
    }
    let of = |moments: &'static [&str], things: &'static [&str]| {
        moments.iter().flat_map(move |moment| things.iter().map(move |thing| format!("{moment}:{thing}")))
    };
    let known: Vec<String> = of(&AROUND, &DONE).chain(of(&GOING_ON, &SERVICES)).collect();
    let near = nearest(&format!("{moment}:{what}"), known.iter().map(String::as_str))?;
    Some(format!("{near}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_events_are_distinguished_from_others() {
        for event in
            ["before:build", "skip:build:api", "after:build:*", "error:deploy:x:y", "restart:sync:all"]
        {
            assert_eq!(meant(event), None, "{event}");
        }
        assert_eq!(meant("devCommand:after:open"), None);
        assert_eq!(meant("before:buld:api").as_deref(), Some("before:build:api"));
        assert_eq!(meant("befor:build").as_deref(), Some("before:build"));
        assert_eq!(meant("before:images").as_deref(), Some("before:build"));
        assert_eq!(meant("after:images:all").as_deref(), Some("after:build"));
        assert_eq!(meant("after:pullSecrets").as_deref(), Some("after:createPullSecrets"));
        assert_eq!(meant("my:own:plugin"), None);
    }
}
