//! HAProxy, as one process.

use std::process::Command;

use super::THROUGH;
use crate::server::{Place, Server, installed};

const PROGRAM: &str = "/usr/sbin/haproxy";

/// It answers by itself, and keeps connections between requests for so many milliseconds.
pub fn start(idle: u64) -> Server {
    serve(idle, &|place| {
        let token = &place.token;
        format!(
            "http-request return status 404 if {{ path_beg /keepwarm-doctor }}\n \
             http-request return status 200 content-type text/plain string {token}\n"
        )
    })
}

/// In front of a server on this port, whose page is at [`THROUGH`]; it keeps its clients' connections for so many
/// milliseconds, and closes those to the server at the pace of that.
pub fn start_before(port: u16, idle: u64) -> Server {
    serve(idle, &|place| {
        let token = &place.token;
        format!(
            "http-request return status 200 content-type text/plain string {token} \
             if !{{ path {THROUGH} }}\n \
             http-request set-path /index.html\n default_backend application\n\
             backend application\n http-reuse always\n server one 127.0.0.1:{port} \
             pool-purge-delay {idle}ms\n"
        )
    })
}

fn serve(idle: u64, answers: &dyn Fn(&Place) -> String) -> Server {
    Server::start("haproxy", &|place| {
        let (port, answers) = (place.port, answers(place));
        let config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n \
             timeout http-request 20s\n timeout http-keep-alive {idle}ms\n\
             frontend f\n bind 127.0.0.1:{port}\n {answers}"
        );
        let mut command = Command::new(installed(PROGRAM));
        command.arg("-db").arg("-f");
        command.arg(place.write("haproxy.cfg", &config));
        command
    })
}

/// Its version.
pub fn version() -> String {
    super::version(Command::new(PROGRAM).arg("-v"))
}
