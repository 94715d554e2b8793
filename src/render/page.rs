//! Everything on one page: the findings, each explained, then the ways in and what clusters need.

use crate::checks::Report;
use crate::render::document::{Block, Document};
use crate::render::triage::{self, Asked};
use crate::render::{expose, reach};

/// The page's blocks.
#[must_use]
pub fn document(report: &Report, asked: &Asked) -> Document {
    let mut document = triage::document(report, asked);
    let inputs = &asked.inputs;
    if !report.ways.is_empty() {
        document.push(Block::Heading("Ways in".to_owned()));
        let asked = expose::Asked { name: None, full: true, quiet: true, inputs: inputs.clone() };
        document.0.extend(expose::document(report, &asked).0);
    }
    if !report.needs.is_empty() {
        document.push(Block::Heading("What clusters need".to_owned()));
        let asked = reach::Asked { full: true, quiet: true, inputs: inputs.clone() };
        document.0.extend(reach::document(report, &asked).0);
    }
    document
}
