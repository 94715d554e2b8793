//! An object as it was given, for those who print a change of it: what nothing here is decided by
//! has to stay as it is.
//!
//! ```text
//! {"kind": "ComputeSubnetwork", "metadata": {"labels": …}, "spec": {"logConfig": …}}
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::model::Origin;

/// What the text of an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// An answer of the API.
    Export,
    /// A manifest, which Config Connector keeps the resource by.
    Manifest,
    /// A resource of Terraform's, which keeps it by that.
    Terraform(TerraformResource),
}

/// The text of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub form: Form,
    /// The object as it was given; of Terraform's, with the names of REST.
    pub text: Arc<Value>,
    /// Where it was read.
    pub origin: Origin,
}

impl Kept {
    /// The manifest, where it is one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Value> {
        (self.form == Form::Manifest).then_some(&*self.text)
    }

    /// A field as it was given; those of a manifest stand in its `spec`.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Value> {
        let root = match self.manifest() {
            Some(manifest) => manifest.get("spec")?,
            None => &*self.text,
        };
        root.get(key).filter(|value| !value.is_null())
    }

    /// Of two texts of one object the one where it is changed.
    pub fn prefer(one: &mut Option<Self>, other: Option<&Self>) {
        let is_kept = |kept: &Self| kept.form != Form::Export;
        if let Some(other) = other.filter(|other| is_kept(other))
            && !one.as_ref().is_some_and(is_kept)
        {
            *one = Some(other.clone());
        }
    }

    /// Who keeps it as it is written, and where that is; `None` where nobody does.
    #[must_use]
    pub fn keeper(&self) -> Option<(&'static str, String)> {
        match &self.form {
            Form::Export => None,
            Form::Manifest => Some(("Config Connector", self.origin.to_string())),
            Form::Terraform(resource) => Some(("Terraform", resource.place())),
        }
    }
}

/// Whether a value says anything: what is empty, or not so, is as good as not there.
#[must_use]
pub fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(says),
        Value::Object(members) => members.iter().any(|(key, value)| key != "kind" && says(value)),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// A resource in a configuration of Terraform's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerraformResource {
    /// Where it stands: `module.net.google_compute_firewall.web`.
    pub address: String,
    /// Its own name there.
    pub name: String,
    /// Whether `count` or `for_each` makes several of one block: none of them is written by itself.
    pub is_one_of_several: bool,
}

impl TerraformResource {
    /// Where it is changed.
    #[must_use]
    pub fn place(&self) -> String {
        let of = if self.is_one_of_several { ", one of several that its block makes" } else { "" };
        format!("{}{of}", self.address)
    }
}
