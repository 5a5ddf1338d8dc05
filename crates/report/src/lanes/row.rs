//! One lane as a line of text.
//!
//! Owns the signs, and what is seen when several things fall into one column. Refuses to know which lanes there are.

use super::group::{Common, Kind, Lane};
use super::{Terminal, printable};
use crate::figures::{counted, grouped};
use crate::report::{Connection, Exchange, Necessity, Outcome, Report};

/// What a column shows; of several, the last in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Nothing,
    Idle,
    Queue,
    /// An exchange fills less than half of the column.
    Brief,
    Exchange,
    Handshake,
    Avoidable,
    Failed,
    Again,
    ByCaller,
    ByLimit,
    ByPeer,
    ByUs,
    StillOpen,
}

const LEGEND: &[(Cell, &str)] = &[
    (Cell::Handshake, "handshake"),
    (Cell::Avoidable, "avoidable handshake"),
    (Cell::Exchange, "request"),
    (Cell::Idle, "idle"),
    (Cell::Queue, "waiting for a connection"),
    (Cell::Failed, "failed"),
    (Cell::Again, "failed and sent again"),
    (Cell::ByPeer, "the server ended it"),
    (Cell::ByUs, "we ended it"),
    (Cell::ByCaller, "the caller ended it"),
    (Cell::ByLimit, "a limit ended it"),
    (Cell::StillOpen, "still open"),
];

/// The signs that a terminal can show.
pub(super) struct Signs {
    ascii: bool,
    colour: bool,
}

impl Signs {
    pub(super) fn of(terminal: Terminal) -> Self {
        Self {
            ascii: terminal.ascii,
            colour: terminal.colour,
        }
    }

    pub(super) fn legend(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        LEGEND
            .iter()
            .map(|(cell, words)| (self.sign(*cell), *words))
    }

    /// A sign of the legend, in its colour.
    pub(super) fn painted(&self, sign: &str) -> String {
        let cell = LEGEND
            .iter()
            .map(|(cell, _)| *cell)
            .find(|cell| self.sign(*cell) == sign);
        cell.map_or_else(|| sign.to_owned(), |cell| self.paint(cell, sign))
    }

    fn sign(&self, cell: Cell) -> &'static str {
        let (sign, ascii) = match cell {
            Cell::Again => ("↻", "@"),
            Cell::Avoidable => ("▓", "%"),
            Cell::Brief => ("▌", "="),
            Cell::ByCaller => ("▼", "v"),
            Cell::ByLimit => ("●", "o"),
            Cell::ByPeer => ("◆", "<"),
            Cell::ByUs => ("■", "]"),
            Cell::Exchange => ("█", "#"),
            Cell::Failed => ("✕", "X"),
            Cell::Handshake => ("▒", "+"),
            Cell::Idle => ("─", "-"),
            Cell::Nothing => (" ", " "),
            Cell::Queue => ("┄", "."),
            Cell::StillOpen => ("›", ">"),
        };
        if self.ascii { ascii } else { sign }
    }

    /// Red and yellow, blue, magenta and grey: never the only difference.
    fn code(cell: Cell) -> Option<&'static str> {
        match cell {
            Cell::Again | Cell::Avoidable | Cell::Failed => Some("31"),
            Cell::Handshake => Some("33"),
            Cell::Brief | Cell::Exchange => Some("34"),
            Cell::Queue => Some("35"),
            Cell::Idle => Some("90"),
            Cell::Nothing | Cell::StillOpen => None,
            Cell::ByCaller | Cell::ByLimit | Cell::ByPeer | Cell::ByUs => None,
        }
    }

    fn paint(&self, cell: Cell, text: &str) -> String {
        match Self::code(cell).filter(|_| self.colour) {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.to_owned(),
        }
    }
}

