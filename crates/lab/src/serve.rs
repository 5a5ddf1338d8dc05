//! Owns the playing of a [`Behaviour`] on a connection: which request is next, what of its body is
//! read when, and how the connection ends. What an answer looks like is composed elsewhere.

use crate::answer::{Answer, Asked, compose};
use crate::behaviour::{Accept, AfterEarly, Behaviour, Content, Expect, Upload};
use crate::idle;
use crate::link::{Link, Over};
use crate::pause::Pause;
use crate::recorder::Shared;
use crate::request::{BodyReader, Head};
use crate::respond::{interim, respond};

/// The most bytes `/echo` sends back; a longer body gets 413.
const ECHO_LIMIT: usize = 16 << 20;

/// Plays the behaviour until the connection is over.
pub(crate) async fn serve(link: &mut Link, behaviour: &Behaviour, shared: &Shared) -> Over {
    match behaviour.accept {
        // Refuse and Never are the listener's affair; a connection that got here is served.
        Accept::Never | Accept::Refuse | Accept::Serve => {}
        Accept::ThenClose => return link.close().await,
        Accept::ThenReset => return link.reset(),
    }
    let mut session = Session {
        link,
        behaviour,
        shared,
        idle: idle::Since::accepted(),
        served: 0,
        accepted: tokio::time::Instant::now(),
    };
    loop {
        if let Err(over) = session.exchange().await {
            return over;
        }
    }
}

struct Session<'a> {
    link: &'a mut Link,
    behaviour: &'a Behaviour,
    shared: &'a Shared,
    idle: idle::Since,
    served: u64,
    accepted: tokio::time::Instant,
}

