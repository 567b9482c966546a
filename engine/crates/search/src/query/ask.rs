//! What a person typed, as a tree: words, phrases, fields, ranges, and what must and must not be there.
//! Nothing that can be typed is an error; what is no syntax is words.

use std::collections::HashSet;

use tantivy::query_grammar::{
    Delimiter, Occur, UserInputAst, UserInputBound, UserInputLeaf, UserInputLiteral,
    parse_query_lenient,
};

/// More is no question; characters.
const LONGEST: usize = 2_000;
/// Deeper parentheses are left out.
const DEEPEST: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Words as typed: one, or several without spaces between.
    Words(Literal),
    Phrase {
        literal: Literal,
        /// Words that may stand between.
        slop: u32,
    },
    Range {
        field: String,
        from: Bound,
        to: Bound,
    },
    Group(Vec<(Need, Ask)>),
    Everything,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub field: Option<String>,
    pub text: String,
    pub is_prefix: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    Open,
    Included(String),
    Excluded(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    Should,
    Not,
}

/// Reads what was typed. Fields that are not in `fields` are words.
pub(super) fn read(typed: &str, fields: &[&str]) -> Ask {
    let typed = bounded(typed);
    if typed.trim().is_empty() {
        return Ask::Everything;
    }
    if is_plain(&typed) {
        return plain(&typed);
    }
    let (tree, _) = parse_query_lenient(&typed);
    match simplified(tree, fields) {
        Some(ask) => ask,
        None => Ask::Words(literal(&typed)),
    }
}

/// As long and as nested as the parser takes without harm.
fn bounded(typed: &str) -> String {
    let mut depth = 0usize;
    let mut bounded = String::with_capacity(typed.len().min(LONGEST));
    for character in typed.chars().take(LONGEST) {
        let kept = match character {
            '(' => {
                depth += 1;
                depth <= DEEPEST
            }
            ')' => {
                let kept = (1..=DEEPEST).contains(&depth);
                depth = depth.saturating_sub(1);
                kept
            }
            '\0' => false,
            _ => true,
        };
        bounded.push(if kept { character } else { ' ' });
    }
    bounded
}

/// Words alone, as most of what is typed.
fn is_plain(typed: &str) -> bool {
    typed.split_ascii_whitespace().all(|word| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b".,;?".contains(&byte);
        word.bytes().all(is_word) && !matches!(word, "AND" | "OR" | "NOT" | "IN" | "TO")
    })
}

/// What the grammar makes of words alone: each of them once.
fn plain(typed: &str) -> Ask {
    let mut words: Vec<&str> = typed.split_ascii_whitespace().collect();
    if let [word] = words.as_slice() {
        return Ask::Words(literal(word));
    }
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(*word));
    let all = words.into_iter().map(|word| Ask::Words(literal(word)));
    Ask::Group(all.map(|word| (Need::Should, word)).collect())
}

fn simplified(tree: UserInputAst, fields: &[&str]) -> Option<Ask> {
    match tree {
        UserInputAst::Clause(clauses) => {
            let parts: Vec<(Need, Ask)> = clauses
                .into_iter()
                .filter_map(|(occur, one)| Some((need(occur), simplified(one, fields)?)))
                .collect();
            match parts.is_empty() {
                true => None,
                false => Some(Ask::Group(parts)),
            }
        }
        UserInputAst::Boost(inner, _) => simplified(*inner, fields),
        UserInputAst::Leaf(leaf) => leaf_of(*leaf, fields),
    }
}

fn need(occur: Option<Occur>) -> Need {
    match occur {
        Some(Occur::Must) => Need::Must,
        Some(Occur::MustNot) => Need::Not,
        Some(Occur::Should) | None => Need::Should,
    }
}

fn leaf_of(leaf: UserInputLeaf, fields: &[&str]) -> Option<Ask> {
    match leaf {
        UserInputLeaf::Literal(found) => Some(literal_of(found, fields)),
        UserInputLeaf::All => Some(Ask::Everything),
        UserInputLeaf::Range {
            field,
            lower,
            upper,
        } => Some(range_of(field, lower, upper, fields)),
        UserInputLeaf::Set { field, elements } => {
            let field = known(field, fields);
            let any = elements.into_iter().map(|text| {
                let literal = Literal {
                    field: field.clone(),
                    text,
                    is_prefix: false,
                };
                (Need::Should, Ask::Words(literal))
            });
            Some(Ask::Group(any.collect()))
        }
        UserInputLeaf::Exists { field } => Some(Ask::Words(literal(&field))),
        UserInputLeaf::Regex { field, pattern } => {
            let field = field.unwrap_or_default();
            Some(Ask::Words(literal(&format!("{field} {pattern}"))))
        }
    }
}

