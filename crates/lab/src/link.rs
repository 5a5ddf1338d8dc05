//! Owns one accepted connection while it is played: its socket, its inbox and its record.
//! Every act is recorded here; what to do next is decided elsewhere.

use std::time::Duration;

use crate::pause::Pause;
use crate::recorder::Recorder;
use crate::request::{BodyReader, Head, HeadSearch, Inbox};
use crate::transcript::{End, Entry};
use crate::wire::{PeerState, Wire};

/// How often a socket that must not be read is looked at for the peer's end.
const STALL_LOOK: Duration = Duration::from_millis(10);
/// How far a pause reads ahead to see the peer's end.
const READ_AHEAD: usize = 64 << 10;

/// The connection is over, and recorded as such.
#[derive(Debug)]
pub(crate) struct Over;

/// One connection in play.
#[derive(Debug)]
pub(crate) struct Link {
    wire: Wire,
    pub(crate) inbox: Inbox,
    recorder: Recorder,
}

impl Link {
    pub(crate) fn new(wire: Wire, recorder: Recorder) -> Self {
        Self {
            wire,
            inbox: Inbox::default(),
            recorder,
        }
    }

    /// The connection's number, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.recorder.number()
    }

    /// Waits for at least one more byte. Cancelling it loses nothing.
    pub(crate) async fn fill(&mut self) -> Result<(), Over> {
        loop {
            // The buffer comes after the wait: an idle connection holds none.
            let read = match self.wire.readable().await {
                Ok(()) => self.wire.try_read(self.inbox.space()),
                Err(error) => Err(error),
            };
            match read {
                Ok(Some(0)) => return Err(self.over(End::PeerClosed)),
                Ok(Some(_)) => return Ok(()),
                Ok(None) if self.inbox.is_empty() => self.inbox.clear(),
                Ok(None) => {}
                Err(_gone) => return Err(self.failed()),
            }
        }
    }

    /// Reads one head; a head over the limit ends the connection.
    pub(crate) async fn read_head(&mut self) -> Result<Head, Over> {
        loop {
            match self.inbox.take_head() {
                HeadSearch::Complete(head) => {
                    let bodiless = BodyReader::for_head(&head, 0).is_complete();
                    self.recorder.request(&head, bodiless);
                    return Ok(head);
                }
                HeadSearch::Partial => self.fill().await?,
                HeadSearch::TooLarge => return Err(self.refuse("head over 1 MiB").await),
            }
        }
    }

    /// Reads the body on until its end, or until `up_to` body bytes in all.
    pub(crate) async fn read_body(
        &mut self,
        body: &mut BodyReader,
        up_to: u64,
    ) -> Result<(), Over> {
        loop {
            let recorder = &self.recorder;
            body.advance(&mut self.inbox, up_to, &mut |bytes| {
                recorder.body(bytes, false);
            });
            if body.is_broken() {
                return Err(self.refuse("nonsense for chunks").await);
            }
            if body.is_complete() {
                self.recorder.body(&[], true);
                return Ok(());
            }
            if body.seen >= up_to {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Reads and discards exactly this many bytes.
    pub(crate) async fn read_bytes(&mut self, count: u64) -> Result<(), Over> {
        let mut left = count;
        while left > 0 {
            if self.inbox.is_empty() {
                self.fill().await?;
            }
            let here = self.inbox.unread().len() as u64;
            let taken = here.min(left);
            // Fits: it is not more than the length of a buffer.
            self.inbox
                .consume(usize::try_from(taken).unwrap_or(usize::MAX));
            left -= taken;
        }
        Ok(())
    }

    /// Sends these bytes in one write, as far as the socket takes them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.wire.write_all(bytes).await {
            Ok(()) => {
                self.recorder.sent(bytes.len());
                Ok(())
            }
            Err(_gone) => Err(self.failed()),
        }
    }

    /// Sends the bytes in writes of the given sizes, the last one repeating; a size of 0 counts as 1.
    pub(crate) async fn send_split(&mut self, bytes: &[u8], sizes: &[usize]) -> Result<(), Over> {
        let mut left = bytes;
        let mut sizes = sizes.iter().copied();
        let mut size = bytes.len();
        while !left.is_empty() {
            size = sizes.next().unwrap_or(size).max(1);
            let (piece, rest) = left.split_at(size.min(left.len()));
            self.send(piece).await?;
            tokio::task::yield_now().await;
            left = rest;
        }
        Ok(())
    }

    /// Reads and discards until the peer ends the connection.
    pub(crate) async fn hang(&mut self) -> Over {
        loop {
            self.inbox.clear();
            if let Err(over) = self.fill().await {
                return over;
            }
        }
    }

    /// Reads nothing until the peer ends the connection.
    pub(crate) async fn stall(&mut self) -> Over {
        loop {
            match self.wire.peer_state().await {
                PeerState::Open => tokio::time::sleep(STALL_LOOK).await,
                PeerState::Closed => return self.over(End::PeerClosed),
                PeerState::Reset => return self.over(End::PeerReset),
            }
        }
    }

    /// Sends back whatever comes.
    pub(crate) async fn echo(&mut self) -> Over {
        loop {
            let bytes = self.inbox.unread().to_vec();
            self.inbox.clear();
            if let Err(over) = self.send(&bytes).await {
                return over;
            }
            if let Err(over) = self.fill().await {
                return over;
            }
        }
    }

    /// Waits at a gate or for a time, without reading.
    pub(crate) async fn wait_at(&mut self, pause: &Pause) {
        if let Pause::Gate(name) = pause {
            self.recorder.entry(Entry::Gate(name.clone()));
        }
        pause.wait(&self.recorder.shared().gates).await;
    }

    /// Waits at a gate or for a time, unless the peer ends the connection meanwhile.
    pub(crate) async fn pause(&mut self, pause: &Pause) -> Result<(), Over> {
        if pause.is_none() {
            return Ok(());
        }
        if let Pause::Gate(name) = pause {
            self.recorder.entry(Entry::Gate(name.clone()));
        }
        let shared = self.recorder.shared().clone();
        let wait = pause.wait(&shared.gates);
        tokio::select! {
            biased;
            () = wait => Ok(()),
            over = self.read_ahead() => Err(over),
        }
    }

    async fn read_ahead(&mut self) -> Over {
        while self.inbox.unread().len() < READ_AHEAD {
            if let Err(over) = self.fill().await {
                return over;
            }
        }
        std::future::pending().await
    }

    /// Ends the sending side.
    pub(crate) async fn half_close(&mut self) -> Result<(), Over> {
        self.recorder.entry(Entry::HalfClosed);
        match self.wire.half_close().await {
            Ok(()) => Ok(()),
            Err(_gone) => Err(self.failed()),
        }
    }

    /// Ends the connection with FIN. (The system makes it RST when received bytes are unread.)
    pub(crate) async fn close(&mut self) -> Over {
        // Recorded first: a peer that has seen the end finds it in the record.
        let over = self.over(End::ClosedByLab);
        // The peer may have been faster; then there is nothing left to end.
        let _ = self.wire.half_close().await;
        over
    }

    /// Ends the connection with RST, as soon as the link is dropped.
    pub(crate) fn reset(&mut self) -> Over {
        match self.wire.reset_on_drop() {
            Ok(()) => self.over(End::ResetByLab),
            Err(_gone) => self.failed(),
        }
    }

    async fn refuse(&mut self, why: &'static str) -> Over {
        self.recorder.entry(Entry::Refused(why));
        self.close().await
    }

    fn failed(&mut self) -> Over {
        // Whatever a loopback socket fails with, the peer is gone without a FIN.
        self.over(End::PeerReset)
    }

    fn over(&mut self, end: End) -> Over {
        self.recorder.ended(end);
        Over
    }
}
