//! Values in, YAML text out that every reader of YAML 1.1 and 1.2 reads alike.

/// Appends a value as one YAML document body, without `---`, ending in a newline.
pub fn write(value: &serde_json::Value, out: &mut String) {
    out.push_str(&value.to_string());
    out.push('\n');
}