pub(super) struct Row<'a> {
    cells: Vec<Cell>,
    /// Microseconds of exchanges in each column.
    used: Vec<u64>,
    length_us: u64,
    /// What a lane of many is, before it.
    title: Option<String>,
    name: String,
    note: String,
    avoidable: bool,
    signs: &'a Signs,
}

impl<'a> Row<'a> {
    pub(super) fn of(report: &Report, lane: &Lane, bar: usize, signs: &'a Signs) -> Self {
        let mut row = Self {
            cells: vec![Cell::Nothing; bar],
            used: vec![0; bar],
            length_us: report.length_us.max(1),
            title: None,
            name: String::new(),
            note: String::new(),
            avoidable: false,
            signs,
        };
        match &lane.kind {
            Kind::Connections(members, common) => row.connections(report, members, *common),
            Kind::Unserved(list) => row.unserved(report, list),
        }
        row
    }

    fn connections(&mut self, report: &Report, members: &[usize], common: Common) {
        let list: Vec<&Connection> = members
            .iter()
            .map(|index| &report.connections[*index])
            .collect();
        for connection in &list {
            self.life(report, connection);
            for index in &connection.exchanges {
                self.exchange(report, &report.exchanges[*index]);
            }
        }
        // What is short must not be covered by what is long.
        for connection in &list {
            self.marks(report, connection);
        }
        // The ends of many would cover everything else.
        if let [connection] = list[..] {
            self.end(report, connection);
        }
        let requests: u64 = list.iter().map(|it| it.exchanges.len() as u64).sum();
        self.avoidable = list.iter().all(|it| it.necessity == Necessity::Avoidable);
        let Some(first) = list.first() else { return };
        let count = grouped(list.len() as u64);
        match common {
            Common::Itself => {
                let end = first.end.as_ref().map_or("open", |end| end.reason.as_str());
                self.name = format!("#{}", first.number);
                self.note = format!("{}× {end}", grouped(requests));
            }
            Common::Origin => {
                self.title = Some(format!("×{count} more connections"));
                self.note = counted(requests, "request");
            }
            Common::SingleRequest(cause) => {
                let why = cause.map_or(String::new(), |cause| format!(" ({cause})"));
                self.title = Some(format!("×{count} single-request connections{why}"));
                self.note = counted(requests, "request");
            }
        }
    }

    fn unserved(&mut self, report: &Report, list: &[usize]) {
        for index in list {
            let exchange = &report.exchanges[*index];
            self.fill(
                Cell::Queue,
                exchange.asked_us,
                exchange.until_us(self.length_us),
            );
        }
        for index in list {
            let exchange = &report.exchanges[*index];
            if exchange.outcome == Outcome::Failed {
                self.mark(Cell::Failed, exchange.until_us(self.length_us));
            }
        }
        self.name = "unserved".to_owned();
        self.note = counted(list.len() as u64, "request");
    }

    fn life(&mut self, report: &Report, connection: &Connection) {
        self.fill(
            Cell::Idle,
            connection.opened_us,
            connection.until_us(report.length_us),
        );
    }

    fn exchange(&mut self, report: &Report, exchange: &Exchange) {
        if let Some(taken) = exchange.taken_us {
            if taken > exchange.asked_us {
                self.fill_where_empty(Cell::Queue, exchange.asked_us, taken);
            }
            self.work(taken, exchange.until_us(report.length_us));
        }
    }

    /// Handshake, and what went wrong.
    fn marks(&mut self, report: &Report, connection: &Connection) {
        let handshake = if connection.necessity == Necessity::Avoidable {
            Cell::Avoidable
        } else {
            Cell::Handshake
        };
        if !connection.is_older {
            self.fill(handshake, connection.dialed_us, connection.opened_us);
        }
        for exchange in connection
            .exchanges
            .iter()
            .map(|index| &report.exchanges[*index])
        {
            if exchange.again {
                self.mark(Cell::Again, exchange.until_us(report.length_us));
            } else if exchange.outcome == Outcome::Failed {
                self.mark(Cell::Failed, exchange.until_us(report.length_us));
            }
        }
    }

