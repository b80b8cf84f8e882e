//! Events for tests.

use jiff::{SignedDuration, Timestamp};

use crate::event::{
    Decision, DeploymentDecision, DeploymentOutcome, DeploymentResult, Event, ForwardChange, ImageResult,
    KeyHint, Level, ObjectChange, Outcome, OutsideImage, SyncBatch, SyncChange,
};

/// `milliseconds` after the start of a test's run.
pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(milliseconds)
}

pub(super) fn started(images: &[&str]) -> Event {
    let images = images.iter().map(|image| (*image).to_owned()).collect();
    Event::RunStarted { pipeline: "build".to_owned(), images, deployments: Vec::new(), profiles: Vec::new() }
}

pub(super) fn decided(image: &str, decision: Decision, reason: &str) -> Event {
    Event::ImageDecided { image: image.to_owned(), decision, reason: reason.to_owned(), key: None }
}

pub(super) fn step(image: &str, step: &str) -> Event {
    Event::StepStarted { image: Some(image.to_owned()), step: step.to_owned() }
}

pub(super) fn progress(image: &str, done: u64, total: u64) -> Event {
    Event::StepProgress {
        image: image.to_owned(),
        step: "sending context".to_owned(),
        done,
        total: Some(total),
    }
}

pub(super) fn output(image: &str, line: &str) -> Event {
    Event::Output { image: Some(image.to_owned()), line: line.to_owned() }
}

pub(super) fn notice(image: Option<&str>, level: Level, message: &str) -> Event {
    Event::Notice { image: image.map(str::to_owned), level, message: message.to_owned() }
}

pub(super) fn result(image: &str, outcome: Outcome, reason: &str) -> ImageResult {
    ImageResult {
        image: image.to_owned(),
        repository: format!("acme/{image}"),
        outcome,
        reason: reason.to_owned(),
        key: None,
        tags: vec!["1.4".to_owned()],
        image_id: None,
        digest: None,
        pushed: false,
        platforms: Vec::new(),
        share: None,
        bases: Vec::new(),
        seconds: 3.2,
    }
}

pub(super) fn finished(image: &str, outcome: Outcome, reason: &str) -> Event {
    Event::ImageFinished(result(image, outcome, reason))
}

pub(super) fn ended(seconds: f64, success: bool) -> Event {
    Event::RunFinished { seconds, success }
}

/// One event of each variant, in the order of the documentation of JSON lines.
pub(super) fn every_event() -> Vec<Event> {
    // A new variant must be named here, and then added below and to the documentation.
    let _: fn(&Event) = |event| match event {
        Event::RunStarted { .. }
        | Event::ImageDecided { .. }
        | Event::StepStarted { .. }
        | Event::StepProgress { .. }
        | Event::Output { .. }
        | Event::Log { .. }
        | Event::Notice { .. }
        | Event::Pushed { .. }
        | Event::ImageFinished(_)
        | Event::DeploymentDecided { .. }
        | Event::ObjectChanged { .. }
        | Event::DeploymentProgress { .. }
        | Event::DeploymentFinished(_)
        | Event::Watching { .. }
        | Event::FilesChanged { .. }
        | Event::WatchPaused { .. }
        | Event::WatchResumed
        | Event::Failure { .. }
        | Event::Sync { .. }
        | Event::Forward { .. }
        | Event::Keys { .. }
        | Event::Question { .. }
        | Event::TerminalTaken
        | Event::RunFinished { .. } => {}
    };
    let key = Some("9f86d081".to_owned());
    let digest = Some("sha256:2c26b46b".to_owned());
    vec![
        Event::RunStarted {
            pipeline: "build".to_owned(),
            images: vec!["api".to_owned(), "web".to_owned()],
            deployments: vec!["shop".to_owned()],
            profiles: vec!["dev".to_owned()],
        },
        Event::ImageDecided {
            image: "api".to_owned(),
            decision: Decision::Build,
            reason: "src/main.go changed".to_owned(),
            key: key.clone(),
        },
        step("api", "building with docker"),
        progress("api", 1024, 4096),
        output("api", "Step 1/3 : FROM busybox"),
        Event::Log {
            namespace: "dev".to_owned(),
            pod: "web-1".to_owned(),
            container: "app".to_owned(),
            name: "web-1".to_owned(),
            written: Some("2026-11-23T15:04:04.812Z".to_owned()),
            line: "GET / 200".to_owned(),
        },
        notice(None, Level::Warning, "`tag()` overrides no function"),
        Event::Pushed {
            image: "api".to_owned(),
            reference: "acme/api:1.4".to_owned(),
            digest: digest.clone(),
        },
        Event::ImageFinished(ImageResult {
            key,
            image_id: Some("sha256:fcde2b2e".to_owned()),
            digest,
            pushed: true,
            platforms: vec!["linux/amd64".to_owned()],
            bases: vec![OutsideImage {
                reference: "alpine:3.20".to_owned(),
                digest: "sha256:beefdbd8".to_owned(),
                asked: Some("2026-11-23T15:04:02Z".to_owned()),
            }],
            seconds: 4.2,
            ..result("api", Outcome::Built, "src/main.go changed")
        }),
        Event::DeploymentDecided {
            deployment: "shop".to_owned(),
            decision: DeploymentDecision::Deploy,
            reason: "1 object changed".to_owned(),
        },
        Event::ObjectChanged {
            deployment: "shop".to_owned(),
            object: "Deployment/web (namespace dev)".to_owned(),
            change: ObjectChange::Changed,
            details: "image".to_owned(),
        },
        Event::DeploymentProgress {
            deployment: "shop".to_owned(),
            waiting: vec!["web 2/3 ready, 1 pulling".to_owned()],
        },
        Event::DeploymentFinished(DeploymentResult {
            deployment: "shop".to_owned(),
            namespace: "dev".to_owned(),
            outcome: DeploymentOutcome::Deployed,
            reason: "1 object changed".to_owned(),
            revision: None,
            applied: Some(1),
            deleted: 0,
            seconds: 1.5,
        }),
        Event::Sync {
            folder: "src -> /app".to_owned(),
            change: SyncChange::Batch(SyncBatch {
                uploaded: 1,
                bytes: 512,
                paths: vec!["main.go".to_owned()],
                seconds: 0.02,
                ..SyncBatch::default()
            }),
        },
        ended(4.2, true),
        Event::Watching { files: 12, folders: 3 },
        Event::FilesChanged { files: vec!["src/main.go".to_owned()], images: vec!["api".to_owned()] },
        Event::WatchPaused { reason: "press p to resume".to_owned() },
        Event::WatchResumed,
        Event::Failure { message: "cannot build `api`".to_owned() },
        Event::Forward {
            address: "localhost:8080".to_owned(),
            to: "port 80 of image `web`".to_owned(),
            change: ForwardChange::Connected { container: "web-1/app".to_owned() },
        },
        Event::Keys { keys: vec![KeyHint { key: 'b', does: "build".to_owned() }] },
        Event::Question { question: Some("delete 300 files?".to_owned()) },
        Event::TerminalTaken,
    ]
}
