//! The kinds of files that are taken: what their bytes begin with decides, and what the client says and the
//! ending of the name must agree with it. What a browser would run (HTML, SVG, scripts) is no kind.

use inkstone_domain::{Error, Result, codes};

/// A kind of file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// As it is served.
    pub content_type: &'static str,
    /// What clients call it, too.
    aliases: &'static [&'static str],
    /// Of names, in lower case.
    endings: &'static [&'static str],
    pub class: Class,
}

/// What a kind is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It has a size in pixels.
    Picture,
    /// Sound and film.
    Stream,
    /// Text without a signature; the name tells which.
    Text,
    Document,
}

macro_rules! kinds {
    ($($class:ident $content_type:literal [$($alias:literal)*] [$($ending:literal)*];)*) => {
        &[$(Kind {
            content_type: $content_type,
            aliases: &[$($alias),*],
            endings: &[$($ending),*],
            class: Class::$class,
        }),*]
    };
}

const KINDS: &[Kind] = kinds! {
    Picture  "image/jpeg"       ["image/jpg" "image/pjpeg"] ["jpg" "jpeg" "jpe" "jfif"];
    Picture  "image/png"        ["image/x-png"] ["png"];
    Picture  "image/gif"        [] ["gif"];
    Picture  "image/webp"       [] ["webp"];
    Picture  "image/avif"       [] ["avif"];
    Stream   "audio/mpeg"       ["audio/mp3"] ["mp3"];
    Stream   "audio/ogg"        ["application/ogg"] ["ogg" "oga" "opus"];
    Stream   "audio/wav"        ["audio/x-wav" "audio/wave"] ["wav"];
    Stream   "audio/flac"       ["audio/x-flac"] ["flac"];
    Stream   "audio/mp4"        ["audio/m4a" "audio/x-m4a"] ["m4a"];
    Stream   "video/mp4"        ["video/x-m4v"] ["mp4" "m4v"];
    Stream   "video/webm"       [] ["webm"];
    Document "application/pdf"  ["application/x-pdf"] ["pdf"];
    Document "application/zip"  ["application/x-zip-compressed"] ["zip"];
    Text     "text/plain"       [] ["txt" "text" "log"];
    Text     "text/markdown"    ["text/x-markdown"] ["md" "markdown"];
    Text     "text/csv"         ["application/csv"] ["csv"];
    Text     "application/json" [] ["json"];
};

/// What clients say that know nothing.
const NO_CLAIM: &[&str] = &["", "application/octet-stream", "binary/octet-stream"];

/// Whether there is a kind of this content type.
pub fn is_known_type(content_type: &str) -> bool {
    KINDS.iter().any(|kind| kind.content_type == content_type)
}

impl Kind {
    /// The kind of what begins with `head`, under a name and with what the client calls it.
    /// `unsupported_media_type` where it is none of `allowed`, `media_type_mismatch` where they disagree.
    pub(super) fn of(
        head: &[u8],
        name: &str,
        claimed: Option<&str>,
        allowed: &[String],
    ) -> Result<&'static Self> {
        let kind = match infer::get(head) {
            Some(found) => KINDS
                .iter()
                .find(|kind| kind.is_called(found.mime_type()))
                .ok_or_else(|| unsupported(found.mime_type(), allowed))?,
            None => text_kind(head, name, allowed)?,
        };
        if !allowed.iter().any(|one| one == kind.content_type) {
            return Err(unsupported(kind.content_type, allowed));
        }
        kind.check_claim(claimed)?;
        kind.check_name(name)?;
        Ok(kind)
    }

    /// The kind of what is stored.
    pub(super) fn stored(content_type: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.content_type == content_type)
    }

    pub(super) fn is_picture(&self) -> bool {
        self.class == Class::Picture
    }

    /// A name that fits it.
    pub(super) fn plain_name(&self) -> String {
        format!("version.{}", self.endings[0])
    }

    /// Whether a name may stand for it: with one of its endings, or with none.
    pub(super) fn check_name(&self, name: &str) -> Result<()> {
        let Some(ending) = ending(name) else {
            return Ok(());
        };
        match self.endings.contains(&ending.as_str()) {
            true => Ok(()),
            false => Err(mismatch(format!(
                "the file is {}, and its name ends with `.{ending}`; it should end with `.{}`",
                self.content_type, self.endings[0]
            ))),
        }
    }

    fn check_claim(&self, claimed: Option<&str>) -> Result<()> {
        let claimed = claimed.unwrap_or_default();
        let claimed = claimed.split(';').next().unwrap_or_default();
        let claimed = claimed.trim().to_ascii_lowercase();
        // Text is told apart by its name alone; `text/plain` fits all of it.
        let is_plain = self.class == Class::Text && claimed == "text/plain";
        if is_plain || NO_CLAIM.contains(&claimed.as_str()) || self.is_called(&claimed) {
            return Ok(());
        }
        Err(mismatch(format!(
            "the file is {}, and was sent as `{claimed}`; send it as what it is",
            self.content_type
        )))
    }

    fn is_called(&self, content_type: &str) -> bool {
        self.content_type == content_type || self.aliases.contains(&content_type)
    }
}

