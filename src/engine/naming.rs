//! What a VM or a pod of a network gets for a name, from the zones and policies that were given.
//!
//! Other name servers of a server policy take everything. Else what the cluster sees is asked
//! before what the network sees, and of each the rules of response policies before private zones;
//! the longest suffix answers. What a zone has no record for does not exist, and public DNS is not
//! asked (<https://cloud.google.com/dns/docs/vpc-name-res-order>). A wildcard does not cover the
//! name that it stands under.
//!
//! ```text
//! eu.gcr.io   zone gcr.io.: CNAME *.gcr.io. > gcr.io.: A 199.36.153.4 …
//! ```

use std::net::IpAddr;

pub use crate::engine::authority::{Authority, Unseen};
pub use crate::engine::domains::{domain_on_both, is_googles, is_served_by, plain};

use crate::engine::authority::{own_rules, rule_for};
use crate::engine::records::{answers, is_anybodys, is_of, longest};
use crate::model::listed::Listed;
use crate::model::{
    Inventory, ManagedZone, Origin, RecordSet, Reference, ResponsePolicy, ResponseRule, ZoneTarget,
};
use crate::net::parse_address;
use crate::net::well_known::vips;

/// Records that were followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Their name.
    pub name: String,
    /// Their type.
    pub kind: String,
    /// What they hold.
    pub data: Vec<String>,
}

