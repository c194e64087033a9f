//! The bytes of a file in, text out.

use std::sync::Arc;

use super::code;
use crate::error::{Place, Problem, Source};

/// The largest file that is read. Whoever opens it should stop after one byte more.
pub const MAX_BYTES: usize = 1 << 20;

/// The text of a file, or why its bytes are none.
///
/// # Errors
/// The problem; the source it points into holds the text before the first bad byte.
pub fn source_from_bytes(name: String, bytes: Vec<u8>) -> Result<Arc<Source>, Box<Problem>> {
    if bytes.len() > MAX_BYTES {
        let place = point(name, String::new());
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Box::new(
            Problem::error(code::TOO_LARGE, place, message)
                .help("a spec is a few hundred lines: is this the right file?"),
        ));
    }
    if let Some(encoding) = other_encoding(&bytes) {
        let place = point(name, String::new());
        return Err(Box::new(
            Problem::error(code::NOT_UTF8, place, format!("the file is {encoding}, not UTF-8"))
                .help("save it as UTF-8"),
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => match text.find('\0') {
            None => Ok(Arc::new(Source { name, text })),
            Some(nul) => Err(Box::new(
                Problem::error(
                    code::NOT_UTF8,
                    point(name, text[..nul].to_owned()),
                    format!("byte {nul} is NUL, so the file is no text"),
                )
                .help("is this the right file?"),
            )),
        },
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let byte = bytes[valid];
            let text = String::from_utf8_lossy(&bytes[..valid]).into_owned();
            let mut problem = Problem::error(
                code::NOT_UTF8,
                point(name, text),
                format!("byte {valid} is 0x{byte:02X}, which is not UTF-8 here"),
            )
            .label("the text is UTF-8 up to here");
            if byte >= 0xa0 {
                // What most editors would show, were it Latin-1.
                let latin = char::from(byte);
                problem = problem.note(format!("in Latin-1 it would be `{latin}`"));
            }
            Err(Box::new(problem.help("save the file as UTF-8")))
        }
    }
}

/// The end of a text.
fn point(name: String, text: String) -> Place {
    let end = text.len();
    Place { source: Arc::new(Source { name, text }), span: end..end }
}

/// UTF-16 and UTF-32, by their byte order mark or by the zeros of their first characters.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0, 0, 0, 0, ..] => None,
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0, 0, 0, _, ..] | [_, 0, 0, 0, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [0, _, 0, _, ..] | [_, 0, _, 0, ..] => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> (&'static str, String, String) {
        let problem = source_from_bytes("x.yaml".to_owned(), bytes.to_vec()).expect_err("refused");
        let place = &problem.place;
        assert_eq!(place.span, place.source.text.len()..place.source.text.len());
        (problem.code, problem.message, place.source.text.clone())
    }

    #[test]
    fn takes_utf8_as_it_is() {
        for text in ["", "a: ü\n", "\u{feff}a: b\r\n", "\u{feff}"] {
            let source = source_from_bytes("x.yaml".to_owned(), text.into()).expect("accepted");
            assert_eq!((source.name.as_str(), source.text.as_str()), ("x.yaml", text));
        }
        let largest = vec![b' '; MAX_BYTES];
        assert!(source_from_bytes("x.yaml".to_owned(), largest).is_ok());
    }

    #[test]
    fn says_what_else_it_is() {
        let utf16: Vec<u8> = "a: b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}a: b\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let utf32: Vec<u8> = "a: b\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        for (bytes, message) in [
            (utf16, "the file is UTF-16, not UTF-8"),
            (big, "the file is UTF-16, not UTF-8"),
            (utf32, "the file is UTF-32, not UTF-8"),
        ] {
            assert_eq!(refused(&bytes), ("RCG002", message.to_owned(), String::new()));
        }
    }

    #[test]
    fn points_at_the_first_bad_byte() {
        let (code, message, text) = refused(b"a: \xc3\xbc\nb: \xe4\n");
        assert_eq!((code, text.as_str()), ("RCG002", "a: ü\nb: "));
        assert_eq!(message, "byte 9 is 0xE4, which is not UTF-8 here");
        // A character that is cut off by the end of the file.
        let (code, _, text) = refused(b"a: \xf0\x9f");
        assert_eq!((code, text.as_str()), ("RCG002", "a: "));
        let (code, message, text) = refused(b"name: \0");
        assert_eq!((code, text.as_str()), ("RCG002", "name: "));
        assert_eq!(message, "byte 6 is NUL, so the file is no text");
        // An unpaired surrogate, as some editors of UTF-16 leave it.
        assert_eq!(refused(b"\xed\xa0\x80").0, "RCG002");
    }

    #[test]
    fn stops_at_the_limit() {
        let (code, message, _) = refused(&vec![b'a'; MAX_BYTES + 1]);
        assert_eq!((code, message.as_str()), ("RCG003", "the file is larger than 1 MiB"));
    }
}
