//! Images in a conversation: `https:` stays a URL, `data:` becomes bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::chat::{Image, ImageSource};

/// The image behind a URL; else what is wrong with it.
pub(crate) fn image_of_url(url: &str) -> Result<Image, String> {
    if url.starts_with("https://") {
        return Ok(Image {
            media_type: String::new(),
            source: ImageSource::Url(url.to_owned()),
        });
    }
    let wanted = "must be `https://…` or `data:image/<type>;base64,<data>`";
    let rest = url.strip_prefix("data:").ok_or_else(|| wanted.to_owned())?;
    let (head, data) = rest.split_once(',').ok_or_else(|| wanted.to_owned())?;
    let media_type = head
        .strip_suffix(";base64")
        .and_then(|head| head.split(';').next())
        .filter(|media_type| media_type.starts_with("image/"))
        .ok_or_else(|| wanted.to_owned())?;
    image_of_base64(media_type, data)
}

/// The image that this base64 is; else what is wrong with it.
pub(crate) fn image_of_base64(media_type: &str, data: &str) -> Result<Image, String> {
    let bytes = STANDARD
        .decode(data)
        .map_err(|error| format!("the data is not base64: {error}"))?;
    Ok(Image {
        media_type: media_type.to_owned(),
        source: ImageSource::Bytes(bytes.into()),
    })
}
