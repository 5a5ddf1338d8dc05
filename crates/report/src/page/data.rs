//! The data of the page: the report as columns of numbers.
//!
//! Owns the encoding; `assets/data.js` reads it. A hundred thousand exchanges as objects would be several times as long
//! and as slow to read. Refuses to leave anything out.
//!
//! A column is an array, or one number when all its values are equal. −1 stands for none. Text is an index into
//! `strings`. Times are microseconds after the report's beginning (`asked`: after the one before), or after `asked` or
//! `dialed` for what follows these.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::headline::headline;
use crate::report::{Connection, Exchange, Finding, Origin, Report, Source};

/// The name of this encoding: it and `data.js` change together.
const FORM: &str = "keepwarm.page/1";

const NONE: i64 = -1;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut strings = Strings::default();
    let connections = connections(report, &mut strings);
    let exchanges = exchanges(report, &mut strings);
    let data = Data {
        form: FORM,
        headline: headline(report),
        began: report.began_us,
        length: report.length_us,
        dropped: report.dropped,
        cut_short: report.cut_short,
        sources: &report.sources,
        origins: &report.origins,
        findings: &report.findings,
        connection_count: report.connections.len(),
        exchange_count: report.exchanges.len(),
        connections,
        exchanges,
        strings: strings.list,
    };
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer(&mut out, &data)?;
    out.flush()
}

#[derive(Serialize)]
struct Data<'a> {
    form: &'static str,
    headline: String,
    began: u64,
    length: u64,
    dropped: u64,
    cut_short: bool,
    sources: &'a [Source],
    origins: &'a [Origin],
    findings: &'a [Finding],
    connection_count: usize,
    exchange_count: usize,
    connections: Columns,
    exchanges: Columns,
    strings: Vec<&'a str>,
}

/// Columns by name, in the order of their making.
#[derive(Serialize)]
#[serde(transparent)]
struct Columns(std::collections::BTreeMap<&'static str, Column>);

#[derive(Serialize)]
#[serde(untagged)]
enum Column {
    Each(Vec<i64>),
    Same(i64),
}

impl Column {
    fn of(values: Vec<i64>) -> Self {
        match values.first() {
            Some(first) if values.iter().all(|value| value == first) => Self::Same(*first),
            Some(_) => Self::Each(values),
            None => Self::Same(NONE),
        }
    }
}

#[derive(Default)]
struct Strings<'a> {
    list: Vec<&'a str>,
    places: HashMap<&'a str, i64>,
}

impl<'a> Strings<'a> {
    fn place(&mut self, text: &'a str) -> i64 {
        *self.places.entry(text).or_insert_with(|| {
            self.list.push(text);
            number(self.list.len() as u64 - 1)
        })
    }

    fn place_of(&mut self, text: Option<&'a str>) -> i64 {
        text.map_or(NONE, |text| self.place(text))
    }
}

fn column<T>(items: &[T], value: impl FnMut(&T) -> i64) -> Column {
    Column::of(items.iter().map(value).collect())
}

fn connections<'a>(report: &'a Report, strings: &mut Strings<'a>) -> Columns {
    let items = &report.connections;
    let mut columns = connection_numbers(items);
    type Text<'a> = fn(&'a Connection) -> Option<&'a str>;
    let texts: [(&'static str, Text<'a>); 15] = [
        ("local", |it| it.local.as_deref()),
        ("remote", |it| it.remote.as_deref()),
        ("protocol", |it| Some(&it.protocol)),
        ("via", |it| it.via.as_deref()),
        ("miss", |it| it.miss.as_deref()),
        ("missText", |it| it.miss_text.as_deref()),
        ("tlsVersion", |it| Some(&it.tls.as_ref()?.version)),
        ("cipher", |it| Some(&it.tls.as_ref()?.cipher)),
        ("alpn", |it| it.tls.as_ref()?.alpn.as_deref()),
        ("serverName", |it| Some(&it.tls.as_ref()?.server_name)),
        ("reason", |it| Some(&it.end.as_ref()?.reason)),
        ("endText", |it| Some(&it.end.as_ref()?.text)),
        ("by", |it| Some(&it.end.as_ref()?.by)),
        ("how", |it| Some(it.end.as_ref()?.how.slug())),
        ("cause", |it| Some(it.blame?.cause.slug())),
    ];
    for (name, text) in texts {
        let values = items.iter().map(|it| strings.place_of(text(it))).collect();
        columns.insert(name, Column::of(values));
    }
    let necessity = items
        .iter()
        .map(|it| strings.place(it.necessity.slug()))
        .collect();
    columns.insert("necessity", Column::of(necessity));
    Columns(columns)
}

