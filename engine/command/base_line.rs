//! A base image outside of the project, in one line.

use jiff::Timestamp;

use super::age::ago;
use crate::event::OutsideImage;

/// How many hex digits of a digest are shown.
const SHOWN: usize = 12;

/// `alpine:3.20  sha256:ab12cd34ef56 (asked 12 days ago)`.
pub(super) fn base_line(base: &OutsideImage, now: Timestamp) -> String {
    let asked = base.asked.as_ref().and_then(|asked| asked.parse().ok());
    let asked = asked.map(|asked| format!(" (asked {})", ago(asked, now))).unwrap_or_default();
    format!("{}  {}{asked}", base.reference, short_digest(&base.digest))
}

/// `sha256:ab12cd34ef56`.
pub(super) fn short_digest(digest: &str) -> &str {
    let end = digest.find(':').map_or(SHOWN, |colon| colon + 1 + SHOWN);
    digest.get(..end).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_shortened_and_dated() {
        let base = |asked: Option<&str>| OutsideImage {
            reference: "alpine:3.20".to_owned(),
            digest: format!("sha256:{}", "ab12".repeat(16)),
            asked: asked.map(ToOwned::to_owned),
        };
        let line = |asked| base_line(&base(asked), "2026-11-30T00:00:00Z".parse().expect("a time"));
        assert_eq!(line(None), "alpine:3.20  sha256:ab12ab12ab12");
        let dated = "alpine:3.20  sha256:ab12ab12ab12 (asked 12 days ago)";
        assert_eq!(line(Some("2026-11-18T00:00:00Z")), dated);
        assert_eq!(short_digest("sha256:1"), "sha256:1");
    }
}
