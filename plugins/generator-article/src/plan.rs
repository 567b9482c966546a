//! The outline. A capable model is asked for the whole plan as JSON at once; where that fails, a small one is asked
//! for a list of headings, and patterns fill what it leaves open; where there is a source and a small model, the
//! source's own order is the outline.

use inkstone_plugin::ai::Request;
use inkstone_plugin::random::Seeded;
use inkstone_plugin::{Error, Result, json};
use serde::{Deserialize, Serialize};

use crate::asking::{ask_for_object, ask_until};
use crate::input::Input;
use crate::passages::{Passage, spread};
use crate::text::{
    capitalised, carries_meaning, is_chatter, overlap, sentences, shortened, stem, stems,
    to_heading, words,
};

/// What shall be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether the model planned it itself, and can be asked for a section with all its context.
    pub thorough: bool,
    pub title: Option<String>,
    pub sections: Vec<Section>,
}

/// One section to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub heading: String,
    /// What a thorough plan wants said.
    pub points: Vec<String>,
    /// What a small model is asked.
    pub question: String,
    /// Passages of the source it is made from, in a plan that follows the source.
    pub passages: Vec<usize>,
}

#[derive(Deserialize)]
struct RawPlan {
    title: String,
    sections: Vec<RawSection>,
}

#[derive(Deserialize)]
struct RawSection {
    heading: String,
    #[serde(default)]
    points: Vec<String>,
}

/// Headings that fit nearly every topic, each with the question behind it.
const PATTERNS: &[(&str, &str)] = &[
    (
        "The Basics",
        "What is the most important thing to know about this?",
    ),
    ("Why It Matters", "Why does this matter?"),
    ("How to Begin", "How does one begin?"),
    ("How It Works", "How does it work?"),
    ("Practical Tips", "What are practical tips for this?"),
    ("Common Mistakes", "What mistakes should be avoided?"),
    (
        "Benefits and Limits",
        "What are the benefits and the limits of this?",
    ),
    (
        "Looking Ahead",
        "What comes next for those who want to learn more?",
    ),
    ("What You Need", "What is needed for this?"),
    (
        "Questions People Ask",
        "What do people often ask about this?",
    ),
];

/// Plans the article.
pub fn make(input: &Input, passages: &[Passage]) -> Result<Plan> {
    if let Some(plan) = thorough(input, passages)? {
        return Ok(plan);
    }
    if !passages.is_empty() {
        return along_the_source(input, passages);
    }
    from_headings(input)
}

fn thorough(input: &Input, passages: &[Passage]) -> Result<Option<Plan>> {
    let count = input.section_count();
    let mut prompt = format!(
        "Plan an article about \"{}\" for {}. Tone: {}. Length: about {} words. Language: {}.\n",
        input.topic_line(),
        input.audience,
        input.tone,
        input.target_words(),
        input.language
    );
    if !input.keywords.is_empty() {
        prompt.push_str(&format!("Keywords: {}.\n", input.keywords.join(", ")));
    }
    if !passages.is_empty() {
        let starts: Vec<String> = passages
            .iter()
            .take(24)
            .map(|passage| format!("- {}", shortened(&passage.text, 160)))
            .collect();
        prompt.push_str(&format!(
            "It may only tell what this source tells:\n{}\n",
            starts.join("\n")
        ));
    }
    prompt.push_str(&format!(
        "Answer with JSON only: {{\"title\": string, \"sections\": [{{\"heading\": string, \"points\": [string, string, string]}}]}} with exactly {count} sections."
    ));
    let max_tokens = 150 + 90 * count as u32;
    let request = Request::prompt(prompt)
        .temperature(0.5)
        .max_tokens(max_tokens);
    let Some(answer) = ask_for_object(input.seed, "plan", "title", request)? else {
        return Ok(None);
    };
    let Ok(raw) = json::extract::<RawPlan>(&answer) else {
        return Ok(None);
    };
    Ok(checked(raw, count))
}

