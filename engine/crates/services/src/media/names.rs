//! Names of files: what is offered for saving, never a path.

use inkstone_domain::{Error, Result, codes};

/// Of a name, in characters.
const LONGEST_NAME: usize = 200;
/// Of an alternative text, in characters.
const LONGEST_ALT: usize = 2_000;

/// What a client sends, made a name: the last part of a path, without what no name should have.
pub(super) fn cleaned(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|letter| !is_odd(*letter)).collect();
    let kept = kept.trim().trim_start_matches('.').trim();
    let kept: String = match kept.char_indices().nth(LONGEST_NAME) {
        None => kept.to_owned(),
        Some(_) => shortened(kept),
    };
    match kept.is_empty() {
        true => "file".to_owned(),
        false => kept,
    }
}

/// `invalid_input` where it is no name.
pub(super) fn check(name: &str) -> Result<()> {
    match cleaned(name) == name {
        true => Ok(()),
        false => Err(Error::new(
            &codes::INVALID_INPUT,
            format!(
                "`name` must be a file's name without a path, of 1 to {LONGEST_NAME} characters"
            ),
        )),
    }
}

/// `invalid_input` where it is too long.
pub(super) fn check_alt(alt: &str) -> Result<()> {
    match alt.chars().count() <= LONGEST_ALT {
        true => Ok(()),
        false => Err(Error::new(
            &codes::INVALID_INPUT,
            format!("`alt` may have at most {LONGEST_ALT} characters"),
        )),
    }
}

/// Controls, and marks that turn the direction of what follows: `gpj.exe` read from the other side.
fn is_odd(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Keeps the ending.
fn shortened(name: &str) -> String {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 10 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let most = LONGEST_NAME - ending.chars().count();
    let stem: String = stem.chars().take(most).collect();
    stem + &ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        let long = format!("{}.png", "é".repeat(300));
        let short = format!("{}.png", "é".repeat(196));
        for (sent, expected) in [
            ("tide.png", "tide.png"),
            ("Ebbe & Flut.png", "Ebbe & Flut.png"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\windows\\win.ini", "win.ini"),
            ("/etc/passwd", "passwd"),
            ("C:\\tide.png", "tide.png"),
            ("..", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nx-evil: 1.png", "ax-evil: 1.png"),
            ("a\0.png", "a.png"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("", "file"),
            ("a/", "file"),
            (&long, &short),
        ] {
            assert_eq!(cleaned(sent), expected);
            assert!(check(expected).is_ok());
        }
        assert!(check("../tide.png").is_err());
        assert!(check("").is_err());
    }
}
