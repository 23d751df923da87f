//! Plain lists in columns, for the commands that list things.

use crate::report::{Look, printable};
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A list in columns, with a line end; the last column takes what is left of the width.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    look: Look,
) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic).set_width(look.width);
    table.force_no_tty().set_header(header);
    for row in rows {
        table.add_row(row.map(|text| Cell::new(printable(&text))));
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at + 1 == N { 0 } else { 2 }));
        if at + 1 < N {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed((look.width / 2).max(10))));
        }
    }
    table.trim_fmt() + "\n"
}

/// Names with texts, folded, with a line end. A name that is that of the row above is left out.
pub(super) fn pairs(rows: &[(&str, String)], look: Look) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.force_no_tty().set_width(look.width);
    let mut last = "";
    for (name, text) in rows {
        let shown = if *name == last { "" } else { name };
        last = name;
        table.add_row([Cell::new(shown), Cell::new(printable(text))]);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == 0 { 2 } else { 0 }));
        if at == 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt() + "\n"
}
