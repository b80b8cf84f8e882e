//! The table of results, in Markdown.

use std::fmt;
use std::time::Duration;

use super::measure::Cost;

/// Rows in the order in which they came.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 7]>,
}

impl Table {
    /// Adds what `subject` cost in `case`, beside the name and cost of what it is compared with.
    pub fn row(&mut self, case: &str, subject: &str, cost: Cost, other: Option<(&str, Cost)>) {
        let ratio = |other: Cost| format!("{:.2}", cost.wall.as_secs_f64() / other.wall.as_secs_f64());
        let row = [
            case.to_owned(),
            subject.to_owned(),
            time(cost.wall),
            cost.processor.map(time).unwrap_or_default(),
            cost.memory.map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0)).unwrap_or_default(),
            other.map(|(name, other)| format!("{name}: {}", time(other.wall))).unwrap_or_default(),
            other.map(|(_, other)| ratio(other)).unwrap_or_default(),
        ];
        // The table comes at the end; until then this shows that something happens.
        eprintln!("  {}", row.join("  "));
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| Case | Program | Time | Processor | Peak memory | Compared with | Ratio |")?;
        writeln!(formatter, "|---|---|--:|--:|--:|---|--:|")?;
        for row in &self.rows {
            writeln!(formatter, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}
