//! Says who holds the lock of a deployment.

use jiff::Timestamp;

use super::Deployment;
use crate::event::Level;

/// Reports who holds the lock of `deployment`, and since when.
pub(super) fn report_holder(deployment: &Deployment) -> impl Fn(&str, Timestamp) + Send + Sync + use<> {
    let (events, name) = (deployment.run().session.events.clone(), deployment.name().to_owned());
    move |holder, since| {
        let since = since.strftime("%F %T UTC");
        let message = format!("{name}: waiting for {holder}, who has been working on it since {since}");
        events.notice(Level::Info, message);
    }
}