fn connection_numbers(items: &[Connection]) -> std::collections::BTreeMap<&'static str, Column> {
    let since = |it: &Connection, at: u64| number(at.saturating_sub(it.dialed_us));
    [
        ("number", column(items, |it| number(it.number))),
        ("source", column(items, |it| index(it.source))),
        ("client", column(items, |it| number(it.client))),
        ("origin", column(items, |it| index(it.origin))),
        ("dialed", column(items, |it| number(it.dialed_us))),
        ("opened", column(items, |it| since(it, it.opened_us))),
        ("dns", column(items, |it| number(it.dns_us))),
        ("connect", column(items, |it| number(it.connect_us))),
        ("tls", column(items, |it| optional(it.tls_us))),
        (
            "resumed",
            column(items, |it| {
                it.tls.as_ref().map_or(NONE, |tls| i64::from(tls.resumed))
            }),
        ),
        (
            "end",
            column(items, |it| {
                it.end.as_ref().map_or(NONE, |end| since(it, end.at_us))
            }),
        ),
        ("older", column(items, |it| i64::from(it.is_older))),
        (
            "during",
            column(items, |it| {
                it.end.as_ref().map_or(NONE, |end| end.during as i64)
            }),
        ),
        (
            "earlier",
            column(items, |it| {
                it.blame.and_then(|blame| blame.earlier).map_or(NONE, index)
            }),
        ),
    ]
    .into_iter()
    .collect()
}

fn exchanges<'a>(report: &'a Report, strings: &mut Strings<'a>) -> Columns {
    let items = &report.exchanges;
    let since =
        |it: &Exchange, at: Option<u64>| optional(at.map(|at| at.saturating_sub(it.asked_us)));
    let mut before = 0;
    let asked = column(items, |it| {
        number(it.asked_us) - std::mem::replace(&mut before, number(it.asked_us))
    });
    let mut columns: std::collections::BTreeMap<&'static str, Column> = [
        ("call", column(items, |it| number(it.call))),
        ("source", column(items, |it| index(it.source))),
        ("client", column(items, |it| number(it.client))),
        ("origin", column(items, |it| index(it.origin))),
        (
            "connection",
            column(items, |it| it.connection.map_or(NONE, index)),
        ),
        ("nth", column(items, |it| number(it.nth))),
        ("asked", asked),
        ("taken", column(items, |it| since(it, it.taken_us))),
        ("sent", column(items, |it| since(it, it.sent_us))),
        ("head", column(items, |it| since(it, it.head_us))),
        ("ended", column(items, |it| since(it, it.ended_us))),
        ("idle", column(items, |it| optional(it.idle_us))),
        (
            "status",
            column(items, |it| it.status.map_or(NONE, i64::from)),
        ),
        ("outcome", column(items, |it| it.outcome as i64)),
        ("again", column(items, |it| i64::from(it.again))),
        ("sentBytes", column(items, |it| number(it.sent_bytes))),
        (
            "receivedBytes",
            column(items, |it| number(it.received_bytes)),
        ),
    ]
    .into_iter()
    .collect();
    type Text<'a> = fn(&'a Exchange) -> Option<&'a str>;
    let texts: [(&'static str, Text<'a>); 5] = [
        ("method", |it| Some(&it.method)),
        ("target", |it| Some(&it.target)),
        ("verdict", |it| it.verdict.as_deref()),
        ("verdictText", |it| it.verdict_text.as_deref()),
        ("retry", |it| it.retry.as_deref()),
    ];
    for (name, text) in texts {
        let values = items.iter().map(|it| strings.place_of(text(it))).collect();
        columns.insert(name, Column::of(values));
    }
    Columns(columns)
}

fn optional(value: Option<u64>) -> i64 {
    value.map_or(NONE, number)
}

fn index(value: usize) -> i64 {
    number(value as u64)
}

/// Above 2^53 a browser could not tell neighbours apart; no microsecond and no count comes near.
fn number(value: u64) -> i64 {
    const MOST: u64 = 1 << 53;
    i64::try_from(value.min(MOST)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_equal_values_is_one_number() {
        let json = |values| serde_json::to_string(&Column::of(values)).unwrap();
        assert_eq!(json(vec![7, 7, 7]), "7");
        assert_eq!(json(vec![7, 8]), "[7,8]");
        assert_eq!(json(vec![]), "-1");
    }

    #[test]
    fn a_text_is_written_once() {
        let mut strings = Strings::default();
        assert_eq!(
            [strings.place("a"), strings.place("b"), strings.place("a")],
            [0, 1, 0]
        );
        assert_eq!(strings.place_of(None), NONE);
        assert_eq!(strings.list, ["a", "b"]);
    }

    #[test]
    fn an_empty_report_has_data_too() {
        let mut out = Vec::new();
        write(&Report::default(), &mut out).unwrap();
        let data: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(data["form"], FORM);
        assert_eq!(data["exchange_count"], 0);
    }
}