impl Session<'_> {
    async fn exchange(&mut self) -> Result<(), Over> {
        self.idle
            .wait(self.link, self.behaviour, self.shared)
            .await?;
        let head = self.link.read_head().await?;
        self.served += 1;
        let special = self.special(&head);
        let keep = if special == Special::Echo {
            ECHO_LIMIT + 1
        } else {
            0
        };
        let mut body = BodyReader::for_head(&head, keep);
        if !body.is_complete()
            && head.has_token("expect", "100-continue")
            && let Some(status) = self.expect().await?
        {
            let answer = self.compose(&head, Special::Status(status), &body);
            return self.finish(answer, Pause::None).await;
        }
        let early = match self.behaviour.upload {
            Upload::AnswerEarly { after, then } => {
                self.link.read_body(&mut body, after).await?;
                Some(then)
            }
            Upload::ReadFirst => {
                self.link.read_body(&mut body, u64::MAX).await?;
                None
            }
            Upload::StopReading { after } => {
                self.link.read_body(&mut body, after).await?;
                if !body.is_complete() {
                    return Err(self.link.stall().await);
                }
                None
            }
        };
        let delay = match special {
            Special::Delay(pause) => Pause::For(pause),
            Special::Bytes(_)
            | Special::Chunked(_)
            | Special::Echo
            | Special::None
            | Special::Status(_) => Pause::None,
        };
        let answer = self.compose(&head, special, &body);
        match early.filter(|_| !body.is_complete()) {
            None => self.finish(answer, delay).await,
            Some(then) => self.finish_early(answer, delay, &mut body, then).await,
        }
    }

    /// Sends the answer and ends the exchange as it says.
    async fn finish(&mut self, answer: Answer, delay: Pause) -> Result<(), Over> {
        let (closes, upgrades) = (answer.closes, answer.upgrades);
        self.respond(answer, &delay).await?;
        if upgrades {
            return Err(self.link.echo().await);
        }
        self.link.pause(&self.behaviour.after_body).await?;
        self.end(closes).await
    }

    /// Sends the answer before the request body has arrived.
    async fn finish_early(
        &mut self,
        answer: Answer,
        delay: Pause,
        body: &mut BodyReader,
        then: AfterEarly,
    ) -> Result<(), Over> {
        let closes = answer.closes;
        self.respond(answer, &delay).await?;
        match then {
            AfterEarly::Close => Err(self.link.close().await),
            AfterEarly::ReadOn => {
                self.link.read_body(body, u64::MAX).await?;
                // The exchange ends with its later half.
                self.idle = idle::Since::answered();
                self.link.pause(&self.behaviour.after_body).await?;
                self.end(closes).await
            }
            AfterEarly::ReadThenClose => {
                self.link.half_close().await?;
                self.link.read_body(body, u64::MAX).await?;
                Err(self.link.hang().await)
            }
            AfterEarly::Reset => Err(self.link.reset()),
            AfterEarly::StopReading => Err(self.link.stall().await),
        }
    }

    async fn respond(&mut self, answer: Answer, delay: &Pause) -> Result<(), Over> {
        respond(self.link, self.behaviour, self.served, answer, delay).await?;
        self.idle = idle::Since::answered();
        Ok(())
    }

    async fn end(&mut self, closes: bool) -> Result<(), Over> {
        if self.behaviour.half_close {
            self.link.half_close().await?;
            return Err(self.link.hang().await);
        }
        if closes {
            return Err(self.link.close().await);
        }
        Ok(())
    }

    /// Gives the status that is to be answered instead of reading the body, if any.
    async fn expect(&mut self) -> Result<Option<u16>, Over> {
        match &self.behaviour.expect {
            Expect::Continue => interim(self.link, 100).await?,
            Expect::ContinueAfter(pause) if self.link.inbox.is_empty() => {
                let came_first = tokio::select! {
                    biased;
                    filled = self.link.fill() => { filled?; true }
                    () = pause.wait(&self.shared.gates) => false,
                };
                if !came_first {
                    interim(self.link, 100).await?;
                }
            }
            Expect::ContinueAfter(_) | Expect::Ignore => {}
            Expect::Final(status) => return Ok(Some(*status)),
        }
        Ok(None)
    }

    fn special(&self, head: &Head) -> Special {
        if self.behaviour.special_paths {
            Special::of(&head.target)
        } else {
            Special::None
        }
    }

    fn compose(&self, head: &Head, special: Special, body: &BodyReader) -> Answer {
        let mut asked = Asked {
            head,
            number: self.served,
            age: self.accepted.elapsed(),
            status: None,
            content: None,
            chunked: false,
        };
        match special {
            Special::Bytes(size) => asked.content = Some(Content::Size(size)),
            Special::Chunked(size) => {
                asked.content = Some(Content::Size(size));
                asked.chunked = true;
            }
            Special::Echo if body.kept.len() > ECHO_LIMIT => asked.status = Some(413),
            Special::Echo => asked.content = Some(Content::Bytes(body.kept.clone())),
            Special::Status(status) => asked.status = Some(status),
            Special::Delay(_) | Special::None => {}
        }
        compose(self.behaviour, asked)
    }
}

/// What a special path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    Bytes(u64),
    Chunked(u64),
    Delay(std::time::Duration),
    Echo,
    None,
    Status(u16),
}

impl Special {
    fn of(target: &str) -> Self {
        // The absolute form, as a proxy is asked, counts by its path too.
        let target = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
            None => target,
        };
        let path = target.split('?').next().unwrap_or_default();
        let (name, value) = match path.strip_prefix('/').unwrap_or(path).split_once('/') {
            Some((name, value)) => (name, value.parse::<u64>().ok()),
            None if path == "/echo" => return Self::Echo,
            None => return Self::None,
        };
        match (name, value) {
            ("bytes", Some(size)) => Self::Bytes(size),
            ("chunked", Some(size)) => Self::Chunked(size),
            ("delay", Some(time)) => Self::Delay(std::time::Duration::from_millis(time)),
            ("status", Some(code @ 200..=999)) => {
                Self::Status(u16::try_from(code).unwrap_or(u16::MAX))
            }
            _ => Self::None,
        }
    }
}