/// What a name comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved<'a> {
    /// Addresses, out of private records, in the order in which they were followed.
    Addresses(Vec<IpAddr>, Vec<Step>, Authority<'a>),
    /// A private zone answers that there is no such name.
    NoSuchName {
        /// The zone.
        zone: &'a ManagedZone,
        /// The name that it was asked for: the alias' target, where one was followed.
        name: String,
        /// The records that led there.
        followed: Vec<Step>,
    },
    /// The records of the zone that answers were not given.
    RecordsNotGiven(&'a ManagedZone),
    /// Somebody else answers for the zone: other name servers, or another network.
    Elsewhere(&'a ManagedZone),
    /// What answers is known, and not what it answers: what, why, and where it was read.
    Undecided(String, &'static str, &'a Origin),
    /// Public DNS, under this name. A private zone of that suffix, or a rule for it, may be there,
    /// and not be seen from here.
    Public(String, Option<Unseen<'a>>),
    /// Aliases that lead in a circle.
    Circle(Authority<'a>),
}

/// Aliases are followed so far.
const MOST_ALIASES: usize = 8;

/// Who asks.
struct Asker<'q> {
    network: &'q Reference,
    cluster: Option<&'q str>,
}

/// Resolves `host`, asked in `network`, on a node or a pod of `cluster`.
#[must_use]
pub fn resolve<'a>(
    inventory: &'a Inventory,
    network: &Reference,
    cluster: Option<&str>,
    host: &str,
) -> Resolved<'a> {
    let servers = &inventory.name_servers;
    let of_network = |networks: &[Reference]| networks.iter().any(|one| one.agrees(network));
    if let Some(policy) = servers.iter().find(|policy| of_network(&policy.networks)) {
        let why = "it sends every name of the network to other name servers";
        return Resolved::Undecided(format!("DNS policy {}", policy.id.name), why, &policy.origin);
    }
    let asker = Asker { network, cluster };
    let mut name = plain(host);
    let mut followed: Vec<Step> = Vec::new();
    let mut last = None;
    for _ in 0..MOST_ALIASES {
        let answer = match asker.by_policy(inventory, &name, Sees::Cluster) {
            Found::Nothing => asker.by_zone(inventory, &name, Sees::Cluster),
            found => found,
        };
        let answer = match answer {
            Found::Nothing => match asker.by_policy(inventory, &name, Sees::Network) {
                Found::Nothing => asker.by_zone(inventory, &name, Sees::Network),
                found => found,
            },
            found => found,
        };
        let (steps, authority) = match answer {
            Found::Nothing => return outside(inventory, &asker, name, followed, last),
            Found::End(end) => return end,
            Found::None(zone) => return Resolved::NoSuchName { zone, name, followed },
            Found::Records(steps, authority) => (steps, authority),
        };
        last = Some(authority);
        if let Some(alias) = steps.iter().find(|one| one.kind == "CNAME") {
            let target = alias.data.first().map(|text| plain(text)).unwrap_or_default();
            // The wildcard that leads to the VIP's name stands for that name, too, where it has no
            // record of its own.
            match authority {
                Authority::Zone(zone) if target == name => {
                    return match inventory.is_partial(Listed::Records) {
                        true => Resolved::RecordsNotGiven(zone),
                        false => Resolved::NoSuchName { zone, name, followed },
                    };
                }
                _ => {}
            }
            followed.push(alias.clone());
            name = target;
            continue;
        }
        let addresses: Vec<IpAddr> =
            steps.iter().flat_map(|one| &one.data).filter_map(|text| parse_address(text)).collect();
        match (authority, addresses.is_empty()) {
            (Authority::Zone(zone), true) => {
                return Resolved::NoSuchName { zone, name, followed };
            }
            (Authority::Rule(rule), true) => {
                let why = "it answers with records of other types";
                return Resolved::Undecided(authority.label(), why, &rule.origin);
            }
            _ => {}
        }
        followed.extend(steps);
        return Resolved::Addresses(addresses, followed, authority);
    }
    match last {
        Some(authority) => Resolved::Circle(authority),
        None => Resolved::Public(name, None),
    }
}

/// Whether a network sends names of Google's somewhere by private zones, or by rules of response
/// policies: to a VIP, mostly.
#[must_use]
pub fn redirects_google(inventory: &Inventory, network: &Reference) -> bool {
    let here = |networks: &[Reference]| networks.iter().any(|one| one.agrees(network));
    let by_zone =
        |zone: &ManagedZone| zone.private && here(&zone.networks) && is_googles(&zone.dns_name);
    let by_rule = |policy: &ResponsePolicy| {
        let answers = |rule: &&ResponseRule| {
            let name = rule.dns_name.strip_prefix("*.").unwrap_or(&rule.dns_name);
            !rule.records.is_empty() && is_googles(name)
        };
        here(&policy.networks) && own_rules(inventory, policy).iter().any(answers)
    };
    inventory.zones.iter().any(by_zone) || inventory.response_policies.iter().any(by_rule)
}

/// What public DNS answers, where nothing of the network's does.
fn outside<'a>(
    inventory: &'a Inventory,
    asker: &Asker<'_>,
    name: String,
    mut followed: Vec<Step>,
    last: Option<Authority<'a>>,
) -> Resolved<'a> {
    // It tells everybody where the names of the VIPs themselves lead.
    if let (Some(authority), Some(vip)) = (last, vips().find(|vip| vip.name == name)) {
        let addresses = vip.addresses();
        let data = addresses.iter().map(ToString::to_string).collect();
        followed.push(Step { name, kind: "A".to_owned(), data });
        return Resolved::Addresses(addresses, followed, authority);
    }
    // A zone for all names is how another network resolves them, and nothing of this one's.
    let unseen = |zone: &&ManagedZone| {
        zone.private
            && !plain(&zone.dns_name).is_empty()
            && !asker.sees(&zone.networks, &zone.clusters)
    };
    let zone = longest(inventory.zones.iter().filter(unseen), &name).map(Unseen::Zone);
    let by_policy = || {
        let policies = inventory.response_policies.iter();
        let mut unseen = policies.filter(|one| !asker.sees(&one.networks, &one.clusters));
        unseen.find_map(|policy| {
            let rule = rule_for(&own_rules(inventory, policy), &name)?;
            (!rule.records.is_empty()).then_some(Unseen::Policy(policy, rule))
        })
    };
    Resolved::Public(name.clone(), zone.or_else(by_policy))
}

/// By what something is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    Cluster,
    Network,
}

