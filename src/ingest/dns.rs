//! Cloud DNS as gcloud and the REST API describe it: zones, record sets, response policies and
//! server policies (<https://cloud.google.com/dns/docs/reference/rest/v1>).

use crate::ingest::fields::Fields;
use crate::ingest::kept;
use crate::ingest::terraform_resources::RESOURCE;
use crate::model::listed::Listed;
use crate::model::{
    Inventory, ManagedZone, NameServerPolicy, Origin, RecordSet, Reference, ResponsePolicy,
    ResponseRule, ZoneTarget,
};

/// A managed zone.
pub fn zone(fields: Fields<'_>, origin: &Origin) -> Option<ManagedZone> {
    let visible = fields.at("privateVisibilityConfig");
    let visibility = fields.text("visibility");
    // The API writes these of every zone, and who sees it of every private one.
    let is_whole = ["kind", "id", "creationTime", RESOURCE].iter().any(|key| fields.has(key));
    let says_who = fields.has("privateVisibilityConfig") || visibility.as_deref() == Some("public");
    let strange = |key: &str| visible.list(key).any(|one| one.0.as_object().is_none());
    let is_odd = visibility.as_deref().is_some_and(|said| !["public", "private"].contains(&said))
        || ["networks", "gkeClusters"].into_iter().any(strange)
        || visible.list("networks").any(|one| one.reference("networkUrl").is_none());
    let is_odd = is_odd || is_damaged(fields, "privateVisibilityConfig");
    let is_hidden = !is_whole && !says_who || is_odd;
    Some(ManagedZone {
        id: fields.own_reference()?,
        dns_name: fields.text("dnsName")?,
        private: match visibility.as_deref() {
            Some(said) => said == "private" || is_odd,
            None => is_hidden || fields.has("privateVisibilityConfig"),
        },
        is_hidden,
        networks: networks(visible),
        clusters: clusters(visible),
        target: if fields.has("forwardingConfig") {
            ZoneTarget::Forwarding
        } else if fields.has("peeringConfig") {
            let to = fields.at("peeringConfig").at("targetNetwork");
            ZoneTarget::Peering(to.reference("networkUrl"))
        } else {
            ZoneTarget::Records
        },
        kept: kept::exported(fields, origin),
        origin: origin.clone(),
    })
}

/// Whether something is there that is no object.
fn is_damaged(fields: Fields<'_>, key: &str) -> bool {
    fields.get(key).is_some_and(|value| !value.is_object())
}

/// Reads a record set. What one answers that says nothing is not known: records may be missing.
pub fn record_set(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let set = RecordSet {
        name: fields.text("name")?,
        kind: fields.text("type")?,
        // Only Terraform says it.
        zone: fields.reference("managedZone"),
        data: answers(fields),
        kept: kept::exported(fields, origin),
        origin: origin.clone(),
    };
    if set.data.is_empty() || !set.data.iter().all(|text| set.is_readable(text)) {
        into.lists.partial.insert(Listed::Records);
    }
    into.record_sets.push(set);
    Some(())
}

/// What a record set answers; a routing policy has several answers, and which of them is given
/// depends on who asks and on what is healthy
/// (<https://cloud.google.com/dns/docs/reference/rest/v1/resourceRecordSets>, `routingPolicy`).
pub(super) fn answers<'a>(record: Fields<'a>) -> Vec<String> {
    // Of addresses a list may have become one text.
    let is_of_addresses = matches!(record.text("type").as_deref(), Some("A" | "AAAA"));
    let mut all = match is_of_addresses {
        true => record.names("rrdatas"),
        false => record.texts("rrdatas"),
    };
    let policy = record.at("routingPolicy");
    let backup = policy.at("primaryBackup");
    // A list of the API's stands under `items`; in manifests and configurations it is the list.
    let listed = |of: Fields<'a>, key: &str| match of.at(key).has("items") {
        true => of.at(key).list("items").collect::<Vec<_>>(),
        false => of.list(key).collect(),
    };
    let items = [
        listed(policy, "wrr"),
        listed(policy, "geo"),
        listed(backup, "backupGeoTargets"),
        listed(backup, "backupGeo"),
    ];
    let mut targets = vec![backup.at("primaryTargets"), backup.at("primary")];
    for item in items.into_iter().flatten() {
        all.extend(item.texts("rrdatas"));
        targets.push(item.at("healthCheckedTargets"));
    }
    for target in targets {
        let balancers = target.list("internalLoadBalancers");
        all.extend(balancers.filter_map(|one| one.text("ipAddress")));
        all.extend(target.texts("externalEndpoints"));
    }
    all
}

fn networks(fields: Fields<'_>) -> Vec<Reference> {
    fields.list("networks").filter_map(|one| one.reference("networkUrl")).collect()
}

fn clusters(fields: Fields<'_>) -> Vec<String> {
    let all = fields.list("gkeClusters");
    all.filter_map(|one| Some(one.reference("gkeClusterName")?.name)).collect()
}

/// A response policy.
pub fn response_policy(fields: Fields<'_>, origin: &Origin) -> Option<ResponsePolicy> {
    let name = fields.first_text(&["responsePolicyName", "name"])?;
    Some(ResponsePolicy {
        id: Reference { project: fields.project(), ..Reference::parse(&name) },
        networks: networks(fields),
        clusters: clusters(fields),
        is_hidden: is_hidden(fields),
        origin: origin.clone(),
    })
}

/// Whether it is not known whom a response policy answers for: a selection left it out, or it
/// cannot be read.
fn is_hidden(fields: Fields<'_>) -> bool {
    let is_whole = ["kind", "id", RESOURCE].iter().any(|key| fields.has(key));
    let says = ["networks", "gkeClusters"].iter().any(|key| fields.get(key).is_some());
    let unreadable = fields.get("networks").is_some_and(|value| !value.is_array())
        || fields.list("networks").any(|one| one.reference("networkUrl").is_none());
    !is_whole && !says || unreadable
}

/// A rule of one.
pub fn response_rule(fields: Fields<'_>, origin: &Origin) -> Option<ResponseRule> {
    Some(ResponseRule {
        name: fields.first_text(&["ruleName", "name"]).unwrap_or_default(),
        policy: fields.reference("responsePolicy"),
        dns_name: fields.text("dnsName")?,
        records: local_data(fields),
        origin: origin.clone(),
    })
}

/// The records that a rule of a response policy answers with.
#[must_use]
pub fn local_data(fields: Fields<'_>) -> Vec<(String, Vec<String>)> {
    let all = fields.at("localData").list("localDatas");
    all.filter_map(|one| Some((one.text("type")?, one.texts("rrdatas")))).collect()
}

/// A server policy, where it names other name servers.
#[must_use]
pub fn name_servers(fields: Fields<'_>, origin: &Origin) -> Option<NameServerPolicy> {
    let servers = fields.at("alternativeNameServerConfig");
    servers.list("targetNameServers").next()?;
    Some(NameServerPolicy {
        id: fields.own_reference()?,
        networks: networks(fields),
        origin: origin.clone(),
    })
}
