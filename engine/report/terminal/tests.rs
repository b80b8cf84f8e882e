//! The screen content over time.

use indicatif::{InMemoryTerm, TermLike as _};

use jiff::tz::TimeZone;

use super::*;
use crate::event::{KeyHint, Outcome, SyncChange};
use crate::report::samples::*;

struct Fake(InMemoryTerm);

impl Write for Fake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A terminal driver does the same.
        self.0.write_str(&String::from_utf8_lossy(bytes).replace('\n', "\r\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Screen for Fake {
    fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(self.0.clone()), FRAMES)
    }

    fn size(&self) -> (u16, u16) {
        (self.0.height(), self.0.width())
    }
}

struct Test {
    term: InMemoryTerm,
    view: Terminal<Fake>,
}

impl Test {
    fn new(rows: u16, columns: u16) -> Self {
        Self::with_look(rows, columns, Look::new(false, true))
    }

    fn with_look(rows: u16, columns: u16, look: Look) -> Self {
        let term = InMemoryTerm::new(rows, columns);
        let narrator = Formatter::new(false, false, Box::new(|_| None));
        Self {
            view: Terminal::new(Fake(term.clone()), look, narrator, Status::new(look, TimeZone::UTC)),
            term,
        }
    }

    fn receive(&mut self, milliseconds: i64, event: Event) -> &mut Self {
        self.view.receive(at(milliseconds), &event).unwrap();
        self.view.refresh(at(milliseconds)).unwrap();
        self
    }

    #[track_caller]
    fn shows(&mut self, milliseconds: i64, expected: &str) -> &mut Self {
        self.view.refresh(at(milliseconds)).unwrap();
        assert_eq!(self.term.contents(), expected);
        self
    }
}

#[test]
fn running_images_are_live_and_finished_ones_scroll_up() {
    Test::new(10, 80)
        .receive(0, started(&["api", "worker"]))
        .receive(0, decided("api", Decision::Build, "src/main.go changed"))
        .receive(0, decided("worker", Decision::Build, "never built here"))
        .shows(
            1000,
            "\
⠋ api       1.0s  building: src/main.go changed
⠋ worker    1.0s  building: never built here",
        )
        .receive(1100, step("api", "building with docker"))
        .receive(1200, progress("api", 1 << 20, 4 << 20))
        .receive(1200, step("worker", "building with docker"))
        .receive(1300, output("worker", "\x1b[1mStep 2/3 :\tRUN make\x1b[0m\r"))
        .shows(
            2100,
            "\
⠙ api       2.1s  sending context: 1.00 MiB of 4.00 MiB
⠙ worker    2.1s  building with docker  Step 2/3 : RUN make",
        )
        .receive(2200, notice(Some("worker"), Level::Warning, "the context is large"))
        .receive(3000, finished("api", Outcome::Built, "src/main.go changed"))
        .shows(
            4000,
            "  worker  warning: the context is large
✔ api     built acme/api:1.4 in 3.2s: src/main.go changed
⠋ worker    4.0s  building with docker  Step 2/3 : RUN make",
        )
        .receive(5000, finished("worker", Outcome::Failed, "`RUN make` failed"))
        .receive(5000, ended(5.0, false))
        .shows(
            6000,
            "  worker  warning: the context is large
✔ api     built acme/api:1.4 in 3.2s: src/main.go changed
✘ worker  failed after 3.2s: `RUN make` failed
1 built, 1 failed in 5.0s, 1 warning
  failed: worker",
        );
}

#[test]
fn run_with_nothing_to_do_draws_no_live_line() {
    let mut test = Test::new(10, 60);
    test.receive(0, started(&["api", "web"]))
        .receive(1, step("api", "context"))
        .receive(2, decided("api", Decision::Skip, "unchanged"))
        .receive(3, finished("api", Outcome::Skipped, "unchanged"))
        .receive(4, step("web", "context"))
        .receive(5, decided("web", Decision::Skip, "unchanged"))
        .receive(6, finished("web", Outcome::Skipped, "unchanged"))
        .receive(8, ended(0.008, true))
        .shows(1000, "· api  skipped: unchanged\n· web  skipped: unchanged\n2 skipped in 8ms");
    assert!(test.view.bar.is_none());
    assert_eq!(test.view.wait(), None);
    let moves = test.term.moves_since_last_check();
    assert!(!moves.contains("Clear") && !moves.contains("Up"), "{moves}");
}

#[test]
fn narrow_terminal_cuts_lines_and_never_wraps_them() {
    Test::new(10, 40)
        .receive(0, started(&["api", "日本語"]))
        .receive(0, decided("api", Decision::Build, "a/very/long/path/to/some/file.go changed"))
        .receive(0, step("日本語", "日本語日本語日本語日本語日本語日本語"))
        .shows(
            1000,
            "\
⠋ api       1.0s  building: a/very/lon…
⠋ 日本語    1.0s  日本語日本語日本語日…",
        )
        .receive(2000, finished("api", Outcome::Built, "a/very/long/path/to/some/file.go changed"))
        .receive(2000, finished("日本語", Outcome::Cancelled, "x"))
        .shows(3000, "✔ api     built acme/api:1.4 in 3.2s: …\n○ 日本語  cancelled: x");
}

