//! [`FakeImages`]: pictures that say what they were made of.

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::media::VariantSpec;
use inkstone_domain::ports::{ImageEngine, MadePicture};
use inkstone_domain::{Error, Result, codes};

/// Refuses pictures that contain the word `broken`.
pub struct FakeImages;

#[async_trait]
impl ImageEngine for FakeImages {
    async fn make(&self, picture: Bytes, wanted: &[VariantSpec]) -> Result<Vec<MadePicture>> {
        if picture.windows(6).any(|word| word == b"broken") {
            return Err(Error::new(&codes::INVALID_INPUT, "it is no picture"));
        }
        let make = |spec: &VariantSpec| MadePicture {
            name: spec.name.clone(),
            bytes: Bytes::from(format!("{} of {} bytes", spec.name, picture.len())),
            width: spec.width,
            height: spec.height,
        };
        Ok(wanted.iter().map(make).collect())
    }
}
