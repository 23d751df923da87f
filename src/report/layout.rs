//! How tables for people are laid out: the columns, what folds, and what must not stand at the beginning of a line.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, LineStyle, Row, Table, TableStyle, Width};
use rayon::prelude::*;
use unicode_width::UnicodeWidthStr;

/// How a table is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether to colour.
    pub colour: bool,
    /// 0 leaves out what holds and what does not apply; 1 shows it, and the reasons, evidence and sources too.
    pub verbose: u8,
    /// Whether each finding bears the reason for its rule, its sources and the line that declares its subject.
    pub explain: bool,
}

impl Look {
    /// As in a file: no colour, findings only.
    pub const PLAIN: Look = Look { width: 100, colour: false, verbose: 0, explain: false };
}

/// The narrowest table with a column of its own for status and subject.
pub(super) const NARROW: u16 = 56;

pub(super) const PLAIN: TableStyle = TableStyle::new();
pub(super) const RULED: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

pub(super) fn table(look: Look, style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_width(look.width);
    table.force_no_tty();
    if look.colour {
        table.enforce_styling();
    }
    table
}

/// Padding between two columns.
const GAP: u16 = 2;

/// What parts three columns, beside their padding.
const PARTS: usize = 2;

/// The widest that the second of three columns may be, padding and all.
fn most_second(look: Look) -> u16 {
    (look.width / 4).clamp(14, 34)
}

/// Rows in each piece of a long table, which are laid out side by side.
const PIECE: usize = 256;

/// A table of three columns below a header and a rule, of however many rows: as [`lay`] would lay it out. The widths are
/// reckoned once, so that each piece of the table can be folded by itself. Where there is no room for columns, each row has
/// one cell, and there is no header.
pub(super) fn ruled(header: [&str; 3], rows: Vec<Row>, look: Look) -> String {
    let wide = look.width >= NARROW;
    let widths = if wide { widths(header, &rows, look) } else { vec![look.width] };
    let piece = |rows: Vec<Row>| {
        // No header, so no rule; but what parts the columns is as with one.
        let mut table = table(look, RULED);
        table.add_rows(rows);
        lay(&mut table, look);
        for (column, width) in table.column_iter_mut().zip(&widths) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(*width)));
        }
        finish(&table)
    };
    let mut pieces: Vec<String> = rows.into_par_iter().chunks(PIECE).map(piece).collect();
    if wide {
        let rule = widths.iter().map(|width| usize::from(*width)).sum::<usize>() + PARTS;
        pieces.splice(0..0, [piece(vec![Row::from(header)]), "─".repeat(rule)]);
    }
    pieces.join("\n")
}

/// How wide the columns are, padding and all: the first as its words, the second up to a bound, the last up to what is left.
fn widths(header: [&str; 3], rows: &[Row], look: Look) -> Vec<u16> {
    let widest = |at: usize, most: u16| {
        let width = |row: &Row| {
            let words = row.cell_iter().nth(at).map(Cell::content).unwrap_or_default();
            let lines = words.lines().map(UnicodeWidthStr::width).max();
            u16::try_from(lines.unwrap_or_default()).unwrap_or(u16::MAX)
        };
        // In a long table one that takes all the room is soon found.
        if rows.par_iter().any(|row| width(row) >= most) {
            return most;
        }
        let header = u16::try_from(header[at].width()).unwrap_or(u16::MAX);
        rows.par_iter().map(width).max().unwrap_or_default().max(header).min(most)
    };
    let (first, second) = (widest(0, u16::MAX - GAP) + GAP, widest(1, most_second(look) - GAP) + GAP);
    let rest = usize::from(look.width).saturating_sub(usize::from(first) + usize::from(second) + PARTS);
    vec![first, second, widest(2, u16::try_from(rest).unwrap_or(u16::MAX).max(1))]
}

/// Columns without padding to the left of the first and to the right of the last, so that text begins at the margin.
pub(super) fn lay(table: &mut Table, look: Look) {
    let last = table.column_count().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { GAP }));
        if at == 0 && last > 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        } else if at == 1 && last == 2 {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(most_second(look))));
        }
    }
}

pub(super) fn finish(table: &Table) -> String {
    disarmed(table.trim_fmt())
}

/// A line that begins with a command of GitHub's runner (`::error::`) or Azure's (`##vso[`) is obeyed when it is printed there,
/// and where a line is folded is for whoever chose the words to say. Such a beginning becomes one character that looks alike.
fn disarmed(text: String) -> String {
    let commands = |line: &str| {
        let line = line.trim_start();
        line.starts_with("::") || line.starts_with("##vso[") || line.starts_with("##[")
    };
    if !text.lines().any(commands) {
        return text;
    }
    let lines = text.lines().map(|line| {
        if commands(line) { line.replacen("::", "∷", 1).replacen("##", "＃", 1) } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a table folds by itself, laid out whole.
    fn whole(header: [&str; 3], rows: Vec<Row>, look: Look) -> String {
        let mut table = table(look, RULED);
        table.set_header(header).add_rows(rows);
        lay(&mut table, look);
        finish(&table)
    }

    #[test]
    fn a_long_table_in_pieces_is_the_table() {
        let header = ["Status", "Subject", "Finding"];
        let rows = |number: usize| -> Vec<Row> {
            let row = |at: usize| {
                let subject =
                    if at.is_multiple_of(3) { format!("hv{at}") } else { format!("hv{at} with 節点 {at}") };
                let text =
                    format!("{at} of its paths are gone\nFix: {}", "look at the switch ".repeat(at % 9));
                let status = if at == 1000 { "UNKNOWN" } else { "FAIL" };
                if at % 5 == 4 {
                    Row::from([""])
                } else {
                    Row::from([status, subject.as_str(), text.as_str()])
                }
            };
            (0..number).map(row).collect()
        };
        for number in [1, PIECE, PIECE + 1, 4 * PIECE] {
            for width in [NARROW, 80, 200] {
                let look = Look { width, ..Look::PLAIN };
                let (pieces, whole) = (ruled(header, rows(number), look), whole(header, rows(number), look));
                let rule = |text: &str| text.lines().position(|line| line.starts_with('─'));
                assert_eq!(rule(&pieces), Some(1));
                // Only the rule may be longer, up to the width.
                let lines = |text: &str| {
                    text.lines().filter(|line| !line.starts_with('─')).map(str::to_owned).collect()
                };
                let (pieces, whole): (Vec<String>, Vec<String>) = (lines(&pieces), lines(&whole));
                assert_eq!(pieces, whole, "{number} rows, {width} columns");
            }
        }
        let look = Look { width: NARROW - 1, ..Look::PLAIN };
        let narrow = ruled(header, (0..600).map(|at| Row::from([format!("FAIL hv{at}")])).collect(), look);
        assert!(narrow.lines().eq((0..600).map(|at| format!("FAIL hv{at}"))));
    }
}
