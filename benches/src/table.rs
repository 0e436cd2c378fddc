//! Rows as a table for people.

use crate::row::Row;

const HEADINGS: [&str; 6] = ["case", "metric", "value", "unit", "aim", "met"];
/// The columns of figures, which are aligned on their right.
const FIGURES: [usize; 2] = [2, 4];

/// An aligned table with a line for each row, ending with a line break.
pub fn render(rows: &[Row]) -> String {
    let lines: Vec<[String; 6]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut table = String::new();
    for cells in &lines {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if FIGURES.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        table += padded.collect::<Vec<_>>().join("  ").trim_end();
        table.push('\n');
    }
    table
}

fn cells(row: &Row) -> [String; 6] {
    let met = row.met.map(|met| if met { "yes" } else { "no" }).unwrap_or_default();
    let aim = row.aim.map(figure).unwrap_or_default();
    [row.case.clone(), row.metric.clone(), figure(row.value), row.unit.clone(), aim, met.to_owned()]
}

/// Three digits that count, and no more after the point than they need.
fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_figures_stand_on_the_right() {
        let rows = [
            Row::new("api", "create, 16 clients", "pods", 5321.4, "1/s").at_least(5000.0),
            Row::new("api", "start", "first answer", 83.27, "ms"),
        ];
        let expected = "\
case                metric        value  unit   aim  met
create, 16 clients  pods           5321  1/s   5000  yes
start               first answer   83.3  ms
";
        assert_eq!(render(&rows), expected);
    }
}
