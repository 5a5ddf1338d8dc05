//! Columns that line up, for a terminal and for Markdown.

/// A table; the first column is words, the others are numbers, the last may be words again.
pub(super) struct Table {
    headings: Vec<String>,
    rows: Vec<Row>,
    /// The last column is words too.
    words_last: bool,
}

enum Row {
    /// A line that names those that follow.
    Group(String),
    Cells(Vec<String>),
}

impl Table {
    pub(super) fn new(headings: &[&str]) -> Self {
        Self {
            headings: headings.iter().map(|&heading| heading.to_owned()).collect(),
            rows: Vec::new(),
            words_last: false,
        }
    }

    pub(super) fn words_last(mut self) -> Self {
        self.words_last = true;
        self
    }

    pub(super) fn group(&mut self, title: &str) {
        self.rows.push(Row::Group(title.to_owned()));
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row::Cells(cells));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn is_words(&self, column: usize) -> bool {
        column == 0 || (self.words_last && column + 1 == self.headings.len())
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|it| width(it)).collect();
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(width(cell));
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize], between: &str) -> String {
        let cells: Vec<String> = (cells.iter().zip(widths).enumerate())
            .map(|(column, (cell, widest))| {
                let blank = " ".repeat(widest.saturating_sub(width(cell)));
                if self.is_words(column) {
                    format!("{cell}{blank}")
                } else {
                    format!("{blank}{cell}")
                }
            })
            .collect();
        cells.join(between)
    }

    /// For a terminal; `paint` may colour a line that is already aligned.
    pub(super) fn terminal(&self, paint: impl Fn(Paint, &str) -> String) -> String {
        let widths = self.widths();
        let rule: usize = widths.iter().sum::<usize>() + 3 * (widths.len() - 1);
        let heading = self.line(&self.headings, &widths, "   ");
        let mut text = format!(
            "  {}\n  {}\n",
            paint(Paint::Heading, heading.trim_end()),
            "─".repeat(rule)
        );
        for (index, row) in self.rows.iter().enumerate() {
            match row {
                Row::Group(title) => {
                    let gap = if index > 0 { "\n" } else { "" };
                    text += &format!("{gap}  {}\n", paint(Paint::Group, title));
                }
                Row::Cells(cells) => {
                    let line = self.line(cells, &widths, "   ");
                    text += &format!("  {}\n", paint(Paint::Line, line.trim_end()));
                }
            }
        }
        text
    }

    pub(super) fn markdown(&self) -> String {
        let widths = self.widths();
        let rules: Vec<String> = (widths.iter().enumerate())
            .map(|(column, widest)| {
                let dashes = "-".repeat((*widest).max(3) - 1);
                if self.is_words(column) {
                    format!("{dashes}-")
                } else {
                    format!("{dashes}:")
                }
            })
            .collect();
        let mut text = format!("| {} |\n", self.line(&self.headings, &widths, " | "));
        text += &format!("| {} |\n", rules.join(" | "));
        for row in &self.rows {
            text += &match row {
                Row::Group(title) => {
                    format!("| **{title}** {}|\n", "| ".repeat(widths.len() - 1))
                }
                Row::Cells(cells) => format!("| {} |\n", self.line(cells, &widths, " | ")),
            };
        }
        text
    }
}

/// What a line of a terminal's table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Heading,
    Group,
    Line,
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["client", "µs", "said"]).words_last();
        table.group("13 bytes");
        table.row(["keepwarm", "6.88", "met"].map(str::to_owned).to_vec());
        table.row(["Go", "18.2", "–"].map(str::to_owned).to_vec());
        table
    }

    #[test]
    fn a_terminal_gets_aligned_columns() {
        let text = table().terminal(|_, line| line.to_owned());
        assert_eq!(
            text,
            "  client       µs   said\n  \
             ──────────────────────\n  \
             13 bytes\n  \
             keepwarm   6.88   met\n  \
             Go         18.2   –\n"
        );
    }

    #[test]
    fn markdown_gets_a_table_too() {
        assert_eq!(
            table().markdown(),
            "| client   |   µs | said |\n\
             | -------- | ---: | ---- |\n\
             | **13 bytes** | | |\n\
             | keepwarm | 6.88 | met  |\n\
             | Go       | 18.2 | –    |\n"
        );
    }
}
