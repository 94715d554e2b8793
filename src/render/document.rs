//! A text for people as blocks, written once and printed two ways: to a terminal and as Markdown.
//!
//! This is the sink where text from inputs is escaped, and the only one: control characters and
//! characters that turn the direction of text never reach a terminal, markup never a page.

use crate::render::escape::{escape, escape_markdown};
use crate::render::table;

/// How a piece of text is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    Plain,
    /// Important.
    Strong,
    /// Beside the point.
    Faint,
    /// Denied, broken.
    Bad,
    /// Doubtful.
    Doubtful,
    /// Allowed, proved.
    Good,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// How it is set off.
    pub style: Style,
    /// The text, not escaped.
    pub text: String,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A word at the margin and what it introduces.
    Entry(&'static str, Vec<Span>),
    /// A line.
    Line(Vec<Span>),
    /// A table: head and rows.
    Table(Vec<&'static str>, Vec<Vec<String>>),
    /// Something to copy, with its language.
    Code(&'static str, String),
    /// An empty line.
    Blank,
}

/// The blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document(pub Vec<Block>);

/// A plain span.
#[must_use]
pub fn plain(text: impl Into<String>) -> Span {
    Span { style: Style::Plain, text: text.into() }
}

/// A span in a style.
#[must_use]
pub fn styled(style: Style, text: impl Into<String>) -> Span {
    Span { style, text: text.into() }
}

impl Document {
    /// Adds a block.
    pub fn push(&mut self, block: Block) {
        self.0.push(block);
    }

    /// Adds a word at the margin with plain text.
    pub fn entry(&mut self, word: &'static str, text: impl Into<String>) {
        self.0.push(Block::Entry(word, vec![plain(text)]));
    }

    /// Adds a plain line.
    pub fn line(&mut self, text: impl Into<String>) {
        self.0.push(Block::Line(vec![plain(text)]));
    }

    /// For a terminal of this width, with colours or without.
    #[must_use]
    pub fn text(&self, width: usize, colour: bool) -> String {
        let mut out = String::new();
        let paint = |span: &Span| paint(span, colour);
        for block in &self.0 {
            match block {
                Block::Heading(text) => {
                    out.push_str(&paint(&styled(Style::Strong, text.clone())));
                }
                Block::Entry(word, spans) => {
                    let word = format!("{word:<8} ");
                    out.push_str(&wrap(&word, spans, width, &paint));
                }
                Block::Line(spans) => out.push_str(&wrap("", spans, width, &paint)),
                Block::Table(head, rows) => out.push_str(&table::text(head, rows, width)),
                Block::Code(_, text) => {
                    let lines: Vec<_> =
                        text.lines().map(|line| format!("  {}", escape(line))).collect();
                    out.push_str(&lines.join("\n"));
                }
                Block::Blank => {}
            }
            out.push('\n');
        }
        out
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for block in &self.0 {
            match block {
                Block::Heading(text) => {
                    out.push_str(&format!("\n### {}\n", escape_markdown(text)));
                }
                Block::Entry(word, spans) => {
                    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
                    out.push_str(&format!("- **{word}** {}", escape_markdown(&text)));
                }
                Block::Line(spans) => {
                    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
                    out.push_str(&escape_markdown(&text));
                    out.push('\n');
                }
                Block::Table(head, rows) => {
                    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
                    out.push('\n');
                    out.push_str(&row(head.iter().map(|cell| (*cell).to_owned()).collect()));
                    out.push_str(&row(head.iter().map(|_| "---".to_owned()).collect()));
                    for cells in rows {
                        out.push_str(&row(cells
                            .iter()
                            .map(|cell| escape_markdown(cell))
                            .collect()));
                    }
                }
                Block::Code(language, text) => {
                    let fence = "`".repeat(longest_ticks(text).max(2) + 1);
                    let lines: Vec<_> = text.lines().map(escape).collect();
                    out.push_str(&format!("\n{fence}{language}\n{}\n{fence}\n", lines.join("\n")));
                }
                Block::Blank => {}
            }
            out.push('\n');
        }
        out
    }
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn paint(span: &Span, colour: bool) -> String {
    let text = escape(&span.text);
    let code = match span.style {
        Style::Plain => "",
        Style::Strong => "1",
        Style::Faint => "2",
        Style::Bad => "31",
        Style::Doubtful => "33",
        Style::Good => "32",
    };
    if colour && !code.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text }
}

/// Breaks a line at spaces; what follows is indented below the text.
fn wrap(lead: &str, spans: &[Span], width: usize, paint: &dyn Fn(&Span) -> String) -> String {
    let indent = lead.chars().count();
    let room = width.saturating_sub(indent).max(24);
    let mut out = lead.to_owned();
    let mut used = 0;
    for span in spans {
        let mut piece = String::new();
        for word in span.text.split_inclusive(' ') {
            let length = word.trim_end().chars().count();
            if used > 0 && used + length > room {
                out.push_str(&paint(&styled(span.style, piece.trim_end())));
                piece.clear();
                let trimmed = out.trim_end_matches(' ').len();
                out.truncate(trimmed);
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                used = 0;
            }
            used += word.chars().count();
            piece.push_str(word);
        }
        out.push_str(&paint(&styled(span.style, piece)));
    }
    out
}

/// `1204311` as `1,204,311`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 rule`, `2 rules`.
#[must_use]
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{Block, Document, Style, escape, plain, styled, thousands};

    #[test]
    fn no_control_byte_reaches_a_terminal() {
        let evil = "a\u{1b}[31mb\r\n\u{202e}c\u{7}\u{9b}";
        let clean = escape(evil);
        assert!(clean.chars().all(|c| !c.is_control()), "{clean:?}");
        assert!(!clean.contains('\u{202e}'));
        let mut document = Document::default();
        document.push(Block::Line(vec![plain(evil), styled(Style::Bad, evil)]));
        document.push(Block::Code("sh", evil.to_owned()));
        document.push(Block::Table(vec!["A"], vec![vec![evil.to_owned()]]));
        let text = document.text(100, false);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }

    #[test]
    fn no_markup_reaches_a_page() {
        let mut document = Document::default();
        document.line("<script>alert(1)</script> [x](javascript:y) ![z](w) | `c`");
        document.push(Block::Code("sh", "```\n</pre>".to_owned()));
        let page = document.markdown();
        assert!(!page.contains("<script>") && !page.contains("[x]("), "{page}");
        assert!(page.contains("````sh"), "a fence longer than any inside: {page}");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_204_311), "1,204,311");
    }
}
