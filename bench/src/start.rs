//! The start of an engine with twenty plugins: from an empty cache of compiled code, and from a full one.

use std::time::Instant;

use tempfile::TempDir;

use crate::Failure;
use crate::measure::Series;
use crate::process::{Process, root};
use crate::swap::copies;

const PLUGINS: usize = 20;
const ROUNDS: usize = 5;

pub async fn run() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let original = std::fs::read(root().join("plugins/dist/provider-openai.wasm"))?;
    let ids = copies(&original, "provider-openai", PLUGINS, folder.path())?;
    let entries: String = ids
        .iter()
        .map(|id| {
            let file = folder.path().join(format!("{id}.wasm"));
            format!(
                "[[plugin]]\nid = \"{id}\"\nsource = {{ path = \"{}\" }}\n",
                file.display()
            )
        })
        .collect();
    let data = TempDir::new()?;
    let mut times = (Series::new("warm"), Series::new("cold"));
    for round in 0..ROUNDS {
        let cache = TempDir::new()?;
        for series in [&mut times.1, &mut times.0] {
            let began = Instant::now();
            let engine = Process::engine_at(&data, &entries, &[cache_dir(&cache)]).await?;
            let ready_ms = began.elapsed().as_secs_f64() * 1e3;
            // The first start of all makes the database too.
            if round > 0 {
                series.values.push(ready_ms);
            }
            drop(engine);
        }
    }
    println!(
        "\nstart to ready with {PLUGINS} plugins of {} KiB: {:.0} ms with an empty cache, {:.0} ms with a full one (medians of {})",
        original.len() / 1024,
        times.1.median(),
        times.0.median(),
        ROUNDS - 1,
    );
    Ok(())
}

fn cache_dir(cache: &TempDir) -> (&'static str, String) {
    ("INKSTONE__CACHE_DIR", cache.path().display().to_string())
}
