//! `Case`: a setting, what is to be found in it, and its report.
//!
//! Owns the way from a rig's events to causes. Refuses to know any cause.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use keepwarm::event::Observer;
use keepwarm::report::{Beginning, Cause, Log as EventLog, Report};
use keepwarm::{Client, Config};
use keepwarm_lab::{Lab, Plan};

use crate::support::{Done, Rig, finish};

/// A setting and what is found in it.
pub(crate) struct Case {
    /// The cause that it is about.
    pub(crate) about: Cause,
    /// What it is, in a few words.
    pub(crate) setting: &'static str,
    /// Every cause that is to be found in it; none in what only looks like a loss.
    pub(crate) found: &'static [Cause],
    pub(crate) play: fn() -> Playing,
}

pub(crate) type Playing = Pin<Box<dyn Future<Output = Stage>>>;

/// A rig whose events have a beginning.
pub(crate) struct Stage {
    beginning: Beginning,
    pub(crate) rig: Rig,
}

impl Stage {
    pub(crate) async fn with(plan: impl Into<Plan>, change: impl FnOnce(Config) -> Config) -> Self {
        let beginning = Beginning::now();
        let rig = Rig::with(plan, change).await;
        Self { beginning, rig }
    }

    pub(crate) async fn start(plan: impl Into<Plan>) -> Self {
        Self::with(plan, |config| config).await
    }

    /// A further client whose events go to the same log.
    pub(crate) fn another_client(&self, change: impl FnOnce(Config) -> Config) -> Client {
        let observer = Arc::clone(&self.rig.log) as Arc<dyn Observer>;
        let config = change(Client::builder().observer(observer));
        config.build().expect("settings that work")
    }

    /// So many requests, one after the other, each read to its end.
    pub(crate) async fn fetch(&self, path: &str, times: usize) {
        for _ in 0..times {
            self.rig.fetch(path).await;
        }
    }

    pub(crate) fn lab(&self) -> &Lab {
        &self.rig.lab
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn ended(&self, connections: usize) {
        self.rig.log.closed(connections).await;
    }

    /// The report on everything so far.
    pub(crate) fn report(&self) -> Report {
        let events = self.rig.log.raw();
        Report::of(&[EventLog::of_events("test", &self.beginning, &events)])
    }
}

/// A `GET` of any URL, read to its end.
pub(crate) async fn fetch(client: &Client, url: &str) -> Done {
    finish(client.get(url).send().await.expect("an answer")).await
}

/// A request that may fail, read to its end.
pub(crate) async fn attempt(request: keepwarm::RequestBuilder) {
    if let Ok(response) = request.send().await {
        drop(response.bytes().await);
    }
}
