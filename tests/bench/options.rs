//! The arguments of the benchmark.

use super::corpus::Kind;

/// What to measure, and how often.
#[derive(Debug)]
pub struct Options {
    /// The corpora, in their usual order.
    pub corpora: Vec<Kind>,
    /// How often each figure is taken.
    pub rounds: usize,
    /// Whether only the builder `oci` is measured.
    pub only_oci: bool,
    /// Whether only the way of a context into a pod is measured.
    pub only_upload: bool,
}

impl Options {
    /// Reads names of corpora (none: all), `--rounds N` (default 3), `--only-oci` and `--only-upload`.
    ///
    /// # Panics
    /// On any other argument; the message says what is allowed.
    pub fn parse(arguments: &[String]) -> Self {
        let mut options = Self { corpora: Vec::new(), rounds: 3, only_oci: false, only_upload: false };
        let mut arguments = arguments.iter().filter(|argument| *argument != "--bench");
        while let Some(argument) = arguments.next() {
            if argument == "--rounds" {
                let rounds =
                    arguments.next().and_then(|number| number.parse().ok()).filter(|rounds| *rounds > 0);
                options.rounds = rounds.expect("--rounds takes a number from 1");
            } else if argument == "--only-oci" {
                options.only_oci = true;
            } else if argument == "--only-upload" {
                options.only_upload = true;
            } else {
                let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == *argument);
                options.corpora.push(kind.unwrap_or_else(|| {
                    panic!(
                        "`{argument}` is none of one, ten, mono, big, --rounds N, --only-oci, --only-upload"
                    )
                }));
            }
        }
        if options.corpora.is_empty() {
            options.corpora = Kind::ALL.to_vec();
        }
        options
    }
}