#[test]
fn many_images_share_the_height_of_the_terminal() {
    let mut test = Test::with_look(5, 40, Look::new(false, false));
    for image in 10..35 {
        test.receive(0, step(&format!("i{image}"), "building"));
    }
    test.shows(
        1000,
        "\
- i10    1.0s  building
- i11    1.0s  building
- i12    1.0s  building
  +22 more",
    );
    for image in 10..32 {
        test.receive(1500, finished(&format!("i{image}"), Outcome::Built, "new"));
    }
    let screen = test.term.contents();
    assert!(screen.contains("i31  built"), "{screen}");
    test.shows(
        2000,
        "\
+ i31  built acme/i31:1.4 in 3.2s: new
| i32    2.0s  building
| i33    2.0s  building
| i34    2.0s  building",
    );
}

#[test]
fn ascii_terminal_gets_ascii() {
    let mut test = Test::with_look(10, 30, Look::new(false, false));
    test.receive(0, started(&["api"]))
        .receive(0, step("api", "building with docker"))
        .shows(1000, "- api    1.0s  building wi...");
    test.receive(1000, finished("api", Outcome::Failed, "broken"));
    assert!(test.term.contents().is_ascii());
}

#[test]
fn colours_are_written_only_when_wanted() {
    for color in [true, false] {
        let mut test = Test::with_look(10, 60, Look::new(color, true));
        test.receive(0, started(&["api"])).receive(1, finished("api", Outcome::Failed, "broken"));
        let moves = test.term.moves_since_last_check();
        assert_eq!(moves.contains("[31m"), color, "{moves}");
    }
}

#[test]
fn flood_of_output_is_drawn_at_most_twenty_times_a_second() {
    let mut test = Test::new(10, 60);
    test.receive(0, step("api", "building"))
        .shows(1000, "⠋   1.0s  building".replace("⠋ ", "⠋ api  ").as_str());
    test.term.moves_since_last_check();
    for line in 0..10_000 {
        test.receive(1000 + line / 100, output("api", &format!("line {line}")));
    }
    let moves = test.term.moves_since_last_check();
    assert!(moves.matches("Flush").count() <= 3, "{moves}");
    test.shows(2000, "⠋ api    2.0s  building  line 9999");
}

#[test]
fn interrupted_run_leaves_no_live_line() {
    let mut test = Test::new(10, 60);
    test.receive(0, started(&["api"]))
        .receive(0, step("api", "building"))
        .shows(1000, "⠋ api    1.0s  building");
    test.view.close(at(1100)).unwrap();
    assert_eq!(test.term.contents(), "");
}

#[test]
fn a_run_that_watches_shows_its_status_below_everything_until_its_end() {
    let keys = vec![KeyHint { key: 'b', does: "build".to_owned() }];
    let sync = |change| Event::Sync { folder: "src -> /app".to_owned(), change };
    let mut test = Test::new(12, 60);
    test.receive(0, started(&["api"]))
        .receive(0, Event::Watching { files: 2, folders: 1 })
        .receive(0, Event::Keys { keys })
        .receive(0, decided("api", Decision::Build, "src/main.go changed"))
        .shows(
            150,
            "\
watching 2 files in 1 directory
images       api building
keys         b build",
        )
        .shows(
            1000,
            "\
watching 2 files in 1 directory
⠋ api    1.0s  building: src/main.go changed
images       api building
keys         b build",
        )
        .receive(1100, finished("api", Outcome::Built, "src/main.go changed"))
        .receive(1100, sync(SyncChange::Equal))
        .receive(1100, Event::Output { image: None, line: "web-1 | GET / 200".to_owned() })
        .shows(
            1200,
            "\
watching 2 files in 1 directory
✔ api  built acme/api:1.4 in 3.2s: src/main.go changed
src -> /app: in sync
web-1 | GET / 200
images       api built 00:00:01
sync         src -> /app in sync
keys         b build",
        );
    // Nothing is drawn while nothing changes, and the last change is drawn although it came early.
    assert_eq!(test.view.wait(), None);
    test.receive(1210, Event::WatchPaused { reason: "press p to resume".to_owned() });
    assert_eq!(test.view.wait(), Some(FRAME));
    test.view.refresh(at(1310)).unwrap();
    assert_eq!(test.view.wait(), None);
    assert!(test.term.contents().ends_with("\npaused       press p to resume"), "{}", test.term.contents());
    test.view.close(at(1400)).unwrap();
    let end = "\nweb-1 | GET / 200\npaused: press p to resume\nstopped early: 1 built in 1.4s";
    assert!(test.term.contents().ends_with(end), "{}", test.term.contents());
}

#[test]
fn a_process_in_the_terminal_has_it_alone() {
    let mut test = Test::new(12, 60);
    test.receive(0, Event::Watching { files: 2, folders: 1 })
        .receive(0, decided("api", Decision::Skip, "unchanged"))
        .receive(100, Event::TerminalTaken)
        .shows(200, "watching 2 files in 1 directory\n· api  skipped: unchanged");
}
