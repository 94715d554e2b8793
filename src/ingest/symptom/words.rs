//! Texts as they were before a terminal, a string or a log had them; and as short as they can be
//! told.

/// So much of a text is kept.
const LONGEST: usize = 240;

/// Lines as they were before a terminal broke them: where several are exactly as long as the
/// longest, that is the terminal's width.
pub(super) fn unwrapped(text: &str) -> Vec<(u64, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let full = lines.iter().filter(|line| line.chars().count() == width).count();
    let is_wrapped = width >= 60 && full > 1;
    let mut joined: Vec<(u64, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in lines.into_iter().enumerate() {
        match joined.last_mut() {
            // The same error again is as long, and begins with the same words.
            Some((_, before)) if goes_on && before.get(..5) != line.get(..5) => {
                before.push_str(line);
            }
            _ => joined.push((at as u64, line.to_owned())),
        }
        goes_on = is_wrapped && line.chars().count() == width;
    }
    joined
}

/// A text out of a JSON string, or of a shell's.
pub(super) fn unescaped(text: &str) -> String {
    if text.contains("\\\"") {
        text.replace("\\\"", "\"").replace("\\n", " ")
    } else {
        text.to_owned()
    }
}

/// What the error itself begins with: what stands before it is a table, a prompt, a log's head.
const BEGINNINGS: [&str; 20] = [
    "Error while connecting",
    "Unable to register node",
    "failed to list *v1.",
    "Error while dialing",
    "Unable to connect to the server",
    "couldn't get current server API group list",
    "Error trying to reach service",
    "error trying to reach service",
    "error dialing backend",
    "failed calling",
    "failed to call",
    "failing or missing",
    "Firewall change required",
    "Failed to pull",
    "failed to pull",
    "All cluster resources",
    "Failed to connect",
    "image pull failed",
    "Post ",
    "Get ",
];

pub(super) fn shortened(text: &str) -> String {
    // A command in a text is for nobody to paste from here.
    let text = text.split('`').next().unwrap_or(text);
    let start = BEGINNINGS.iter().filter_map(|words| text.find(words)).min();
    let words: Vec<&str> =
        text.get(start.unwrap_or(0)..).unwrap_or(text).split_whitespace().collect();
    let text = words.join(" ");
    // It begins with what failed, and ends with why.
    let length = text.chars().count();
    if length <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST / 2).collect();
    let tail: String = text.chars().skip(length - LONGEST / 2).collect();
    format!("{head} … {tail}")
}
