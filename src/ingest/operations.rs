//! Operations of GKE, as `gcloud container operations list|describe` prints them.
//!
//! Fields:
//! <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.operations>.

use crate::ingest::fields::Fields;
use crate::model::cluster::{Operation, State};
use crate::model::{Inventory, Origin, Reference};

/// Reads one of them.
pub fn operation(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let name = fields.text("name").filter(|name| !name.is_empty())?;
    let error = fields.at("error");
    let mut messages = Vec::new();
    messages.extend(error.text("message"));
    messages.extend(fields.text("statusMessage"));
    messages.extend(fields.text("detail"));
    for list in ["clusterConditions", "nodepoolConditions"] {
        messages.extend(fields.list(list).filter_map(|one| one.text("message")));
    }
    messages.retain(|message| !message.trim().is_empty());
    messages.dedup();
    let failed = error.text("message").is_some_and(|text| !text.is_empty())
        || error.number("code").is_some_and(|code| code != 0)
        || fields.text("statusMessage").is_some_and(|text| !text.is_empty());
    into.operations.push(Operation {
        name,
        kind: fields.text_or_empty("operationType"),
        // Of a node pool, its cluster.
        target: fields
            .text("targetLink")
            .map(|link| Reference::parse(link.split("/nodePools/").next().unwrap_or(&link))),
        stages: stages(fields.at("progress")),
        failed,
        state: State { status: fields.text_or_empty("status"), messages },
        origin: origin.clone(),
    });
    Some(())
}

/// `CLUSTER_HEALTHCHECKING RUNNING: nodes done 0, nodes total 3`, stage by stage.
fn stages(progress: Fields<'_>) -> Vec<String> {
    let metrics = |of: Fields<'_>| {
        let one = |metric: Fields<'_>| {
            let value = metric.first_text(&["intValue", "stringValue", "doubleValue"])?;
            Some(format!("{} {value}", metric.text_or_empty("name").to_lowercase()))
        };
        of.list("metrics").filter_map(one).collect::<Vec<_>>().join(", ")
    };
    let line = |of: Fields<'_>| {
        let head = format!("{} {}", of.text_or_empty("name"), of.text_or_empty("status"));
        let metrics = metrics(of);
        let colon = if metrics.is_empty() { "" } else { ": " };
        format!("{}{colon}{metrics}", head.trim())
    };
    let mut all: Vec<String> =
        std::iter::once(progress).chain(progress.list("stages")).map(line).collect();
    all.retain(|line| !line.is_empty());
    all
}
