//! A history cut to a model's context window by an estimate of its tokens: the newest messages stay, and
//! what falls out is told in a summary. Pure; asking for the summary is the caller's work.

use inkstone_domain::chat::{Message, Part, Request, Role, Sampling};
use inkstone_domain::conversation::{ConversationMessage, Speaker, Summary};

use super::told::Pictures;
use crate::gateway::estimate;

/// A part of the window that the answer may take.
const FOR_ANSWER: u64 = 4;
/// A part of the window that a summary may take.
const FOR_SUMMARY: u64 = 8;

/// What is sent, what fell out, and what is known of it.
pub(super) struct Plan<'a> {
    window: u64,
    /// Fell out, and no summary tells of it.
    lost: Vec<&'a ConversationMessage>,
    /// What the summary before said, where it counts on this branch.
    known: Option<&'a Summary>,
    stays: Vec<&'a ConversationMessage>,
    pictures: &'a Pictures,
}

pub(super) fn plan<'a>(
    window: u32,
    preface: &[Message],
    summary: Option<&'a Summary>,
    history: &[&'a ConversationMessage],
    pictures: &'a Pictures,
) -> Plan<'a> {
    let window = u64::from(window.max(256));
    let place = summary.and_then(|summary| {
        let mut messages = history.iter();
        messages.position(|message| message.id == summary.through)
    });
    let (known, untold) = match (summary, place) {
        (Some(summary), Some(place)) => (Some(summary), &history[place + 1..]),
        _ => (None, history),
    };
    let fixed = tokens_of(preface) + known.map_or(0, |summary| text_tokens(&summary.text));
    let room = (window - window / FOR_ANSWER).saturating_sub(fixed);
    let all: u64 = untold
        .iter()
        .map(|message| message_tokens(message, pictures))
        .sum();
    if all <= room {
        return Plan {
            window,
            lost: Vec::new(),
            known,
            stays: untold.to_vec(),
            pictures,
        };
    }
    // Half the room is freed at once, so that the next turns need no summary of their own.
    let goal = room.saturating_sub(window / FOR_SUMMARY) / 2;
    let mut taken = 0;
    let fitting = untold.iter().rev().take_while(|message| {
        taken += message_tokens(message, pictures);
        taken <= goal
    });
    // The question itself always stays: whether it is too long is for the model to say.
    let count = fitting.count().max(1);
    let (lost, stays) = untold.split_at(untold.len() - count);
    Plan {
        window,
        lost: lost.to_vec(),
        known,
        stays: stays.to_vec(),
        pictures,
    }
}

impl Plan<'_> {
    /// What is to be asked for a summary; `None` where nothing was lost.
    pub fn summarise(&self, model: &str) -> Option<Request> {
        if self.lost.is_empty() {
            return None;
        }
        let known = self
            .known
            .map(|summary| format!("Summary so far: {}", summary.text));
        let lines = self.lost.iter().map(|message| match message.speaker {
            Speaker::User => format!("User: {}", message.text),
            Speaker::Assistant => format!("Assistant: {}", message.text),
        });
        let text = known
            .into_iter()
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n\n");
        let longest = (self.window - self.window / FOR_ANSWER).saturating_mul(BYTES_PER_TOKEN);
        let text = end_of(&text, usize::try_from(longest).unwrap_or(usize::MAX));
        Some(Request {
            model: model.to_owned(),
            messages: vec![
                Message::text(Role::System, SUMMARISE),
                Message::text(Role::User, text),
            ],
            sampling: Sampling {
                max_tokens: u32::try_from(self.window / FOR_SUMMARY).ok(),
                ..Sampling::default()
            },
            ..Request::default()
        })
    }

    /// What the model made of it.
    pub fn summary_of(&self, text: String) -> Option<Summary> {
        let last = self.lost.last().filter(|_| !text.trim().is_empty())?;
        Some(Summary {
            text,
            through: last.id,
        })
    }

    /// What is sent. Without a new summary the one before stands.
    pub fn messages(&self, mut preface: Vec<Message>, summary: Option<Summary>) -> Vec<Message> {
        let told = summary.as_ref().or(self.known);
        if let Some(summary) = told {
            let text = format!("What was said before, in short: {}", summary.text);
            preface.push(Message::text(Role::System, text));
        }
        let said = self.stays.iter().map(|message| {
            let role = match message.speaker {
                Speaker::User => Role::User,
                Speaker::Assistant => Role::Assistant,
            };
            let mut said = Message::text(role, message.text.as_str());
            let pictures = self.pictures.get(&message.id).into_iter().flatten();
            said.parts.extend(pictures.cloned().map(Part::Image));
            said
        });
        preface.extend(said);
        preface
    }
}

