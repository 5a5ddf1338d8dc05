//! An nginx of our own on a free port of the loopback: one worker, on the first core, gone with the value.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::peer;
use super::tools::Tools;

/// The server's core; the client has the next.
pub(super) const SERVER_CORE: usize = 0;
pub(super) const CLIENT_CORE: usize = 1;

/// Files it serves, with their sizes in bytes.
const FILES: &[(&str, u64)] = &[("1k", 1 << 10), ("64k", 64 << 10), ("100m", 100 << 20)];

pub(super) struct Nginx {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Nginx {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it does not, with what it said.
    pub(super) fn start(tools: &Tools) -> Result<Self, String> {
        let program = tools.nginx()?;
        let folder = std::env::temp_dir().join(format!("keepwarm-bench-{}", std::process::id()));
        let broken = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(broken)?;
        for (name, bytes) in FILES {
            let file = fs::File::create(folder.join(name)).map_err(broken)?;
            file.set_len(*bytes).map_err(broken)?;
        }
        let free = TcpListener::bind("127.0.0.1:0").map_err(broken)?;
        let address = free.local_addr().map_err(broken)?.to_string();
        drop(free);
        fs::write(folder.join("nginx.conf"), configuration(&address)).map_err(broken)?;
        let child = peer::command(tools.taskset(), Some(SERVER_CORE), program)
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "nginx.err"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let mut server = Self {
            child,
            folder,
            address,
        };
        server.await_listening()?;
        Ok(server)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    fn await_listening(&mut self) -> Result<(), String> {
        while TcpStream::connect(&self.address).is_err() {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                let why = fs::read_to_string(self.folder.join("nginx.err")).unwrap_or_default();
                return Err(format!("nginx did not start: {}", why.trim()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// `/upload` answers when the whole body has been read: the mirror needs it.
fn configuration(address: &str) -> String {
    format!(
        "master_process off; daemon off; pid nginx.pid; error_log nginx.err crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; log_not_found off; keepalive_requests 1000000000; keepalive_timeout 3600s;\n\
         default_type text/plain; sendfile on; tcp_nopush on; open_file_cache max=16;\n\
         client_body_buffer_size 128k; client_max_body_size 1m;\n\
         client_body_temp_path body; proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
         server {{ listen {address} backlog=4096; root .;\n\
         location = /13 {{ return 200 \"hello, world\\n\"; }}\n\
         location = /upload {{ mirror /read; error_page 404 405 =200 @read; }}\n\
         location @read {{ return 200 \"hello, world\\n\"; }}\n\
         location = /read {{ internal; return 204; }} }} }}\n"
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One process (no master): killing it leaves nothing behind but a folder of temporary files.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        let _left = fs::remove_dir_all(&self.folder);
    }
}