fn text_kind(head: &[u8], name: &str, allowed: &[String]) -> Result<&'static Kind> {
    let is_text = !head.contains(&0) && !starts_like_markup(head);
    let ending = ending(name);
    let of_name = |kind: &&Kind| {
        let fits = |ending: &String| kind.endings.contains(&ending.as_str());
        kind.class == Class::Text && ending.as_ref().is_none_or(fits)
    };
    let kind = KINDS.iter().find(of_name);
    kind.filter(|_| is_text)
        .ok_or_else(|| unsupported("of a kind that is not known here", allowed))
}

/// HTML, SVG and XML: browsers look past space, comments and marks of byte order.
fn starts_like_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'<')
}

fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending = !stem.is_empty() && !ending.is_empty();
    is_ending.then(|| ending.to_lowercase())
}

fn unsupported(what: &str, allowed: &[String]) -> Error {
    Error::new(
        &codes::UNSUPPORTED_MEDIA_TYPE,
        format!(
            "the file is {what}, which is not taken here; taken are {}",
            allowed.join(", ")
        ),
    )
}

fn mismatch(message: String) -> Error {
    Error::new(&codes::MEDIA_TYPE_MISMATCH, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const GIF: &[u8] = b"GIF89a/*\x01\x00\x00=1;alert(1);//";
    const PDF: &[u8] = b"%PDF-1.7 PK\x03\x04";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
    const HTML: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
    const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    const XML: &[u8] = b"\xef\xbb\xbf <?xml version='1.0'?><svg/>";

    fn check(head: &[u8], name: &str, claimed: &str, expected: Result<&str, &str>) {
        let all: Vec<String> = KINDS
            .iter()
            .map(|kind| kind.content_type.to_owned())
            .collect();
        let found = Kind::of(head, name, Some(claimed), &all);
        let found = found.as_ref().map(|kind| kind.content_type);
        let found = found.map_err(|error| error.code().name);
        assert_eq!(found, expected, "{name} as `{claimed}`");
    }

    #[test]
    fn bytes_decide_and_words_must_agree() {
        let lies = Err("media_type_mismatch");
        let refused = Err("unsupported_media_type");
        for (head, name, claimed, expected) in [
            (PNG, "a.png", "image/png", Ok("image/png")),
            (PNG, "a.PNG", "", Ok("image/png")),
            (PNG, "a", "application/octet-stream", Ok("image/png")),
            (PNG, "a.png", "image/x-png; q=1", Ok("image/png")),
            (PNG, "a.jpg", "image/png", lies),
            (PNG, "a.png", "image/jpeg", lies),
            (PNG, "a.html", "image/png", lies),
            (PNG, "a.png", "text/html", lies),
            (PNG, "a.png.exe", "image/png", lies),
            (GIF, "a.gif", "image/gif", Ok("image/gif")),
            (GIF, "a.js", "text/javascript", lies),
            (PDF, "a.pdf", "application/pdf", Ok("application/pdf")),
            (PDF, "a.zip", "application/zip", lies),
            (ZIP, "a.zip", "application/zip", Ok("application/zip")),
            (ZIP, "a.png", "image/png", lies),
            (HTML, "a.html", "text/html", refused),
            (HTML, "a.txt", "text/plain", refused),
            (HTML, "a.png", "image/png", refused),
            (SVG, "a.svg", "image/svg+xml", refused),
            (SVG, "a.txt", "text/plain", refused),
            (XML, "a.csv", "text/csv", refused),
            (b"a,b\n1,2", "a.csv", "text/csv", Ok("text/csv")),
            (b"a,b\n1,2", "a.csv", "text/plain", Ok("text/csv")),
            (b"# Tides", "a.md", "", Ok("text/markdown")),
            (b"# Tides", "a", "", Ok("text/plain")),
            (b"# Tides", "a.txt", "image/png", lies),
            (b"# Tides", "a.png", "image/png", refused),
            (b"a\0b", "a.txt", "text/plain", refused),
            (PDF, "a.txt", "text/plain", lies),
        ] {
            check(head, name, claimed, expected);
        }
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let allowed = ["image/png".to_owned()];
        assert!(Kind::of(PNG, "a.png", None, &allowed).is_ok());
        let refused = Kind::of(PDF, "a.pdf", None, &allowed).unwrap_err();
        assert_eq!(refused.code().name, "unsupported_media_type");
    }
}