/// What one kind of authority says.
enum Found<'a> {
    /// It is not asked.
    Nothing,
    /// It answers with these.
    Records(Vec<Step>, Authority<'a>),
    /// It answers that there is nothing.
    None(&'a ManagedZone),
    /// It ends the search.
    End(Resolved<'a>),
}

impl Asker<'_> {
    fn holds(&self, networks: &[Reference], clusters: &[String], by: Sees) -> bool {
        match by {
            Sees::Cluster => {
                self.cluster.is_some_and(|name| clusters.iter().any(|one| one == name))
            }
            Sees::Network => networks.iter().any(|one| one.agrees(self.network)),
        }
    }

    fn sees(&self, networks: &[Reference], clusters: &[String]) -> bool {
        [Sees::Cluster, Sees::Network].into_iter().any(|by| self.holds(networks, clusters, by))
    }

    fn by_policy<'a>(&self, inventory: &'a Inventory, name: &str, by: Sees) -> Found<'a> {
        let policies = &inventory.response_policies;
        let hidden = |one: &&ResponsePolicy| one.is_hidden && by == Sees::Network;
        if let Some(policy) = policies.iter().find(hidden)
            && let Some(rule) = rule_for(&own_rules(inventory, policy), name)
            && !rule.records.is_empty()
        {
            let why = "which networks it answers for cannot be read, or was not exported: gcloud \
                       dns response-policies list --format=json";
            let what = format!("response policy {}", policy.id.name);
            return Found::End(Resolved::Undecided(what, why, &policy.origin));
        }
        for policy in policies.iter().filter(|one| self.holds(&one.networks, &one.clusters, by)) {
            let rules = own_rules(inventory, policy);
            if rules.is_empty() {
                let unknown = inventory.response_rules.iter().any(|rule| rule.policy.is_none());
                let why = match unknown {
                    true => "which of the rules that were given are its own is not said",
                    false => "its rules were not given: gcloud dns response-policies rules list",
                };
                let what = format!("response policy {}", policy.id.name);
                return Found::End(Resolved::Undecided(what, why, &policy.origin));
            }
            let Some(rule) = rule_for(&rules, name) else { continue };
            // A rule without records lets the name pass to the zones.
            if rule.records.is_empty() {
                return Found::Nothing;
            }
            let steps = rule.records.iter().map(|(kind, data)| Step {
                name: rule.dns_name.clone(),
                kind: kind.clone(),
                data: data.clone(),
            });
            return Found::Records(steps.collect(), Authority::Rule(rule));
        }
        Found::Nothing
    }

    /// What another network answers, as its own order has it
    /// (<https://cloud.google.com/dns/docs/zones/peering-zones>); `None` where its zones do not
    /// tell: they may not all have been given, and what it peers with in turn is not followed.
    fn by_peer<'a>(
        &self,
        inventory: &'a Inventory,
        name: &str,
        network: &Reference,
    ) -> Option<Found<'a>> {
        let sees = |zone: &&ManagedZone| {
            zone.private && zone.networks.iter().any(|one| one.agrees(network))
        };
        let zone = longest(inventory.zones.iter().filter(sees), name)?;
        let there = Asker { network, cluster: None };
        (zone.target == ZoneTarget::Records && !network.agrees(self.network)).then_some(())?;
        Some(match there.by_policy(inventory, name, Sees::Network) {
            Found::Nothing => there.by_zone(inventory, name, Sees::Network),
            found => found,
        })
    }

    fn by_zone<'a>(&self, inventory: &'a Inventory, name: &str, by: Sees) -> Found<'a> {
        let seen =
            |zone: &&ManagedZone| zone.private && self.holds(&zone.networks, &zone.clusters, by);
        let zone = longest(inventory.zones.iter().filter(seen), name);
        let hidden = |zone: &&ManagedZone| zone.is_hidden && by == Sees::Network;
        if let Some(hidden) = longest(inventory.zones.iter().filter(hidden), name)
            && zone.is_none_or(|zone| zone.dns_name.len() < hidden.dns_name.len())
        {
            let why = "which networks see it was not exported: gcloud dns managed-zones list \
                       --format=json";
            let what = format!("managed zone {}", hidden.id.name);
            return Found::End(Resolved::Undecided(what, why, &hidden.origin));
        }
        let Some(zone) = zone else { return Found::Nothing };
        if let ZoneTarget::Peering(Some(to)) = &zone.target
            && let Some(found) = self.by_peer(inventory, name, to)
        {
            return found;
        }
        if zone.target != ZoneTarget::Records {
            return Found::End(Resolved::Elsewhere(zone));
        }
        let records: Vec<&RecordSet> =
            inventory.record_sets.iter().filter(|one| is_of(inventory, one, zone)).collect();
        if records.is_empty() {
            return Found::End(Resolved::RecordsNotGiven(zone));
        }
        if records.iter().any(|one| is_anybodys(inventory, one, zone)) {
            let why = "several zones have this name, and the records do not say whose they are: \
                       write those of each into a file called records-ZONE.json";
            let what = format!("managed zone {}", zone.id.name);
            return Found::End(Resolved::Undecided(what, why, &zone.origin));
        }
        let answers = answers(&records, name, &plain(&zone.dns_name));
        let says = |one: &&RecordSet| one.data.iter().any(|text| one.is_readable(text));
        if !answers.iter().any(says) && inventory.is_partial(Listed::Records) {
            return Found::End(Resolved::RecordsNotGiven(zone));
        }
        if answers.is_empty() {
            return Found::None(zone);
        }
        let steps = answers.into_iter().map(|one| Step {
            name: one.name.clone(),
            kind: one.kind.clone(),
            data: one.data.clone(),
        });
        Found::Records(steps.collect(), Authority::Zone(zone))
    }
}

