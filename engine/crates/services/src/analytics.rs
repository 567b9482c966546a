//! Reports of all analytics plugins.

use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_domain::ports::{Ai, DocumentSearch, GuestCall};
use inkstone_domain::principal::Principal;
use inkstone_domain::report::{Block, ReportInfo};
use serde_json::Value;

use crate::ai::{CallLog, CallerAi};
use crate::chat::{Chat, RequestContext};
use crate::plugins::{Answered, Choice, Plugins};
use crate::search::Search;
use crate::toolbox::CallerSearch;

/// A report and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedReport {
    /// Id of the plugin.
    pub plugin: String,
    pub report: ReportInfo,
}

/// Analytics as users see it.
pub struct Reports {
    plugins: Arc<Plugins>,
    chat: Arc<Chat>,
    search: Arc<Search>,
}

impl Reports {
    /// Reports that ask models do it through `chat`, those that search through `search`.
    pub fn new(plugins: Arc<Plugins>, chat: Arc<Chat>, search: Arc<Search>) -> Self {
        Self {
            plugins,
            chat,
            search,
        }
    }

    /// All reports, by plugin.
    pub fn list(&self) -> Vec<ListedReport> {
        let analysts = self.plugins.snapshot().analysts();
        let listed = analysts.iter().flat_map(|one| {
            one.port.reports().iter().map(|report| ListedReport {
                plugin: one.plugin.manifest.id.clone(),
                report: report.clone(),
            })
        });
        listed.collect()
    }

    /// Runs a report. Open to every role; a report that asks a model needs the role creator for that.
    pub async fn run(
        &self,
        principal: &Principal,
        context: &RequestContext,
        plugin: &str,
        report: &str,
        input: Value,
    ) -> Result<Answered<Vec<Block>>> {
        let choice = Choice::of(principal, context);
        let analytics = self.plugins.snapshot().analytics(plugin, &choice)?;
        let ai = CallerAi::new(
            Arc::clone(&self.chat),
            principal.clone(),
            context.clone(),
            None,
            CallLog::default(),
        );
        let search = CallerSearch::new(Arc::clone(&self.search), principal.clone());
        let call = GuestCall {
            request_id: context.request_id.clone(),
            caller: Some(principal.user),
            ai: Some(Arc::new(ai) as Arc<dyn Ai>),
            search: Some(Arc::new(search) as Arc<dyn DocumentSearch>),
            ..GuestCall::default()
        };
        let value = analytics.port.run(&call, report, input).await?;
        self.plugins
            .answered(principal.user, &context.request_id, &analytics.plugin);
        Ok(Answered {
            plugin: analytics.plugin,
            value,
        })
    }
}
