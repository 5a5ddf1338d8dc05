//! The nginx that everybody is measured against: on the first core, with bodies of each size and a place for uploads.

use super::peer;
use super::tools::Tools;
use crate::nginx::{Listen, Nginx};

/// The server's core; the client has the next.
pub(super) const SERVER_CORE: usize = 0;
pub(super) const CLIENT_CORE: usize = 1;

/// Files it serves, with their sizes in bytes.
const FILES: &[(&str, u64)] = &[("1k", 1 << 10), ("64k", 64 << 10), ("100m", 100 << 20)];
const LINES: &str = "log_not_found off; sendfile on; tcp_nopush on; open_file_cache max=16;
client_body_buffer_size 128k; client_max_body_size 1m;";
/// `/upload` answers when the whole body has been read: the mirror needs it.
const SERVER: &str = "location = /13 { return 200 \"hello, world\\n\"; }
location = /upload { mirror /read; error_page 404 405 =200 @read; }
location @read { return 200 \"hello, world\\n\"; }
location = /read { internal; return 204; }";

/// Starts it.
///
/// # Errors
/// When it is not here, or does not answer.
pub(super) fn start(tools: &Tools) -> Result<Nginx, String> {
    start_with(tools, &Listen::Plain)
}

/// The same, listening in this way.
///
/// # Errors
/// As [`start`].
pub(super) fn start_with(tools: &Tools, listen: &Listen<'_>) -> Result<Nginx, String> {
    let command = peer::command(tools.taskset(), Some(SERVER_CORE), tools.nginx()?);
    Nginx::start(command, listen, FILES, LINES, SERVER)
}
