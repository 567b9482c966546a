//! A real engine as a process of its own, with its own data folder, and a client for it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a trip fails. Generous: debug builds on busy machines.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub const ADMIN_EMAIL: &str = "admin@localhost";
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// The root of the workspace.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

/// The engine's binary: `INKSTONE_BIN`, else beside the test binary.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("INKSTONE_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>/deps/<test>");
    let path = profile.join("inkstone");
    assert!(
        path.exists(),
        "{} is missing: run `make test`, or `cargo build -p inkstone` first",
        path.display()
    );
    path
}

/// What an engine is started with.
pub struct Setup {
    pub data: TempDir,
    /// `plugins.toml`, whole.
    pub plugins: String,
    pub environment: Vec<(String, String)>,
    /// The certificate that the engine shows, where it speaks TLS.
    pub trusted: Option<reqwest::Certificate>,
}

impl Setup {
    /// All bundled plugins with the grants of the shipped configuration, and a data folder of its own.
    pub fn new() -> Self {
        let shipped = root().join("config/plugins.toml");
        let plugins = std::fs::read_to_string(shipped).expect("config/plugins.toml can be read");
        let data = TempDir::new().expect("a temporary folder");
        // One key for all engines of the trips, so that each plugin is compiled once and not for each.
        std::fs::write(data.path().join("cache.key"), [7; 32]).expect("the key can be written");
        Self {
            data,
            plugins,
            environment: Vec::new(),
            trusted: None,
        }
    }

    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Its certificate is this one (PEM).
    pub fn trusting(mut self, certificate: &str) -> Self {
        let certificate = reqwest::Certificate::from_pem(certificate.as_bytes());
        self.trusted = Some(certificate.expect("a certificate"));
        self
    }

    /// These plugins, in place of the bundled ones.
    pub fn only(mut self, plugins: impl Into<String>) -> Self {
        self.plugins = plugins.into();
        self
    }

    /// One plugin, whose generations cost nothing: `generator-note/note` makes an article of a `title`.
    pub fn only_notes(self) -> Self {
        let guest = root().join("tests/guests/dist/generator-note.wasm");
        self.only(format!(
            "[[plugin]]\nid = \"generator-note\"\nsource = {{ path = \"{}\" }}\n",
            guest.display()
        ))
    }

    /// The shipped configuration with more tables at its end.
    pub fn configure(self, more: &str) -> Self {
        let shipped = std::fs::read_to_string(root().join("config/engine.toml"));
        let path = self.data.path().join("engine.toml");
        let text = shipped.expect("config/engine.toml can be read") + more;
        std::fs::write(&path, text).expect("engine.toml can be written");
        self.set("INKSTONE_CONFIG", path.display().to_string())
    }

    /// The shipped configuration with webhooks allowed to go to this origin.
    pub fn allowing_webhooks_to(self, origin: &str) -> Self {
        let shipped = std::fs::read_to_string(root().join("config/engine.toml"));
        let shipped = shipped.expect("config/engine.toml can be read");
        let origins = format!("allowed_origins = [\"{origin}\"]");
        let text = shipped.replace("allowed_origins = []", &origins);
        assert_ne!(text, shipped, "the shipped configuration names no origins");
        let path = self.data.path().join("engine.toml");
        std::fs::write(&path, text).expect("engine.toml can be written");
        self.set("INKSTONE_CONFIG", path.display().to_string())
    }

    /// A command of the binary with this set-up's surroundings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let plugins = self.data.path().join("plugins.toml");
        if std::fs::read_to_string(&plugins).ok().as_deref() != Some(self.plugins.as_str()) {
            std::fs::write(&plugins, &self.plugins).expect("plugins.toml can be written");
        }
        let mut command = Command::new(binary());
        let data = self.data.path();
        let store = format!("surrealkv://{}", data.join("store").display());
        command
            .args(arguments)
            .current_dir(root())
            .env("INKSTONE_CONFIG", root().join("config/engine.toml"))
            .env("INKSTONE__SERVER__LISTEN", "127.0.0.1:0")
            .env("INKSTONE__DATA_DIR", data)
            .env("INKSTONE__STORE__URL", store)
            .env("INKSTONE__SEARCH__DIR", data.join("search"))
            .env("INKSTONE__PLUGINS__FILE", &plugins)
            .env("INKSTONE__PLUGINS__DIR", root().join("plugins/dist"))
            .env(
                "INKSTONE__AUTH__ADMIN_PASSWORD__ENV",
                "INKSTONE_ADMIN_PASSWORD",
            )
            .env("INKSTONE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env_remove("RUST_LOG");
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }

