//! Owns the program for one connection, as plain data. Playing it is the player's work.

use std::time::Duration;

/// One step of a [`Script`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ends the connection with FIN (the system makes it RST when received bytes are unread).
    Close,
    /// Waits for the first byte of the next request; closes when none comes within this time.
    CloseIdleAfter(Duration),
    /// Waits this long, without reading.
    Delay(Duration),
    /// Sends the bytes in pieces of `chunk` bytes, waiting `every` between two pieces.
    Drip {
        /// What to send.
        bytes: Vec<u8>,
        /// Bytes in one write; 0 counts as 1.
        chunk: usize,
        /// The wait between two writes.
        every: Duration,
    },
    /// Sends back whatever comes, until the peer ends the connection.
    Echo,
    /// Ends the sending side with FIN and goes on.
    HalfClose,
    /// Reads and discards until the peer ends the connection or the lab stops.
    Hang,
    /// Opens a gate, for other scripts or for the test.
    Open(String),
    /// Reads the body of the last head to its end.
    ReadBody,
    /// Reads and discards exactly this many raw bytes.
    ReadBytes(u64),
    /// Reads one request head.
    ReadHead,
    /// Plays the steps again and again.
    Repeat {
        /// How many times; none means until the connection ends.
        times: Option<u64>,
        /// What to play.
        steps: Vec<Step>,
    },
    /// Ends the connection with RST.
    Reset,
    /// Sends the bytes in one write.
    Send(Vec<u8>),
    /// Sends the bytes in several writes, one right after the other. The peer may still read
    /// several of them at once; only [`Step::WaitFor`] or [`Step::Drip`] keep them apart.
    SendSplit {
        /// What to send.
        bytes: Vec<u8>,
        /// Bytes of each write, the last size repeating; `[1]` writes byte by byte.
        sizes: Vec<usize>,
    },
    /// Reads nothing until the peer ends the connection or the lab stops. The FIN of a peer whose
    /// send buffer is full stays behind the bytes that nobody reads: then only its RST is seen.
    Stall,
    /// Waits, without reading, until the test opens the gate of this name.
    WaitFor(String),
}

/// A program for one accepted connection. After its last step the connection stays open, read and
/// discarded, until the peer ends it.
///
/// ```
/// use keepwarm_lab::Script;
///
/// let script = Script::new()
///     .read_head()
///     .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
///     .wait_for("the rest")
///     .send("ok")
///     .close();
/// assert_eq!(script.steps.len(), 5);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl Script {
    /// A script without steps: accepts, and discards what comes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds any step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds [`Step::ReadHead`].
    #[must_use]
    pub fn read_head(self) -> Self {
        self.step(Step::ReadHead)
    }

    /// Adds [`Step::ReadBody`].
    #[must_use]
    pub fn read_body(self) -> Self {
        self.step(Step::ReadBody)
    }

    /// Adds [`Step::ReadHead`] and [`Step::ReadBody`].
    #[must_use]
    pub fn read_request(self) -> Self {
        self.read_head().read_body()
    }

    /// Adds [`Step::ReadBytes`].
    #[must_use]
    pub fn read_bytes(self, count: u64) -> Self {
        self.step(Step::ReadBytes(count))
    }

    /// Adds [`Step::Send`].
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Adds [`Step::SendSplit`].
    #[must_use]
    pub fn send_split(self, bytes: impl Into<Vec<u8>>, sizes: impl Into<Vec<usize>>) -> Self {
        let (bytes, sizes) = (bytes.into(), sizes.into());
        self.step(Step::SendSplit { bytes, sizes })
    }

    /// Adds [`Step::Drip`].
    #[must_use]
    pub fn drip(self, bytes: impl Into<Vec<u8>>, chunk: usize, every: Duration) -> Self {
        let bytes = bytes.into();
        self.step(Step::Drip {
            bytes,
            chunk,
            every,
        })
    }

    /// Adds [`Step::Delay`].
    #[must_use]
    pub fn delay(self, time: Duration) -> Self {
        self.step(Step::Delay(time))
    }

    /// Adds [`Step::WaitFor`].
    #[must_use]
    pub fn wait_for(self, gate: impl Into<String>) -> Self {
        self.step(Step::WaitFor(gate.into()))
    }

    /// Adds [`Step::Open`].
    #[must_use]
    pub fn open(self, gate: impl Into<String>) -> Self {
        self.step(Step::Open(gate.into()))
    }

    /// Adds [`Step::Hang`].
    #[must_use]
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Adds [`Step::Stall`].
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Adds [`Step::Echo`].
    #[must_use]
    pub fn echo(self) -> Self {
        self.step(Step::Echo)
    }

    /// Adds [`Step::CloseIdleAfter`].
    #[must_use]
    pub fn close_idle_after(self, time: Duration) -> Self {
        self.step(Step::CloseIdleAfter(time))
    }

    /// Adds [`Step::HalfClose`].
    #[must_use]
    pub fn half_close(self) -> Self {
        self.step(Step::HalfClose)
    }

    /// Adds [`Step::Close`].
    #[must_use]
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Adds [`Step::Reset`].
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Adds the steps of another script, played this many times.
    #[must_use]
    pub fn repeat(self, times: u64, script: Script) -> Self {
        let (times, steps) = (Some(times), script.steps);
        self.step(Step::Repeat { times, steps })
    }

    /// Adds the steps of another script, played until the connection ends.
    #[must_use]
    pub fn forever(self, script: Script) -> Self {
        let (times, steps) = (None, script.steps);
        self.step(Step::Repeat { times, steps })
    }

    /// Adds reading one request with its body and sending these bytes.
    #[must_use]
    pub fn answer(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.read_request().send(bytes)
    }
}
