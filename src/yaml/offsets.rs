//! From the parser's positions, which count characters, to bytes.

/// The byte offset of any character of a text, in constant time and little memory.
pub(super) struct Offsets {
    /// Where the parser's text begins: after a byte order mark.
    start: usize,
    /// The bytes before every [`STEP`]th character; none for a text of ASCII.
    checkpoints: Vec<usize>,
}

const STEP: usize = 64;

impl Offsets {
    pub(super) fn new(text: &str, start: usize) -> Offsets {
        let text = &text[start..];
        let checkpoints = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STEP).map(|(at, _)| start + at).collect()
        };
        Offsets { start, checkpoints }
    }

    /// The offset of a character, or the text's end when it has fewer.
    pub(super) fn byte(&self, text: &str, character: usize) -> usize {
        if self.checkpoints.is_empty() {
            return text.len().min(self.start + character);
        }
        let Some(&checkpoint) = self.checkpoints.get(character / STEP) else { return text.len() };
        text[checkpoint..]
            .char_indices()
            .nth(character % STEP)
            .map_or(text.len(), |(at, _)| checkpoint + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_like_the_characters_of_the_text() {
        let wide: String = "aé日🎉\n".repeat(100);
        for (text, start) in
            [("plain".to_owned(), 0), (wide.clone(), 0), (format!("\u{feff}{wide}"), 3)]
        {
            let offsets = Offsets::new(&text, start);
            for (i, (at, _)) in text[start..].char_indices().enumerate() {
                assert_eq!(offsets.byte(&text, i), start + at);
            }
            let count = text[start..].chars().count();
            assert_eq!(offsets.byte(&text, count), text.len());
            assert_eq!(offsets.byte(&text, count + 1000), text.len());
        }
    }
}
