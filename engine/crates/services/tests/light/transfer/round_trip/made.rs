//! Articles and files as people might have made them, with whatever YAML, JSON and Markdown could take for
//! something else.

use inkstone_domain::content::{ArticleText, Extras, Status};
use inkstone_testkit::sample;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A word that people might write, with whatever YAML and JSON take for something else.
pub fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,24}".prop_filter("not blank", |text| !text.trim().is_empty()),
        "[a-zA-Z0-9 :#'\"\\[\\]{}&*!|>%@`,?-]{1,24}"
            .prop_filter("not blank", |text| !text.trim().is_empty()),
        prop::sample::select(vec![
            "null",
            "~",
            "true",
            "no",
            "1984",
            "1e3",
            "0x1f",
            "---",
            "- a",
            "a: b",
            "2020-01-01",
            "# no comment",
            "'",
            "\"",
            "&anchor",
            "*alias",
            "!tag",
            "|",
            ">-",
            "=",
            "<<",
            ".nan",
        ])
        .prop_map(str::to_owned),
    ]
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,120}",
        vec(word(), 0..6).prop_map(|words| words.join("\n")),
        vec(word(), 0..6).prop_map(|words| format!("---\n{}\n---\n", words.join("\r\n"))),
    ]
}

pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
        "(?s).{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((word(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn extras() -> impl Strategy<Value = Extras> {
    (
        (vec(word(), 0..3), vec(word(), 0..3)),
        option::of("[a-z]{1,9}"),
        option::of(word()),
        any::<bool>(),
        option::of(vec((word(), value()), 0..4)),
    )
        .prop_map(
            |((categories, authors), host, meta_title, no_index, fields)| {
                let address = host.map(|host| format!("https://{host}.example.org/a?b=c#d"));
                Extras {
                    categories,
                    authors,
                    cover: address.clone().unwrap_or_default(),
                    meta_title: meta_title.unwrap_or_default(),
                    canonical_url: address.unwrap_or_default(),
                    no_index,
                    content_type: fields
                        .as_ref()
                        .map(|_| "anything".to_owned())
                        .unwrap_or_default(),
                    fields: fields.unwrap_or_default().into_iter().collect(),
                }
            },
        )
}

pub fn article() -> impl Strategy<Value = (ArticleText, i64, Vec<String>)> {
    let texts = (word(), text(), text(), "(?s).{0,40}");
    let status = prop::sample::select(Status::ALL.to_vec());
    let language = prop::sample::select(vec!["en", "de", "pt-BR", "zh-Hant-TW"]);
    let former = vec("[a-z]{3,8}", 0..3);
    (
        texts,
        vec(word(), 0..4),
        language,
        status,
        extras(),
        0..10_000_000_i64,
        former,
    )
        .prop_map(
            |(
                (title, body, summary, meta_description),
                tags,
                language,
                status,
                extras,
                age,
                former,
            )| {
                let publish_at = (status == Status::Scheduled)
                    .then(|| "2999-01-01T00:00:00.123456Z".parse().unwrap());
                let text = ArticleText {
                    title: title.trim().to_owned(),
                    summary,
                    body,
                    tags,
                    meta_description,
                    language: language.to_owned(),
                    status,
                    publish_at,
                    extras,
                };
                (text, age, former)
            },
        )
}

/// A file as people keep it: its name, what it shows, and its versions as type and bytes.
#[derive(Debug, Clone)]
pub struct File {
    pub name: String,
    pub alt: String,
    pub versions: Vec<(&'static str, Vec<u8>)>,
}

pub fn file() -> impl Strategy<Value = File> {
    let bytes = || {
        prop_oneof![
            (1..400_u32, 1..400_u32, 0..600_usize)
                .prop_map(|(width, height, more)| ("image/png", sample::png(width, height, more))),
            "(?s)[^\\x00]{0,200}".prop_map(|text| ("text/markdown", format!("# {text}").into())),
            "[a-z,\n]{1,100}".prop_map(|text| ("text/csv", format!("a,b\n{text}").into())),
        ]
    };
    let versions = (vec(bytes(), 0..3), bytes());
    let words = ("[a-zA-Zäé水 -]{1,20}", any::<bool>(), "(?s).{0,60}");
    (words, versions).prop_map(|((stem, has_ending, alt), (mut versions, newest))| {
        let ending = match newest.0 {
            _ if !has_ending => "",
            "image/png" => ".png",
            "text/csv" => ".csv",
            _ => ".md",
        };
        versions.push(newest);
        File {
            name: format!("{}{ending}", stem.trim().replace(' ', "_") + "x"),
            alt,
            versions,
        }
    })
}