#[cfg(test)]
mod tests {
    use super::{Resolved, Unseen, resolve};
    use crate::model::{
        Inventory, ManagedZone, NameServerPolicy, Origin, RecordSet, Reference, ResponsePolicy,
        ResponseRule, ZoneTarget,
    };

    fn zone(name: &str, dns_name: &str, network: &str) -> ManagedZone {
        ManagedZone {
            id: Reference::new(None, name),
            dns_name: dns_name.to_owned(),
            private: true,
            networks: vec![Reference::new(None, network)],
            clusters: Vec::new(),
            is_hidden: false,
            target: ZoneTarget::Records,
            kept: None,
            origin: Origin::default(),
        }
    }

    fn record(zone: Option<&str>, name: &str, kind: &str, data: &[&str]) -> RecordSet {
        RecordSet {
            name: name.to_owned(),
            kind: kind.to_owned(),
            zone: zone.map(|zone| Reference::new(None, zone)),
            data: data.iter().map(|text| (*text).to_owned()).collect(),
            kept: None,
            origin: Origin::default(),
        }
    }

    fn guide() -> Inventory {
        Inventory {
            zones: vec![zone("gcr", "gcr.io.", "n"), zone("apis", "googleapis.com.", "n")],
            record_sets: vec![
                record(None, "gcr.io.", "A", &["199.36.153.4", "199.36.153.5"]),
                record(None, "*.gcr.io.", "CNAME", &["gcr.io."]),
                record(Some("apis"), "*.googleapis.com.", "CNAME", &["restricted.googleapis.com."]),
                record(Some("apis"), "restricted.googleapis.com.", "A", &["199.36.153.4"]),
            ],
            ..Inventory::default()
        }
    }

