//! The list of plugins as a port: reads `config/plugins.toml`, and changes it in place.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::{NewEntry, PluginList};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Mutex;
use toml_edit::DocumentMut;

use super::editing;
use crate::atomic_file;
use crate::engine::PluginsConfig;
use crate::problem::ConfigError;

/// A list that was changed this recently may still be in somebody's hands: it is read until two
/// readings agree, this often and with this pause.
const FRESH: Duration = Duration::from_millis(200);
/// The same for one that is empty, which whoever writes it anew may be for long on a machine that is busy.
const FRESHLY_EMPTIED: Duration = Duration::from_secs(3);
const READINGS: u32 = 4;
const READINGS_OF_NOTHING: u32 = 25;
const PAUSE: Duration = Duration::from_millis(40);

/// `config/plugins.toml`, read anew each time.
pub struct TomlPluginList {
    config: Arc<PluginsConfig>,
    /// Held through a change: one after the other. The text that was written last.
    written: Mutex<String>,
}

impl TomlPluginList {
    pub fn new(config: PluginsConfig) -> Self {
        Self {
            config: Arc::new(config),
            written: Mutex::new(String::new()),
        }
    }

    async fn change(
        &self,
        edit: impl FnOnce(&mut DocumentMut) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let mut written = self.written.lock().await;
        let text = settled(&self.config, &written).await?;
        let config = Arc::clone(&self.config);
        *written = on_disk(move || {
            // A list with faults is mended by whoever made them.
            check(&config, &text)?;
            let mut document: DocumentMut = text.parse().map_err(|error| {
                Error::new(&codes::INVALID_CONFIG, "the list cannot be edited").with_source(error)
            })?;
            edit(&mut document)?;
            let text = document.to_string();
            check(&config, &text)?;
            atomic_file::write(&config.file, text.as_bytes()).map_err(|error| {
                Error::new(
                    &codes::CONFLICT,
                    format!(
                        "the list `{}` cannot be written ({error}); change it where it comes from",
                        config.file.display()
                    ),
                )
                .with_source(error)
            })?;
            Ok(text)
        })
        .await?;
        Ok(())
    }
}

#[async_trait]
impl PluginList for TomlPluginList {
    async fn read(&self) -> Result<Vec<PluginSpec>> {
        let written = self.written.lock().await.clone();
        let text = settled(&self.config, &written).await?;
        let config = Arc::clone(&self.config);
        on_disk(move || Ok(super::look_up(&text, &config)?)).await
    }

    async fn set_enabled(&self, id: &str, enabled: bool) -> Result<()> {
        let id = id.to_owned();
        self.change(move |list| editing::set_enabled(list, &id, enabled))
            .await
    }

    async fn put(&self, entry: NewEntry) -> Result<()> {
        self.change(move |list| editing::put(list, &entry)).await
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.change(move |list| editing::remove(list, &id)).await
    }
}

/// The list's text, read again until nobody seems to be writing it: half of one reads as a shorter one.
/// What was looked at is what is given, so that nothing can come in between.
async fn settled(config: &PluginsConfig, written: &str) -> Result<String> {
    let mut before = read_text(config)?;
    // Looked at after the reading: who began to write before it is seen.
    let is_ours = |text: &str| !text.is_empty() && text == written;
    let fresh = match before.is_empty() {
        true => FRESHLY_EMPTIED,
        false => FRESH,
    };
    if !is_younger(config, fresh) || is_ours(&before) {
        return Ok(before);
    }
    let mut readings = 0;
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = read_text(config)?;
        readings += 1;
        // Who writes a file anew empties it first.
        let enough = if now.is_empty() {
            READINGS_OF_NOTHING
        } else {
            READINGS
        };
        let is_settled = now == before && !now.is_empty();
        if is_settled || is_ours(&now) || readings >= enough {
            return Ok(now);
        }
        before = now;
    }
}

fn is_younger(config: &PluginsConfig, than: Duration) -> bool {
    std::fs::metadata(&config.file)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|at| {
            SystemTime::now()
                .duration_since(at)
                .is_ok_and(|age| age < than)
        })
}

fn read_text(config: &PluginsConfig) -> Result<String> {
    let text = std::fs::read_to_string(&config.file)
        .map_err(|error| ConfigError::unreadable(&config.file, &error))?;
    Ok(text)
}

fn check(config: &PluginsConfig, text: &str) -> Result<()> {
    let file = config.file.display().to_string();
    super::parse(text, &file, &config.dir, config.max_plugins)?;
    Ok(())
}

/// Files are read and written on a thread that may block.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|broken_off| {
            Error::new(&codes::INTERNAL, "reading the disk broke off").with_source(broken_off)
        })?
}
