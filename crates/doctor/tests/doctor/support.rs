//! Examining a lab.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use keepwarm_doctor::{
    Cause, Diagnosis, Examination, Life, Measured, Settings, Target, Unreachable, Verdict,
};
use keepwarm_lab::{Lab, Plan};

/// How often a measurement is made anew when this machine was held up.
const TRIES: usize = 5;

pub(crate) struct Examined {
    pub(crate) measured: Measured,
    pub(crate) diagnosis: Diagnosis,
}

/// The settings of a test: so long at most, and a few hundred requests.
pub(crate) fn within(limit: Duration) -> Settings {
    Settings {
        limit,
        most_requests: 300,
        ..Settings::default()
    }
}

pub(crate) async fn begin(url: &str, settings: Settings) -> Result<Examination, Unreachable> {
    let target = Target::of(&url.parse().expect("a URL")).expect("a target");
    Examination::begin(target, settings).await
}

/// Examines a lab that does as the plan says, anew while it says that it could not see.
pub(crate) async fn examine(plan: impl Into<Plan>, limit: Duration) -> Examined {
    let plan = plan.into();
    let mut tries = 0;
    loop {
        // A lab on a thread of its own: its clock is then not ours.
        let lab = Lab::spawn_thread(plan.clone());
        let mut examination = begin(&lab.url("/"), within(limit))
            .await
            .expect("it is there");
        examination.finished().await;
        let measured = examination.conclude();
        let diagnosis = Diagnosis::of(&measured, None);
        tries += 1;
        if is_uncertain(&measured) && tries < TRIES {
            continue;
        }
        return Examined {
            measured,
            diagnosis,
        };
    }
}

/// Whether this machine was held up while the end of a connection came: tests look at single ones too.
fn is_uncertain(measured: &Measured) -> bool {
    let mut lives = measured.samples.iter().map(|sample| sample.life);
    lives.any(|life| match life {
        Life::Ended { uncertain, .. } => uncertain,
        Life::Lost(_) | Life::Open(_) => false,
    })
}

/// Examines what is at a URL.
pub(crate) async fn examine_url(url: &str, limit: Duration) -> Examined {
    let mut examination = begin(url, within(limit)).await.expect("it is there");
    examination.finished().await;
    let measured = examination.conclude();
    let diagnosis = Diagnosis::of(&measured, None);
    Examined {
        measured,
        diagnosis,
    }
}

/// A server whose connections are each served on a thread of their own, as long as the test's process lives; its URL.
pub(crate) fn served_by(
    serve: impl Fn(&TcpStream) -> Option<()> + Clone + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let serve = serve.clone();
            // A connection that fails ends; who examines it sees that.
            std::thread::spawn(move || serve(&socket));
        }
    });
    url
}

/// A server that knows one path, ends connections with its 404s, and lives as long as the test's process; its URL.
pub(crate) fn not_found_closes(announces: bool) -> String {
    served_by(move |socket| serve(socket, announces))
}

/// A server that closes each connection after its answer, and accepts the next one only then, as gunicorn's sync worker
/// does; its URL.
pub(crate) fn one_at_a_time() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let lines = BufReader::new(&socket).lines().map_while(Result::ok);
            let asked = lines.take_while(|it| !it.is_empty()).count() > 0;
            let answer = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 2\r\n\
                Connection: close\r\n\r\nok";
            if asked {
                drop(socket.write_all(answer));
            }
        }
    });
    url
}

/// Reads a request without a body; its first line, or none at the end.
pub(crate) fn next_request(lines: &mut Lines<BufReader<&TcpStream>>) -> Option<String> {
    let mut head = lines.map_while(Result::ok).take_while(|it| !it.is_empty());
    let first = head.next()?;
    // The rest of it.
    head.for_each(drop);
    Some(first)
}

/// Answers the request with this first line.
pub(crate) fn answer_ok(mut socket: &TcpStream, first: &str) -> Option<()> {
    let body = body_for(first);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).ok()
}

fn body_for(first: &str) -> &'static str {
    if first.starts_with("HEAD") { "" } else { "ok" }
}

fn serve(mut socket: &TcpStream, announces: bool) -> Option<()> {
    let mut lines = BufReader::new(socket).lines();
    loop {
        let first = next_request(&mut lines)?;
        if first.contains(" / ") {
            answer_ok(socket, &first)?;
            continue;
        }
        let body = body_for(&first);
        let close = if announces {
            "Connection: close\r\n"
        } else {
            ""
        };
        let answer = format!("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n{close}\r\n{body}");
        return socket.write_all(answer.as_bytes()).ok();
    }
}

impl Examined {
    pub(crate) fn causes(&self) -> Vec<Cause> {
        self.diagnosis
            .findings
            .iter()
            .map(|finding| finding.cause)
            .collect()
    }

    #[track_caller]
    pub(crate) fn has(&self, cause: Cause) -> &Self {
        assert!(self.causes().contains(&cause), "{:#?}", self.diagnosis);
        assert_eq!(self.diagnosis.verdict, Verdict::Findings);
        self
    }

    #[track_caller]
    pub(crate) fn has_no(&self, cause: Cause) -> &Self {
        assert!(!self.causes().contains(&cause), "{:#?}", self.diagnosis);
        self
    }

    #[track_caller]
    pub(crate) fn is_healthy(&self) -> &Self {
        assert_eq!(
            self.diagnosis.verdict,
            Verdict::Healthy,
            "{:#?} {:#?}",
            self.diagnosis,
            self.measured
        );
        self
    }

    /// The idle timeout is what was configured, within 50 ms or 2 %.
    #[track_caller]
    pub(crate) fn idles(&self, configured: Duration) -> &Self {
        let value = self.diagnosis.idle.value.expect("it was measured");
        let tolerance = Duration::from_millis(50).max(configured / 50);
        let off = value.abs_diff(configured);
        assert!(
            off <= tolerance,
            "{value:?} for {configured:?}: {:#?}",
            self.measured.samples
        );
        self
    }
}
