//! A document as one self-contained page: no script, nothing fetched, one style sheet inside.
//!
//! Text is escaped here as [`crate::render::escape::escape`] does for terminals, and its markup
//! besides: what an input says stays text.

use crate::render::document::{Block, Document, Span, Style};
use crate::render::escape::escape;

/// What the page looks like; dark where the reader's system is.
const STYLE: &str = "\
:root{color-scheme:light dark;--good:#116329;--bad:#b3261e;--doubt:#8a5300;--faint:#666}\
@media(prefers-color-scheme:dark)\
{:root{--good:#6fdd8b;--bad:#ff8a80;--doubt:#ffb74d;--faint:#9a9a9a}}\
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:.2rem 0}\
dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}\
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}\
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;\
border-bottom:1px solid #8884}\
pre{overflow-x:auto;padding:.75rem;border:1px solid #8884;border-radius:.4rem;font-size:.85rem}\
p{margin:.4rem 0}.good{color:var(--good)}.bad{color:var(--bad)}.doubt{color:var(--doubt)}\
.faint{color:var(--faint)}";

/// The page.
#[must_use]
pub fn page(document: &Document, title: &str) -> String {
    let mut body = String::new();
    let mut is_list = false;
    for block in &document.0 {
        let is_entry = matches!(block, Block::Entry(..));
        if is_entry != is_list {
            body.push_str(if is_entry { "<dl>\n" } else { "</dl>\n" });
            is_list = is_entry;
        }
        push(&mut body, block);
    }
    if is_list {
        body.push_str("</dl>\n");
    }
    let title = escape_html(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\
         </body>\n</html>\n"
    )
}

fn push(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escape_html(text))),
        Block::Entry(word, text) => {
            out.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape_html(word), spans(text)));
        }
        Block::Line(text) => out.push_str(&format!("<p>{}</p>\n", spans(text))),
        Block::Table(head, rows) => {
            let row = |cells: Vec<String>, tag: &str| {
                let cells: String =
                    cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
                format!("<tr>{cells}</tr>\n")
            };
            out.push_str("<table>\n");
            out.push_str(&row(head.iter().map(|cell| escape_html(cell)).collect(), "th"));
            for cells in rows {
                out.push_str(&row(cells.iter().map(|cell| escape_html(cell)).collect(), "td"));
            }
            out.push_str("</table>\n");
        }
        Block::Code(_, text) => {
            let lines: Vec<String> = text.lines().map(escape_html).collect();
            out.push_str(&format!("<pre><code>{}</code></pre>\n", lines.join("\n")));
        }
        Block::Blank => {}
    }
}

fn spans(all: &[Span]) -> String {
    let one = |span: &Span| {
        let text = escape_html(&span.text);
        match span.style {
            Style::Plain => text,
            Style::Strong => format!("<strong>{text}</strong>"),
            Style::Faint => format!("<span class=\"faint\">{text}</span>"),
            Style::Bad => format!("<span class=\"bad\">{text}</span>"),
            Style::Doubtful => format!("<span class=\"doubt\">{text}</span>"),
            Style::Good => format!("<span class=\"good\">{text}</span>"),
        }
    };
    all.iter().map(one).collect()
}

fn escape_html(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::document::{plain, styled};

    #[test]
    fn text_of_inputs_stays_text() {
        let evil = "</pre><script>alert('x')</script>\u{1b}[31m\u{202e}\"";
        let mut document = Document::default();
        document.push(Block::Heading(evil.to_owned()));
        document.push(Block::Line(vec![plain(evil), styled(Style::Bad, evil)]));
        document.push(Block::Code("sh", evil.to_owned()));
        document.push(Block::Table(vec!["A"], vec![vec![evil.to_owned()]]));
        document.entry("why", evil);
        let page = page(&document, evil);
        assert!(!page.contains("<script") && !page.contains("</pre><"), "{page}");
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        assert_eq!(page.matches("<dl>").count(), page.matches("</dl>").count());
        assert!(page.contains("default-src 'none'"));
    }
}