    fn end(&mut self, report: &Report, connection: &Connection) {
        let end = match connection.end.as_ref().map(|end| end.by.as_str()) {
            None => Cell::StillOpen,
            Some("caller") => Cell::ByCaller,
            Some("limit") => Cell::ByLimit,
            Some("peer") => Cell::ByPeer,
            Some(_) => Cell::ByUs,
        };
        // One column further, so that a failure and the end it brings are both seen.
        let column = self.column(connection.until_us(report.length_us));
        let after = match self.cells[column] {
            Cell::Again | Cell::Failed => column + 1,
            Cell::Avoidable | Cell::Brief | Cell::Exchange | Cell::Handshake | Cell::Idle => column,
            Cell::Nothing | Cell::Queue | Cell::StillOpen => column,
            Cell::ByCaller | Cell::ByLimit | Cell::ByPeer | Cell::ByUs => column,
        };
        if let Some(cell) = self.cells.get_mut(after) {
            *cell = end;
        }
    }

    fn column(&self, at_us: u64) -> usize {
        let columns = self.cells.len() as u128;
        let column = u128::from(at_us) * columns / u128::from(self.length_us);
        usize::try_from(column.min(columns - 1)).unwrap_or(0)
    }

    fn fill(&mut self, cell: Cell, from_us: u64, to_us: u64) {
        let (from, to) = (self.column(from_us), self.column(to_us.max(from_us)));
        for place in &mut self.cells[from..=to] {
            *place = (*place).max(cell);
        }
    }

    fn fill_where_empty(&mut self, cell: Cell, from_us: u64, to_us: u64) {
        let (from, to) = (self.column(from_us), self.column(to_us.max(from_us)));
        for place in &mut self.cells[from..=to] {
            if *place <= Cell::Idle {
                *place = cell;
            }
        }
    }

    fn mark(&mut self, cell: Cell, at_us: u64) {
        let column = self.column(at_us);
        self.cells[column] = self.cells[column].max(cell);
    }

    /// Time in use: a column that is used for half of its time or more is drawn as full.
    fn work(&mut self, from_us: u64, to_us: u64) {
        let each = (self.length_us / self.cells.len() as u64).max(1);
        for column in self.column(from_us)..=self.column(to_us.max(from_us)) {
            let (begin, end) = (column as u64 * each, (column as u64 + 1) * each);
            self.used[column] += to_us.min(end).saturating_sub(from_us.max(begin));
            let cell = if self.used[column] * 2 >= each {
                Cell::Exchange
            } else {
                Cell::Brief
            };
            self.cells[column] = self.cells[column].max(cell);
        }
    }

    /// Name, bar, note; the note is cut where the line ends. A lane of many has a line before that tells what they are.
    pub(super) fn lines(&self, name: usize, note: usize) -> Vec<String> {
        let warning = match (self.avoidable, self.signs.ascii) {
            (false, _) => " ",
            (true, false) => "⚠",
            (true, true) => "!",
        };
        let warning = if self.avoidable {
            self.signs.paint(Cell::Avoidable, warning)
        } else {
            warning.to_owned()
        };
        let title = self
            .title
            .as_ref()
            .map(|title| format!("{warning} {title}"));
        let warning = if title.is_some() { " " } else { &warning };
        let mut line = format!(
            "{warning} {:<width$} ",
            cut(&self.name, name - 3),
            width = name - 3
        );
        for run in self.cells.chunk_by(|a, b| a == b) {
            let signs = self.signs.sign(run[0]).repeat(run.len());
            line.push_str(&self.signs.paint(run[0], &signs));
        }
        let line = format!("{line} {}", cut(&printable(&self.note), note - 1));
        title
            .into_iter()
            .chain([line.trim_end().to_owned()])
            .collect()
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}
