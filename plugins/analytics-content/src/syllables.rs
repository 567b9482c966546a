//! How many syllables an English word has, by its spelling: groups of vowels, less those that are mute, plus those
//! that are two sounds. The tests hold it against a pronouncing dictionary's counts.

/// Words whose spelling misleads the rules, and which are common.
const EXCEPTIONS: &[(&str, usize)] = &[
    ("area", 3),
    ("areas", 3),
    ("being", 2),
    ("business", 2),
    ("businesses", 3),
    ("create", 2),
    ("created", 3),
    ("creates", 2),
    ("creating", 3),
    ("creation", 3),
    ("creative", 3),
    ("different", 3),
    ("evening", 2),
    ("every", 2),
    ("everyone", 3),
    ("everything", 3),
    ("everywhere", 3),
    ("idea", 3),
    ("ideas", 3),
    ("maybe", 2),
    ("ourselves", 2),
    ("people", 2),
    ("real", 2),
    ("recipe", 3),
    ("science", 2),
    ("sciences", 3),
    ("scientific", 4),
    ("scientist", 3),
    ("scientists", 3),
    ("someone", 2),
    ("something", 2),
    ("sometimes", 2),
    ("somewhere", 2),
    ("themselves", 2),
    ("therefore", 2),
    ("wednesday", 2),
    ("yourselves", 2),
];

/// The number of syllables, at least 1. A number counts one for each digit, an abbreviation without vowels one for
/// each letter.
pub fn count(word: &str) -> usize {
    let lower = word.to_lowercase().replace('\u{2019}', "'");
    let lower = lower.strip_suffix("'s").unwrap_or(&lower);
    if let Ok(found) = EXCEPTIONS.binary_search_by(|(known, _)| (*known).cmp(lower)) {
        return EXCEPTIONS[found].1;
    }
    let digits = lower.chars().filter(|letter| letter.is_numeric()).count();
    let letters: Vec<char> = lower
        .chars()
        .filter(|c| c.is_alphabetic())
        .map(plain)
        .collect();
    if letters.is_empty() {
        return digits.max(1);
    }
    let vowel_groups = groups(&letters);
    if vowel_groups == 0 {
        let spelled = word.chars().all(|c| !c.is_lowercase());
        return if spelled { letters.len() } else { 1 } + digits;
    }
    let text: String = letters.iter().collect();
    let sounded = vowel_groups + split_vowels(&letters, &text) + syllabic_ends(&text, lower);
    sounded.saturating_sub(mute_vowels(&letters, &text)).max(1) + digits
}

fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ä' | 'ã' | 'å' | 'æ' => 'a',
        'è' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'ö' | 'õ' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    }
}

/// `é` stays apart from `e`: it is never mute.
fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'é' | 'i' | 'o' | 'u' | 'y')
}

fn groups(letters: &[char]) -> usize {
    let mut found = 0;
    let mut in_group = false;
    for (at, &letter) in letters.iter().enumerate() {
        // A `y` before a vowel sounds as a consonant: `yes`, `beyond`.
        let glides = letter == 'y'
            && letters
                .get(at + 1)
                .is_some_and(|&next| "aeou".contains(next));
        let sounds = is_vowel(letter) && !glides;
        found += usize::from(sounds && !in_group);
        in_group = sounds;
    }
    found
}

/// Neighbouring vowels that are two syllables.
fn split_vowels(letters: &[char], text: &str) -> usize {
    let mut found = 0;
    for (at, pair) in letters.windows(2).enumerate() {
        let before = at.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(at + 2).copied();
        let splits = match pair {
            // `media`, `radio`, but `nation`, `social`, `region`, `million`.
            ['i', 'a' | 'o' | 'u'] => match before {
                None => true,
                Some('t' | 's' | 'c' | 'g' | 'x') => false,
                Some('l' | 'n') => !(after == Some('n') && at + 3 >= letters.len()),
                Some(_) => true,
            },
            // `quiet`, `science`, but `field`, `movies`.
            ['i', 'e'] => {
                matches!(after, Some('t' | 'n'))
                    && before != Some('r')
                    && !matches!(before, Some('c' | 't' | 'f'))
            }
            // `actual`, `annual`, but `language`, `quality`, `persuade`.
            ['u', 'a'] => !matches!(before, Some('q' | 'g' | 's') | None),
            ['e', 'o'] => !matches!(before, Some('g' | 'p')),
            ['u', 'i'] => after == Some('t') && matches!(letters.get(at + 3), Some('y')),
            // `being`, `going`, `studying`.
            [first, 'i'] => {
                is_vowel(*first)
                    && *first != 'u'
                    && text.ends_with("ing")
                    && at + 4 == letters.len()
            }
            _ => false,
        };
        found += usize::from(splits);
    }
    found
}

/// Ends that sound without a vowel: `prism`, `rhythm`, `didn't`.
fn syllabic_ends(text: &str, lower: &str) -> usize {
    let ends = ["ism", "asm", "isms", "asms", "ythm", "ythms"];
    let negated = ["dn't", "sn't", "tn't"];
    usize::from(ends.iter().any(|end| text.ends_with(end)))
        + usize::from(negated.iter().any(|end| lower.ends_with(end)))
}

/// An `e` that is written and not spoken.
fn mute_vowels(letters: &[char], text: &str) -> usize {
    let count = letters.len();
    let from_end = |back: usize| count.checked_sub(back).map(|index| letters[index]);
    let consonant = |back: usize| from_end(back).is_some_and(|letter| !is_vowel(letter));
    let mute_end = if text.ends_with('e') {
        // `table` keeps it: a consonant before `le`.
        consonant(2) && !(from_end(2) == Some('l') && consonant(3))
    } else if text.ends_with("es") {
        let hisses = matches!(from_end(3), Some('s' | 'x' | 'z' | 'c' | 'g'))
            || text.ends_with("ches")
            || text.ends_with("shes");
        consonant(3) && !hisses && !(from_end(3) == Some('l') && consonant(4))
    } else if text.ends_with("ed") {
        consonant(3)
            && !matches!(from_end(3), Some('t' | 'd'))
            && !(from_end(3) == Some('l') && consonant(4) && from_end(4) != Some('l'))
    } else {
        false
    };
    // Within: `safely`, `careful`, `useless`, `awareness`, `movement`, but `element`.
    let suffixes = ["ely", "eful", "efully", "eless", "eness", "ement", "ements"];
    let kept = [
        "element",
        "elements",
        "implement",
        "implements",
        "complement",
        "supplement",
        "supplements",
        "cement",
    ];
    let inner = suffixes.iter().any(|suffix| {
        text.strip_suffix(suffix).is_some_and(|stem| {
            stem.chars().next_back().is_some_and(|last| !is_vowel(last))
                && groups(&stem.chars().collect::<Vec<_>>()) > 0
        })
    }) && !kept.contains(&text);
    usize::from(mute_end) + usize::from(inner)
}
