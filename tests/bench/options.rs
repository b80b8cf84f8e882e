//! The arguments of the benchmark.

use super::corpus::Kind;

/// The parts to measure, and how often.
#[derive(Debug)]
pub struct Options {
    /// The corpora, in their usual order.
    pub corpora: Vec<Kind>,
    /// How often each figure is measured.
    pub rounds: usize,
    /// The only part that is measured; `None` means all of them.
    pub only: Option<Part>,
    /// Whether parts are skipped whose figures take longer than a minute each.
    pub is_short: bool,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Loading a project, and building with a daemon.
    Daemon,
    /// The builder `oci`.
    Oci,
    /// The transfer of a context into a pod.
    Upload,
    /// Whole third-party trees.
    Trees,
    /// Deploys, with the cluster of the tests.
    Deploy,
    /// Watching, file sync and forwarded connections, with the cluster of the tests.
    Dev,
}

impl Options {
    /// Reads names of corpora (none: all), `--rounds N` (default 3), `--short`, and `--only
    /// daemon|oci|upload|trees|deploy|dev`.
    ///
    /// # Panics
    /// On any other argument; the message lists the allowed ones.
    pub fn parse(arguments: &[String]) -> Self {
        let mut options = Self { corpora: Vec::new(), rounds: 3, only: None, is_short: false };
        let mut arguments = arguments.iter().filter(|argument| *argument != "--bench");
        while let Some(argument) = arguments.next() {
            if argument == "--rounds" {
                let rounds =
                    arguments.next().and_then(|number| number.parse().ok()).filter(|rounds| *rounds > 0);
                options.rounds = rounds.expect("--rounds requires a number of at least 1");
            } else if argument == "--short" {
                options.is_short = true;
            } else if argument == "--only" {
                options.only = Some(match arguments.next().map(String::as_str) {
                    Some("daemon") => Part::Daemon,
                    Some("oci") => Part::Oci,
                    Some("upload") => Part::Upload,
                    Some("trees") => Part::Trees,
                    Some("deploy") => Part::Deploy,
                    Some("dev") => Part::Dev,
                    _ => panic!("--only accepts daemon, oci, upload, trees, deploy or dev"),
                });
            } else {
                let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == *argument);
                options.corpora.push(kind.unwrap_or_else(|| {
                    panic!(
                        "unknown argument `{argument}`: use one, ten, mono, big, --rounds N, --short or --only PART"
                    )
                }));
            }
        }
        if options.corpora.is_empty() {
            options.corpora = Kind::ALL.to_vec();
        }
        options
    }

    /// Whether `part` is measured. Trees, deploys and sessions of `dev` belong to no corpus: they are measured with all
    /// of them, or alone.
    pub fn has(&self, part: Part) -> bool {
        let is_alone = matches!(part, Part::Trees | Part::Deploy | Part::Dev);
        self.only.map_or(!is_alone || self.corpora == Kind::ALL, |only| only == part)
    }
}
