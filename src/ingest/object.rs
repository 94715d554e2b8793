//! What all objects of Kubernetes have in common, and the fields that several kinds share.

use std::collections::BTreeMap;

use crate::ingest::fields::Fields;
use crate::model::workload::PortName;
use crate::model::{ObjectName, Origin};

/// One object on its way.
pub(super) struct Object<'a> {
    pub(super) id: ObjectName,
    pub(super) kind: &'a str,
    pub(super) is_beta: bool,
    pub(super) fields: Fields<'a>,
    pub(super) meta: Fields<'a>,
    pub(super) spec: Fields<'a>,
    pub(super) status: Fields<'a>,
    pub(super) origin: &'a Origin,
}

impl Object<'_> {
    /// Its annotations that are texts.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        texts(self.meta.at("annotations"))
    }
}

/// The namespace; one that a template is to fill in is not known.
pub(super) fn namespace(fields: Fields<'_>) -> String {
    let text = fields.text_or_empty("namespace");
    if text.contains("$(") || text.contains("{{") { String::new() } else { text }
}

/// An object of texts.
pub(super) fn texts(fields: Fields<'_>) -> BTreeMap<String, String> {
    let members = fields.0.as_object().into_iter().flatten();
    members.filter_map(|(key, _)| Some((key.clone(), fields.text(key)?))).collect()
}

/// A port; 0 is none.
pub(super) fn number(fields: Fields<'_>, key: &str) -> Option<u16> {
    fields.number(key).and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0)
}

/// A port by its number or its name.
pub(super) fn port_name(fields: Fields<'_>, key: &str) -> Option<PortName> {
    let text = fields.text(key).filter(|text| !text.is_empty())?;
    // Old manifests spell out 0, which means that it is not said.
    let port = text.parse().map_or(PortName::Name(text), PortName::Number);
    Some(port).filter(|port| *port != PortName::Number(0))
}
