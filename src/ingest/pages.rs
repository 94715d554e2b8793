//! Lists that say that they are not all of it: a page of an API's answer, a part of it that could
//! not be reached. What is not in such a list may be there all the same.
//!
//! Sources: `nextPageToken`, `warning` and `unreachables` of the list methods of
//! <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls/list> and
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routers/aggregatedList>, `missingZones`
//! of <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/ListClustersResponse>,
//! `metadata.continue` of
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::ingest::fields::Fields;
use crate::model::listed::Listed;
use crate::model::{Complaint, Origin, Reference};

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
    /// The project that it is of, where it says one.
    project: Option<String>,
    /// Whether it is of one region or zone.
    of_part: bool,
    /// Whether it holds nothing.
    is_empty: bool,
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
        // All chunks of one answer of Kubernetes' are of one version.
        let version = metadata.text("resourceVersion").filter(|version| !version.is_empty());
        let id = read("id").and_then(|id| id.as_str().map(str::to_owned)).or(version);
        let link = ["selfLink", "id"].iter().find_map(|key| {
            read(key)?.as_str().filter(|link| link.contains("projects/")).map(str::to_owned)
        });
        let link = link.unwrap_or_default();
        let project = Reference::parse(&link).project;
        let of_part = ["/regions/", "/zones/"].iter().any(|part| link.contains(part));
        Self { kind: kind.to_owned(), id, lack, project, of_part, is_empty: false, origin }
    }

    /// The same, where it may hold nothing.
    #[must_use]
    pub(super) fn holding(mut self, nothing: bool) -> Self {
        self.is_empty = nothing && !self.of_part;
        self
    }

    /// What there is none of, and in which project, where this is a whole list of nothing.
    #[must_use]
    pub fn none_of(&self) -> Option<(Listed, Option<String>)> {
        let of = self.listed();
        let is_known = match of {
            // Not of policies, and not of what says no kind.
            Listed::Rules => self.kind == "compute#firewall",
            of => !matches!(of, Listed::Objects | Listed::Other),
        };
        (self.is_empty && self.lack.is_none() && is_known).then(|| (of, self.project.clone()))
    }

    /// The same, where it does not say what it is of.
    #[must_use]
    pub fn or_of_rules(mut self, is_of_rules: bool) -> Self {
        if self.kind.is_empty() && !is_of_rules {
            "unknown".clone_into(&mut self.kind);
        }
        self
    }

    /// A region or a zone of a list, which may tell that it could not be asked. That it holds
    /// nothing is told the same way.
    pub(super) fn of_scope(kind: &str, scope: &Members<'_>, origin: Origin) -> Option<Self> {
        let warning = serde_json::from_str::<Value>(scope.get("warning")?.get()).ok()?;
        let lack = warns(Fields(&warning)).then_some(Lack::Unreachable);
        lack.map(|lack| Self {
            kind: kind.to_owned(),
            id: None,
            lack: Some(lack),
            project: None,
            of_part: true,
            is_empty: false,
            origin,
        })
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

/// Other warnings are of what is there.
fn warns(warning: Fields<'_>) -> bool {
    const LACKING: [&str; 3] = ["UNREACHABLE", "PARTIAL_SUCCESS", "LIST_OVERHEAD_QUOTA_EXCEED"];
    warning.text("code").is_some_and(|code| LACKING.contains(&code.as_str()))
}

/// The lists that are not whole: nobody knows whether a page in the middle is missing, but where
/// the last one is there somebody gave them all. Pages that do not say what was asked are of one
/// answer where they are in one input.
#[must_use]
pub fn unfinished(pages: &[Page]) -> Vec<&Page> {
    fn answer(page: &Page) -> (&str, Option<&str>, Option<&str>) {
        let input = page.id.is_none().then_some(&*page.origin.path);
        (&page.kind, page.id.as_deref(), input)
    }
    let is_last = |page: &&Page| page.lack != Some(Lack::NextPage);
    let finished: BTreeSet<_> = pages.iter().filter(is_last).map(answer).collect();
    let lacks = |page: &&Page| match page.lack {
        None => false,
        Some(Lack::Unreachable) => true,
        Some(Lack::NextPage) => !finished.contains(&answer(page)),
    };
    pages.iter().filter(lacks).collect()
}
