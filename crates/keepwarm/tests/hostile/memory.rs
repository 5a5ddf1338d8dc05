//! Peers that never stop: how much of it the client takes in, and what it costs in memory.
//!
//! Stated bounds: of an endless thing no more is read than its limit and one buffer; a connection under attack costs
//! less than [`PER_CONNECTION`] bytes.

use keepwarm::reason::Limit;
use keepwarm::{Client, Error};
use keepwarm_lab::{Lab, Script};
use tokio::task::JoinSet;

use crate::common::{answering, assert_quiet, bounded, ok, text};

/// What one read may take in beyond a limit: the room of a buffer that has just grown.
const ONE_BUFFER: u64 = 64 << 10;
/// What the systems of both sides may hold between the server's write and the client's read.
const SOCKETS: u64 = 16 << 20;
/// Memory of one connection whose server sends what never ends.
const PER_CONNECTION: u64 = 192 << 10;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Something that a server sends without end.
struct Flood {
    name: &'static str,
    start: String,
    again: String,
    /// The limits that may stop it.
    limits: &'static [Limit],
    /// The most bytes that may be read of it, one buffer aside.
    most: u64,
}

/// A flood that starts so and goes on so.
fn flood(
    name: &'static str,
    start: &str,
    again: &str,
    limits: &'static [Limit],
    most: u64,
) -> Flood {
    Flood {
        name,
        start: start.to_owned(),
        again: again.to_owned(),
        limits,
        most,
    }
}

/// All of them; an interim answer of the fat kind has about so many bytes.
fn floods(fat: usize) -> Vec<Flood> {
    let mut floods = head_floods();
    floods.extend(interim_floods(fat));
    floods.extend(chunk_floods());
    floods
}

fn head_floods() -> Vec<Flood> {
    let head = 65_536;
    let filler = "x".repeat(1_000);
    let lines = "A: b\r\n".repeat(200);
    vec![
        flood(
            "a reason",
            "HTTP/1.1 200 ",
            &filler,
            &[Limit::HeadBytes],
            head,
        ),
        flood(
            "a name",
            "HTTP/1.1 200 OK\r\n",
            &filler,
            &[Limit::HeadBytes],
            head,
        ),
        flood(
            "a value",
            "HTTP/1.1 200 OK\r\nX: ",
            &filler,
            &[Limit::HeadBytes],
            head,
        ),
        flood(
            "a number",
            "HTTP/1.1 200 OK\r\nContent-Length: 1",
            &"0".repeat(1_000),
            &[Limit::HeadBytes],
            head,
        ),
        flood(
            "header lines",
            "HTTP/1.1 200 OK\r\n",
            &lines,
            &[Limit::HeaderCount, Limit::HeadBytes],
            head,
        ),
        flood(
            "an interim head",
            "HTTP/1.1 103 X\r\nX: ",
            &filler,
            &[Limit::HeadBytes],
            head,
        ),
    ]
}

fn interim_floods(fat: usize) -> Vec<Flood> {
    let small = "HTTP/1.1 103 X\r\nA: b\r\n\r\n";
    let fat = format!("HTTP/1.1 103 X\r\nLink: {}\r\n\r\n", "l".repeat(fat));
    let storm = &[Limit::Interim];
    vec![
        flood(
            "interim answers",
            "",
            &small.repeat(10),
            storm,
            65 * small.len() as u64,
        ),
        flood(
            "fat interim answers",
            "",
            &fat,
            storm,
            65 * fat.len() as u64,
        ),
    ]
}

fn chunk_floods() -> Vec<Flood> {
    let filler = "x".repeat(1_000);
    let lines = "A: b\r\n".repeat(200);
    let after_head = CHUNKED.len() as u64;
    let extended = format!("1;{}\r\nx\r\n", "e".repeat(200));
    vec![
        flood(
            "a chunk size",
            CHUNKED,
            &"0".repeat(1_000),
            &[Limit::ChunkLine],
            after_head + 4_096,
        ),
        flood(
            "a chunk extension",
            &format!("{CHUNKED}1;"),
            &filler,
            &[Limit::ChunkLine],
            after_head + 4_096,
        ),
        // Each chunk has 16 bytes and twice its payload for free; 16 384 bytes in all are forgiven.
        flood(
            "chunk extensions",
            CHUNKED,
            &extended,
            &[Limit::ChunkOverhead],
            after_head + 20_000,
        ),
        flood(
            "a trailer",
            &format!("{CHUNKED}0\r\nX: "),
            &filler,
            &[Limit::TrailerBytes],
            after_head + 3 + 16_384,
        ),
        flood(
            "trailers",
            &format!("{CHUNKED}0\r\n"),
            &lines,
            &[Limit::TrailerBytes],
            after_head + 3 + 16_384,
        ),
    ]
}

impl Flood {
    /// The program of a connection that is flooded.
    fn script(&self) -> Script {
        Script::new()
            .read_request()
            .send(self.start.as_bytes())
            .forever(Script::new().send(self.again.as_bytes()))
    }

