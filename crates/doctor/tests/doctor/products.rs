//! Guesses at the product: servers that imitate well-known ones, and one that gives nothing away.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use keepwarm_doctor::{Confidence, Product};
use keepwarm_lab::scenario;

use crate::support::{self, Examined, examine_url, served_by};

const MS: fn(u64) -> Duration = Duration::from_millis;
const TRIES: usize = 5;

/// Who is told how long connections are kept.
#[derive(Clone, Copy, PartialEq)]
enum Tells {
    Everybody,
    Nobody,
    WhoAsks,
}

/// The shape of a server.
#[derive(Clone, Copy)]
struct Shape {
    server: Option<&'static str>,
    tells: Tells,
    /// What is announced, in seconds, and how many requests more.
    timeout: u64,
    max: Option<u64>,
    idle: Duration,
    /// Whether a 408 is sent on idle connections.
    sends_408: bool,
}

impl Shape {
    fn silent(idle: Duration) -> Self {
        Self {
            server: None,
            tells: Tells::Nobody,
            timeout: 0,
            max: None,
            idle,
            sends_408: false,
        }
    }

    /// A server of this shape that lives as long as the test's process; its URL.
    fn serve(self) -> String {
        served_by(move |socket| self.answer(socket))
    }

    fn answer(self, mut socket: &TcpStream) -> Option<()> {
        socket.set_read_timeout(Some(self.idle)).ok()?;
        let mut left = self.max;
        loop {
            let Some(head) = head(socket) else {
                if self.sends_408 {
                    let late = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                    socket.write_all(late.as_bytes()).ok()?;
                }
                return None;
            };
            let asked = head.to_ascii_lowercase().contains("connection: keep-alive");
            let ends = left == Some(0) || head.contains("HTTP/1.0") && !asked;
            let body = if head.starts_with("HEAD") { "" } else { "ok" };
            let mut fields = String::new();
            if let Some(server) = self.server {
                fields.push_str(&format!("Server: {server}\r\n"));
            }
            if ends {
                fields.push_str("Connection: close\r\n");
            } else if self.tells == Tells::Everybody || self.tells == Tells::WhoAsks && asked {
                let max = left.map_or_else(String::new, |left| format!(", max={left}"));
                fields.push_str(&format!(
                    "Keep-Alive: timeout={}{max}\r\nConnection: Keep-Alive\r\n",
                    self.timeout
                ));
            } else if head.contains("HTTP/1.0") {
                fields.push_str("Connection: keep-alive\r\n");
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\n{body}");
            socket.write_all(answer.as_bytes()).ok()?;
            if ends {
                return Some(());
            }
            left = left.map(|left| left - 1);
        }
    }
}

/// The next request, when there is one in time.
fn head(mut socket: &TcpStream) -> Option<String> {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        socket.read_exact(&mut byte).ok()?;
        head.push(char::from(byte[0]));
    }
    Some(head)
}

async fn examine(shape: Shape) -> Examined {
    let url = shape.serve();
    let mut tries = 0;
    loop {
        let it = examine_url(&url, MS(20_000)).await;
        tries += 1;
        if !it.diagnosis.idle.uncertain || tries == TRIES {
            return it;
        }
    }
}

fn first(it: &Examined) -> &Product {
    it.diagnosis
        .products
        .first()
        .unwrap_or_else(|| panic!("{:#?}", it.diagnosis))
}

#[tokio::test]
async fn the_shape_of_apaches_announcement_tells_it_without_a_name() {
    let shape = Shape {
        tells: Tells::WhoAsks,
        timeout: 2,
        max: Some(100),
        ..Shape::silent(MS(2_000))
    };
    let it = examine(shape).await;
    let guess = first(&it);
    assert_eq!(
        (guess.name.as_str(), guess.confidence),
        ("Apache httpd", Confidence::Medium),
        "{guess:?}"
    );
    assert!(guess.why.contains("only to those who ask"), "{}", guess.why);
    assert!(guess.why.contains("101 requests"), "{}", guess.why);
    let named = Shape {
        server: Some("Apache/2.4.71 (Unix)"),
        ..shape
    };
    let it = examine(named).await;
    assert_eq!(first(&it).confidence, Confidence::High, "{:?}", first(&it));
}

#[tokio::test]
async fn a_second_of_grace_after_what_everybody_is_told_is_node() {
    let shape = Shape {
        tells: Tells::Everybody,
        timeout: 1,
        ..Shape::silent(MS(2_000))
    };
    let it = examine(shape).await;
    let guess = first(&it);
    assert_eq!(
        (guess.name.as_str(), guess.confidence),
        ("Node.js http", Confidence::Medium),
        "{guess:?}"
    );
    // Without the second it may be any that announces.
    let it = examine(Shape {
        timeout: 2,
        ..shape
    })
    .await;
    let guesses = &it.diagnosis.products;
    assert!(
        guesses.iter().all(|it| it.confidence == Confidence::Low),
        "{guesses:?}"
    );
    assert!(
        guesses.iter().any(|it| it.name == "Node.js http"),
        "{guesses:?}"
    );
}

#[tokio::test]
async fn a_name_that_its_behaviour_contradicts_is_not_believed_for_sure() {
    let shape = Shape {
        server: Some("Apache/2.4.71 (Unix)"),
        ..Shape::silent(MS(1_200))
    };
    let it = examine(shape).await;
    let guess = first(&it);
    assert_eq!(
        (guess.name.as_str(), guess.confidence),
        ("Apache httpd", Confidence::Medium),
        "{guess:?}"
    );
    assert!(
        guess
            .why
            .contains("but it would announce its timeout when asked"),
        "{}",
        guess.why
    );
    let nginx = Shape {
        server: Some("nginx"),
        ..shape
    };
    let it = examine(nginx).await;
    assert_eq!(first(&it).name, "nginx");
    assert_eq!(
        first(&it).confidence,
        Confidence::Medium,
        "{:?}",
        first(&it)
    );
    assert!(
        first(&it).why.contains("its default would be 75 s"),
        "{:?}",
        first(&it)
    );
}

#[tokio::test]
async fn a_408_on_idle_hints_at_haproxy_and_is_no_certainty() {
    let shape = Shape {
        sends_408: true,
        ..Shape::silent(MS(1_100))
    };
    let it = examine(shape).await;
    let guess = first(&it);
    assert_eq!(
        (guess.name.as_str(), guess.confidence),
        ("HAProxy", Confidence::Low),
        "{guess:?}"
    );
}

#[tokio::test]
async fn a_server_that_gives_nothing_away_is_nobody_for_sure() {
    let it = examine(Shape::silent(MS(1_300))).await;
    assert!(
        it.diagnosis.products.is_empty(),
        "{:?}",
        it.diagnosis.products
    );
    // 5 s are the default of several.
    let it = support::examine(scenario::idle_timeout(MS(5_000)), MS(20_000)).await;
    let guesses = &it.diagnosis.products;
    assert!(!guesses.is_empty(), "{:#?}", it.diagnosis);
    assert!(
        guesses.iter().all(|it| it.confidence == Confidence::Low),
        "{guesses:?}"
    );
}
