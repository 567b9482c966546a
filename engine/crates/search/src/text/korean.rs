//! Korean words without what is written on them: particles, and the endings of 하다, 되다 and 이다.
//!
//! No stemmer: a noun may end as a particle does (`고양이`). So texts have the word as it stands and without its ending, and
//! a word that is typed is looked for as both.

/// What stands after nouns; the longest that fits is taken off.
const ENDINGS: &str = "은 는 이 가 을 를 에 의 와 과 도 만 로 으로 에서 에게 에게서 한테 께 께서 까지 부터 마저 조차 처럼 보다 \
    마다 밖에 이나 나 이랑 랑 라고 이라고 란 이란 라는 이라는 에는 에도 에만 에서는 에서도 에서의 에서만 에게는 에게도 \
    으로는 으로도 으로서 으로써 로는 로도 로서 로써 로부터 으로부터 까지도 까지는 부터는 와의 과의 와는 과는 만의 만이 \
    들 들은 들이 들을 들의 들에 들에게 들과 들도 \
    하다 한다 합니다 하는 하고 하며 하면 하여 해서 해야 하기 하지 할 한 했다 했습니다 하였다 해요 하게 하려고 하려면 \
    되다 된다 됩니다 되는 되고 되며 되면 되어 돼서 된 될 됐다 되었다 되었습니다 돼요 \
    이다 입니다 이며 이고 이었다 였다 이에요 예요 인";

/// Shorter ones stay: of `회의` nothing would be left that means anything.
const SHORTEST: usize = 2;

/// The word without its ending, where it has one and enough is left.
pub(crate) fn without_ending(word: &str) -> Option<&str> {
    let fitting = endings().filter_map(|ending| word.strip_suffix(ending));
    let long_enough = fitting.filter(|left| left.chars().count() >= SHORTEST);
    long_enough.min_by_key(|left| left.len())
}

/// An ending that stands alone, after a word in other letters.
pub(crate) fn is_ending(word: &str) -> bool {
    endings().any(|ending| ending == word)
}

fn endings() -> impl Iterator<Item = &'static str> {
    ENDINGS.split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_taken_off() {
        for (word, left) in [
            ("학교에서", Some("학교")),
            ("학교에서는", Some("학교")),
            ("학생들에게", Some("학생")),
            ("공부한다", Some("공부")),
            ("컴퓨터를", Some("컴퓨터")),
            ("고양이는", Some("고양이")),
            ("고양이", Some("고양")),
            ("회의", None),
            ("학교", None),
        ] {
            assert_eq!(without_ending(word), left, "{word}");
        }
    }
}
