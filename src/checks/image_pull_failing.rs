//! An image cannot be pulled, as the error texts tell it.
//!
//! What it means: a node asked a registry and got no image. The text tells how far it came: the
//! name was not resolved, nobody answered at the address, or the registry answered and refused.
//!
//! What it looks like: "Failed to pull image …: dial tcp 199.36.153.4:443: i/o timeout", "lookup
//! gcr.io …: server misbehaving", "403 Forbidden", "not found".
//!
//! Why: with the private or restricted VIP and a time-out it is the route or an EGRESS rule; with a
//! public address of Google's it is DNS, if the VIP was meant, else Private Google Access; with an
//! address of anybody else's it is Cloud NAT, the default route or an EGRESS rule. 403, 404 and
//! scope errors are not the network.
//!
//! What to do: give the routes, the DNS zones, the subnetworks and the rules, so that the broken
//! link can be found; see what the text rules out.
//!
//! Source: <https://cloud.google.com/kubernetes-engine/docs/troubleshooting/image-pulls>,
//! <https://cloud.google.com/vpc/docs/configure-private-google-access>

use std::net::IpAddr;

use crate::checks::finding::{Confidence, Finding};
use crate::checks::pasted::{self, Words, need_of};
use crate::checks::remedies::{link_words, remedy};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::correlate::expected::{Conclusion, Told};
use crate::correlate::path::{Link, Path, State};
use crate::correlate::roads::{self, Road};
use crate::engine::naming::is_googles;
use crate::model::listed::Listed;
use crate::model::symptom::{Failure, SymptomKind};
use crate::net::Role;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "image-pull-failing",
    title: "an image cannot be pulled",
    severity: Severity::Error,
    source: include_str!("image_pull_failing.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let found: Vec<Finding> =
        evidence.correlation.told.iter().filter_map(|told| pull(check, told, evidence)).collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn pull(check: &Check, told: &Told<'_>, evidence: &Evidence<'_, '_>) -> Option<Finding> {
    let SymptomKind::ImagePull { host, address, .. } = &told.symptom.kind else { return None };
    let host = host.as_deref().unwrap_or("the registry");
    let failure = told.symptom.failure;
    let mut mended = None;
    if told.answer == Conclusion::Firewall {
        return None;
    }
    let at = address.map(|(address, port)| format!(" at {address}:{port}")).unwrap_or_default();
    let words = if failure == Failure::Name {
        let way = walked(host, None, evidence);
        let first = way.as_ref().and_then(|path| path.links.first());
        let broken = first.filter(|link| link.state == State::Broken);
        mended = broken.and_then(|link| mended_by(host, link, evidence));
        unresolved(host, broken)
    } else if failure == Failure::Resolver {
        Words {
            title: format!("{host} is not resolved: the resolver does not answer"),
            explanation: vec![failure.verdict().to_owned()],
            no_fix: "cannot tell whether it is the firewall: the metadata server's resolver no \
                     rule can block, and this is another one; what is denied on port 53 is told \
                     apart"
                .to_owned(),
            severity: Severity::Error,
            confidence: Confidence::Possible,
        }
    } else if !failure.may_be_firewall() {
        Words {
            title: format!("{host} answered, and gave no image"),
            explanation: Vec::new(),
            no_fix: format!("not the network: {}", failure.verdict()),
            severity: Severity::Warning,
            confidence: Confidence::Likely,
        }
    } else {
        let role = address.map(|(address, _)| evidence.directory.who(address, None).owner.role);
        let way = walked(host, *address, evidence);
        let mut explanation = vec![road(host, role)];
        explanation.extend(way.iter().flat_map(|path| &path.links).map(link_words));
        let broken = way.as_ref().and_then(|path| path.links.get(path.first_broken()?));
        mended = broken.and_then(|link| mended_by(host, link, evidence));
        if let Some(need) = need_of(evidence, told) {
            let verdict = need.answer.verdict.id();
            explanation.push(format!("the EGRESS rules that were given say {verdict}"));
        }
        Words {
            title: format!("nobody answered for {host}{at}"),
            explanation,
            no_fix: match broken {
                Some(link) => format!("the first broken link: {}", link_words(link)),
                None => {
                    let passes = matches!(told.answer, Conclusion::Elsewhere(_));
                    lacks(evidence, passes, way.as_ref())
                }
            },
            severity: Severity::Error,
            confidence: Confidence::Possible,
        }
    };
    let mut made = pasted::finding(check, told, evidence, words);
    if let Some(road) = mended {
        made.explanation.push(format!("the same cause as {}", road.check));
        made.remedies.extend(remedy(road, evidence.directory));
        made.no_fix = made.no_fix.filter(|_| made.remedies.is_empty());
    }
    Some(made)
}

/// A name that is not resolved, and the link that is broken, where what was given shows it.
fn unresolved(host: &str, broken: Option<&Link>) -> Words {
    Words {
        title: format!("{host} is not resolved"),
        explanation: vec![match broken {
            Some(link) => link_words(link),
            None => "the link that is broken is DNS: a private zone that shadows the name and \
                     lacks its record, or a resolver that is not the metadata server"
                .to_owned(),
        }],
        no_fix: match broken {
            Some(link) => {
                format!("not the firewall: the first broken link: {}", link_words(link))
            }
            None => "not the firewall: no rule can block the metadata server's resolver; give \
                     the zones (gcloud dns managed-zones list, gcloud dns record-sets list)"
                .to_owned(),
        },
        severity: Severity::Error,
        confidence: Confidence::Likely,
    }
}

/// The road that the same link breaks: what mends it mends the pull.
fn mended_by<'e, 'a>(host: &str, link: &Link, evidence: &Evidence<'e, 'a>) -> Option<&'e Road<'a>> {
    let same = |road: &&Road<'_>| {
        road.path.host == host && road.link.object == link.object && road.link.detail == link.detail
    };
    evidence.correlation.roads.iter().find(same)
}

