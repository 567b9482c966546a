//! Servers that plugins talk to in trips.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use axum::Router;

use crate::engine::root;

/// The Python of the project's own set-up (`cargo xtask setup --tests`).
pub fn python() -> PathBuf {
    python_of("INKSTONE_VENV", "venv")
}

/// The same with version 2 of the `openai` package, which other clients stand on.
pub fn openai_2_python() -> PathBuf {
    python_of("INKSTONE_OPENAI_2_VENV", "venv-openai-2")
}

/// The interpreter of an environment that set-up made.
pub fn python_of(variable: &str, folder: &str) -> PathBuf {
    let venv = std::env::var_os(variable).map_or_else(|| cache_dir().join(folder), PathBuf::from);
    let python = venv.join("bin/python");
    assert!(
        python.exists(),
        "{} is missing: `cargo xtask setup --tests` makes it",
        python.display()
    );
    python
}

/// Where set-up put the models.
pub fn models_dir() -> PathBuf {
    std::env::var_os("INKSTONE_MODELS_DIR")
        .map_or_else(|| cache_dir().join("models"), PathBuf::from)
}

fn cache_dir() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    base.unwrap_or_else(home).join("inkstone")
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// llama.cpp's server with the same model as the engine's own.
pub struct Llama {
    child: Child,
    pub url: String,
}

impl Llama {
    /// Returns once it listens. `task` is `chat` or `embeddings`.
    pub fn start(task: &str) -> Self {
        let port = free_port();
        let mut child = Command::new(python())
            .arg(root().join("tests/python/llama_server.py"))
            .arg(models_dir().join("smollm2-135m-instruct-q4_1.gguf"))
            .arg(port.to_string())
            .arg(task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let listening = out
            .lines()
            .map_while(Result::ok)
            .any(|line| line.starts_with("listening"));
        assert!(listening, "llama.cpp's server ended before it listened");
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Llama {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A replay of OpenAI's API, tools and all.
pub struct Replay {
    child: Child,
    pub url: String,
}

impl Replay {
    /// Returns once it listens.
    pub fn start() -> Self {
        let mut replay = Command::new(python());
        replay
            .arg(root().join("tests/python/replay_upstream.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let (child, url) = listening(&mut replay);
        Self { child, url }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that prints where it listens, and that address.
pub fn listening(program: &mut Command) -> (Child, String) {
    let mut child = program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut url).unwrap();
    let url = url.trim_end().to_owned();
    assert!(url.starts_with("http://"), "{program:?} ended: {url}");
    (child, url)
}

/// Serves a router on a port of its own until the test ends.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
