//! Changes of other resources than rules as gcloud commands, Config Connector manifests and
//! Terraform. Every name was validated before ([`ResourceChange::is_printable`]); documents are
//! serialised.
//!
//! `gcloud compute routes create kf-to-google-apis --network=kf …`

mod commands;
mod manifests;
mod setting;
pub(super) mod terraform;

use crate::model::Reference;
use crate::model::kept::Form;
use crate::render::cnrm;
use crate::render::escape::is_harmless;
use crate::suggest::ResourceChange;
use crate::suggest::name::resource_name;
use crate::suggest::resource::NewRecord;

/// The languages it can be said in, best first.
#[must_use]
pub fn forms(change: &ResourceChange) -> Vec<(&'static str, String)> {
    let cnrm = cnrm::documents(&manifests::of(change));
    let all =
        [("gcloud", commands::of(change)), ("cnrm", cnrm), ("terraform", terraform::of(change))];
    let mut forms: Vec<_> =
        all.into_iter().filter(|(_, text)| !text.is_empty() && is_harmless(text)).collect();
    // What is kept as it is written is changed there; a command would be undone.
    let first = change.kept().map(|kept| &kept.form);
    forms.sort_by_key(|(language, _)| match first {
        Some(Form::Manifest) => *language != "cnrm",
        Some(Form::Terraform(_)) => *language != "terraform",
        _ => false,
    });
    forms
}

/// What the object of a record set is called.
fn record_name(zone: &Reference, record: &NewRecord) -> String {
    let name = record.name.replace('*', "any");
    resource_name(&[&zone.name, &name, record.kind])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same_change() {
        let network = Reference::new(Some("p-1"), "kf");
        let change = ResourceChange::AddRecords {
            zone: Reference::new(Some("p-1"), "gcr"),
            made: Some(("gcr.io.".to_owned(), network)),
            records: vec![NewRecord {
                name: "*.gcr.io.".to_owned(),
                kind: "CNAME",
                data: vec!["gcr.io.".to_owned()],
            }],
        };
        assert!(change.is_printable());
        let forms = forms(&change);
        let [("gcloud", gcloud), ("cnrm", cnrm), ("terraform", terraform)] = forms.as_slice()
        else {
            panic!("{forms:?}")
        };
        let expected = "gcloud dns record-sets create '*.gcr.io.' --project=p-1 --zone=gcr \
                        --type=CNAME --ttl=300 --rrdatas=gcr.io.";
        assert_eq!(gcloud.lines().nth(1), Some(expected));
        assert!(cnrm.contains("projects/p-1/global/networks/kf"), "{cnrm}");
        assert!(terraform.contains("network_url = \"projects/p-1/global/networks/kf\""));
        let hostile = ResourceChange::AddRoute {
            id: Reference::new(None, "a;b"),
            network: Reference::new(None, "kf"),
            destination: "10.0.0.0/8".parse().unwrap(),
        };
        assert!(!hostile.is_printable());
    }
}
