//! Vectors as they are kept: f32, little endian, one after the other.

use surrealdb::types::Bytes;

use crate::row::{RowResult, unreadable};

pub(crate) fn to_bytes(vector: &[f32]) -> Bytes {
    let bytes: Vec<u8> = vector.iter().flat_map(|it| it.to_le_bytes()).collect();
    Bytes::from(bytes)
}

pub(crate) fn to_vector(table: &'static str, bytes: &[u8]) -> RowResult<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(unreadable(table, "a vector is cut off"));
    }
    Ok(numbers.iter().map(|it| f32::from_le_bytes(*it)).collect())
}
