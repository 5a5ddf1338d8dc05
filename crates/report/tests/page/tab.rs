//! One page in the browser: opened, looked at, clicked, typed into.
//!
//! Owns what a test does with a page, in a tester's words. Refuses to know what the page is about.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keepwarm_report::Report;
use serde_json::{Value, json};

use crate::browser::Browser;

pub(crate) struct Tab {
    browser: Browser,
    session: String,
    file: PathBuf,
}

/// How large the window is, and what its owner prefers.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

impl Window {
    pub(crate) const DESK: Self = Self {
        width: 1440,
        height: 960,
        dark: false,
    };
    pub(crate) const PHONE: Self = Self {
        width: 360,
        height: 800,
        dark: false,
    };

    pub(crate) fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

impl Tab {
    /// Writes the page of a report to a file of its own and opens it.
    pub(crate) fn open(name: &str, report: &Report, window: Window) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
        std::fs::write(&file, keepwarm_report::page::html(report)).expect("the page is written");
        let mut browser = Browser::start();
        let target = browser.ask(None, "Target.createTarget", json!({"url": "about:blank"}));
        let attached = browser.ask(
            None,
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        let session = attached["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        let mut tab = Self {
            browser,
            session,
            file,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Performance"] {
            tab.ask(&format!("{domain}.enable"), json!({}));
        }
        tab.resize(window);
        tab.navigate("");
        tab
    }

    /// Opens the same file with another address after the `#`, as somebody does who was sent the link.
    pub(crate) fn navigate(&mut self, hash: &str) {
        self.ask("Page.navigate", json!({"url": "about:blank"}));
        self.browser.wait_for("Page.loadEventFired");
        let url = format!("file://{}{hash}", self.file.display());
        self.ask("Page.navigate", json!({"url": url}));
        self.browser.wait_for("Page.loadEventFired");
        self.settle();
    }

    pub(crate) fn resize(&mut self, window: Window) {
        let (width, height) = (window.width, window.height);
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500}),
        );
        let scheme = if window.dark { "dark" } else { "light" };
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.browser.ask(Some(&self.session), method, parameters)
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let mut answer = self.ask(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].take()
    }

    pub(crate) fn text(&mut self, selector: &str) -> String {
        self.value(&format!(
            "document.querySelector({}).innerText",
            json!(selector)
        ))
        .as_str()
        .unwrap_or_default()
        .to_owned()
    }

    pub(crate) fn state(&mut self) -> Value {
        self.value("window.keepwarm.state()")
    }

    /// Until what was asked for is drawn: two frames.
    pub(crate) fn settle(&mut self) {
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
    }

    pub(crate) fn point_at(&mut self, x: f64, y: f64) {
        self.mouse("mouseMoved", x, y, "none");
        self.settle();
    }

    pub(crate) fn click_at(&mut self, x: f64, y: f64) {
        self.mouse("mouseMoved", x, y, "none");
        self.mouse("mousePressed", x, y, "left");
        self.mouse("mouseReleased", x, y, "left");
        self.settle();
    }

    pub(crate) fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mouseMoved", from.0, from.1, "none");
        self.mouse("mousePressed", from.0, from.1, "left");
        self.mouse(
            "mouseMoved",
            f64::midpoint(from.0, to.0),
            f64::midpoint(from.1, to.1),
            "left",
        );
        self.mouse("mouseMoved", to.0, to.1, "left");
        self.mouse("mouseReleased", to.0, to.1, "left");
        self.settle();
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64, button: &str) {
        let held = u8::from(button == "left" && kind != "mouseReleased");
        self.ask(
            "Input.dispatchMouseEvent",
            json!({"type": kind, "x": x, "y": y, "button": button, "buttons": held, "clickCount": 1}),
        );
    }

    pub(crate) fn wheel(&mut self, x: f64, y: f64, down: f64, control: bool) {
        let modifiers = if control { 2 } else { 0 };
        self.ask(
            "Input.dispatchMouseEvent",
            json!({"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": down, "modifiers": modifiers}),
        );
        self.settle();
    }

    /// A finger at one point, or two of them that move apart.
    pub(crate) fn tap(&mut self, x: f64, y: f64) {
        self.touch("touchStart", &[(x, y)]);
        self.touch("touchEnd", &[]);
        self.settle();
    }

    pub(crate) fn spread(&mut self, x: f64, y: f64, from: f64, to: f64) {
        self.touch("touchStart", &[(x - from, y), (x + from, y)]);
        self.touch(
            "touchMove",
            &[
                (x - f64::midpoint(from, to), y),
                (x + f64::midpoint(from, to), y),
            ],
        );
        self.touch("touchMove", &[(x - to, y), (x + to, y)]);
        self.touch("touchEnd", &[]);
        self.settle();
    }

    fn touch(&mut self, kind: &str, points: &[(f64, f64)]) {
        let points: Vec<Value> = (0_u8..)
            .zip(points)
            .map(|(id, (x, y))| json!({"x": x, "y": y, "id": id}))
            .collect();
        self.ask(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": points}),
        );
    }

    /// Clicks the middle of the first element that fits, after bringing it into sight.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({}); it.scrollIntoView({{block: 'center'}});
               const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        self.click_at(number(&place[0]), number(&place[1]));
    }

    /// Presses one key by its name in the DOM.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let text = if key == "Enter" { "\r" } else { text };
        self.ask(
            "Input.dispatchKeyEvent",
            json!({"type": "keyDown", "key": key, "text": text}),
        );
        self.ask(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key}),
        );
        self.settle();
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({"text": text}));
        self.settle();
    }

    /// Where the page says that an exchange is drawn.
    pub(crate) fn place_of(&mut self, exchange: usize) -> (f64, f64) {
        let place = self.value(&format!("window.keepwarm.where({exchange})"));
        (number(&place["x"]), number(&place["y"]))
    }

    /// A picture for people to look at, kept in `target/screenshots`.
    pub(crate) fn photograph(&mut self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
        std::fs::create_dir_all(&folder).expect("the folder is made");
        let shot = self.ask("Page.captureScreenshot", json!({"format": "png"}));
        let data = shot["data"].as_str().expect("a picture");
        let bytes = BASE64_STANDARD.decode(data).expect("it is base64");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("the picture is written");
    }

    /// What the browser complained about, and every address it asked for other than the page's own.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        let file = format!("file://{}", self.file.display());
        self.browser
            .events()
            .iter()
            .filter_map(|event| complaint(event, &file))
            .collect()
    }

    /// One of the browser's own measurements of this page, in its unit.
    pub(crate) fn metric(&mut self, name: &str) -> f64 {
        let metrics = self.ask("Performance.getMetrics", json!({}));
        let list = metrics["metrics"].as_array().expect("a list");
        number(
            &list
                .iter()
                .find(|metric| metric["name"] == name)
                .expect("it is known")["value"],
        )
    }
}

fn complaint(event: &Value, file: &str) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => Some(parameters["args"].to_string()),
        // A hint about speed to the test itself, which reads pixels.
        "Log.entryAdded" if parameters["entry"]["source"] == "rendering" => None,
        "Log.entryAdded" => Some(parameters["entry"].to_string()),
        "Network.requestWillBeSent" => {
            let url = parameters["request"]["url"].as_str()?;
            let own = url.starts_with(file) || url == "about:blank" || url == "data:,";
            (!own).then(|| format!("asked for {url}"))
        }
        _ => None,
    }
}

pub(crate) fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not a number: {value}"))
}
