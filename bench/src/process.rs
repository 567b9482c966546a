//! Child processes: the engine with a folder of its own, and the baselines. CPU time is read from /proc.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Failure;

const PASSWORD: &str = "bench bench bench";

/// Ends with its handle.
pub struct Process {
    child: Child,
    pub url: String,
    /// The engine's data.
    _folder: Option<TempDir>,
}

impl Process {
    /// A baseline: this very binary. It prints its address.
    pub fn bare(kind: &str, argument: Option<&str>) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("bare")
            .arg(kind)
            .args(argument)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        Ok(Self {
            child,
            url: url.trim().to_owned(),
            _folder: None,
        })
    }

    /// The release engine beside this binary, with the given `plugins.toml` and a new data folder.
    pub async fn engine(plugins: &str, settings: &[(&str, String)]) -> Result<Self, Failure> {
        Self::engine_of(&own_build()?, plugins, settings).await
    }

    /// The same of another build.
    pub async fn engine_of(
        binary: &Path,
        plugins: &str,
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let folder = TempDir::new()?;
        let mut engine = Self::start(binary, &folder, plugins, settings).await?;
        engine._folder = Some(folder);
        Ok(engine)
    }

    /// The release engine on a data folder that stays.
    pub async fn engine_at(
        folder: &TempDir,
        plugins: &str,
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        Self::start(&own_build()?, folder, plugins, settings).await
    }

    async fn start(
        binary: &Path,
        folder: &TempDir,
        plugins: &str,
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let data = folder.path();
        std::fs::write(data.join("plugins.toml"), plugins)?;
        if !binary.exists() {
            return Err(format!("{} is missing: `make bench` builds it", binary.display()).into());
        }
        let store = format!("surrealkv://{}", data.join("store").display());
        let child = Command::new(binary)
            .arg("serve")
            .current_dir(root())
            .env("INKSTONE__SERVER__LISTEN", "127.0.0.1:0")
            .env("INKSTONE__DATA_DIR", data)
            .env("INKSTONE__STORE__URL", store)
            .env("INKSTONE__SEARCH__DIR", data.join("search"))
            .env("INKSTONE__PLUGINS__FILE", data.join("plugins.toml"))
            .env("INKSTONE__LOG__FILTER", "warn")
            // Nobody runs an engine that takes down where every error came from.
            .env_remove("RUST_BACKTRACE")
            .env("INKSTONE_BENCH_PASSWORD", PASSWORD)
            .env(
                "INKSTONE__AUTH__ADMIN_PASSWORD__ENV",
                "INKSTONE_BENCH_PASSWORD",
            )
            .envs(settings.iter().map(|(name, value)| (*name, value.as_str())))
            .spawn()?;
        let mut process = Self {
            child,
            url: String::new(),
            _folder: None,
        };
        let state = data.join("engine.json");
        // That of an engine that was killed here before.
        let _ = std::fs::remove_file(&state);
        let began = Instant::now();
        while process.url.is_empty() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("the engine ended with {status}").into());
            }
            if let Ok(text) = std::fs::read_to_string(&state) {
                let value: Value = serde_json::from_str(&text)?;
                process.url = value["url"].as_str().ok_or("no url")?.to_owned();
            } else if began.elapsed() > Duration::from_secs(60) {
                return Err("the engine is not ready after 60 s".into());
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(process)
    }

    /// An access token of the engine's admin.
    pub async fn sign_in(&self, http: &reqwest::Client) -> Result<String, Failure> {
        let body = json!({ "email": "admin@localhost", "password": PASSWORD });
        let reply = http
            .post(format!("{}/v1/auth/login", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?
            .error_for_status()?;
        let pair: Value = serde_json::from_slice(&reply.bytes().await?)?;
        Ok(pair["access_token"].as_str().ok_or("no token")?.to_owned())
    }

    /// A program of somebody else's that serves at `url` once that answers.
    pub async fn peer(command: &mut Command, url: String, ready: &str) -> Result<Self, Failure> {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut process = Self {
            child,
            url,
            _folder: None,
        };
        let http = reqwest::Client::builder().no_proxy().build()?;
        let began = Instant::now();
        let ready = format!("{}{ready}", process.url);
        while http.get(&ready).send().await.is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("the peer ended with {status}").into());
            }
            if began.elapsed() > Duration::from_secs(120) {
                return Err("the peer is not ready after 120 s".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(process)
    }

    /// CPU time used so far, user and system, over all threads and child processes. Linux only.
    pub fn cpu(&self) -> Duration {
        let ticks: u64 = self
            .family()
            .iter()
            .map(|process| {
                let fields = stat_of(*process);
                let used = fields.iter().skip(11).take(2);
                used.filter_map(|field| field.parse::<u64>().ok())
                    .sum::<u64>()
            })
            .sum();
        // USER_HZ is 100 on every Linux this runs on.
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory over all child processes, MiB. Linux only.
    pub fn resident_mib(&self) -> f64 {
        let kib: u64 = self
            .family()
            .iter()
            .filter_map(|process| {
                let path = format!("/proc/{process}/status");
                resident_kib_in(&std::fs::read_to_string(path).ok()?).ok()
            })
            .sum();
        kib as f64 / 1024.0
    }

    /// This process and everything it started.
    fn family(&self) -> Vec<u32> {
        let all: Vec<u32> = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        let mut family = vec![self.child.id()];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            let is_child = |process: &u32| stat_of(*process).get(1) == Some(&parent.to_string());
            family.extend(all.iter().copied().filter(is_child));
            at += 1;
        }
        family
    }
}

/// The engine that was built with this binary.
fn own_build() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?.with_file_name("inkstone"))
}

/// The fields behind the name, which stands in parentheses and may hold blanks.
fn stat_of(process: u32) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields.split_whitespace().map(str::to_owned).collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Workers that a peer has started outlive it where it has no time to end them.
        let workers: Vec<String> = self.family().iter().skip(1).map(u32::to_string).collect();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !workers.is_empty() {
            let _ = Command::new("kill").arg("-9").args(workers).status();
        }
    }
}

/// Resident memory of this process, KiB. Linux only.
pub fn resident_kib() -> Result<u64, Failure> {
    resident_kib_in(&std::fs::read_to_string("/proc/self/status")?)
}

fn resident_kib_in(status: &str) -> Result<u64, Failure> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmRSS")?.parse()?)
}

/// A folder of the workspace.
pub fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.parent().map_or(package.clone(), Path::to_path_buf)
}
