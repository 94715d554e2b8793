//! Reading the fields of a document as exports really write them: numbers as strings, booleans as
//! strings, one value where a list is meant. Past this rim no untyped value goes.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::Reference;
use crate::net::{IpNet, parse_cidr};

/// A document, or an object inside of one.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Value);

/// So many members are found faster one by one than by their hash.
const FEW: usize = 24;

impl<'a> Fields<'a> {
    /// The value under `key`, null or not.
    #[must_use]
    pub fn get(self, key: &str) -> Option<&'a Value> {
        let members = self.0.as_object()?;
        if members.len() > FEW {
            return members.get(key);
        }
        members.iter().find(|(own, _)| own.as_str() == key).map(|(_, value)| value)
    }

    /// The object under `key`, empty where there is none.
    #[must_use]
    pub fn at(self, key: &str) -> Fields<'a> {
        static NOTHING: Value = Value::Null;
        Fields(self.get(key).unwrap_or(&NOTHING))
    }

    /// Whether there is a value under `key` that is not null.
    #[must_use]
    pub fn has(self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_null())
    }

    /// The text under `key`; numbers and booleans are spelled out.
    #[must_use]
    pub fn text(self, key: &str) -> Option<String> {
        self.lent(key).map(Cow::into_owned)
    }

    /// The same, as the document holds it where it is one.
    fn lent(self, key: &str) -> Option<Cow<'a, str>> {
        scalar(self.get(key)?)
    }

    /// The text under `key`, empty where there is none.
    #[must_use]
    pub fn text_or_empty(self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// The text under the first of `keys` that has one.
    #[must_use]
    pub fn first_text(self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key).filter(|text| !text.is_empty()))
    }

    /// The whole number under `key`, also written as text or as a float.
    #[must_use]
    pub fn number(self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        value.as_u64().or_else(|| {
            let text = scalar(value)?;
            text.strip_suffix(".0").unwrap_or(&text).parse().ok()
        })
    }

    /// Whether this is a text itself that says something.
    #[must_use]
    pub fn has_text(self) -> bool {
        scalar(self.0).is_some_and(|text| !text.is_empty())
    }

    /// The boolean under `key`, also written as text.
    #[must_use]
    pub fn flag(self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The elements under `key`; one value alone counts as a list of one.
    pub fn list(self, key: &str) -> impl Iterator<Item = Fields<'a>> + use<'a> {
        let value = self.get(key);
        let (many, one): (&[Value], _) = match value {
            Some(Value::Array(list)) => (list, None),
            Some(Value::Null) | None => (&[], None),
            // A table, or a tool between, writes none so.
            Some(Value::String(text)) if text.trim().is_empty() => (&[], None),
            one => (&[], one),
        };
        many.iter().chain(one).map(Fields)
    }

    /// The texts under `key`.
    #[must_use]
    pub fn texts(self, key: &str) -> Vec<String> {
        self.lent_texts(key).map(Cow::into_owned).collect()
    }

    /// The same, as the document holds them.
    fn lent_texts(self, key: &str) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        self.list(key).filter_map(|element| scalar(element.0))
    }

    /// The names under `key`, none of which holds a comma or a semicolon: selected by
    /// `gcloud … --format`, a list may come as one text, joined by either
    /// (<https://cloud.google.com/sdk/gcloud/reference/topic/projections>, `list`, and
    /// <https://cloud.google.com/sdk/gcloud/reference/topic/formats>, `csv`).
    #[must_use]
    pub fn names(self, key: &str) -> Vec<String> {
        let mut names = Vec::new();
        for text in self.lent_texts(key) {
            let own = text.split([',', ';']).map(str::trim).filter(|name| !name.is_empty());
            names.extend(own.map(str::to_owned));
        }
        names
    }

    /// The range or address under `key`.
    #[must_use]
    pub fn range(self, key: &str) -> Option<IpNet> {
        parse_cidr(&self.lent(key)?)
    }

    /// How many elements under `key` are no text: null, or an object that stands for something.
    #[must_use]
    pub fn strange(self, key: &str) -> usize {
        self.list(key).filter(|element| scalar(element.0).is_none()).count()
    }

    /// The ranges under `key`, and how many elements are none.
    #[must_use]
    pub fn ranges(self, key: &str) -> (Vec<IpNet>, usize) {
        let mut bad = self.strange(key);
        let mut ranges = Vec::new();
        for text in self.lent_texts(key) {
            match parse_cidr(&text) {
                Some(range) => ranges.push(range),
                None => bad += 1,
            }
        }
        (ranges, bad)
    }

    /// The reference under `key`.
    #[must_use]
    pub fn reference(self, key: &str) -> Option<Reference> {
        self.lent(key).filter(|text| !text.is_empty()).map(|text| Reference::parse(&text))
    }

    /// The project that the document's own link names.
    #[must_use]
    pub fn project(self) -> Option<String> {
        ["selfLink", "selfLinkWithId", "id"].iter().find_map(|key| self.reference(key)?.project)
    }

    /// The document's own reference: name, and project and location as far as they are said.
    #[must_use]
    pub fn own_reference(self) -> Option<Reference> {
        let name = self.lent("name").filter(|name| !name.is_empty())?;
        let link = self.reference("selfLink").unwrap_or_default();
        let location = ["location", "region", "zone"]
            .iter()
            .find_map(|key| self.reference(key))
            .map(|place| place.name);
        Some(Reference {
            project: link.project.or_else(|| self.project()),
            location: link.location.or(location),
            name: name.rsplit('/').next().unwrap_or(&name).to_owned(),
        })
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text.trim())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
        _ => None,
    }
}
