//! The answer of `path`: one line a link, the first broken one marked.

use serde_json::{Value, json};

use crate::checks::blocked::describe;
use crate::correlate::path::{Link, Path, State, first_broken};
use crate::render::document::{Block, Document, Style, plain, styled};
use crate::render::json as render_json;

/// For people.
#[must_use]
pub fn document(path: &Path<'_>) -> Document {
    let mut document = Document::default();
    let headline = format!("{} > {}:{}", describe(&path.start.side), path.host, path.port);
    document.push(Block::Line(vec![styled(Style::Strong, headline)]));
    document.entry("from", path.start.side.because.clone());
    document.push(Block::Blank);
    push_links(&mut document, &path.links);
    document.push(Block::Blank);
    document.line(ending(path));
    document
}

/// A line a link.
pub(super) fn push_links(document: &mut Document, links: &[Link]) {
    let broken = first_broken(links);
    for (at, link) in links.iter().enumerate() {
        let (mark, style) = match link.state {
            State::Ok => ("✓ ok", Style::Good),
            State::Broken if Some(at) == broken => ("✗ BROKEN", Style::Bad),
            State::Broken => ("✗ broken", Style::Bad),
            State::Undetermined => ("? not decided", Style::Doubtful),
            State::NotGiven => ("? not given", Style::Doubtful),
        };
        let place = link.origin.as_ref().map(|origin| format!("   {origin}")).unwrap_or_default();
        let object =
            if link.object.is_empty() { String::new() } else { format!("{}: ", link.object) };
        document.push(Block::Entry(
            word(link),
            vec![styled(style, mark), plain(format!("  {object}{}{place}", link.detail))],
        ));
    }
}

fn word(link: &Link) -> &'static str {
    match link.kind {
        "private-google-access" => "access",
        kind => kind,
    }
}

fn ending(path: &Path<'_>) -> String {
    let open = path.links.iter().any(|link| link.state != State::Ok);
    match path.first_broken().and_then(|at| path.links.get(at)) {
        Some(link) => format!("The first broken link: {}.", link.kind.replace('-', " ")),
        None if open => "No link is broken by what was given; some were not decided.".to_owned(),
        None => "Every link holds.".to_owned(),
    }
}

/// For programs.
#[must_use]
pub fn json(path: &Path<'_>) -> Value {
    json!({
        "schema": "vpcwhy/path-v1",
        "version": env!("CARGO_PKG_VERSION"),
        "from": render_json::side(&path.start.side),
        "host": path.host,
        "port": path.port,
        "links": links(&path.links),
        "first_broken": path.first_broken(),
    })
}

/// The links of a way, in order.
#[must_use]
pub(super) fn links(of: &[Link]) -> Vec<Value> {
    of.iter()
        .map(|link| {
            json!({
                "kind": link.kind,
                "state": link.state.id(),
                "object": link.object,
                "detail": link.detail,
                "path": link.origin.as_ref().map(|origin| origin.path.to_string()),
                "line": link.origin.as_ref().map(|origin| origin.line),
            })
        })
        .collect()
}
