//! Owns the sending of one composed answer: what goes into one write, the pauses, and the faults.

use crate::answer::{Answer, BLOCK, interim_bytes};
use crate::behaviour::{Behaviour, Fault, FaultKind, FaultPoint, Interim};
use crate::link::{Link, Over};
use crate::pause::Pause;

/// Sends one interim answer without headers.
pub(crate) async fn interim(link: &mut Link, status: u16) -> Result<(), Over> {
    link.send(&interim_bytes(&[Interim::once(status)])).await
}

/// Sends the answer to request `number`; `delay` comes on top of the configured pauses.
pub(crate) async fn respond(
    link: &mut Link,
    behaviour: &Behaviour,
    number: u64,
    answer: Answer,
    delay: &Pause,
) -> Result<(), Over> {
    let fault = behaviour.fault.filter(|it| it.which.includes(number));
    let mut sender = Sender {
        link,
        behaviour,
        fault,
        outbox: interim_bytes(&behaviour.interim),
    };
    if !(behaviour.before_head.is_none() && delay.is_none()) {
        sender.pause(&behaviour.before_head).await?;
        sender.pause(delay).await?;
    }
    sender.head(&answer.head).await?;
    sender.body(answer).await?;
    sender.outbox.extend(&behaviour.stray_with_answer);
    sender.flush().await
}

struct Sender<'a> {
    link: &'a mut Link,
    behaviour: &'a Behaviour,
    fault: Option<Fault>,
    outbox: Vec<u8>,
}

impl Sender<'_> {
    async fn head(&mut self, head: &[u8]) -> Result<(), Over> {
        let cut = self.fault.and_then(|fault| match fault.at {
            FaultPoint::AfterBodyBytes(_) => None,
            FaultPoint::AfterHeadBytes(count) => Some((count, fault.what)),
            FaultPoint::BeforeHead => Some((0, fault.what)),
        });
        if let Some((count, what)) = cut {
            self.outbox.extend(&head[..count.min(head.len())]);
            return Err(self.strike(what).await);
        }
        self.outbox.extend(head);
        self.pause(&self.behaviour.after_head).await
    }

    async fn body(&mut self, answer: Answer) -> Result<(), Over> {
        let cut = self.fault.and_then(|fault| match fault.at {
            FaultPoint::AfterBodyBytes(count) => Some((count, fault.what)),
            FaultPoint::AfterHeadBytes(_) | FaultPoint::BeforeHead => None,
        });
        let mut sent = 0;
        for (index, piece) in answer.pieces.enumerate() {
            if index > 0 {
                self.pause(&self.behaviour.between_pieces).await?;
            }
            let end = sent + piece.data.len() as u64;
            if let Some((count, what)) = cut
                && (count < end || piece.data.is_empty())
            {
                // A piece without data ends a chunked body: the fault strikes before it.
                if !piece.data.is_empty() {
                    self.outbox.extend(piece.prefix);
                    // Fits: it is less than the length of the piece.
                    let part = usize::try_from(count - sent).unwrap_or(usize::MAX);
                    self.outbox.extend(&piece.data[..part]);
                }
                return Err(self.strike(what).await);
            }
            sent = end;
            self.outbox.extend(piece.prefix);
            self.outbox.extend(piece.data);
            self.outbox.extend(piece.suffix);
            if self.outbox.len() >= BLOCK {
                self.flush().await?;
            }
        }
        match cut {
            Some((_, what)) => Err(self.strike(what).await),
            None => Ok(()),
        }
    }

    /// Waits, with everything so far on its way.
    async fn pause(&mut self, pause: &Pause) -> Result<(), Over> {
        if pause.is_none() {
            return Ok(());
        }
        self.flush().await?;
        self.link.pause(pause).await
    }

    async fn strike(&mut self, what: FaultKind) -> Over {
        if let Err(over) = self.flush().await {
            return over;
        }
        match what {
            FaultKind::Close => self.link.close().await,
            FaultKind::Hang => self.link.hang().await,
            FaultKind::Reset => self.link.reset(),
        }
    }

    async fn flush(&mut self) -> Result<(), Over> {
        let bytes = std::mem::take(&mut self.outbox);
        match self.behaviour.write_size {
            Some(size) => self.link.send_split(&bytes, &[size]).await,
            None => self.link.send(&bytes).await,
        }
    }
}