    #[track_caller]
    fn check(inventory: &Inventory, host: &str, expected: &str) {
        let told = match resolve(inventory, &Reference::new(None, "n"), Some("blue"), host) {
            Resolved::Addresses(addresses, followed, authority) => {
                let by = authority.label();
                let by = by.rsplit(' ').next().unwrap();
                format!("{} by {} in {by}", addresses[0], followed.len())
            }
            Resolved::Undecided(what, ..) => format!("undecided by {what}"),
            Resolved::NoSuchName { zone, name, .. } => format!("no {name} in {}", zone.id.name),
            Resolved::RecordsNotGiven(zone) => format!("no records of {}", zone.id.name),
            Resolved::Elsewhere(zone) => format!("elsewhere by {}", zone.id.name),
            Resolved::Public(name, None) => format!("public {name}"),
            Resolved::Public(name, Some(Unseen::Zone(zone))) => {
                format!("public {name}, not {}", zone.id.name)
            }
            Resolved::Public(name, Some(Unseen::Policy(policy, _))) => {
                format!("public {name}, not {}", policy.id.name)
            }
            Resolved::Circle(_) => "a circle".to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn zones_answer_by_the_longest_suffix_and_for_all_of_it() {
        let all = guide();
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        check(&all, "EU.gcr.io.", "199.36.153.4 by 2 in gcr");
        check(&all, "storage.googleapis.com", "199.36.153.4 by 2 in apis");
        check(&all, "europe-docker.pkg.dev", "public europe-docker.pkg.dev");
        check(&all, "notgcr.io", "public notgcr.io");
        // The apex is not covered by the wildcard, nor anything by the apex.
        let mut apex_only = guide();
        apex_only.record_sets.remove(1);
        check(&apex_only, "eu.gcr.io", "no eu.gcr.io in gcr");
        let mut wild_only = guide();
        wild_only.record_sets.remove(0);
        check(&wild_only, "eu.gcr.io", "no gcr.io in gcr");
        // The VIP's own name has to be in the zone that shadows it.
        let mut shadowed = guide();
        shadowed.record_sets.pop();
        let missing = "no restricted.googleapis.com in apis";
        check(&shadowed, "storage.googleapis.com", missing);
    }

    /// RFC 4592: names that exist, by records of other types or by names under them, are none that
    /// a wildcard stands for; nor are those below them.
    #[test]
    fn wildcards_stand_for_what_does_not_exist() {
        let mut all = guide();
        all.record_sets.extend([
            record(Some("apis"), "us.storage.googleapis.com.", "A", &["199.36.153.6"]),
            record(Some("apis"), "pubsub.googleapis.com.", "TXT", &["x"]),
        ]);
        check(&all, "us.storage.googleapis.com", "199.36.153.6 by 1 in apis");
        check(&all, "storage.googleapis.com", "no storage.googleapis.com in apis");
        check(&all, "eu.storage.googleapis.com", "no eu.storage.googleapis.com in apis");
        check(&all, "pubsub.googleapis.com", "no pubsub.googleapis.com in apis");
        check(&all, "container.googleapis.com", "199.36.153.4 by 2 in apis");
        check(&all, "a.b.googleapis.com", "199.36.153.4 by 2 in apis");
    }

    /// The suffix of all names, as hubs have it: the shortest there is.
    #[test]
    fn the_root_is_a_suffix() {
        let mut all = guide();
        let to = Some(Reference::new(None, "hub"));
        all.zones.push(ManagedZone { target: ZoneTarget::Peering(to), ..zone("all", ".", "n") });
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        check(&all, "quay.io", "elsewhere by all");
        all.zones.push(zone("pkg", "pkg.dev.", "hub"));
        all.record_sets.push(record(Some("pkg"), "*.pkg.dev.", "A", &["199.36.153.8"]));
        check(&all, "europe-docker.pkg.dev", "199.36.153.8 by 1 in pkg");
        // Another network's is none that should be attached here.
        let mut other = guide();
        other.zones.push(zone("all", ".", "hub"));
        check(&other, "quay.io", "public quay.io");
        let mut own = guide();
        own.zones.push(zone("all", ".", "n"));
        own.record_sets.push(record(Some("all"), "*.", "A", &["10.0.0.9"]));
        check(&own, "quay.io", "10.0.0.9 by 1 in all");
        let mut ruled = guide();
        let networks = vec![Reference::new(None, "n")];
        ruled.response_policies.push(ResponsePolicy {
            id: Reference::new(None, "rpz"),
            networks,
            clusters: Vec::new(),
            is_hidden: false,
            origin: Origin::default(),
        });
        ruled.response_rules = vec![rule("*.", &[("A", "10.0.0.8")]), rule("gcr.io.", &[])];
        check(&ruled, "quay.io", "10.0.0.8 by 1 in any-");
        check(&ruled, "gcr.io", "199.36.153.4 by 1 in gcr");
    }

    /// A peering zone beside the zone of that name that it leads to: records are the latter's.
    #[test]
    fn records_are_those_of_zones_that_have_some() {
        let mut all = guide();
        let to = Some(Reference::new(None, "hub"));
        let peering =
            ManagedZone { target: ZoneTarget::Peering(to), ..zone("to-hub", "corp.", "n") };
        all.zones.extend([peering, zone("corp", "corp.", "hub")]);
        all.record_sets.push(record(None, "www.corp.", "A", &["10.9.0.1"]));
        check(&all, "www.corp", "10.9.0.1 by 1 in corp");
    }

    #[test]
    fn who_sees_a_zone_and_who_answers_for_it() {
        let mut all = guide();
        all.zones[0].networks = vec![Reference::new(None, "other")];
        check(&all, "gcr.io", "public gcr.io, not gcr");
        all.zones[0].clusters = vec!["blue".to_owned()];
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        all.zones[0].target = ZoneTarget::Forwarding;
        check(&all, "gcr.io", "elsewhere by gcr");
        let mut bare = guide();
        bare.record_sets.clear();
        check(&bare, "gcr.io", "no records of gcr");
        let mut round = guide();
        round.record_sets[0] = record(None, "gcr.io.", "CNAME", &["x.gcr.io."]);
        check(&round, "gcr.io", "a circle");
    }
    fn rule(dns_name: &str, records: &[(&str, &str)]) -> ResponseRule {
        ResponseRule {
            name: plain_name(dns_name),
            policy: None,
            dns_name: dns_name.to_owned(),
            records: records
                .iter()
                .map(|(kind, data)| ((*kind).to_owned(), vec![(*data).to_owned()]))
                .collect(),
            origin: Origin::default(),
        }
    }

    fn plain_name(dns_name: &str) -> String {
        dns_name.replace("*.", "any-").trim_end_matches('.').replace('.', "-")
    }

    #[test]
    fn response_policies_answer_before_zones() {
        let mut all = guide();
        let of_network = vec![Reference::new(None, "n")];
        all.response_policies.push(ResponsePolicy {
            id: Reference::new(None, "rpz"),
            networks: of_network.clone(),
            clusters: Vec::new(),
            is_hidden: false,
            origin: Origin::default(),
        });
        check(&all, "gcr.io", "undecided by response policy rpz");
        all.response_rules = vec![
            rule("gcr.io.", &[("CNAME", "private.googleapis.com.")]),
            rule("private.googleapis.com.", &[("A", "199.36.153.8")]),
            rule("*.example.com.", &[("A", "10.0.0.9")]),
            rule("pass.example.com.", &[]),
        ];
        check(&all, "gcr.io", "199.36.153.8 by 2 in private-googleapis-com");
        // What no rule names is the zones' again, and a wildcard does not cover its own apex.
        check(&all, "eu.gcr.io", "199.36.153.8 by 3 in private-googleapis-com");
        check(&all, "a.b.example.com", "10.0.0.9 by 1 in any-example-com");
        check(&all, "example.com", "public example.com");
        check(&all, "pass.example.com", "public pass.example.com");
        // What the cluster sees is asked before all of the network's.
        all.zones[0].clusters = vec!["blue".to_owned()];
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        all.response_policies[0].networks.clear();
        // It answers whom it is attached to, which is nobody now.
        check(&all, "a.example.com", "public a.example.com, not rpz");
        all.name_servers.push(NameServerPolicy {
            id: Reference::new(None, "outbound"),
            networks: of_network,
            origin: Origin::default(),
        });
        check(&all, "gcr.io", "undecided by DNS policy outbound");
    }
}