/// A plan that holds: enough different headings, a title, no chat.
fn checked(raw: RawPlan, count: usize) -> Option<Plan> {
    let title = raw.title.trim().trim_matches('"').to_owned();
    if title.is_empty() || title.chars().count() > 120 || is_chatter(&title) {
        return None;
    }
    let mut sections: Vec<Section> = Vec::new();
    for section in raw.sections {
        let heading = section
            .heading
            .trim()
            .trim_start_matches('#')
            .trim()
            .to_owned();
        let known = sections.iter().any(|known| same(&known.heading, &heading));
        if heading.is_empty() || heading.chars().count() > 100 || known {
            continue;
        }
        sections.push(Section {
            question: question_of(&heading),
            heading,
            points: section.points,
            passages: Vec::new(),
        });
    }
    sections.truncate(count);
    (sections.len() >= 2 && sections.len() + 1 >= count).then_some(Plan {
        thorough: true,
        title: Some(title),
        sections,
    })
}

fn from_headings(input: &Input) -> Result<Plan> {
    let count = input.section_count();
    let topic = input.topic_line();
    let mut headings: Vec<String> = Vec::new();
    let request = |attempt: u32| {
        Request::prompt("List 5 section headings for an article about \"Learning to ride a bicycle\".")
            .assistant("1. Choosing the right bicycle\n2. Finding a safe place\n3. Keeping your balance\n4. Riding in traffic\n5. Common mistakes")
            .user(format!(
                "List {} section headings for an article about \"{topic}\".",
                count + 1
            ))
            .temperature(0.3 + 0.2 * attempt as f32)
            .repeat_penalty(1.1)
            .max_tokens(16 * (count as u32 + 1))
    };
    ask_until(input.seed, "headings", 2, request, |answer, _| {
        for line in answer.lines() {
            let Some(heading) = to_heading(line) else {
                continue;
            };
            let echoes = same(&heading, &topic) || heading.to_lowercase().contains("bicycle");
            if !echoes && !headings.iter().any(|known| same(known, &heading)) {
                headings.push(heading);
            }
        }
        if headings.len() >= count {
            Ok(())
        } else {
            Err("too few headings")
        }
    })?;
    headings.truncate(count);
    if headings.len() < count && !input.is_english() {
        return Err(Error::upstream(format!(
            "the model gave no usable outline in `{}`; use a model that knows the language",
            input.language
        )));
    }
    let mut sections: Vec<Section> = headings.into_iter().map(small_section).collect();
    fill_with_patterns(&mut sections, count, input.seed);
    Ok(Plan {
        thorough: false,
        title: None,
        sections,
    })
}

/// Patterns in an order the seed chooses, but for the first, which opens an article without any heading of its own.
fn fill_with_patterns(sections: &mut Vec<Section>, count: usize, seed: u64) {
    let mut order: Vec<usize> = (1..PATTERNS.len()).collect();
    let mut random = Seeded::new(seed);
    for last in (1..order.len()).rev() {
        order.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
    let missing = count.saturating_sub(sections.len());
    let mut chosen: Vec<usize> = order.into_iter().take(missing).collect();
    if sections.is_empty() && missing > 0 {
        chosen.truncate(missing - 1);
        chosen.push(0);
    }
    // Patterns stand in the order an article would have them.
    chosen.sort_unstable();
    for index in chosen {
        let (heading, question) = PATTERNS[index];
        sections.push(Section {
            question: question.to_owned(),
            ..small_section(heading.to_owned())
        });
    }
}

fn along_the_source(input: &Input, passages: &[Passage]) -> Result<Plan> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, run) in spread(passages, input.section_count())
        .into_iter()
        .enumerate()
    {
        let first = &passages[run[0]];
        let taken = |heading: &str| {
            same(heading, &input.topic_line())
                || sections.iter().any(|known| same(&known.heading, heading))
        };
        let own = first.heading.clone().filter(|heading| !taken(heading));
        let heading = match own {
            Some(heading) => heading,
            None => match ask_heading(input, index, &first.text)?.filter(|heading| !taken(heading))
            {
                Some(heading) => heading,
                None => key_words(&run, passages, input)
                    .filter(|heading| !taken(heading))
                    .unwrap_or_else(|| format!("{} ({})", input.topic_line(), index + 1)),
            },
        };
        sections.push(Section {
            passages: run,
            ..small_section(heading)
        });
    }
    Ok(Plan {
        thorough: false,
        title: None,
        sections,
    })
}

