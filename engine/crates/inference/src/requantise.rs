//! Weights in formats that candle multiplies number by number are converted once to Q8_0, which it
//! multiplies with the processor's vector instructions, and kept in the cache folder.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use sha2::{Digest, Sha256};

use crate::failure::{BoxError, Failure};
use crate::gguf::Gguf;

/// Raised whenever the conversion changes.
const RECIPE: &str = "q8_0-1";

/// Q8_0 in the numbering of GGUF's `general.file_type`.
const FILE_TYPE_Q8_0: u32 = 7;

/// The file to load: the source itself, or its conversion, made now if it is not there.
pub(crate) fn fast_file(model: &str, source: &Path, cache_dir: &Path) -> Result<PathBuf, Failure> {
    let mut gguf = Gguf::open(model, source)?;
    let infos = gguf.content.tensor_infos.values();
    if !infos.map(|info| info.ggml_dtype).any(is_slow) {
        return Ok(source.to_owned());
    }
    let failed = |error: BoxError| {
        Failure::unusable(
            model,
            "its weights cannot be converted into the cache",
            error,
        )
    };
    let target = cache_dir.join(cached_name(source).map_err(|error| failed(error.into()))?);
    if target.is_file() {
        return Ok(target);
    }
    let started = std::time::Instant::now();
    convert(&mut gguf, &target).map_err(failed)?;
    tracing::info!(
        model,
        elapsed_ms = started.elapsed().as_millis() as u64,
        "the weights were converted to Q8_0 once, for speed"
    );
    Ok(target)
}

fn is_slow(dtype: GgmlDType) -> bool {
    matches!(
        dtype,
        GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q8_1
    )
}

/// Changes whenever the source does: by path, size and time of change.
fn cached_name(source: &Path) -> std::io::Result<String> {
    let source = source.canonicalize()?;
    let metadata = fs::metadata(&source)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
    let changed_ns = changed.map_or(0, |since| since.as_nanos());
    let mut hash = Sha256::new();
    hash.update(source.as_os_str().as_encoded_bytes());
    hash.update(metadata.len().to_le_bytes());
    hash.update(changed_ns.to_le_bytes());
    hash.update(RECIPE);
    let key: String = hash.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    Ok(format!("{stem}-{key}.q8_0.gguf"))
}

fn convert(gguf: &mut Gguf, target: &Path) -> Result<(), BoxError> {
    let mut names: Vec<String> = gguf.content.tensor_infos.keys().cloned().collect();
    names.sort();
    let mut tensors = Vec::with_capacity(names.len());
    for name in names {
        let tensor = gguf.content.tensor(&mut gguf.reader, &name, &Device::Cpu)?;
        let tensor = if is_slow(tensor.dtype()) {
            QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?
        } else {
            tensor
        };
        tensors.push((name, tensor));
    }
    let file_type = Value::U32(FILE_TYPE_Q8_0);
    let metadata: Vec<(&str, &Value)> = gguf
        .content
        .metadata
        .iter()
        // candle writes with the default alignment whatever the source had.
        .filter(|(key, _)| key.as_str() != "general.alignment")
        .map(|(key, value)| match key.as_str() {
            "general.file_type" => (key.as_str(), &file_type),
            key => (key, value),
        })
        .collect();
    let tensors: Vec<(&str, &QTensor)> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();

    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    // Under another name first: a reader never sees half a file, two writers never the same one.
    let unfinished = target.with_extension(format!("{}.tmp", std::process::id()));
    let written =
        write(&unfinished, &metadata, &tensors).and_then(|()| Ok(fs::rename(&unfinished, target)?));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write(
    path: &Path,
    metadata: &[(&str, &Value)],
    tensors: &[(&str, &QTensor)],
) -> Result<(), BoxError> {
    let mut writer = BufWriter::new(File::create(path)?);
    gguf_file::write(&mut writer, metadata, tensors)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    Ok(())
}
