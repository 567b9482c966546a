//! Jobs that the writers queue: each comes to its one article, however often its engine dies.

use std::collections::HashMap;

use serde_json::json;

use super::ask;
use crate::engine::Engine;

/// A job that was acknowledged.
pub struct Queued {
    pub id: String,
    title: String,
}

/// `None` once the engine is gone.
pub async fn queue(engine: &Engine, name: &str, queued: &mut Vec<Queued>) -> Option<()> {
    let title = format!("Job of {name}");
    let body = json!({ "input": { "title": title } });
    let path = "/v1/generate/generator-note/note";
    let job = ask(engine, "POST", path, &body, 202).await?;
    let id = job["id"].as_str().unwrap().to_owned();
    queued.push(Queued { id, title });
    Some(())
}

/// How many articles there are of jobs, once all have ended: one of each that was acknowledged, and none twice.
pub async fn check(engine: &Engine, queued: &[Queued]) -> usize {
    let mut own = HashMap::new();
    for job in queued {
        let path = format!("/v1/jobs/{}", job.id);
        let ended = engine
            .until(&path, |job| job["finished_at"].is_string())
            .await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        own.insert(&job.title, ended["article"].as_str().unwrap().to_owned());
    }
    let mut made: HashMap<String, Vec<String>> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = engine
            .get(&format!("/v1/articles?limit=100&fields=id,title{cursor}"))
            .await;
        assert_eq!(status, 200, "{page}");
        for article in page["data"].as_array().unwrap() {
            let title = article["title"].as_str().unwrap();
            if title.starts_with("Job of ") {
                let id = article["id"].as_str().unwrap().to_owned();
                made.entry(title.to_owned()).or_default().push(id);
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    for (title, articles) in &made {
        assert_eq!(articles.len(), 1, "`{title}` was made more than once");
    }
    for (title, article) in own {
        assert_eq!(made.get(title), Some(&vec![article]), "{title}");
    }
    made.len()
}
