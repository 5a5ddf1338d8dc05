//! Apache httpd with its event MPM, as one process.

use std::process::Command;

use crate::server::{Server, installed};

const PROGRAM: &str = "/usr/sbin/apache2";

/// With Debian's values for keep-alive, or these lines instead.
pub fn start(lines: &str) -> Server {
    Server::start("apache2", &|place| {
        let (at, port) = (place.folder.display(), place.port);
        let modules = "/usr/lib/apache2/modules";
        let config = format!(
            "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/error.log\n\
             DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\n\
             LoadModule mpm_event_module {modules}/mod_mpm_event.so\n\
             LoadModule authz_core_module {modules}/mod_authz_core.so\n\
             User www-data\nGroup www-data\n\
             DocumentRoot {at}/site\n<Directory {at}/site>\nRequire all granted\n</Directory>\n\
             KeepAlive On\nMaxKeepAliveRequests 100\nKeepAliveTimeout 5\n{lines}\n"
        );
        let file = place.write("httpd.conf", &config);
        let mut command = Command::new(installed(PROGRAM));
        command.arg("-X").arg("-f").arg(file);
        command
    })
}

/// Its version.
pub fn version() -> String {
    super::version(Command::new(PROGRAM).arg("-v"))
}
