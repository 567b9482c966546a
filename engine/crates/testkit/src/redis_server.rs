//! A real Redis for tests, on a port and in a folder of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// Gone with its owner. It keeps nothing.
pub struct RedisServer {
    child: Child,
    port: u16,
    password: Option<String>,
    folder: TempDir,
}

impl RedisServer {
    pub async fn start() -> Self {
        Self::with(None).await
    }

    /// Refuses who does not know the password.
    pub async fn with(password: Option<&str>) -> Self {
        // Taken and given back: it cannot choose a port by itself and tell.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = TempDir::new().unwrap();
        let password = password.map(str::to_owned);
        let child = spawn(port, password.as_deref(), &folder);
        let server = Self {
            child,
            port,
            password,
            folder,
        };
        server.listens().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As `kill -9` does it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Again at the same address, empty.
    pub async fn start_again(&mut self) {
        self.kill();
        self.child = spawn(self.port, self.password.as_deref(), &self.folder);
        self.listens().await;
    }

    async fn listens(&self) {
        let (address, began) = (format!("127.0.0.1:{}", self.port), Instant::now());
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the Redis does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, password: Option<&str>, folder: &TempDir) -> Child {
    let binary = binary();
    let mut command = Command::new(&binary);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    // What is unpacked beside it and not installed.
    let libraries = binary.parent().and_then(|bin| bin.parent());
    let libraries = libraries.map(|usr| usr.join("lib"));
    if let Some(entries) = libraries.and_then(|lib| std::fs::read_dir(lib).ok()) {
        let folders = entries.flatten().map(|entry| entry.path());
        command.env("LD_LIBRARY_PATH", std::env::join_paths(folders).unwrap());
    }
    command.spawn().unwrap_or_else(|error| {
        panic!(
            "{} cannot be run ({error}): `cargo xtask setup --tests` fetches it",
            binary.display()
        )
    })
}

/// `INKSTONE_REDIS`, else where set-up puts it, else whatever is installed.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("INKSTONE_REDIS") {
        return path.into();
    }
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let unpacked = base
        .or(home)
        .map(|cache| cache.join("inkstone/redis/usr/bin/redis-server"));
    unpacked
        .filter(|path| path.exists())
        .unwrap_or_else(|| "redis-server".into())
}
