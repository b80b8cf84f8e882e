//! Text in aligned columns.

use console::{Alignment, Style, measure_text_width, pad_str};

/// The separator between two columns.
const GAP: &str = "  ";

/// Rows of cells below a header row.
pub(super) struct Table {
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column headers.
    pub(super) fn new(heads: &[&str]) -> Self {
        let heads: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
        let widths = heads.iter().map(|head| measure_text_width(head)).collect();
        Self { widths, rows: vec![heads] }
    }

    /// Adds a row, one cell per column. Only the first line of a cell is shown.
    pub(super) fn push(&mut self, cells: Vec<String>) {
        let cells: Vec<String> = cells.iter().map(|cell| one_line(cell)).collect();
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(measure_text_width(cell));
        }
        self.rows.push(cells);
    }

    /// The table as text, with dimmed headers if colors are enabled.
    pub(super) fn render(&self, is_colored: bool) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&self.widths);
            let cells = cells.map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None).into_owned());
            let line = cells.collect::<Vec<_>>().join(GAP);
            let style = if index == 0 { Style::new().dim() } else { Style::new() };
            text += &style.apply_to(line.trim_end()).force_styling(is_colored).to_string();
            text.push('\n');
        }
        text
    }
}

/// The first line of `cell`, or `-` if it is empty. Control characters are removed.
fn one_line(cell: &str) -> String {
    let line = cell.lines().next().unwrap_or_default();
    let more = if cell.trim_end().lines().count() > 1 { " ..." } else { "" };
    match line.replace(char::is_control, "") + more {
        line if line.is_empty() => "-".to_owned(),
        line => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", "image"]);
        table.push(vec!["api".into(), "ghcr.io/acme/api".into()]);
        table.push(vec!["größe".into(), String::new()]);
        assert_eq!(table.render(false), "NAME   IMAGE\napi    ghcr.io/acme/api\ngröße  -\n");
    }

    #[test]
    fn cell_never_breaks_the_line_or_reaches_the_terminal() {
        let mut table = Table::new(&["a"]);
        table.push(vec!["one\ntwo\n".into()]);
        table.push(vec!["\u{1b}[31mred".into()]);
        assert_eq!(table.render(false), "A\none ...\n[31mred\n");
    }
}
