//! `Order`: what `get` was asked to do, ready to be done.
//!
//! Owns the request that every exchange sends and the handing out of exchanges to lanes.
//! Refuses to send anything.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method};

use crate::args::get::{Appetite, GetArgs};
use crate::args::target::Target;
use crate::exit::Failure;

pub(super) struct Order {
    urls: Vec<Target>,
    /// Exchanges in all.
    pub(super) total: u64,
    started: AtomicU64,
    pub(super) gap: Duration,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) expect_continue: bool,
    pub(super) appetite: Appetite,
}

impl Order {
    pub(super) fn of(args: &GetArgs) -> Result<Self, Failure> {
        let body = match (&args.data, &args.data_file) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(path)) => read(path)?,
            (None, None) => Vec::new(),
        };
        let has_body = args.data.is_some() || args.data_file.is_some();
        let method =
            args.request
                .clone()
                .unwrap_or(if has_body { Method::POST } else { Method::GET });
        let total = (args.urls.len() as u64)
            .checked_mul(args.repeat.get())
            .ok_or_else(|| Failure::Usage("--repeat asks for too many exchanges".to_owned()))?;
        let urls = args.urls.iter().map(|typed| typed.0.clone());
        let urls = urls
            .collect::<Result<Vec<_>, _>>()
            .map_err(Failure::Usage)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &args.header {
            headers.append(name, value.clone());
        }
        Ok(Self {
            urls,
            total,
            started: AtomicU64::new(0),
            gap: args.gap,
            method,
            headers,
            body,
            expect_continue: args.expect_continue,
            appetite: args.body,
        })
    }

    /// Whether every exchange was handed out.
    pub(super) fn is_done(&self) -> bool {
        self.started.load(Ordering::Relaxed) >= self.total
    }

    /// The next exchange: its number from 1, and its URL.
    pub(super) fn next(&self) -> Option<(u64, &Target)> {
        let before = self.started.fetch_add(1, Ordering::Relaxed);
        if before >= self.total {
            return None;
        }
        let place = usize::try_from(before % self.urls.len() as u64).unwrap_or(0);
        Some((before + 1, &self.urls[place]))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(Failure::io("cannot read standard input"))?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(|error| {
        Failure::Usage(format!(
            "cannot read the body from {}: {error} (see --data-file)",
            path.display()
        ))
    })
}
