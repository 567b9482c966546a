//! What several requests for one call have cost together, by the words of the upstream.

use inkstone_plugin::provider::Usage;

/// A sum of what was told. Where one request told nothing the whole is not told: the engine estimates it then, and half
/// a sum would stand for the whole.
#[derive(Debug, Default)]
pub struct Told {
    sum: Usage,
    is_partial: bool,
}

impl Told {
    /// What one request told; nothing but zeros is nothing.
    pub fn add(&mut self, usage: Usage) {
        self.is_partial |= usage == Usage::default();
        self.sum.input_tokens += usage.input_tokens;
        self.sum.output_tokens += usage.output_tokens;
        self.sum.cached_input_tokens += usage.cached_input_tokens;
        self.sum.reasoning_tokens += usage.reasoning_tokens;
    }

    /// The sum; zeros where it is not known.
    pub fn usage(self) -> Usage {
        match self.is_partial {
            true => Usage::default(),
            false => self.sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(told: &[u64]) -> Usage {
        let mut sum = Told::default();
        for tokens in told {
            sum.add(Usage::new(*tokens, 0));
        }
        sum.usage()
    }

    #[test]
    fn half_a_sum_is_none() {
        assert_eq!(sum(&[3, 4]), Usage::new(7, 0));
        assert_eq!(sum(&[3, 0, 4]), Usage::default());
        assert_eq!(sum(&[]), Usage::default());
    }
}
