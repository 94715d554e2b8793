//! Lists that say that they are not all of it: a page of an API's answer, a part of it that could
//! not be reached. What is not in such a list may be there all the same.
//!
//! Sources: `nextPageToken`, `warning` and `unreachables` of the list methods of
//! <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls/list> and
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routers/aggregatedList>, `missingZones`
//! of <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/ListClustersResponse>,
//! `metadata.continue` of
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::ingest::fields::Fields;
use crate::model::listed::Listed;
use crate::model::{Complaint, Origin};

/// What a list lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// What the next page holds.
    NextPage,
    /// What the API could not ask.
    Unreachable,
}

/// A list, or a page of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The kind of its elements, as far as it says it.
    kind: String,
    /// What was asked: the same for all pages of an answer.
    id: Option<String>,
    lack: Option<Lack>,
    /// Where it stands.
    pub origin: Origin,
}

/// The members of an object, unread.
pub(super) type Members<'t> = BTreeMap<String, &'t RawValue>;

impl Page {
    /// The list that has these members besides its elements.
    pub(super) fn of(kind: &str, members: &Members<'_>, origin: Origin) -> Self {
        let read = |key: &str| serde_json::from_str::<Value>(members.get(key)?.get()).ok();
        let said = |key: &str| read(key).is_some_and(|value| Fields(&value).has_text());
        let metadata = read("metadata").unwrap_or_default();
        let metadata = Fields(&metadata);
        let left = metadata.number("remainingItemCount").is_some_and(|left| left > 0);
        let goes_on = said("nextPageToken") || metadata.at("continue").has_text() || left;
        let some = |key: &str| read(key).is_some_and(|list| is_some(&list));
        let is_partial = ["unreachables", "missingZones"].into_iter().any(some)
            || read("warning").is_some_and(|warning| warns(Fields(&warning)));
        let lack = match (is_partial, goes_on) {
            (true, _) => Some(Lack::Unreachable),
            (false, true) => Some(Lack::NextPage),
            (false, false) => None,
        };
        let id = read("id").and_then(|id| id.as_str().map(str::to_owned));
        Self { kind: kind.to_owned(), id, lack, origin }
    }

    /// A region or a zone of a list, which may tell that it could not be asked. That it holds
    /// nothing is told the same way.
    pub(super) fn of_scope(kind: &str, scope: &Members<'_>, origin: Origin) -> Option<Self> {
        let warning = serde_json::from_str::<Value>(scope.get("warning")?.get()).ok()?;
        let lack = warns(Fields(&warning)).then_some(Lack::Unreachable);
        lack.map(|lack| Self { kind: kind.to_owned(), id: None, lack: Some(lack), origin })
    }

    /// What it is a list of.
    #[must_use]
    pub fn listed(&self) -> Listed {
        Listed::of(&self.kind)
    }

    /// What somebody is told of it.
    #[must_use]
    pub fn complaint(&self) -> Complaint {
        let (message, did) = match self.lack {
            Some(Lack::Unreachable) => (
                "a list of which a part could not be reached, as it says itself",
                "kept what is here; ask again for the whole",
            ),
            _ => (
                "a page of a list, and the next one was not given",
                "kept what is here; give the other pages, or gcloud's list, which holds all",
            ),
        };
        let path = self.origin.path.to_string();
        Complaint { path, line: self.origin.line, byte: 0, message: message.to_owned(), did }
    }
}

fn is_some(list: &Value) -> bool {
    list.as_array().is_some_and(|list| !list.is_empty())
}

fn warns(warning: Fields<'_>) -> bool {
    warning.text("code").is_some_and(|code| code != "NO_RESULTS_ON_PAGE")
}

/// The lists that are not whole: nobody knows whether a page in the middle is missing, but where
/// the last one is there somebody gave them all.
#[must_use]
pub fn unfinished(pages: &[Page]) -> Vec<&Page> {
    let is_last = |page: &Page, of: &Page| {
        page.lack != Some(Lack::NextPage) && (&page.kind, &page.id) == (&of.kind, &of.id)
    };
    let lacks = |page: &&Page| match page.lack {
        None => false,
        Some(Lack::Unreachable) => true,
        Some(Lack::NextPage) => !pages.iter().any(|other| is_last(other, page)),
    };
    pages.iter().filter(lacks).collect()
}
