//! From which status an article may go to which, and by whose hand. Pure; who has which hand stands
//! in `policy`.

use chrono::{DateTime, Utc};
use inkstone_domain::content::Status::{self, *};
use inkstone_domain::content::{Article, ArticleText};
use inkstone_domain::{Error, FieldError, Result, codes};

/// What somebody may do with one article.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hands {
    /// Writes it, hands it in and takes it back.
    pub author: bool,
    /// Approves it, or gives it back.
    pub reviewer: bool,
    /// Schedules and publishes, and takes from the public.
    pub publisher: bool,
    /// The project wants a review before anybody publishes.
    pub needs_review: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Author,
    /// To take back, or to give back.
    AuthorOrReviewer,
    Reviewer,
    Publisher,
    /// A publisher, where the project lets them publish what nobody has reviewed.
    PublisherUnreviewed,
}

const STEPS: &[(Status, Status, Needs)] = &[
    (Draft, InReview, Needs::Author),
    (Draft, Scheduled, Needs::PublisherUnreviewed),
    (Draft, Published, Needs::PublisherUnreviewed),
    (Draft, Archived, Needs::Author),
    (InReview, Draft, Needs::AuthorOrReviewer),
    (InReview, Approved, Needs::Reviewer),
    (InReview, Scheduled, Needs::PublisherUnreviewed),
    (InReview, Published, Needs::PublisherUnreviewed),
    (InReview, Archived, Needs::Author),
    (Approved, Draft, Needs::AuthorOrReviewer),
    (Approved, InReview, Needs::AuthorOrReviewer),
    (Approved, Scheduled, Needs::Publisher),
    (Approved, Published, Needs::Publisher),
    (Approved, Archived, Needs::Author),
    // To another time.
    (Scheduled, Scheduled, Needs::Publisher),
    (Scheduled, Draft, Needs::Publisher),
    (Scheduled, Approved, Needs::Publisher),
    (Scheduled, Published, Needs::Publisher),
    (Scheduled, Archived, Needs::Publisher),
    (Published, Draft, Needs::Publisher),
    (Published, Archived, Needs::Publisher),
    (Archived, Draft, Needs::Author),
    (Archived, Published, Needs::PublisherUnreviewed),
];

/// `status_not_allowed` where there is no such step, with those there are for these hands;
/// `forbidden` where there is one for other hands.
pub fn check_step(from: Status, to: Status, hands: Hands) -> Result<()> {
    let step = STEPS.iter().find(|step| (step.0, step.1) == (from, to));
    let allowed = allowed_steps(from, hands);
    match step {
        Some((_, _, needs)) if has(hands, *needs) => Ok(()),
        Some((_, _, needs)) => Err(Error::new(
            &codes::FORBIDDEN,
            format!(
                "going from `{}` to `{}` {}; you may go to {allowed}",
                from.as_str(),
                to.as_str(),
                match needs {
                    Needs::Author => "is for its author",
                    Needs::AuthorOrReviewer => "is for its author or a reviewer",
                    Needs::Reviewer => "is for a reviewer",
                    Needs::PublisherUnreviewed if hands.publisher =>
                        "needs a review in this project",
                    Needs::Publisher | Needs::PublisherUnreviewed =>
                        "is for an editor of the project",
                },
            ),
        )),
        None => Err(Error::new(
            &codes::STATUS_NOT_ALLOWED,
            format!(
                "no article goes from `{}` to `{}`; this one may go to {allowed}",
                from.as_str(),
                to.as_str(),
            ),
        )),
    }
}

/// What a change may do to status, time of publication and text. `pointer` is where the request
/// names the time.
pub fn check_change(
    before: &Article,
    after: &Article,
    hands: Hands,
    now: DateTime<Utc>,
    pointer: &str,
) -> Result<()> {
    check_hands(before, after, hands)?;
    check_time(&before.text, &after.text, now, pointer)
}

/// The same but for the time.
pub fn check_hands(before: &Article, after: &Article, hands: Hands) -> Result<()> {
    let (from, to) = (before.text.status, after.text.status);
    let is_rescheduled = before.text.publish_at != after.text.publish_at;
    if from != to || is_rescheduled && to == Scheduled {
        check_step(from, to, hands)?;
    }
    match is_edited(before, after) {
        true => check_edit(to, hands),
        false => Ok(()),
    }
}

