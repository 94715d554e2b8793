//! Findings as a table for spreadsheets: RFC 4180, one row each.

use crate::checks::{Finding, Report};
use crate::render::escape::escape;

const HEAD: [&str; 16] = [
    "id",
    "check",
    "severity",
    "confidence",
    "basis",
    "title",
    "from",
    "to",
    "protocol",
    "ports",
    "denied",
    "first",
    "last",
    "decided_by",
    "place",
    "fix",
];

/// The table.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut out = row(&HEAD.map(str::to_owned));
    for finding in &report.findings {
        out.push_str(&row(&cells(finding)));
    }
    out
}

fn cells(finding: &Finding) -> [String; 16] {
    let flow = finding.flow.as_ref();
    let side = |side: &crate::correlate::Side| format!("{} {}", side.role, side.name);
    // What passed, or is told of a rule, is no denial to be counted.
    let seen = finding.observed.as_ref().filter(|_| finding.flow.is_some());
    let span = seen.and_then(|seen| seen.span);
    let decider = finding.decision.as_ref().and_then(|one| one.decider.as_ref());
    let place = decider
        .and_then(|one| one.origin.as_ref())
        .or_else(|| finding.resources.first().map(|one| &one.origin));
    let by = decider.map(|one| {
        let names = [one.policy.as_deref(), one.name.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let fix = finding.fixes.first().map(crate::render::suggestion::outline);
    let remedy = finding.remedies.first().map(|one| one.change.kind().replace('-', " "));
    [
        finding.id.clone(),
        finding.check.to_owned(),
        finding.severity.id().to_owned(),
        finding.confidence.id().to_owned(),
        finding.basis.id().to_owned(),
        finding.title.clone(),
        flow.map(|flow| side(&flow.source)).unwrap_or_default(),
        flow.map(|flow| side(&flow.destination)).unwrap_or_default(),
        flow.and_then(|flow| flow.protocol.clone()).unwrap_or_default(),
        flow.map(|flow| flow.ports.join(" ")).unwrap_or_default(),
        seen.map(|seen| seen.count.to_string()).unwrap_or_default(),
        span.map(|(first, _)| first.to_string()).unwrap_or_default(),
        span.map(|(_, last)| last.to_string()).unwrap_or_default(),
        by.unwrap_or_default(),
        place.map(ToString::to_string).unwrap_or_default(),
        fix.or(remedy).unwrap_or_default(),
    ]
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell. One that a spreadsheet would take for a formula is set off
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let text = escape(cell.trim());
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn cells_are_text() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
        assert_eq!(quoted("a\r\n\u{1b}b"), "\"a\\r\\n\\u{1b}b\"");
    }
}
