//! The answer of `fix`: the changes in one language, each with its proof as a comment.

use serde_json::{Value, json};

use crate::checks::Finding;
use crate::net::{AddressSet, PortSet};
use crate::render::escape::escape;
use crate::render::{json as render_json, resource, suggestion};
use crate::suggest::{ResourceChange, Suggestion};

/// The first fix of each finding in a language, or why there is none. Comments hold text from the
/// inputs, so each is one line without control characters.
#[must_use]
pub fn text(findings: &[&Finding], all: &[Finding], language: &str) -> String {
    let mut out = String::new();
    let comment = |out: &mut String, line: &str| {
        out.push_str("# ");
        out.push_str(&escape(line));
        out.push('\n');
    };
    let mut documents = 0;
    // One change may mend several findings: it is printed once.
    let mut printed = std::collections::BTreeSet::new();
    for finding in findings {
        comment(&mut out, &format!("{} {}", finding.id, finding.title));
        for remedy in &finding.remedies {
            let forms = resource::forms(&with_others(findings, &remedy.change));
            let (kind, safety) = (remedy.change.kind().replace('-', " "), remedy.safety().id());
            let deletes = forms.iter().any(|(_, text)| text.contains(" delete "));
            let how = if deletes { ": deletes it, and makes it anew" } else { "" };
            comment(&mut out, &format!("{kind} [{safety}]{how}"));
            comment(&mut out, &remedy.note);
            let Some((_, text)) = forms.iter().find(|(of, _)| *of == language) else {
                let others: Vec<_> = forms.iter().map(|(of, _)| *of).collect();
                let others = others.join(", ");
                comment(&mut out, &format!("not printed as {language}: see --as {others}"));
                out.push('\n');
                continue;
            };
            if printed.insert(text.clone()) {
                document(&mut out, text, language, &mut documents);
            }
            out.push('\n');
        }
        if !finding.remedies.is_empty() {
            continue;
        }
        let Some(fix) = finding.fixes.first().map(|fix| widest(findings, fix)) else {
            let why = finding.no_fix.as_deref().unwrap_or("nothing to change");
            comment(&mut out, &format!("no fix: {why}"));
            out.push('\n');
            continue;
        };
        comment(&mut out, &suggestion::outline(fix));
        for note in fix.notes() {
            comment(&mut out, note);
        }
        comment(&mut out, &suggestion::proof(fix));
        let also = also_mended(finding, fix, all);
        if !also.is_empty() {
            comment(&mut out, &format!("it is the change for {}, too", also.join(", ")));
        }
        for other in finding.fixes.iter().skip(1) {
            comment(&mut out, &format!("or: {}", suggestion::outline(other)));
        }
        for advice in &finding.advice {
            comment(&mut out, &format!("or: {advice}"));
        }
        // On AWS there is nothing for gcloud to do: the command is Amazon's.
        let is_amazons = language == "gcloud" && fix.text("aws").is_some();
        let language = if is_amazons { "aws" } else { language };
        if fix.text(language).is_none() {
            let other = if fix.text("aws").is_some() { "aws" } else { "gcloud" };
            comment(&mut out, &format!("not printed as {language}: see --as {other}"));
        }
        let text = fix.text(language).filter(|text| printed.insert((*text).to_owned()));
        if let Some(text) = text {
            document(&mut out, text, language, &mut documents);
        }
        out.push('\n');
    }
    out
}

/// Of several changes of one thing the one that holds them all: each sets a whole list, so one that
/// came later would take the others back. In the order of the findings, wherever it is printed.
fn with_others(findings: &[&Finding], change: &ResourceChange) -> ResourceChange {
    let all = findings.iter().flat_map(|finding| &finding.remedies).map(|remedy| &remedy.change);
    let same = all.filter(|other| change.joined(other).is_some());
    let joined = same.cloned().reduce(|all, next| all.joined(&next).unwrap_or(all));
    joined.unwrap_or_else(|| change.clone())
}

/// The other findings that a change mends: what is opened is opened for them, too.
fn also_mended<'f>(finding: &Finding, fix: &Suggestion, all: &'f [Finding]) -> Vec<&'f str> {
    let rule = fix.change().rule();
    let others = all.iter().filter(|other| {
        let first = other.fixes.first();
        other.id != finding.id && first.is_some_and(|first| first.change().rule() == rule)
    });
    others.map(|other| other.id.as_str()).collect()
}

/// One more document; those of YAML are kept apart.
fn document(out: &mut String, text: &str, language: &str, documents: &mut u32) {
    if language == "cnrm" && *documents > 0 {
        out.push_str("---\n");
    }
    *documents += 1;
    out.push_str(text.trim_end_matches('\n'));
    out.push('\n');
}

/// Of several corrections of one rule the one that holds them all: each command sets whole fields,
/// so a narrower one that came later would take the others back.
fn widest<'f>(findings: &[&'f Finding], fix: &'f Suggestion) -> &'f Suggestion {
    let Some(before) = fix.change().before() else { return fix };
    let same = findings
        .iter()
        .filter_map(|finding| finding.fixes.first())
        .filter(|other| other.change().before() == Some(before));
    same.fold(fix, |widest, other| if covers(other, widest) { other } else { widest })
}

/// Whether the rule after `a` lets through all that the one after `b` does.
fn covers(a: &Suggestion, b: &Suggestion) -> bool {
    let (a, b) = (a.change().rule(), b.change().rule());
    let wider = |a: &Option<AddressSet>, b: &Option<AddressSet>| match (a, b) {
        (Some(a), Some(b)) => a.covers(b),
        (None, _) => true,
        (Some(_), None) => false,
    };
    let ports = b.layer4.iter().all(|part| match (part.protocol, &part.ports) {
        (Some(protocol), ports) => a.ports_of(protocol).is_some_and(|own| {
            ports.clone().unwrap_or_else(PortSet::all).difference(&own).is_empty()
        }),
        (None, _) => a.layer4.contains(part),
    });
    wider(&a.source, &b.source)
        && wider(&a.destination, &b.destination)
        && ports
        && a.priority <= b.priority
        && (!a.disabled || b.disabled)
}

/// All fixes of the findings.
#[must_use]
pub fn json(findings: &[&Finding]) -> Value {
    let list: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "id": finding.id, "check": finding.check, "title": finding.title,
                "fixes": render_json::fixes(finding),
                "no_fix": finding.no_fix,
            })
        })
        .collect();
    json!({ "schema": "vpcwhy/fix-v1", "findings": list })
}
