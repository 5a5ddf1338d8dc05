//! `Server`: a Prometheus as Debian ships it, which reads one target every second.
//!
//! Owns its process, its folder and its HTTP API. Refuses to know what it is asked.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use keepwarm::Client;
use serde_json::Value;

/// A Prometheus that ends with the test.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Server {
    /// Reads `target`, and has these rules. Its port is its own choice.
    pub(crate) fn start(target: &str, rules: &Path) -> Self {
        let folder = std::env::temp_dir().join(format!("keepwarm-fleet-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let target = target.trim_start_matches("http://");
        let rules = rules.display();
        let settings = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{rules}']\n\
             scrape_configs: [{{job_name: gateway, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, settings).expect("a file");
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is missing, and this test needs it: run `cargo xtask install`");
        let log = child.stderr.take().expect("it is piped");
        let mut server = Self {
            child,
            folder,
            url: String::new(),
            client: Client::new(),
        };
        server.url = format!("http://{}", address(log));
        server
    }

    /// How many series answer a query; none as well when there is no answer.
    ///
    /// # Errors
    /// When Prometheus does not understand it.
    pub(crate) async fn query(&self, query: &str) -> Result<usize, String> {
        let answer = self.ask("query", &[("query", query)]).await?;
        let found = answer["result"].as_array().ok_or("no list of results")?;
        let is_number = |series: &&Value| series["value"][1].as_str() != Some("NaN");
        Ok(found.iter().filter(is_number).count())
    }

    /// The health of each rule, once each has been evaluated.
    pub(crate) async fn rules(&self) -> Vec<String> {
        let answer = self.ask("rules", &[]).await.expect("the rules");
        let groups = answer["groups"].as_array().expect("groups");
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().expect("rules"));
        let health = rules.map(|rule| rule["health"].as_str().unwrap_or_default().to_owned());
        health.collect()
    }

    async fn ask(&self, what: &str, words: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.client.get(format!("{}/api/v1/{what}", self.url));
        let response = request
            .query(words)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let text = response.bytes().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if answer["status"] == "success" {
            Ok(answer["data"].clone())
        } else {
            Err(answer.to_string())
        }
    }
}

/// The address in its log, once it answers there; what it says afterwards is read and forgotten, so that it never waits
/// for us.
fn address(log: ChildStderr) -> String {
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let mut found = None;
    let address = loop {
        let Some(line) = lines.next() else {
            panic!("prometheus ended: {said:#?}");
        };
        if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
            found = Some(address.trim().to_owned());
        }
        let is_ready = line.contains("Server is ready");
        said.push(line);
        if is_ready && let Some(found) = found {
            break found;
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    address
}
