//! The two kinds that only read: research and analytics. They answer with what they were asked, so
//! that a test sees what reached them.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use inkstone_domain::chat::{Message, Request, Role};
use inkstone_domain::ports::{Analytics, GuestCall, Research};
use inkstone_domain::report::{Block, Metric, ReportInfo};
use inkstone_domain::research::{Answer, Source, Tool};
use inkstone_domain::search::DocumentQuery;
use inkstone_domain::{Result, codes};
use serde_json::{Value, json};

/// Offers the tool `echo`; asks a model first where the input has `"ask": string`.
pub struct FakeResearch {
    tools: Vec<Tool>,
    had_tools: Mutex<Vec<bool>>,
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl FakeResearch {
    pub fn new() -> Self {
        Self {
            tools: vec![Tool {
                name: "echo".to_owned(),
                title: "Echo".to_owned(),
                description: "Gives back its input.".to_owned(),
                input_schema: json!({ "type": "object" }),
            }],
            had_tools: Mutex::default(),
            meanwhile: Mutex::default(),
        }
    }

    /// Is done while the next call is answered.
    pub fn meanwhile(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut meanwhile = self
            .meanwhile
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *meanwhile = Some(Box::pin(work));
    }

    /// For each call, whether it was given tools of others.
    pub fn had_tools(&self) -> Vec<bool> {
        self.had_tools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Default for FakeResearch {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Research for FakeResearch {
    fn tools(&self) -> &[Tool] {
        &self.tools
    }

    async fn call(&self, call: &GuestCall, tool: &str, input: Value) -> Result<Answer> {
        if tool != "echo" {
            return Err(super::unknown(&codes::UNKNOWN_TOOL, "tool", tool));
        }
        self.had_tools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call.tools.is_some());
        let meanwhile = self
            .meanwhile
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(work) = meanwhile {
            work.await;
        }
        let mut text = input.to_string();
        if let (Some(prompt), Some(ai)) = (input["ask"].as_str(), &call.ai) {
            let request = Request {
                messages: vec![Message::text(Role::User, prompt)],
                ..Request::default()
            };
            text = ai.complete(request).await?.text;
        }
        Ok(Answer {
            content: input,
            text,
            sources: vec![Source {
                title: Some("echo".to_owned()),
                ..Source::default()
            }],
        })
    }
}

/// Offers the report `count`: how many documents the caller finds for `"text"`.
pub struct FakeAnalytics {
    reports: Vec<ReportInfo>,
}

impl FakeAnalytics {
    pub fn new() -> Self {
        Self {
            reports: vec![ReportInfo {
                id: "count".to_owned(),
                title: "Count".to_owned(),
                description: "Counts documents.".to_owned(),
                input_schema: json!({ "type": "object" }),
            }],
        }
    }
}

impl Default for FakeAnalytics {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Analytics for FakeAnalytics {
    fn reports(&self) -> &[ReportInfo] {
        &self.reports
    }

    async fn run(&self, call: &GuestCall, report: &str, input: Value) -> Result<Vec<Block>> {
        if report != "count" {
            return Err(super::unknown(&codes::UNKNOWN_REPORT, "report", report));
        }
        let text = input["text"].as_str().unwrap_or_default();
        let found = match &call.search {
            Some(search) => {
                let query = DocumentQuery {
                    text: text.to_owned(),
                    limit: 100,
                    ..DocumentQuery::default()
                };
                search.find(query).await?.len()
            }
            None => 0,
        };
        Ok(vec![Block::Metric(Metric {
            id: "documents".to_owned(),
            title: "Documents".to_owned(),
            value: found as f64,
            unit: None,
            note: None,
        })])
    }
}
