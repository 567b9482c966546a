//! Bytes to text: byte order mark, then the header's charset, then what the document says of itself, then UTF-8 if it
//! is that, and Windows-1252 as the web's last resort.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a document its own words on its encoding are looked for, in bytes (as browsers do).
const DECLARATION_WITHIN_BYTES: usize = 1024;

/// The text; what is wrong in it is replaced.
pub fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.as_bytes()))
        .or_else(|| declared_inside(bytes))
        .unwrap_or_else(|| match std::str::from_utf8(bytes) {
            Ok(_) => UTF_8,
            Err(_) => WINDOWS_1252,
        });
    // A byte order mark overrides, and is left out of the text.
    encoding.decode(bytes).0.into_owned()
}

/// From `<?xml encoding="…"?>` or `<meta charset=…>`.
fn declared_inside(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(DECLARATION_WITHIN_BYTES)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let declaration = if start.trim_start().starts_with("<?xml") {
        start
            .split("?>")
            .next()
            .and_then(|head| after(head, "encoding="))
    } else {
        None
    };
    let label = declaration.or_else(|| {
        let metas = start.split("<meta").skip(1);
        metas
            .filter_map(|meta| after(meta.split('>').next()?, "charset="))
            .next()
    })?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // Words that could be read one byte at a time were not written in UTF-16.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else {
        encoding
    })
}

fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.split_once(key)?.1.trim_start_matches(['"', '\'', ' ']);
    let end = value
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)))
        .unwrap_or(value.len());
    Some(&value[..end]).filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_in_its_order() {
        let latin = b"caf\xe9";
        assert_eq!(decode(latin, None), "café");
        assert_eq!(decode("café".as_bytes(), None), "café");
        assert_eq!(decode(b"\xd6\xd0", Some("gbk")), "中");
        assert_eq!(decode(b"\xff\xfeh\0i\0", Some("iso-8859-1")), "hi");
        assert_eq!(decode(latin, Some("no-such-charset")), "café");
        let page = b"<html><head><meta http-equiv=content-type content='text/html; charset=koi8-r'>\xc4\xc1";
        assert!(decode(page, None).ends_with("да"));
        let sheet = b"<?xml version=\"1.0\" encoding='iso-8859-15'?>\xa4";
        assert!(decode(sheet, None).ends_with('€'));
        let lie = "<meta charset=\"utf-16\">é".as_bytes();
        assert!(decode(lie, None).ends_with('é'));
    }
}
