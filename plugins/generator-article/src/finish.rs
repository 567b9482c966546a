//! What goes around the sections: title, summary, tags and meta description. A capable model is asked for them,
//! a small one only for title and summary; what does not hold is made from the text itself.

use std::collections::HashMap;

use inkstone_plugin::ai::Request;
use inkstone_plugin::random::Seeded;
use inkstone_plugin::{Result, json};
use serde::Deserialize;

use crate::asking::{ask_for_object, ask_until};
use crate::input::Input;
use crate::plan::Plan;
use crate::text::{
    capitalised, carries_meaning, ends_sentence, is_chatter, overlap, sentences, shortened, stem,
    stems, to_prose, word_count, words,
};

/// Characters a search engine shows.
const META_CHARS: usize = 160;
const TITLE_CHARS: usize = 100;

/// What goes around the sections.
pub struct Frame {
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    pub meta_description: String,
}

#[derive(Deserialize, Default)]
struct RawFrame {
    #[serde(default)]
    summary: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    meta_description: String,
}

/// Frames the sections, which are Markdown without headings.
pub fn make(input: &Input, plan: &Plan, sections: &[String]) -> Result<Frame> {
    let raw = if plan.thorough {
        ask_frame(input, plan, sections)?
    } else {
        RawFrame::default()
    };
    let title = match &plan.title {
        Some(title) => title.clone(),
        None => small_title(input)?,
    };
    let summary = to_prose(&raw.summary);
    let summary = if (5..=90).contains(&word_count(&summary)) && !is_chatter(&summary) {
        summary
    } else {
        small_summary(input, sections)?
    };
    let meta = to_prose(&raw.meta_description);
    let meta = if meta.is_empty() { &summary } else { &meta };
    Ok(Frame {
        title: shortened(&title, TITLE_CHARS),
        tags: tags(input, raw.tags, sections),
        meta_description: shortened(meta, META_CHARS),
        summary,
    })
}

fn ask_frame(input: &Input, plan: &Plan, sections: &[String]) -> Result<RawFrame> {
    let leads: Vec<String> = plan
        .sections
        .iter()
        .zip(sections)
        .map(|(section, text)| format!("{}: {}", section.heading, shortened(text, 300)))
        .collect();
    let request = Request::prompt(format!(
        "An article in the language {}, \"{}\", says:\n{}\n\nAnswer with JSON only, in the article's language: {{\"summary\": two sentences, \"tags\": [three to six short lower-case tags], \"meta_description\": at most 150 characters}}",
        input.language,
        plan.title.as_deref().unwrap_or(&input.topic),
        leads.join("\n")
    ))
    .temperature(0.3)
    .max_tokens(300);
    let answer = ask_for_object(input.seed, "frame", "summary", request)?;
    Ok(answer
        .and_then(|answer| json::extract(&answer).ok())
        .unwrap_or_default())
}

/// A title that names the topic; where the model has none, a pattern that the seed chooses.
fn small_title(input: &Input) -> Result<String> {
    let topic = input.topic_line();
    let wanted = stems(&topic);
    let request = |attempt: u32| {
        Request::prompt("Article: Learning to ride a bicycle\nTitle:")
            .assistant("Learning to Ride a Bicycle at Any Age")
            .user(format!("Article: {topic}\nTitle:"))
            .temperature(0.3 + 0.2 * attempt as f32)
            .repeat_penalty(1.05)
            .max_tokens(24)
            .stop("\n")
    };
    let title = ask_until(input.seed, "title", 2, request, |answer, _| {
        let title = to_prose(answer);
        let title = title.trim_end_matches(['.', '!', ':', ',']).trim();
        if !(3..=12).contains(&word_count(title)) || title.chars().count() > 90 {
            return Err("too short or too long");
        }
        if is_chatter(title) || title.contains(['"', '(', '{']) {
            return Err("not a title");
        }
        let covers_topic = wanted.intersection(&stems(title)).count() * 3 >= wanted.len() * 2;
        if title.to_lowercase().contains("any age") && !topic.to_lowercase().contains("any age") {
            return Err("echoes the example");
        }
        if !covers_topic {
            return Err("does not name the topic");
        }
        Ok(capitalised(title))
    })?;
    if let Some(title) = title {
        return Ok(title);
    }
    let name = capitalised(&topic);
    if !input.is_english() || word_count(&name) > 8 {
        return Ok(name);
    }
    let endings = [
        "A Short Guide",
        "What to Know",
        "An Introduction",
        "The Essentials",
    ];
    let ending = Seeded::new(input.seed).pick(&endings).copied();
    Ok(format!("{name}: {}", ending.unwrap_or("A Short Guide")))
}