    /// Starts `inkstone serve` and waits until it is ready.
    pub async fn start(self) -> Engine {
        let mut engine = self.start_worker().await;
        engine.token = engine.login().await;
        engine
    }

    /// The same for one that may answer nobody, and so has no token.
    pub async fn start_worker(self) -> Engine {
        let log = self.data.path().join("log.jsonl");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be written");
        let _ = std::fs::remove_file(self.data.path().join("engine.json"));
        let child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the engine starts");
        let http = reqwest::Client::builder().no_proxy();
        let http = match &self.trusted {
            Some(trusted) => http.tls_certs_only([trusted.clone()]),
            None => http,
        };
        let mut engine = Engine {
            setup: self,
            child,
            url: String::new(),
            http: http.build().expect("a client"),
            token: String::new(),
        };
        engine.wait_until_ready().await;
        engine
    }
}

pub struct Engine {
    setup: Setup,
    child: Child,
    pub url: String,
    pub http: reqwest::Client,
    /// The admin's.
    pub token: String,
}

impl Engine {
    /// As `kill -9` does it.
    pub fn kill(mut self) -> Setup {
        // It may be gone already.
        let _ = self.child.kill();
        self.child.wait().expect("the engine is gone");
        self.take_setup()
    }

    /// kill -9 while others still hold the engine; [`Engine::kill`] collects what is left.
    pub fn kill_now(&self) {
        self.signal("-KILL");
    }

    /// SIGSTOP, as a machine that hangs does it; [`Engine::go_on`] is its end.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// SIGTERM, and wait for the end.
    pub fn stop(mut self) -> (Setup, std::process::ExitStatus) {
        self.signal("-TERM");
        let status = self.child.wait().expect("the engine ends");
        (self.take_setup(), status)
    }

    fn take_setup(&mut self) -> Setup {
        let empty = Setup {
            data: TempDir::new().expect("a temporary folder"),
            plugins: String::new(),
            environment: Vec::new(),
            trusted: None,
        };
        std::mem::replace(&mut self.setup, empty)
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.setup.data.path().join("log.jsonl")).unwrap_or_default()
    }

    /// The lines of its log that say of something that it went wrong, of all its starts.
    pub fn complaints(&self) -> String {
        let log = self.log();
        let lines = log.lines().filter(|line| {
            let is = |level| line.contains(&format!("\"level\":\"{level}\""));
            is("WARN") || is("ERROR")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn wait_until_ready(&mut self) {
        let state = self.setup.data.path().join("engine.json");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                panic!("the engine ended with {status}:\n{}", self.log());
            }
            if let Ok(text) = std::fs::read_to_string(&state)
                && let Ok(value) = serde_json::from_str::<Value>(&text)
            {
                self.url = value["url"]
                    .as_str()
                    .expect("engine.json has a url")
                    .to_owned();
                let ready = self.http.get(format!("{}/readyz", self.url)).send().await;
                if ready.is_ok_and(|reply| reply.status().is_success()) {
                    return;
                }
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the engine is not ready:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn login(&self) -> String {
        let body = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
        let reply = self.http.post(format!("{}/v1/auth/login", self.url));
        let reply = reply.json(&body).send().await.expect("login answers");
        assert_eq!(reply.status(), 200, "{}", self.log());
        let pair: Value = reply.json().await.expect("login answers JSON");
        pair["access_token"].as_str().expect("a token").to_owned()
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
    }

    /// Status and JSON body.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let reply = request.send().await.expect("the engine answers");
        let status = reply.status().as_u16();
        let bytes = reply.bytes().await.expect("the body arrives");
        let value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&bytes)))
        };
        (status, value)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request("POST", path).json(body)).await
    }

    /// Asks again and again until `done` says so.
    pub async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let (status, value) = self.get(path).await;
            assert_eq!(status, 200, "{value}");
            if done(&value) {
                return value;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{path} stays {value}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
