//! Articles of planned generations: scheduled for their time by the same step that a person takes, in the name of
//! whose job it was. Where that step is not theirs, as where the project wants a review first, the article stays a
//! draft, and the job still says when it was meant to be public.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::Status;
use inkstone_domain::event::{EventBody, Told};
use inkstone_domain::ids::{ArticleId, JobId};
use inkstone_domain::job::Task;

use super::Calendar;
use crate::content::Transition;
use crate::events::EventHandler;
use crate::owners::principal_of;

/// The handler `planned-publications`.
pub struct PlannedPublications(pub Arc<Calendar>);

#[async_trait]
impl EventHandler for PlannedPublications {
    fn name(&self) -> &'static str {
        "planned-publications"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        for told in told {
            if let EventBody::JobSucceeded {
                job,
                article: Some(article),
            } = &told.event.body
            {
                self.0.schedule_article(*job, *article).await?;
            }
        }
        Ok(())
    }
}

impl Calendar {
    /// Nothing where somebody has the article in hand by now: so it may be done twice.
    async fn schedule_article(&self, job: JobId, article: ArticleId) -> Result<()> {
        let Some(job) = self.jobs.stored(job).await? else {
            return Ok(());
        };
        let planned = match &job.task {
            Task::Generate(task) => task.publish_at,
            Task::Work(_) => None,
        };
        let Some(at) = planned else {
            return Ok(());
        };
        let scheduled = async {
            let owner = principal_of(self.users.as_ref(), job.owner).await?;
            let found = self.articles.get(&owner, article).await?;
            if found.revision != 1 || found.text.status != Status::Draft {
                return Ok(());
            }
            // What came late is public at once, as what was scheduled would be.
            let is_late = at <= self.clock.now();
            let step = Transition {
                to: match is_late {
                    true => Status::Published,
                    false => Status::Scheduled,
                },
                at: (!is_late).then_some(at),
                comment: Some("as planned".to_owned()),
            };
            let step = self.articles.transition(&owner, article, step, Some(1));
            step.await.map(drop)
        };
        match scheduled.await {
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::info!(article.id = %article, ?error, "a planned article stays a draft");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
