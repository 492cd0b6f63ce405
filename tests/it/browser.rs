// SPDX-License-Identifier: MPL-2.0
//! Debian's Chromium, driven over `WebDriver` by its own chromedriver.

use super::process::client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The key under which `WebDriver` names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window. It ends with its test.
pub(super) struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
    _profile: tempfile::TempDir,
}

/// An element of a page.
pub(super) struct Element(String);

impl Browser {
    /// Starts with an empty profile and a window of this width and height.
    pub(super) async fn start(width: u32, height: u32) -> Self {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = driver.unwrap_or_else(|error| {
            panic!("chromedriver (Debian: apt-get install chromium chromium-driver): {error}")
        });
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let started = said.find_map(|line| {
            Some(
                line.ok()?
                    .rsplit_once("started successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .to_owned(),
            )
        });
        let port = started.unwrap_or_else(|| panic!("chromedriver did not print its port"));
        // What it says later must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-device-scale-factor=1",
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ]);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let http = client();
        let sessions = format!("http://127.0.0.1:{port}/session");
        let answer: Value = http
            .post(&sessions)
            .json(&wanted)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        Self {
            driver,
            session: format!("{sessions}/{id}"),
            http,
            _profile: profile,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, Value> {
        let request = self
            .http
            .request(method.clone(), format!("{}/{path}", self.session));
        let request = if method == Method::GET {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.unwrap();
        let fine = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if fine { Ok(value) } else { Err(value) }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Opens an address.
    pub(super) async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// The result of a script's `return`.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({"script": script, "args": []}))
            .await
    }

    /// The first element of a CSS selector, once it is there.
    pub(super) async fn find(&self, css: &str) -> Element {
        let wanted = json!({"using": "css selector", "value": css});
        let begun = Instant::now();
        loop {
            match self.ask(Method::POST, "element", wanted.clone()).await {
                Ok(found) => return Element(found[ELEMENT].as_str().unwrap().to_owned()),
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "{css}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn click(&self, css: &str) {
        let Element(id) = self.find(css).await;
        self.post(&format!("element/{id}/click"), json!({})).await;
    }

    /// Types into an element as a person would.
    pub(super) async fn type_into(&self, css: &str, text: &str) {
        let Element(id) = self.find(css).await;
        self.post(&format!("element/{id}/value"), json!({ "text": text }))
            .await;
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn press(&self, keys: &[char]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.post("actions", actions).await;
    }

    /// The text of the page that a person sees.
    pub(super) async fn text(&self) -> String {
        self.run("return document.body.innerText")
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until a script's `return` is true, and says how long that took.
    pub(super) async fn until(&self, script: &str) -> Duration {
        let begun = Instant::now();
        while self.run(&format!("return Boolean({script})")).await != json!(true) {
            assert!(
                begun.elapsed() < Duration::from_secs(15),
                "not within 15 s: {script}\n{}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// What the console has said since it was asked last.
    pub(super) async fn console(&self) -> Vec<String> {
        let said = self.post("se/log", json!({"type": "browser"})).await;
        let said = said.as_array().unwrap().iter();
        said.map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Shows pages as to somebody who prefers `dark` or `light`.
    pub(super) async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command =
            json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.post("goog/cdp/execute", command).await;
    }

    /// Makes the window so large, also narrower than windows can be.
    pub(super) async fn resize(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size});
        self.post("goog/cdp/execute", command).await;
    }

    /// The window as a PNG.
    pub(super) async fn screenshot(&self) -> Vec<u8> {
        let shot = self
            .ask(Method::GET, "screenshot", json!(null))
            .await
            .unwrap();
        STANDARD.decode(shot.as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser, too: chromedriver stops its children when it is told to end.
        let id = self.driver.id().to_string();
        drop(Command::new("kill").arg(&id).status());
        let begun = Instant::now();
        while self.driver.try_wait().is_ok_and(|ended| ended.is_none()) {
            if begun.elapsed() > Duration::from_secs(5) {
                drop(self.driver.kill());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
