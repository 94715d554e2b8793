//! Findings as SARIF 2.1.0, for code scanning.
//!
//! Fields: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use serde_json::{Value, json};

use crate::checks::{CHECKS, Finding, Report, Severity};
use crate::model::Origin;

/// One run with all findings.
#[must_use]
pub fn log(report: &Report) -> Value {
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|check| {
            json!({
                "id": check.id,
                "shortDescription": { "text": check.title },
                "defaultConfiguration": { "level": level(check.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "vpcwhy", "version": env!("CARGO_PKG_VERSION"), "rules": rules,
            } },
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(finding: &Finding) -> Value {
    let of_decider =
        finding.decision.iter().filter_map(|one| one.decider.as_ref()?.origin.as_ref());
    let of_resources = finding.resources.iter().map(|one| &one.origin);
    let mut places: Vec<&Origin> = Vec::new();
    for origin in of_resources.chain(of_decider) {
        if !origin.path.is_empty() && !places.contains(&origin) {
            places.push(origin);
        }
    }
    let locations: Vec<Value> = places
        .into_iter()
        .map(|origin| {
            json!({ "physicalLocation": {
                "artifactLocation": { "uri": uri(&origin.path) },
                "region": { "startLine": origin.line.max(1) },
            } })
        })
        .collect();
    let mut text = vec![finding.title.clone()];
    text.extend(finding.explanation.iter().cloned());
    text.extend(finding.no_fix.iter().map(|why| format!("no fix: {why}")));
    json!({
        "ruleId": finding.check,
        "level": level(finding.severity),
        "message": { "text": plain(&text.join("\n")) },
        "locations": locations,
        "partialFingerprints": { "vpcwhy/v1": finding.id },
    })
}

/// A text without links and placeholders, which messages of this format may hold (3.11.5, 3.11.6):
/// names out of inputs are to be read, and not to be followed.
fn plain(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace('[', "\\[").replace(']', "\\]")
}

/// A path as a URI reference: what is not unreserved is written in hexadecimal (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{plain, uri};

    #[test]
    fn messages_hold_no_links_and_no_placeholders() {
        assert_eq!(plain("[a](b) {0}"), "\\[a\\](b) {{0}}");
    }

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("./in/fw 1.json", "in/fw%201.json"),
            ("/tmp/a#b", "file:///tmp/a%23b"),
            ("ü.yaml", "%C3%BC.yaml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
