//! lighttpd.

use std::process::Command;

use crate::server::{Server, installed};

const PROGRAM: &str = "/usr/sbin/lighttpd";

/// It keeps connections for so many seconds and so many requests, as it counts both.
pub fn start(idle: u64, requests: u64) -> Server {
    Server::start("lighttpd", &|place| {
        let (at, port) = (place.folder.display(), place.port);
        let config = format!(
            "server.document-root = \"{at}/site\"\nserver.bind = \"127.0.0.1\"\nserver.port = {port}\n\
             server.max-keep-alive-idle = {idle}\nserver.max-keep-alive-requests = {requests}\n\
             mimetype.assign = ( \".html\" => \"text/html\" )\n"
        );
        let mut command = Command::new(installed(PROGRAM));
        command.arg("-D").arg("-f");
        command.arg(place.write("lighttpd.conf", &config));
        command
    })
}

/// Its version.
pub fn version() -> String {
    super::version(Command::new(PROGRAM).arg("-v"))
}