fn literal_of(found: UserInputLiteral, fields: &[&str]) -> Ask {
    let is_phrase = found.delimiter == Delimiter::DoubleQuotes;
    let named = found.field_name;
    let mut text = found.phrase;
    if let Some(name) = named
        .as_ref()
        .filter(|name| !fields.contains(&name.as_str()))
    {
        text = format!("{name} {text}");
    }
    // The grammar knows the star of phrases only.
    let bare = text.trim_end_matches('*');
    let is_starred = !is_phrase && bare.len() < text.len() && !bare.is_empty();
    if is_starred {
        text.truncate(bare.len());
    }
    let literal = Literal {
        field: known(named, fields),
        text,
        is_prefix: found.prefix || is_starred,
    };
    match is_phrase {
        true => Ask::Phrase {
            literal,
            slop: found.slop.min(64),
        },
        false => Ask::Words(literal),
    }
}

fn range_of(
    field: Option<String>,
    lower: UserInputBound,
    upper: UserInputBound,
    fields: &[&str],
) -> Ask {
    let text = |bound: &UserInputBound| match bound {
        UserInputBound::Inclusive(text) | UserInputBound::Exclusive(text) => text.clone(),
        UserInputBound::Unbounded => String::new(),
    };
    let named = field.clone().unwrap_or_default();
    match known(field, fields) {
        Some(field) => Ask::Range {
            field,
            from: bound(lower),
            to: bound(upper),
        },
        None => Ask::Words(literal(&format!(
            "{named} {} {}",
            text(&lower),
            text(&upper)
        ))),
    }
}

fn bound(bound: UserInputBound) -> Bound {
    match bound {
        UserInputBound::Inclusive(text) => Bound::Included(text),
        UserInputBound::Exclusive(text) => Bound::Excluded(text),
        UserInputBound::Unbounded => Bound::Open,
    }
}

fn known(field: Option<String>, fields: &[&str]) -> Option<String> {
    field.filter(|name| fields.contains(&name.as_str()))
}

fn literal(text: &str) -> Literal {
    Literal {
        field: None,
        text: text.to_owned(),
        is_prefix: false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: &[&str] = &["title", "words"];

    fn shown(ask: &Ask) -> String {
        let of = |literal: &Literal| {
            let field = literal.field.as_ref().map(|name| format!("{name}:"));
            let star = if literal.is_prefix { "*" } else { "" };
            format!("{}{}{star}", field.unwrap_or_default(), literal.text)
        };
        match ask {
            Ask::Words(literal) => of(literal),
            Ask::Phrase { literal, slop } => format!("\"{}\"~{slop}", of(literal)),
            Ask::Range { field, from, to } => format!("{field}:{from:?}..{to:?}"),
            Ask::Everything => "*".to_owned(),
            Ask::Group(parts) => {
                let parts = parts.iter().map(|(need, ask)| {
                    let sign = match need {
                        Need::Must => "+",
                        Need::Should => "",
                        Need::Not => "-",
                    };
                    format!("{sign}{}", shown(ask))
                });
                format!("({})", parts.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn syntax_is_read() {
        for (typed, expected) in [
            ("tides", "tides"),
            ("the tides", "(the tides)"),
            ("+sea -land", "(+sea -land)"),
            ("sea AND moon", "(+sea +moon)"),
            ("sea OR (moon AND -sun)", "(sea (+moon -sun))"),
            ("\"low tide\"~2", "\"low tide\"~2"),
            ("title:sea", "title:sea"),
            ("title:\"low tide\"", "\"title:low tide\"~0"),
            ("other:sea", "other sea"),
            ("words:>=500", "words:Included(\"500\")..Open"),
            (
                "words:[10 TO 20}",
                "words:Included(\"10\")..Excluded(\"20\")",
            ),
            ("tid*", "tid*"),
            ("a\\:b", "a:b"),
            ("*", "*"),
            ("", "*"),
        ] {
            assert_eq!(shown(&read(typed, FIELDS)), expected, "{typed}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for typed in ["(".repeat(100_000), "(a ".repeat(5_000), "-(".repeat(900)] {
            read(&typed, FIELDS);
        }
    }

    proptest! {
        #[test]
        fn words_alone_are_what_the_grammar_makes_of_them(typed in "[a-cANDORTI0-9.,;? ]{1,40}") {
            prop_assume!(is_plain(&typed) && !typed.trim().is_empty());
            let (tree, _) = parse_query_lenient(&typed);
            prop_assert_eq!(simplified(tree, FIELDS), Some(plain(&typed)));
        }

        #[test]
        fn nothing_is_an_error(typed in any::<String>()) {
            read(&typed, FIELDS);
        }

        #[test]
        fn not_even_what_is_nearly_syntax(typed in "[a-c:\"()~*+\\-\\[\\]{}<>=/\\\\ '^ANDORTIO0-9]{0,40}") {
            read(&typed, FIELDS);
        }
    }
}
