//! nginx, as one process.

use std::fmt::Write;
use std::process::Command;

use super::THROUGH;
use crate::server::{Place, Server, installed};

const PROGRAM: &str = "/usr/sbin/nginx";

/// With these lines in its `http` block.
pub fn start(lines: &str) -> Server {
    start_with(&|_place| lines.to_owned())
}

/// The same with lines that know its folder and ports; they are made anew for each try.
pub fn start_with(lines: &dyn Fn(&Place) -> String) -> Server {
    serve(&|place| {
        let (port, token) = (place.port, &place.token);
        let lines = lines(place);
        format!(
            "{lines}\nserver {{ listen 127.0.0.1:{port}; location / {{ return 200 '{token}'; }}\n\
             location /keepwarm-doctor {{ return 404; }} }}"
        )
    })
}

/// With TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 on its secure port, under a certificate that signs itself; these lines
/// stand in that server's block.
pub fn start_secure(lines: &str) -> Server {
    start_with(&|place| {
        place.certify();
        let (port, at) = (place.secure_port, place.folder.display());
        format!(
            "server {{ listen 127.0.0.1:{port} ssl http2; default_type text/plain;\n\
             ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;\n\
             ssl_protocols TLSv1.2 TLSv1.3;\n{lines}\n\
             location / {{ return 200 'hello'; }}\nlocation /keepwarm-doctor {{ return 404; }} }}"
        )
    })
}

/// In front of a server on this port, whose page is at [`THROUGH`]; its connections it keeps for so many milliseconds,
/// those of its clients too.
pub fn start_before(port: u16, idle: u64) -> Server {
    serve(&|place| {
        let own = place.port;
        format!(
            "keepalive_timeout {idle}ms;\n\
             upstream application {{ server 127.0.0.1:{port}; keepalive 8; keepalive_timeout {idle}ms; }}\n\
             server {{ listen 127.0.0.1:{own}; location / {{ return 200 '{token}'; }}\n\
             location {THROUGH} {{ proxy_pass http://application/index.html;\n\
             proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }}",
            token = place.token,
        )
    })
}

/// With this `http` block.
fn serve(block: &dyn Fn(&Place) -> String) -> Server {
    Server::start("nginx", &|place| {
        let at = place.folder.display();
        let mut temporary = String::new();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            let _written = writeln!(temporary, "{kind}_temp_path {at}/{kind};");
        }
        let block = block(place);
        let config = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr warn;\n\
             events {{ worker_connections 256; }}\n\
             http {{\naccess_log off;\n{temporary}{block}\n}}\n"
        );
        let file = place.write("nginx.conf", &config);
        let mut command = Command::new(installed(PROGRAM));
        command.arg("-e").arg("stderr").arg("-p").arg(&place.folder);
        command.arg("-c").arg(file);
        command
    })
}

/// Its version.
pub fn version() -> String {
    super::version(Command::new(PROGRAM).arg("-v"))
}