/// The way of a pull: of several clusters that of one from which it does not hold, if any.
fn walked<'a>(
    host: &str,
    address: Option<(IpAddr, u16)>,
    evidence: &Evidence<'_, 'a>,
) -> Option<Path<'a>> {
    match evidence.directory.inventory.clusters.as_slice() {
        [cluster] => roads::walked(evidence.directory, &cluster.id.name, host, address),
        _ => {
            let mut roads = evidence.correlation.roads.iter();
            roads.find(|road| road.path.host == host).map(|road| road.path.clone())
        }
    }
}

/// Which way a pull goes, by the class of the address.
fn road(host: &str, role: Option<Role>) -> String {
    match (is_googles(host), role) {
        (true, Some(Role::GoogleApis)) => {
            "the VIP was resolved, so DNS works: what is left is a route to it through \
             default-internet-gateway, Private Google Access, or EGRESS of tcp 443"
        }
        (true, Some(Role::GooglePublic)) => {
            "a public address of Google's: where the private or restricted VIP was meant, the \
             private zone does not answer for this name; else Private Google Access or the default \
             route is missing"
        }
        (true, Some(_)) => {
            "neither a VIP nor a public address of Google's: DNS leads to it on purpose where it \
             is an endpoint of Private Service Connect (gcloud compute forwarding-rules list \
             --format=json), and else by mistake"
        }
        (true, None) => "which address was asked the text does not say",
        (false, _) => {
            "this registry is not on Google's VIPs: it needs a default route, Cloud NAT for the \
             nodes' range, and EGRESS to the internet"
        }
    }
    .to_owned()
}

/// What would have to be given to say more: on the way, where that is known.
fn lacks(evidence: &Evidence<'_, '_>, passes: bool, way: Option<&Path<'_>>) -> String {
    let inventory = evidence.directory.inventory;
    if let Some(way) = way.filter(|_| passes) {
        let open = way.links.iter().filter(|link| link.state == State::NotGiven);
        let list = open.map(|link| link.detail.as_str()).collect::<Vec<_>>().join("; ");
        return match list.as_str() {
            "" => "not the firewall: the rules let it pass, and the way is whole as far as it was \
                   given"
                .to_owned(),
            list => {
                format!("not the firewall: the rules let it pass; give what is lacking ({list})")
            }
        };
    }
    let none = |listed: Listed| inventory.has_none(listed);
    let mut list = Vec::new();
    for (is_absent, what) in [
        (inventory.clusters.is_empty(), "gcloud container clusters list"),
        (inventory.firewall_rules.is_empty(), "gcloud compute firewall-rules list"),
        (inventory.routes.is_empty() && !none(Listed::Routes), "gcloud compute routes list"),
        (inventory.nats.is_empty() && !none(Listed::Routers), "gcloud compute routers list"),
        (inventory.zones.is_empty() && !none(Listed::Zones), "gcloud dns managed-zones list"),
        (inventory.subnetworks.is_empty(), "gcloud compute networks subnets list"),
    ] {
        if is_absent {
            list.push(what);
        }
    }
    let list = list.join(", ");
    match (passes, list.is_empty()) {
        (true, true) => "not the firewall: the rules let it pass; look at routes, NAT and DNS",
        (true, false) => "not the firewall: the rules let it pass; give what is lacking",
        (false, _) => "cannot tell whether it is the firewall",
    }
    .to_owned()
        + &if list.is_empty() { String::new() } else { format!(" ({list}, --format=json)") }
}
