//! From scores to the next token: repeat penalty, then temperature, top-k and top-p with a seed.

use std::collections::{HashSet, VecDeque};

use candle_core::Tensor;
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::utils::apply_repeat_penalty;
use inkstone_domain::inference::GenerateRequest;

use crate::failure::Failure;

/// How many of the last tokens are penalised.
const PENALISED_TOKENS: usize = 128;

/// Without `top_k`, top-p looks at this many: the rest has no weight, and sorting a whole
/// vocabulary for every token costs more than the model gains by it.
const NUCLEUS_CANDIDATES: usize = 1024;

pub(crate) struct Sampler {
    processor: LogitsProcessor,
    repeat_penalty: f32,
    recent: VecDeque<u32>,
    /// Never penalised, or a template's own turn ends would keep the model from ending its turn.
    exempt: HashSet<u32>,
}

impl Sampler {
    pub fn new(request: &GenerateRequest, exempt: HashSet<u32>) -> Result<Self, Failure> {
        let invalid = |what: &str| Err(Failure::InvalidRequest(what.to_owned()));
        if !(request.temperature >= 0.0 && request.temperature.is_finite()) {
            return invalid("`temperature` has to be 0 or more");
        }
        if !(request.repeat_penalty > 0.0 && request.repeat_penalty.is_finite()) {
            return invalid("`repeat_penalty` has to be more than 0; 1 is none");
        }
        if request.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return invalid("`top_p` has to be more than 0 and at most 1");
        }
        Ok(Self {
            processor: LogitsProcessor::from_sampling(request.seed, sampling(request)),
            repeat_penalty: request.repeat_penalty,
            recent: VecDeque::with_capacity(PENALISED_TOKENS),
            exempt,
        })
    }

    /// Tells what was read or written, oldest first.
    pub fn saw(&mut self, tokens: &[u32]) {
        let newest = &tokens[tokens.len().saturating_sub(PENALISED_TOKENS)..];
        for token in newest {
            if self.recent.len() == PENALISED_TOKENS {
                self.recent.pop_front();
            }
            self.recent.push_back(*token);
        }
    }

    pub fn next(&mut self, scores: &Tensor) -> candle_core::Result<u32> {
        if self.repeat_penalty == 1.0 {
            return self.processor.sample(scores);
        }
        let penalised: Vec<u32> = self
            .recent
            .iter()
            .copied()
            .filter(|token| !self.exempt.contains(token))
            .collect();
        let scores = apply_repeat_penalty(scores, self.repeat_penalty, &penalised)?;
        self.processor.sample(&scores)
    }
}

fn sampling(request: &GenerateRequest) -> Sampling {
    let temperature = f64::from(request.temperature);
    if temperature < 1e-7 {
        return Sampling::ArgMax;
    }
    let k = request.top_k.filter(|k| *k > 0).map(|k| k as usize);
    let p = request.top_p.filter(|p| *p < 1.0).map(f64::from);
    match (k, p) {
        (None, None) => Sampling::All { temperature },
        (Some(k), None) => Sampling::TopK { k, temperature },
        (k, Some(p)) => Sampling::TopKThenTopP {
            k: k.unwrap_or(NUCLEUS_CANDIDATES),
            p,
            temperature,
        },
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn request() -> GenerateRequest {
        GenerateRequest {
            model: "m".to_owned(),
            prompt: "p".to_owned(),
            max_tokens: 1,
            temperature: 0.0,
            top_p: None,
            top_k: None,
            repeat_penalty: 1.0,
            seed: 7,
            stop: Vec::new(),
        }
    }

    fn scores(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).expect("a tensor")
    }

    #[test]
    fn greedy_takes_the_best_and_the_penalty_moves_on() {
        let scores = scores(&[1.0, 3.0, 2.9]);
        let mut plain = Sampler::new(&request(), HashSet::new()).expect("valid");
        plain.saw(&[1]);
        assert_eq!(plain.next(&scores).expect("a token"), 1);

        let penalised = GenerateRequest {
            repeat_penalty: 1.5,
            ..request()
        };
        let mut sampler = Sampler::new(&penalised, HashSet::new()).expect("valid");
        sampler.saw(&[1]);
        assert_eq!(sampler.next(&scores).expect("a token"), 2);
        let mut exempt = Sampler::new(&penalised, HashSet::from([1])).expect("valid");
        exempt.saw(&[1]);
        assert_eq!(exempt.next(&scores).expect("a token"), 1);
    }

    #[test]
    fn only_the_last_tokens_are_penalised() {
        let penalised = GenerateRequest {
            repeat_penalty: 1.5,
            ..request()
        };
        let mut sampler = Sampler::new(&penalised, HashSet::new()).expect("valid");
        sampler.saw(&[1]);
        sampler.saw(&[0; PENALISED_TOKENS]);
        let scores = scores(&[1.0, 3.0, 2.9]);
        assert_eq!(sampler.next(&scores).expect("a token"), 1);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let scores = scores(&[1.0; 64]);
        for (top_k, top_p) in [
            (None, None),
            (Some(10), None),
            (None, Some(0.5)),
            (Some(10), Some(0.5)),
        ] {
            let draw = |seed| {
                let request = GenerateRequest {
                    temperature: 1.0,
                    top_k,
                    top_p,
                    seed,
                    ..request()
                };
                let mut sampler = Sampler::new(&request, HashSet::new()).expect("valid");
                (0..8)
                    .map(|_| sampler.next(&scores).expect("a token"))
                    .collect::<Vec<_>>()
            };
            assert_eq!(draw(1), draw(1));
            assert_ne!(draw(1), draw(2));
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        for request in [
            GenerateRequest {
                temperature: -1.0,
                ..request()
            },
            GenerateRequest {
                temperature: f32::NAN,
                ..request()
            },
            GenerateRequest {
                repeat_penalty: 0.0,
                ..request()
            },
            GenerateRequest {
                top_p: Some(0.0),
                ..request()
            },
            GenerateRequest {
                top_p: Some(1.5),
                ..request()
            },
        ] {
            assert!(
                Sampler::new(&request, HashSet::new()).is_err(),
                "{request:?}"
            );
        }
    }
}
