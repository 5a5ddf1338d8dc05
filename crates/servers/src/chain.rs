//! `Chain`: a server in front of another, both with idle timeouts of one's choice.

use crate::recipes::{THROUGH, go, haproxy, nginx, node};
use crate::server::Server;

/// Two servers, one behind the other.
#[derive(Debug)]
pub struct Chain {
    /// Where clients come in.
    edge: Server,
    /// What answers.
    application: Server,
}

impl Chain {
    /// nginx before Node. Both numbers are milliseconds; Node's own grace comes on top.
    pub fn nginx_and_node(edge: u64, application: u64) -> Self {
        let application = node::start(application, 0);
        Self {
            edge: nginx::start_before(application.port(), edge),
            application,
        }
    }

    /// HAProxy before Go. Both numbers are milliseconds.
    pub fn haproxy_and_go(edge: u64, application: u64) -> Self {
        let application = go::start(application);
        Self {
            edge: haproxy::start_before(application.port(), edge),
            application,
        }
    }

    /// The application's page at the edge.
    pub fn edge_url(&self) -> String {
        format!("http://127.0.0.1:{}{THROUGH}", self.edge.port())
    }

    /// Both, as `--chain` wants them: from the edge to the application.
    pub fn urls(&self) -> String {
        format!("{},{}", self.edge_url(), self.application.url())
    }
}
