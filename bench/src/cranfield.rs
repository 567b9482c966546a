//! The Cranfield collection: texts, questions and judgements, read where they lie.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Failure;

/// Another folder than the usual one.
const FOLDER: &str = "CRANFIELD_DIR";

pub struct Collection {
    /// In the order of the file.
    pub texts: Vec<Text>,
    /// In the order of the file; judgements count them from 1.
    pub questions: Vec<String>,
    /// By question (from 0), the grades of texts by their number; 0 is of no interest.
    pub grades: Vec<HashMap<u64, u32>>,
}

pub struct Text {
    pub number: u64,
    pub title: String,
    pub body: String,
}

/// `None`, and says so, where there is no collection.
pub fn load(beside: &Path) -> Result<Option<Collection>, Failure> {
    let folder = std::env::var_os(FOLDER)
        .map_or_else(|| beside.join("../shared/data/cranfield"), PathBuf::from);
    if !folder.join("docs.jsonl").is_file() {
        println!(
            "\nleft out, there is no Cranfield collection at {}; {FOLDER} names another folder",
            folder.display()
        );
        return Ok(None);
    }
    let texts = lines(&folder.join("docs.jsonl"))?;
    let texts = texts.iter().map(|line| {
        Ok(Text {
            number: line["id"].as_u64().ok_or("a text lacks its number")?,
            title: text_of(line, "title")?,
            body: text_of(line, "text")?,
        })
    });
    let texts = texts.collect::<Result<Vec<_>, Failure>>()?;
    let questions = lines(&folder.join("queries.jsonl"))?;
    let questions = questions.iter().map(|line| text_of(line, "text"));
    let questions = questions.collect::<Result<Vec<_>, Failure>>()?;
    let mut grades = vec![HashMap::new(); questions.len()];
    for line in std::fs::read_to_string(folder.join("qrels.tsv"))?
        .lines()
        .skip(1)
    {
        let mut parts = line.split('\t').map(str::parse::<u64>);
        let (Some(Ok(question)), Some(Ok(text)), Some(Ok(grade))) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if let Some(of) = grades.get_mut((question as usize).wrapping_sub(1)) {
            of.insert(text, u32::try_from(grade)?);
        }
    }
    Ok(Some(Collection {
        texts,
        questions,
        grades,
    }))
}

fn lines(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

fn text_of(line: &Value, name: &str) -> Result<String, Failure> {
    let text = line[name].as_str().ok_or("a line lacks its text")?;
    Ok(text.to_owned())
}
