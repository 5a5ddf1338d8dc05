//! nginx and Apache httpd as Debian ships them, with one certificate for several names: both serve them on one
//! connection, and httpd says 421 where its settings for TLS differ by name.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use keepwarm::Client;
use keepwarm::reason::{Again, Retry};
use rustix::process::Signal;

use crate::house::coalescing;
use crate::real_server::{IDENTITY, Place, RealServer};
use crate::support::log::Log;
use crate::support::{Done, client, finish, run};

const NAMES: [&str; 3] = ["localhost", "a.test", "b.test"];
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

fn client_of(server: &RealServer) -> (Client, Arc<Log>) {
    let address = SocketAddr::from(([127, 0, 0, 1], server.port()));
    client(|it| {
        let it = it.tls(server.authority.trusted()).http2(coalescing());
        let resolve = |it: keepwarm::Config, name| it.resolve(name, server.port(), address);
        NAMES.into_iter().fold(it, resolve)
    })
}

async fn get(server: &RealServer, client: &Client, name: &str) -> Done {
    let url = format!("https://{name}:{}/", server.port());
    finish(client.get(url).send().await.expect("an answer")).await
}

/// Says by which name it was called.
async fn nginx() -> RealServer {
    RealServer::start("/usr/sbin/nginx", Signal::TERM, |place| {
        let (at, port) = (place.folder.display(), place.port);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let servers: String = NAMES
            .iter()
            .map(|name| {
                format!(
                    "server {{ listen 127.0.0.1:{port} ssl http2; server_name {name};\n\
                     location / {{ return 200 'this is {name}'; }} }}\n"
                )
            })
            .collect();
        let file = place.write(
            "nginx.conf",
            &format!(
                "daemon off;\nworker_processes 1;\npid {at}/nginx.pid;\nerror_log stderr warn;\n\
                 events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{temporary}\
                 ssl_certificate {at}/{IDENTITY};\nssl_certificate_key {at}/{IDENTITY};\n{servers}\n}}\n"
            ),
        );
        ["-e", "stderr", "-p"]
            .map(Into::into)
            .into_iter()
            .chain([place.folder.clone().into(), "-c".into(), file.into()])
            .collect()
    })
    .await
}

/// A host for each name; the last one's has this line besides.
async fn httpd(line: &str) -> RealServer {
    RealServer::start("/usr/sbin/apache2", Signal::KILL, |place| {
        let hosts: String = NAMES
            .iter()
            .map(|name| host(place, name, if *name == "b.test" { line } else { "" }))
            .collect();
        let modules: String = ["mpm_event", "authz_core", "socache_shmcb", "ssl", "http2", "dir"]
            .iter()
            .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"))
            .collect();
        let (at, port) = (place.folder.display(), place.port);
        let file = place.write(
            "httpd.conf",
            &format!(
                "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/said\n\
                 DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\n{modules}User www-data\nGroup www-data\n\
                 StartServers 1\nServerLimit 1\nMinSpareThreads 1\nMaxSpareThreads 32\nThreadsPerChild 32\n\
                 MaxRequestWorkers 32\nProtocols h2 http/1.1\n{hosts}"
            ),
        );
        vec!["-X".into(), "-f".into(), file.into()]
    })
    .await
}

fn host(place: &Place, name: &str, line: &str) -> String {
    let root = place.folder.join(name);
    std::fs::create_dir_all(&root).expect("a folder");
    place.write(&format!("{name}/index.html"), &format!("this is {name}"));
    let (at, root) = (place.folder.display(), Path::new(&root).display());
    format!(
        "<VirtualHost *:{}>\nServerName {name}\nDocumentRoot {root}\nDirectoryIndex index.html\nSSLEngine on\n\
         SSLCertificateFile {at}/{IDENTITY}\n{line}\n</VirtualHost>\n",
        place.port
    )
}

/// Every name says who it is, and all on one connection.
async fn share(server: &RealServer) {
    let (client, log) = client_of(server);
    get(server, &client, "localhost").await;
    let calls = (0..30).map(|n| get(server, &client, NAMES[n % 3]));
    for (n, done) in join_all(calls).await.into_iter().enumerate() {
        let name = NAMES[n % 3];
        assert_eq!(done.status, 200);
        assert_eq!(done.body, format!("this is {name}").as_bytes());
        assert_eq!(done.connection.id.0, 1);
        assert_eq!(
            done.connection.coalesced_from().is_some(),
            name != "localhost"
        );
    }
    let counts = client.stats().total().clone();
    assert_eq!(
        (counts.opened, counts.requests, counts.coalesced),
        (1, 31, 20)
    );
    assert_eq!(log.endings(), []);
}

#[test]
fn nginx_serves_three_names_on_one_connection() {
    run(async { share(&nginx().await).await });
}

#[test]
fn httpd_serves_three_names_on_one_connection() {
    run(async { share(&httpd("").await).await });
}

/// httpd compares what was agreed on for the name of the handshake with what the called one's host asks for.
#[test]
fn httpd_that_wants_other_tls_for_a_name_says_421_and_gets_a_connection_for_it() {
    run(async {
        let httpd = httpd("SSLVerifyClient optional\nSSLProtocol TLSv1.2").await;
        let (client, _) = client_of(&httpd);
        let first = get(&httpd, &client, "localhost").await;
        let told = get(&httpd, &client, "b.test").await;
        assert_eq!(told.retries, [Retry::Again(Again::Misdirected)]);
        assert_eq!(
            (told.status.as_u16(), &told.body[..]),
            (200, &b"this is b.test"[..])
        );
        assert_eq!(told.connection.coalesced_from(), None);
        let next = get(&httpd, &client, "b.test").await;
        assert_eq!(
            (next.retries.len(), next.connection.id),
            (0, told.connection.id)
        );
        // The others go on as before.
        for name in ["a.test", "localhost"] {
            let done = get(&httpd, &client, name).await;
            assert_eq!(
                (done.connection.id, done.retries.len()),
                (first.connection.id, 0)
            );
        }
        assert_eq!(client.stats().total().opened, 2);
    });
}
