//! An HTTP server that misbehaves on request.
//!
//! The lab speaks raw bytes and shares no parser with what it tests. It listens only where it is
//! told (a free port of 127.0.0.1 by default), bounds what it reads and remembers, and records in a
//! [`Transcript`] what really reached it.
//!
//! What a connection meets is a [`Behaviour`] (a server described by fields; ready-made ones in
//! [`scenario`]) or a [`Script`] (a program of steps), alone or in a list by connection number.
//! Gates, opened by hand, take the place of sleeps.
//!
//! ```
//! use keepwarm_lab::{End, Lab, scenario};
//! use std::io::{Read, Write};
//!
//! let lab = Lab::spawn_thread(scenario::peer_said_close());
//! let mut socket = std::net::TcpStream::connect(lab.addr())?;
//! socket.write_all(b"GET /hello HTTP/1.1\r\nHost: lab\r\n\r\n")?;
//! let mut answer = String::new();
//! socket.read_to_string(&mut answer)?;
//! assert!(answer.contains("Connection: close\r\n"));
//! assert_eq!(lab.transcript().request(1, 1).header("host"), Some("lab"));
//! assert_eq!(lab.transcript().connection(1).end(), Some(End::ClosedByLab));
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
mod behaviour;
mod gate;
mod idle;
mod link;
mod listen;
mod pause;
mod plan;
mod player;
mod recorder;
mod request;
mod respond;
pub mod scenario;
mod script;
mod serve;
mod server;
mod transcript;
mod wire;

pub use answer::alphabet;
pub use behaviour::{
    Accept, AfterEarly, Behaviour, Chunks, ConnectionHeader, Content, Expect, Fault, FaultKind,
    FaultPoint, Framing, HugeHead, IdleEnd, Interim, Stray, Upgrade, Upload, Which,
};
pub use listen::Listen;
pub use pause::Pause;
pub use plan::{Conduct, Plan};
pub use script::{Script, Step};
pub use server::{Lab, WAIT_LIMIT};
pub use transcript::{
    BODY_RECORD_LIMIT, ConnectionRecord, Counters, End, Entry, Request, Timed, Transcript,
    body_hash,
};
