//! Owns the playing of a [`Script`] on a connection. Knows no HTTP beyond where a request ends.

use std::pin::Pin;

use crate::link::{Link, Over};
use crate::pause::Pause;
use crate::recorder::Shared;
use crate::request::{BodyReader, Head};
use crate::script::{Script, Step};

/// Plays the script to its end, then reads and discards until the peer ends the connection.
pub(crate) async fn play(link: &mut Link, script: &Script, shared: &Shared) -> Over {
    let mut player = Player {
        link,
        shared,
        body: BodyReader::for_head(&Head::default(), 0),
    };
    match player.steps(&script.steps).await {
        Ok(()) => link.hang().await,
        Err(over) => over,
    }
}

struct Player<'a> {
    link: &'a mut Link,
    shared: &'a Shared,
    body: BodyReader,
}

impl Player<'_> {
    /// Boxed, because a `Repeat` holds steps itself.
    fn steps<'a>(
        &'a mut self,
        steps: &'a [Step],
    ) -> Pin<Box<dyn Future<Output = Result<(), Over>> + Send + 'a>> {
        Box::pin(async move {
            for step in steps {
                self.step(step).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Step) -> Result<(), Over> {
        match step {
            Step::Close => return Err(self.link.close().await),
            Step::CloseIdleAfter(time) => return self.close_idle_after(*time).await,
            Step::Delay(time) => self.link.wait_at(&Pause::For(*time)).await,
            Step::Drip {
                bytes,
                chunk,
                every,
            } => {
                for (index, piece) in bytes.chunks((*chunk).max(1)).enumerate() {
                    if index > 0 {
                        tokio::time::sleep(*every).await;
                    }
                    self.link.send(piece).await?;
                }
            }
            Step::Echo => return Err(self.link.echo().await),
            Step::HalfClose => return self.link.half_close().await,
            Step::Hang => return Err(self.link.hang().await),
            Step::Open(gate) => self.shared.gates.open(gate),
            Step::ReadBody => return self.link.read_body(&mut self.body, u64::MAX).await,
            Step::ReadBytes(count) => return self.link.read_bytes(*count).await,
            Step::ReadHead => {
                let head = self.link.read_head().await?;
                self.body = BodyReader::for_head(&head, 0);
            }
            Step::Repeat { times, steps } => return self.repeat(*times, steps).await,
            Step::Reset => return Err(self.link.reset()),
            Step::Send(bytes) => return self.link.send(bytes).await,
            Step::SendSplit { bytes, sizes } => return self.link.send_split(bytes, sizes).await,
            Step::Stall => return Err(self.link.stall().await),
            Step::WaitFor(gate) => self.link.wait_at(&Pause::gate(gate)).await,
        }
        Ok(())
    }

    async fn close_idle_after(&mut self, time: std::time::Duration) -> Result<(), Over> {
        if !self.link.inbox.is_empty() {
            return Ok(());
        }
        match tokio::time::timeout(time, self.link.fill()).await {
            Ok(filled) => filled,
            Err(_elapsed) => Err(self.link.close().await),
        }
    }

    async fn repeat(&mut self, times: Option<u64>, steps: &[Step]) -> Result<(), Over> {
        let mut played = 0;
        while times.is_none_or(|times| played < times) {
            self.steps(steps).await?;
            played += 1;
            // Steps that never wait would otherwise keep the lab from stopping.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
