//! Content and order of plain lines.

use super::*;
use crate::event::Decision;
use crate::report::samples::*;

fn plain(out: &mut Vec<u8>, color: bool, silent: bool) -> Plain<&mut Vec<u8>> {
    let narrator = Formatter::new(silent, false, Box::new(|_| None));
    Plain::new(out, Look::new(color, true), silent, narrator)
}

#[track_caller]
fn check(events: Vec<(i64, Event)>, expected: &str) {
    assert_eq!(show(events, false, false), expected);
}

fn show(events: Vec<(i64, Event)>, color: bool, silent: bool) -> String {
    let mut out = Vec::new();
    let mut view = plain(&mut out, color, silent);
    for (milliseconds, event) in events {
        view.receive(at(milliseconds), &event).unwrap();
        view.refresh(at(milliseconds)).unwrap();
    }
    view.close(at(60_000)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_of_images_that_run_together_stay_together() {
    check(
        vec![
            (0, started(&["api", "worker"])),
            (1, decided("api", Decision::Build, "src/main.go changed")),
            (2, decided("worker", Decision::Build, "never built here")),
            (3, step("api", "building with docker")),
            (4, step("worker", "building with docker")),
            (5, output("api", "a1")),
            (6, output("worker", "w1")),
            (7, output("api", "\x1b[31ma2\x1b[0m")),
            (8, output("worker", "w2")),
            (9, step("api", "pushing acme/api:1.4")),
            (10, finished("api", Outcome::Built, "src/main.go changed")),
            (11, output("worker", "w3")),
            (12, finished("worker", Outcome::Failed, "`RUN make` failed with exit code 2")),
            (13, ended(4.2, false)),
        ],
        "\
api    | building: src/main.go changed
worker | building: never built here
api    | -- building with docker
worker | -- building with docker
api    | a1
api    | a2
api    | -- pushing acme/api:1.4
api    | built acme/api:1.4 in 3.2s: src/main.go changed
worker | w1
worker | w2
worker | w3
worker | failed after 3.2s: `RUN make` failed with exit code 2
1 built, 1 failed in 4.2s
  failed: worker
",
    );
}

#[test]
fn run_with_nothing_to_do_is_one_line_an_image() {
    check(
        vec![
            (0, started(&["api", "worker"])),
            (1, decided("api", Decision::Skip, "unchanged")),
            (2, finished("api", Outcome::Skipped, "unchanged")),
            (3, decided("worker", Decision::Skip, "unchanged")),
            (4, finished("worker", Outcome::Skipped, "unchanged")),
            (5, ended(0.008, true)),
        ],
        "api    | skipped: unchanged\nworker | skipped: unchanged\n2 skipped in 8ms\n",
    );
}

#[test]
fn output_is_held_back_for_a_moment_only() {
    let mut out = Vec::new();
    let mut view = plain(&mut out, false, false);
    for image in ["a", "b"] {
        view.receive(at(0), &decided(image, Decision::Build, "new")).unwrap();
        view.receive(at(0), &step(image, "building")).unwrap();
    }
    view.receive(at(1000), &output("a", "held")).unwrap();
    view.refresh(at(5999)).unwrap();
    assert!(view.wait().is_some());
    assert!(!String::from_utf8_lossy(view.out).contains("held"));
    view.refresh(at(6000)).unwrap();
    assert_eq!(view.wait(), None);
    assert!(String::from_utf8_lossy(view.out).ends_with("a | held\n"));
}

#[test]
fn flood_is_passed_on_in_pieces_of_bounded_size() {
    let mut out = Vec::new();
    let mut view = plain(&mut out, false, false);
    view.receive(at(0), &step("b", "building")).unwrap();
    view.receive(at(0), &step("a", "building")).unwrap();
    for _ in 0..100_000 {
        view.receive(at(0), &output("a", "the same line again and again")).unwrap();
        assert!(view.groups["a"].lines.len() <= HELD + 100);
    }
    view.close(at(1)).unwrap();
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 100_002);
}

#[test]
fn long_step_tells_its_progress_now_and_then() {
    check(
        vec![
            (0, started(&["api"])),
            (0, step("api", "context")),
            (9_999, progress("api", 1 << 20, 4 << 20)),
            (10_000, progress("api", 2 << 20, 4 << 20)),
            (10_001, progress("api", 3 << 20, 4 << 20)),
        ],
        "api | -- context\napi | sending context: 2.00 MiB of 4.00 MiB\n",
    );
}

#[test]
fn notices_keep_their_lines_and_their_place() {
    check(
        vec![
            (0, started(&["api", "web"])),
            (1, step("api", "building")),
            (1, step("web", "building")),
            (2, output("api", "before")),
            (
                3,
                notice(
                    Some("api"),
                    Level::Warning,
                    "the context is large\nadd node_modules to .dockerignore",
                ),
            ),
            (4, notice(None, Level::Info, "using the daemon of colima")),
            (5, notice(None, Level::Debug, "not shown")),
        ],
        "\
api | -- building
web | -- building
api | before
api | warning: the context is large
api | add node_modules to .dockerignore
using the daemon of colima
",
    );
}

#[test]
fn names_and_reasons_cannot_steer_the_terminal() {
    check(
        vec![(0, decided("a\x1b[2Jpi", Decision::Build, "\x1b]0;title\x07x changed"))],
        "api | building: x changed\n",
    );
}

#[test]
fn silent_shows_failures_only() {
    let events = vec![
        (0, started(&["api", "web"])),
        (1, decided("api", Decision::Build, "new")),
        (2, output("api", "noise")),
        (3, finished("api", Outcome::Failed, "broken")),
        (4, finished("web", Outcome::Built, "new")),
        (5, ended(1.0, false)),
    ];
    assert_eq!(show(events, false, true), "api | failed after 3.2s: broken\n");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let events = || vec![(0, started(&["api"])), (1, finished("api", Outcome::Failed, "broken"))];
    let (colored, plain) = (show(events(), true, false), show(events(), false, false));
    assert!(colored.contains("\x1b[31m"), "{colored:?}");
    assert_eq!(console::strip_ansi_codes(&colored), plain);
}
