//! Tables for a terminal: columns where they fit, cards below 80 columns, where seven columns would
//! break every name in two.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use crate::render::escape::escape;

/// Below this width rows are printed as cards.
const NARROWEST: usize = 80;

/// The table, its cells escaped.
#[must_use]
pub fn text(head: &[&'static str], rows: &[Vec<String>], width: usize) -> String {
    if width < NARROWEST {
        return cards(head, rows);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(head.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| escape(cell)).collect::<Vec<_>>());
    }
    // Names and numbers are never broken in two: a column is as wide as its longest word.
    for (at, column) in table.column_iter_mut().enumerate() {
        let of_row = |row: &Vec<String>| {
            let words = row.get(at).map(|cell| escape(cell)).unwrap_or_default();
            words.split(' ').map(|word| word.chars().count()).max().unwrap_or(0)
        };
        let longest = rows.iter().map(of_row).max().unwrap_or(0);
        let longest = longest.max(head.get(at).map_or(0, |word| word.len()));
        let cells = u16::try_from(longest + 2).unwrap_or(u16::MAX).min(160);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(cells)));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    unbroken(&lines.join("\n"))
}

fn cards(head: &[&'static str], rows: &[Vec<String>]) -> String {
    let longest = head.iter().map(|word| word.len()).max().unwrap_or(0);
    let card = |row: &Vec<String>| {
        let lines: Vec<_> = head
            .iter()
            .zip(row)
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(word, cell)| format!("{word:<longest$}  {}", escape(cell)))
            .collect();
        lines.join("\n")
    };
    unbroken(&rows.iter().map(card).collect::<Vec<_>>().join("\n\n"))
}

/// No-break spaces have kept words together; now they are spaces.
fn unbroken(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn names_are_never_broken() {
        let rows = vec![vec!["allow-master-node-egress-in-production".to_owned(); 4]];
        let table = text(&["A", "B", "C", "D"], &rows, 90);
        assert!(table.contains("allow-master-node-egress-in-production"), "{table}");
        let cards = text(&["A", "B", "C", "D"], &rows, 60);
        assert_eq!(cards.lines().count(), 4);
    }
}