/// One sentence on the whole, kept only if it says what the text says; else the text's own first sentences.
fn small_summary(input: &Input, sections: &[String]) -> Result<String> {
    let leads: Vec<String> = sections
        .iter()
        .filter_map(|text| sentences(text).into_iter().next())
        .take(3)
        .collect();
    let lead = leads.join(" ");
    let said = stems(&lead);
    let topic = stems(&input.topic);
    let request = |attempt: u32| {
        Request::prompt(format!("Summarize in one sentence: {lead}"))
            .temperature(0.2 + 0.3 * attempt as f32)
            .repeat_penalty(1.1)
            .max_tokens(60)
    };
    let summary = ask_until(input.seed, "summary", 2, request, |answer, _| {
        let first = sentences(&to_prose(answer))
            .into_iter()
            .next()
            .unwrap_or_default();
        let own = stems(&first);
        let holds =
            ends_sentence(&first) && (8..=45).contains(&word_count(&first)) && !is_chatter(&first);
        let on_topic = topic.is_empty() || topic.intersection(&own).next().is_some();
        if holds && on_topic && overlap(&own, &said) >= 0.7 {
            Ok(first)
        } else {
            Err("no sentence that says what the text says")
        }
    })?;
    Ok(summary.unwrap_or_else(|| leads.into_iter().take(2).collect::<Vec<_>>().join(" ")))
}

/// Three to six: the user's keywords, the model's, then the words the text repeats, those of the topic first.
fn tags(input: &Input, asked: Vec<String>, sections: &[String]) -> Vec<String> {
    const MOST: usize = 6;
    let mut tags: Vec<String> = Vec::new();
    let add = |tag: &str, tags: &mut Vec<String>| {
        let tag = words(tag).join(" ");
        let known = tags.iter().any(|known| stem(known) == stem(&tag));
        if !known
            && tags.len() < MOST
            && (2..=40).contains(&tag.chars().count())
            && word_count(&tag) <= 4
        {
            tags.push(tag);
        }
    };
    for tag in input.keywords.iter().chain(&asked) {
        add(tag, &mut tags);
    }
    let text = sections.join(" ");
    let mut counts: HashMap<String, (usize, usize, String)> = HashMap::new();
    for (at, word) in words(&text).into_iter().enumerate() {
        if word.chars().count() > 3 && carries_meaning(&word) {
            let entry = counts.entry(stem(&word)).or_insert((0, at, word));
            entry.0 += 1;
        }
    }
    let topic_words = words(&input.topic);
    for word in topic_words
        .iter()
        .filter(|word| word.chars().count() > 3 && carries_meaning(word))
    {
        if counts.contains_key(&stem(word)) && tags.len() < 4 {
            add(word, &mut tags);
        }
    }
    let mut frequent: Vec<(usize, usize, String)> = counts.into_values().collect();
    frequent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (count, _, word) in &frequent {
        if tags.len() < 3 || (*count > 1 && tags.len() < 5) {
            add(word, &mut tags);
        }
    }
    for word in &topic_words {
        if tags.len() < 3 {
            add(word, &mut tags);
        }
    }
    tags
}