const SUMMARISE: &str = "Summarise this conversation for whoever goes on with it: what was asked, \
decided and found, with names and numbers. Be brief. Reply with the summary alone.";

/// As the estimate has it.
const BYTES_PER_TOKEN: u64 = 4;

fn tokens_of(messages: &[Message]) -> u64 {
    estimate::input_tokens(&Request {
        messages: messages.to_vec(),
        ..Request::default()
    })
}

fn message_tokens(message: &ConversationMessage, pictures: &Pictures) -> u64 {
    let pictures = pictures.get(&message.id).map_or(0, Vec::len);
    text_tokens(&message.text) + estimate::of_pictures(pictures)
}

fn text_tokens(text: &str) -> u64 {
    /// What a message costs beside its words.
    const PER_MESSAGE: u64 = 4;
    estimate::tokens_of(text.len()) + PER_MESSAGE
}

/// At most so many bytes of the end.
fn end_of(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use inkstone_domain::ids::ConversationId;
    use inkstone_testkit::sample;

    use super::*;

    /// Messages of about 104 tokens each.
    fn history(count: usize) -> Vec<ConversationMessage> {
        let id = ConversationId::new();
        let one = |number: usize| ConversationMessage {
            text: format!("{number:<400}"),
            speaker: [Speaker::User, Speaker::Assistant][number % 2],
            ..sample::message(id, None)
        };
        (0..count).map(one).collect()
    }

    fn first_words(plan: &Plan<'_>, summary: Option<Summary>) -> Vec<String> {
        let messages = plan.messages(vec![Message::text(Role::System, "be kind")], summary);
        let said = messages.into_iter().map(|message| {
            let text = format!("{:?}", message.parts);
            let word = text.split_whitespace().next().unwrap_or_default();
            word.trim_start_matches("[Text(\"")
                .trim_end_matches(')')
                .to_owned()
        });
        said.collect()
    }

    #[test]
    fn what_fits_stays_whole() {
        let none = Pictures::new();
        let all = history(6);
        let history: Vec<_> = all.iter().collect();
        let plan = plan(1_000, &[], None, &history, &none);
        assert!(plan.summarise("m").is_none());
        assert_eq!(
            first_words(&plan, None),
            ["be", "0", "1", "2", "3", "4", "5"]
        );
    }

    #[test]
    fn what_falls_out_is_summed_up_once() {
        let none = Pictures::new();
        let all = history(9);
        let history: Vec<_> = all.iter().collect();
        let first = plan(1_000, &[], None, &history, &none);
        let ask = first.summarise("m").unwrap();
        assert_eq!(
            (ask.model.as_str(), ask.sampling.max_tokens),
            ("m", Some(125))
        );
        let summary = first.summary_of("short".to_owned()).unwrap();
        assert_eq!(summary.through, all[5].id);
        assert_eq!(
            first_words(&first, Some(summary.clone())),
            ["be", "What", "6", "7", "8"]
        );
        // Two turns later all fits again, with the same summary.
        let later = self::history(2);
        let more: Vec<_> = all.iter().chain(&later).collect();
        let second = plan(1_000, &[], Some(&summary), &more, &none);
        assert!(second.summarise("m").is_none());
        assert_eq!(
            first_words(&second, None),
            ["be", "What", "6", "7", "8", "0", "1"]
        );
        // On a branch without its last message it does not count.
        let other = plan(1_000, &[], Some(&summary), &more[6..], &none);
        assert!(other.known.is_none());
    }

    #[test]
    fn the_question_stays_however_long() {
        let none = Pictures::new();
        let mut all = history(3);
        all[2].text = "x".repeat(100_000);
        let history: Vec<_> = all.iter().collect();
        let plan = plan(1_000, &[], None, &history, &none);
        assert_eq!((plan.lost.len(), plan.stays.len()), (2, 1));
        assert_eq!(plan.summary_of(" ".to_owned()), None);
        assert_eq!(end_of("aé", 1), "");
    }
}