fn check_edit(status: Status, hands: Hands) -> Result<()> {
    let (is_allowed, whose) = match status {
        Approved => (hands.reviewer, "a reviewer"),
        Scheduled | Published => (hands.publisher, "an editor of the project"),
        Draft | InReview | Archived => (true, ""),
    };
    if !hands.author {
        let why = "your role in the project does not allow changes of the text; its owners can change that";
        return Err(Error::new(&codes::FORBIDDEN, why));
    }
    if !is_allowed {
        return Err(Error::new(
            &codes::FORBIDDEN,
            format!(
                "the article is `{}`, and what was reviewed may be changed by {whose} only; take it back to `draft` first",
                status.as_str()
            ),
        ));
    }
    Ok(())
}

fn check_time(
    before: &ArticleText,
    after: &ArticleText,
    now: DateTime<Utc>,
    pointer: &str,
) -> Result<()> {
    let detail = match (after.status, after.publish_at) {
        (Scheduled, None) => "must be given with the status `scheduled`",
        (Scheduled, Some(at)) => match before.publish_at != Some(at) && at <= now {
            true => "must be in the future; to publish at once, take the status `published`",
            false => return Ok(()),
        },
        (_, Some(_)) => "belongs to the status `scheduled` alone",
        (_, None) => return Ok(()),
    };
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    let message = format!("the time is not valid as given: `{pointer}` {detail}");
    Err(Error::new(&codes::INVALID_INPUT, message).with_fields(vec![field]))
}

/// Whether anything but status and time differs.
fn is_edited(before: &Article, after: &Article) -> bool {
    let text = ArticleText {
        status: before.text.status,
        publish_at: before.text.publish_at,
        ..after.text.clone()
    };
    before.text != text || before.slug != after.slug
}

fn has(hands: Hands, needs: Needs) -> bool {
    match needs {
        Needs::Author => hands.author,
        Needs::AuthorOrReviewer => hands.author || hands.reviewer,
        Needs::Reviewer => hands.reviewer,
        Needs::Publisher => hands.publisher,
        Needs::PublisherUnreviewed => hands.publisher && !hands.needs_review,
    }
}

fn allowed_steps(from: Status, hands: Hands) -> String {
    let words: Vec<String> = STEPS
        .iter()
        .filter(|(start, _, needs)| *start == from && has(hands, *needs))
        .map(|(_, to, _)| format!("`{}`", to.as_str()))
        .collect();
    match words.is_empty() {
        true => "no other status".to_owned(),
        false => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: Hands = Hands {
        author: true,
        reviewer: false,
        publisher: false,
        needs_review: false,
    };
    const REVIEWER: Hands = Hands {
        author: false,
        reviewer: true,
        publisher: false,
        needs_review: false,
    };
    const PUBLISHER: Hands = Hands {
        author: true,
        reviewer: true,
        publisher: true,
        needs_review: false,
    };
    const NOBODY: Hands = Hands {
        author: false,
        reviewer: false,
        publisher: false,
        needs_review: false,
    };

    /// One line per status; `+` may go there, `x` may not with these hands, `.` nobody may.
    fn table(hands: Hands) -> String {
        let mut table = String::new();
        for from in Status::ALL {
            for to in Status::ALL {
                table.push(match check_step(from, to, hands) {
                    Ok(()) => '+',
                    Err(error) if error.code() == &codes::FORBIDDEN => 'x',
                    Err(_) => '.',
                });
            }
            table.push('\n');
        }
        table
    }

    #[test]
    fn every_step_by_every_hand() {
        // From draft, in_review, approved, scheduled, published, archived downwards; to the same across.
        assert_eq!(
            table(PUBLISHER),
            ".+.+++\n+.++++\n++.+++\n+.++++\n+....+\n+...+.\n"
        );
        assert_eq!(
            table(AUTHOR),
            ".+.xx+\n+.xxx+\n++.xx+\nx.xxxx\nx....x\n+...x.\n"
        );
        assert_eq!(
            table(REVIEWER),
            ".x.xxx\n+.+xxx\n++.xxx\nx.xxxx\nx....x\nx...x.\n"
        );
        assert_eq!(
            table(NOBODY),
            ".x.xxx\nx.xxxx\nxx.xxx\nx.xxxx\nx....x\nx...x.\n"
        );
    }

    #[test]
    fn a_refusal_names_what_is_allowed() {
        let refused = check_step(Published, InReview, PUBLISHER).unwrap_err();
        assert_eq!(refused.code().name, "status_not_allowed");
        assert!(
            refused.message().ends_with("to `draft`, `archived`"),
            "{refused}"
        );
        let refused = check_step(Published, Archived, AUTHOR).unwrap_err();
        assert!(refused.message().ends_with("no other status"), "{refused}");
    }
}
