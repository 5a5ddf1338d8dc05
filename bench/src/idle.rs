//! What an idle connection costs in resident memory.

use std::time::Duration;

use crate::process::{allow_connections, open_sockets, resident_bytes};
use crate::{Outcome, Peer, load};

/// Time for a client to put away what it only needed for the requests.
const QUIET: Duration = Duration::from_secs(2);

/// Opens so many connections (the server answers when that many requests are in) and weighs what is left.
///
/// # Errors
/// The first request that failed, or that so many connections cannot be opened.
pub async fn run<P: Peer>(url: &str, connections: usize) -> Outcome<()> {
    allow_connections(connections)?;
    let target = load::leak(P::target(url)?);
    let (resident, sockets) = (resident_bytes()?, open_sockets()?);
    let peer = P::new(connections)?;
    load::lanes(&peer, target, connections, 1, &load::Kind::Fetch).await?;
    tokio::time::sleep(QUIET).await;
    let opened = open_sockets()?.saturating_sub(sockets);
    let each = resident_bytes()?.saturating_sub(resident) / opened.max(1);
    println!("{} conns={opened} bytes={each}", P::NAME);
    Ok(())
}
