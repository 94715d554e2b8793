//! Text from inputs made harmless: the one place where that is done, called where text leaves.

/// Whether a character steers a terminal, or turns or hides text.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a document may be printed as it is: it has no such characters but line breaks.
#[must_use]
pub fn is_harmless(text: &str) -> bool {
    is_plain_ascii(text) || !text.chars().any(|c| hidden(c) && c != '\n')
}

/// Printable ASCII and line breaks, which most of what is printed is made of.
fn is_plain_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n'))
}

/// The same JSON, with such characters as escapes: outside of strings there are none but line
/// breaks.
#[must_use]
pub fn escape_json(json: &str) -> String {
    use std::fmt::Write as _;
    let steers = |c: char| hidden(c) && c != '\n';
    if is_plain_ascii(json) || !json.chars().any(steers) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Makes control characters, and those that turn or hide text, visible.
#[must_use]
pub fn escape(text: &str) -> String {
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// The same for a page, with the characters that Markdown or HTML would read.
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