fn ask_heading(input: &Input, index: usize, passage: &str) -> Result<Option<String>> {
    let about = stems(passage);
    let start = sentences(passage)
        .into_iter()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    ask_until(
        input.seed,
        &format!("heading {index}"),
        2,
        |attempt| {
            Request::prompt("Text: Check that the brakes work before each ride, and pump up the tyres every week.\nHeading:")
                .assistant("Caring for your bicycle")
                .user(format!("Text: {start}\nHeading:"))
                .temperature(0.2 + 0.3 * attempt as f32)
                .max_tokens(16)
                .stop("\n")
        },
        |answer, _| {
            let heading = to_heading(answer).ok_or("no heading")?;
            let own = stems(&heading);
            if own.len() < 2 || !about.is_superset(&own) {
                return Err("the heading is not about the passage");
            }
            Ok(heading)
        },
    )
}

/// The two words that these passages use and the others do not, as "Moisture and lid".
fn key_words(run: &[usize], passages: &[Passage], input: &Input) -> Option<String> {
    let topic = stems(&input.topic);
    let of = |wanted: bool| -> Vec<String> {
        let chosen = passages.iter().enumerate();
        chosen
            .filter(|(at, _)| run.contains(at) == wanted)
            .flat_map(|(_, passage)| words(&passage.text))
            .collect()
    };
    let own = of(true);
    let others: Vec<String> = of(false).iter().map(|word| stem(word)).collect();
    let mut scored: Vec<(f64, usize, &String)> = Vec::new();
    for (at, word) in own.iter().enumerate() {
        let root = stem(word);
        let is_noun_like = word.chars().count() > 3
            && carries_meaning(word)
            && word.chars().all(char::is_alphabetic)
            && !["ing", "ed", "ly"]
                .iter()
                .any(|ending| word.ends_with(ending));
        let known = topic.contains(&root) || scored.iter().any(|(_, _, known)| stem(known) == root);
        if !is_noun_like || known {
            continue;
        }
        let inside = own.iter().filter(|other| stem(other) == root).count() as f64;
        let outside = others.iter().filter(|other| **other == root).count() as f64;
        scored.push((inside / (1.0 + outside), at, word));
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut best: Vec<_> = scored.into_iter().take(2).collect();
    best.sort_by_key(|(_, at, _)| *at);
    match best.as_slice() {
        [(_, _, first), (_, _, second)] if input.is_english() => {
            Some(capitalised(&format!("{first} and {second}")))
        }
        [(_, _, first), ..] => Some(capitalised(first)),
        [] => None,
    }
}

fn small_section(heading: String) -> Section {
    Section {
        question: question_of(&heading),
        heading,
        points: Vec::new(),
        passages: Vec::new(),
    }
}

fn question_of(heading: &str) -> String {
    format!("{}.", heading.trim_end_matches(['?', '.', '!']))
}

/// Whether two headings say the same.
fn same(a: &str, b: &str) -> bool {
    let stemmed =
        |text: &str| -> Vec<String> { words(text).iter().map(|word| stem(word)).collect() };
    stemmed(a) == stemmed(b)
        || overlap(&stems(a), &stems(b)) > 0.79 && stems(a).len().min(stems(b).len()) > 1
}