    fn assert_stopped(&self, error: &Error) {
        let limit = error.limit().expect(self.name);
        assert!(self.limits.contains(&limit), "{}: {error:?}", self.name);
        let read = error.bytes_read();
        let most = self.most + ONE_BUFFER;
        assert!(read <= most, "{}: {read} > {most}", self.name);
    }
}

async fn flooded(client: &Client, url: &str) -> Error {
    let outcome = async { client.get(url).send().await?.bytes().await };
    outcome.await.expect_err("what never ends has no answer")
}

#[tokio::test]
async fn of_what_never_ends_only_the_limit_is_read() {
    bounded(async {
        for flood in floods(20_000) {
            let lab = Lab::start([flood.script(), answering(ok("own"))]).await;
            let client = Client::new();
            let error = flooded(&client, &lab.url("/first")).await;
            flood.assert_stopped(&error);
            assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
            // The server could not get rid of more than that and what the sockets hold.
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
            let sent = lab.transcript().connection(1).sent_bytes();
            assert!(
                sent <= flood.most + ONE_BUFFER + SOCKETS,
                "{}: {sent}",
                flood.name
            );
            println!(
                "{}: {} bytes read, {sent} sent",
                flood.name,
                error.bytes_read()
            );
            assert_eq!(
                text(&client, &lab.url("/next")).await,
                "own",
                "{}",
                flood.name
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_without_end_is_read_as_far_as_the_caller_says() {
    bounded(async {
        for start in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
        ] {
            let endless = Script::new()
                .read_request()
                .send(start)
                .forever(Script::new().send(vec![b'x'; 10_000]));
            let lab = Lab::start([endless, answering(ok("own"))]).await;
            let client = Client::new();
            let response = client.get(lab.url("/first")).send().await.expect("a head");
            let collected = response.into_body().bytes_up_to(1 << 20).await;
            collected.expect_err("longer than asked for");
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
            let sent = lab.transcript().connection(1).sent_bytes();
            assert!(
                sent <= (1 << 20) + 4 * ONE_BUFFER + SOCKETS,
                "{start:?}: {sent}"
            );
            assert_eq!(text(&client, &lab.url("/next")).await, "own", "{start:?}");
        }
    })
    .await;
}

/// What the system knows of this process's memory, in bytes.
#[cfg(target_os = "linux")]
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let found = status.lines().find_map(|it| it.strip_prefix(line));
    let number = found.and_then(|it| it.split_whitespace().next());
    let kibibytes: u64 = number.and_then(|it| it.parse().ok()).expect("a number");
    kibibytes << 10
}

/// So many at once.
#[cfg(target_os = "linux")]
const CROWD: u64 = 64;

/// Lets a crowd of calls meet a server; gives how each failed.
#[cfg(target_os = "linux")]
async fn crowd(client: &Client, url: &str) -> Vec<Option<Error>> {
    let mut calls = JoinSet::new();
    for _ in 0..CROWD {
        let (client, url) = (client.clone(), url.to_owned());
        calls.spawn(async move {
            let outcome = async { client.get(url).send().await?.bytes().await };
            outcome.await.err()
        });
    }
    calls.join_all().await
}

/// The peak of this process, its server included, over all floods; in a process of its own it is exact, and beside
/// other tests it could only be too large.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn sixty_four_floods_at_once_cost_little_memory() {
    bounded(async {
        let good = Lab::start(answering(ok("own"))).await;
        let client = Client::new();
        assert!(
            crowd(&client, &good.url("/"))
                .await
                .iter()
                .all(Option::is_none)
        );
        let before = memory("VmRSS:");
        for flood in floods(2_000) {
            let lab = Lab::start(flood.script()).await;
            for error in crowd(&client, &lab.url("/")).await {
                flood.assert_stopped(&error.expect("what never ends has no answer"));
            }
            let peak = memory("VmHWM:").saturating_sub(before);
            println!("{}: peak grew by {} KiB", flood.name, peak >> 10);
            assert!(peak <= CROWD * PER_CONNECTION, "{}: {peak}", flood.name);
        }
    })
    .await;
}

/// All heads are almost at their limit at the same time.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn sixty_four_heads_held_back_at_the_limit_cost_little_memory() {
    bounded(async {
        let held = 65_000;
        let start = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(held));
        let said = start.len() as u64;
        let hostile = Script::new()
            .read_request()
            .send(start)
            .wait_for("the rest")
            .send("x".repeat(1_000));
        let lab = Lab::spawn_thread(hostile);
        let client = Client::new();
        let before = memory("VmRSS:");
        let url = lab.url("/");
        let opens = async {
            lab.wait_for(|it| {
                let all = it.connections();
                all.len() as u64 == CROWD && all.iter().all(|one| one.sent_bytes() >= said)
            })
            .await;
            lab.open("the rest");
        };
        let (errors, ()) = tokio::join!(crowd(&client, &url), opens);
        for error in errors {
            assert_eq!(error.and_then(|it| it.limit()), Some(Limit::HeadBytes));
        }
        let peak = memory("VmHWM:").saturating_sub(before);
        println!("peak grew by {} KiB", peak >> 10);
        assert!(peak <= CROWD * PER_CONNECTION, "{peak}");
        assert_quiet(&client);
    })
    .await;
}
