//! The table of results, in Markdown.

use std::fmt;
use std::time::Duration;

use super::measure::{Cost, median};

/// Rows in the order in which they were added.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 7]>,
}

impl Table {
    /// Adds the cost of `program` in `case`, in one row for each of the `others` that were measured, with their names,
    /// or in a single row without them. Each figure is the median of its samples.
    pub fn add(&mut self, case: &str, program: &str, costs: &[Cost], others: &[(&str, &[Cost])]) {
        let cost = median(costs);
        let measured = others.iter().filter(|(_, costs)| !costs.is_empty());
        let others: Vec<_> = measured.map(|(name, costs)| Some((*name, median(costs)))).collect();
        for other in if others.is_empty() { vec![None] } else { others } {
            self.row(case, program, cost, other);
        }
    }

    fn row(&mut self, case: &str, program: &str, cost: Cost, other: Option<(&str, Cost)>) {
        let ratio = |other: Cost| format!("{:.2}", cost.wall.as_secs_f64() / other.wall.as_secs_f64());
        let row = [
            case.to_owned(),
            program.to_owned(),
            time(cost.wall),
            cost.processor.map(time).unwrap_or_default(),
            cost.memory.map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0)).unwrap_or_default(),
            other.map(|(name, other)| format!("{name}: {}", time(other.wall))).unwrap_or_default(),
            other.map(|(_, other)| ratio(other)).unwrap_or_default(),
        ];
        // The table is printed at the end; until then this shows the progress.
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
