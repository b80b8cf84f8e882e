//! A program in a terminal.

use std::io::{Read as _, Write};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

const LINES: u16 = 24;
const COLUMNS: u16 = 80;
const SCROLLBACK: usize = 1000;

/// A program whose input and output are a terminal, and the screen it draws. Dropping it kills the program.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    end: Instant,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
}

impl Terminal {
    /// Starts `command` in a terminal; its time `limit` starts now. `NO_COLOR` is removed, `TERM` is set.
    #[track_caller]
    pub(super) fn start(command: &Command, limit: Duration) -> Self {
        let size = PtySize { rows: LINES, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal can be opened");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value
                && name != "NO_COLOR"
            {
                builder.env(name, value);
            }
        }
        builder.env("TERM", "xterm-256color");
        if let Some(folder) = command.get_current_dir() {
            builder.cwd(folder);
        }
        let child = pair.slave.spawn_command(builder).expect("the program can be started");
        // The reader sees the end only after this process has closed the other side.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a terminal can be read");
        let keyboard = pair.master.take_writer().expect("a terminal can be written to");
        let state = State {
            parser: vt100::Parser::new(LINES, COLUMNS, SCROLLBACK),
            bytes: Vec::new(),
            closed: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let screen = Arc::clone(&shared);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // On Linux, the end of the last program appears as an error here.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut state = screen.lock();
                state.parser.process(&buffer[..count]);
                state.bytes.extend_from_slice(&buffer[..count]);
                state.closed = count == 0;
                drop(state);
                screen.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { child, master: pair.master, keyboard, end: Instant::now() + limit, shared }
    }

    /// Types `text`; `"\r"` is Enter, `"\x03"` Ctrl-C.
    #[track_caller]
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal accepts input");
        self.keyboard.flush().expect("the terminal accepts input");
        self
    }

    /// Makes the terminal `lines` high and `columns` wide.
    pub fn resize(&mut self, lines: u16, columns: u16) -> &mut Self {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("a terminal can be resized");
        self.shared.lock().parser.screen_mut().set_size(lines, columns);
        self
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.shared.lock().parser.screen().contents()
    }

    /// Everything the program wrote, escape sequences included.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().bytes).into_owned()
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) -> &Self {
        self.wait_until(&format!("`{text}` on the screen"), |state| {
            state.parser.screen().contents().contains(text)
        });
        self
    }

    /// Waits for the end of the program; returns its status and the last screen.
    #[track_caller]
    pub fn finish(mut self) -> (ExitStatus, String) {
        self.wait_until("its end", |state| state.closed);
        let status = self.child.wait().expect("the program can be waited for");
        (status, self.screen())
    }

    #[track_caller]
    fn wait_until(&self, what: &str, fact: impl Fn(&State) -> bool) {
        let mut state = self.shared.lock();
        while !fact(&state) {
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() || state.closed {
                let screen = state.parser.screen().contents();
                drop(state);
                panic!("no {what} before the end or the time limit\n--- screen:\n{screen}\n--- end");
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
