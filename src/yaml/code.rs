//! The codes of what can be wrong with a text as YAML.

/// The text is not YAML.
pub const NOT_YAML: &str = "RCG001";
/// The bytes are not UTF-8 text.
pub const NOT_UTF8: &str = "RCG002";
/// There is too much of it.
pub const TOO_LARGE: &str = "RCG003";
/// Lists and maps are nested too deep.
pub const TOO_DEEP: &str = "RCG004";
/// There is more than one document.
pub const SEVERAL_DOCUMENTS: &str = "RCG005";
/// A map has a key twice.
pub const DUPLICATE_KEY: &str = "RCG006";
/// A key is a number, a truth value, null, a list or a map.
pub const KEY_NOT_TEXT: &str = "RCG007";
/// An anchor or an alias.
pub const ANCHOR: &str = "RCG008";
/// The merge key `<<`.
pub const MERGE_KEY: &str = "RCG009";
/// A scalar without quotes that readers take for different values.
pub const AMBIGUOUS: &str = "RCG010";
/// A tag.
pub const TAG: &str = "RCG011";
/// There is no document.
pub const EMPTY: &str = "RCG012";
/// A number that JSON does not have.
pub const NOT_REPRESENTABLE: &str = "RCG013";
/// A character that readers refuse or treat differently.
pub const CHARACTER: &str = "RCG014";
/// A text that other tools change when they write it.
pub const FRAGILE: &str = "RCG015";

/// Whether what the text means is known in spite of a problem with this code, so that the rest of it can be judged, too.
pub(super) fn leaves_a_meaning(code: &str) -> bool {
    [DUPLICATE_KEY, KEY_NOT_TEXT, AMBIGUOUS, TAG, NOT_REPRESENTABLE, CHARACTER].contains(&code)
}

/// Whether a problem with this code hides the rest of the text, so that nothing is known about what it says.
pub fn hides_the_text(code: &str) -> bool {
    [NOT_YAML, NOT_UTF8, TOO_LARGE, TOO_DEEP].contains(&code)
}
