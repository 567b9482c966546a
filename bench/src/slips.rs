//! Slips of the pen, the same ones in every run.

/// Every other long word gets one slip: two letters swapped, one left out, doubled, or another.
const SHORTEST: usize = 5;

/// The text with slips; the same for the same seed.
pub fn with_slips(text: &str, seed: u64) -> String {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let words = text.split(' ').map(|word| {
        let is_word = word.chars().all(|letter| letter.is_ascii_alphabetic());
        match is_word && word.len() >= SHORTEST && chance.below(2) == 0 {
            true => slip(word, &mut chance),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn slip(word: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<u8> = word.bytes().collect();
    // People seldom get the first letter wrong.
    let at = 1 + chance.below(letters.len() as u64 - 2) as usize;
    match chance.below(4) {
        0 => letters.swap(at, at + 1),
        1 => {
            letters.remove(at);
        }
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = b'a' + chance.below(26) as u8,
    }
    String::from_utf8_lossy(&letters).into_owned()
}

/// SplitMix64: small, and the same everywhere.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }
}
