//! Folding: one form for what people type in many ways: case, accents, widths, points and vowel signs
//! that are left out as often as not.

use unicode_normalization::char::{compose, decompose_compatible};

/// Lower case, without accents.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match spelled_out(character) {
            Some(letters) => folded.push_str(letters),
            None if is_decomposed(character) => decompose_compatible(character, |part| {
                push(&mut folded, part);
            }),
            None => push(&mut folded, character),
        }
    }
    folded
}

fn push(folded: &mut String, character: char) {
    if is_optional(character) {
        return;
    }
    // The voice marks of half-width kana are part of the letter.
    if matches!(character, '\u{3099}' | '\u{309A}') {
        let whole = folded.pop().and_then(|last| {
            compose(last, character).or_else(|| {
                folded.push(last);
                None
            })
        });
        folded.extend(whole);
        return;
    }
    folded.extend(character.to_lowercase());
}

/// Letters that are no letter with an accent, as people without them on the keyboard write them.
fn spelled_out(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ı' => "i",
        'þ' => "th",
        'ё' => "е",
        _ => return None,
    })
}

/// Latin and Greek with accents, Arabic with hamza, and the forms of other widths. Others are letters
/// of their own: й is no и.
fn is_decomposed(character: char) -> bool {
    matches!(character,
        '\u{A0}'..='\u{24F}' | '\u{370}'..='\u{3FF}' | '\u{621}'..='\u{626}'
        | '\u{1E00}'..='\u{1FFF}' | '\u{2070}'..='\u{209F}' | '\u{FB00}'..='\u{FB4F}'
        | '\u{FF00}'..='\u{FFEF}')
}

/// Accents; points of Hebrew; vowel signs and lengthening of Arabic.
fn is_optional(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{640}' | '\u{64B}'..='\u{655}'
        | '\u{670}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_widths_are_folded() {
        for (typed, expected) in [
            ("Café", "cafe"),
            ("cafe\u{301}", "cafe"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("İstanbul", "istanbul"),
            ("Ørsted", "orsted"),
            ("ΆΛΦΑ", "αλφα"),
            ("ёлка", "елка"),
            ("йод", "йод"),
            ("مُحَمَّد", "محمد"),
            ("أحمد", "احمد"),
            ("ＡＢＣ", "abc"),
            ("ｶﾞ", "ガ"),
            ("がく", "がく"),
            ("한국", "한국"),
        ] {
            assert_eq!(fold(typed), expected, "{typed}");
        }
    }
}
