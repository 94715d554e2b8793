//! An application cannot be reached from outside, since the firewall was not opened for it.
//!
//! What it means: nobody, or not the clients that were named, get to a node port, a load balancer
//! or an Ingress; or a controller of GKE's wants to open the firewall and may not: in a Shared VPC
//! that is the host project's business. It says which command somebody else has to run, as an event
//! that nobody reads.
//!
//! What it looks like: `Firewall change required by security admin: gcloud compute firewall-rules
//! create …` among the events of a Service or an Ingress; the load balancer has an address, and
//! clients time out, or its backends are unhealthy.
//!
//! What to do: say who is to come (`vpcwhy expose --clients CIDR,…`), and the missing rule is
//! printed and proved. Of a rule that a controller asks for, see here whether it is there already,
//! under whatever name. If not, have the command run by whoever owns the network, after a look at
//! its source ranges; or give the service account of GKE the right to.
//!
//! Source:
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-shared-vpc#managing_firewall_resources>

use crate::checks::blocked::{self, Words};
use crate::checks::exposure;
use crate::checks::finding::{Confidence, Finding, Severity};
use crate::checks::pasted;
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::Cause;
use crate::correlate::covered::covered;
use crate::correlate::expected::Told;
use crate::correlate::exposure::{Way, WayKind};
use crate::engine::Decider;
use crate::model::cluster::Provider;
use crate::model::symptom::SymptomKind;
use crate::model::{Expected, FirewallRule};
use crate::suggest::Change;
use crate::suggest::change::target_texts;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "exposure-blocked",
    title: "an application cannot be reached from outside",
    severity: Severity::Error,
    source: include_str!("exposure_blocked.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let told = evidence.correlation.told.iter();
    let mut found: Vec<Finding> =
        told.filter_map(|told| requested(check, told, evidence)).collect();
    // What the named clients need, and what the log shows of it.
    if let Outcome::Found(mut causes) = blocked::find(check, evidence, clients) {
        for (made, cause) in causes.iter_mut().zip(evidence.causes_of(check)) {
            let own = |way: &&Way<'_>| {
                cause.needs.iter().any(|need| need.origin == way.origin)
                    || exposure::is_entered(way, cause)
            };
            let ways = evidence.correlation.ways.iter().filter(own);
            made.resources.extend(ways.map(exposure::resource));
            if cause.needs.is_empty() {
                made.severity = Severity::Warning;
                made.no_fix = made.no_fix.take().map(|_| {
                    "these may be scanners as well as clients: say who is to come, and the rule is \
                     printed: vpcwhy expose --clients CIDR,…"
                        .to_owned()
                });
            }
        }
        found.extend(causes);
    }
    let ways = evidence.correlation.ways.iter().filter(|way| way.kind != WayKind::PortForward);
    found.extend(ways.filter_map(|way| closed(check, evidence, way)));
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn clients(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Words {
    let ways = || evidence.correlation.ways.iter();
    let entered = || ways().find(|way| exposure::is_entered(way, cause)).map(|way| way.label());
    let what = match cause.needs.first() {
        Some(need) => need.reason.clone(),
        None => format!("connections from outside to {}", entered().unwrap_or_default()),
    };
    Words {
        title: format!("{what} are denied on {}", blocked::traffic(cause)),
        explanation: vec![blocked::denied_by(cause)],
    }
}

/// A way on which nobody gets through, or not those who were named, by anything else than a rule
/// that is missing.
fn closed(check: &Check, evidence: &Evidence<'_, '_>, way: &Way<'_>) -> Option<Finding> {
    let named = !evidence.scope.clients.is_empty();
    let by_firewall = matches!(way.kind, WayKind::NodePort | WayKind::LoadBalancer);
    let told =
        named && by_firewall && way.answer.as_ref().is_some_and(|one| !one.denied.is_empty());
    let nobody = way.kind == WayKind::LoadBalancer && way.verdict == Expected::Denied;
    let refused = named && matches!(way.verdict, Expected::Denied | Expected::Mixed);
    // What keeps an Ingress's backends from being healthy, or its controller's own Service from
    // being reached, has a finding of its own: here it is the list that the controller keeps.
    let by_list = way.controller.is_some_and(|one| !one.allow_lists.is_empty());
    if told || !(by_firewall || by_list) || !(nobody || refused) {
        return None;
    }
    let mut made = exposure::finding(check, way, &way.ports.iter().collect::<Vec<_>>());
    made.title = match (named, way.verdict) {
        (true, Expected::Mixed) => format!("some of the clients cannot reach {}", way.label()),
        (true, _) => format!("the clients cannot reach {}", way.label()),
        (false, _) => format!("nobody can reach {}", way.label()),
    };
    made.confidence = Confidence::Proven;
    made.no_fix = Some(match (named, way.controller.and_then(|one| one.allow_lists.first())) {
        (true, Some(key)) => format!("add the clients to the controller's list: {key}"),
        (true, None) if way.kind == WayKind::LoadBalancer && !way.is_internal => {
            "add the clients to loadBalancerSourceRanges of the Service: who keeps its balancer \
             changes the rule by itself"
                .to_owned()
        }
        (true, None) => "give them a balancer in front that is on the internet".to_owned(),
        (false, _) if way.provider == Provider::Amazon => {
            "no group of the nodes lets anybody in: say who is to come: vpcwhy expose --clients \
             CIDR,…"
                .to_owned()
        }
        (false, _) => {
            "GKE's own rule of the balancer is missing or outranked; for a rule, say who \
                       is to come: vpcwhy expose --clients CIDR,…"
                .to_owned()
        }
    });
    Some(made)
}

fn requested(check: &Check, told: &Told<'_>, evidence: &Evidence<'_, '_>) -> Option<Finding> {
    let SymptomKind::FirewallChange { rule, .. } = &told.symptom.kind else { return None };
    let words = match rule {
        Some(rule) => judged(rule, evidence),
        None => pasted::Words {
            title: "a controller asks for a firewall rule".to_owned(),
            explanation: Vec::new(),
            no_fix: "cannot tell: the command that it prints cannot be read as a rule".to_owned(),
            severity: Severity::Warning,
            confidence: Confidence::Possible,
        },
    };
    Some(pasted::finding(check, told, evidence, words))
}

/// The rule that is asked for as a command, written anew from what was understood; none where it
/// would open anything to anybody.
fn command(rule: &FirewallRule, evidence: &Evidence<'_, '_>) -> String {
    if rule.names_any_peer() {
        return "its sources are 0.0.0.0/0: whom to let in, nobody but you can say".to_owned();
    }
    let change = match standing(rule, evidence) {
        Some(before) => Change::Update {
            before: Box::new(before.clone()),
            // What the command does not say stays as it is.
            after: Box::new(FirewallRule {
                source_ranges: rule.source_ranges.clone(),
                source: rule.source.clone(),
                targets: rule.targets.clone(),
                layer4: rule.layer4.clone(),
                ..before.clone()
            }),
        },
        None => Change::Add(Box::new(rule.clone())),
    };
    let printed = evidence.printer.print(&change, evidence.directory.inventory);
    let gcloud = printed.into_iter().flatten().find(|form| form.language == "gcloud");
    match gcloud {
        Some(form) => format!("asked for: {}", form.text.trim()),
        None => "a name in it is none that Google Cloud takes: no command is printed".to_owned(),
    }
}

/// The rule of that name, where it is there and to be changed.
fn standing<'e>(rule: &FirewallRule, evidence: &Evidence<'e, '_>) -> Option<&'e FirewallRule> {
    let mut all = evidence.directory.inventory.firewall_rules.iter();
    all.find(|one| one.name == rule.name && one.network.agrees(&rule.network))
}

fn judged(rule: &FirewallRule, evidence: &Evidence<'_, '_>) -> pasted::Words {
    let covered = covered(evidence.directory, rule);
    let names: Vec<String> = covered
        .deciders
        .iter()
        .map(|decider| match decider {
            Decider::Rule(rule) => format!("rule {} ({})", rule.label(), rule.origin),
            Decider::Implied(direction) => {
                crate::checks::finding::implied_name(*direction).to_owned()
            }
            Decider::NoGroupAllows(_) => crate::checks::finding::NO_GROUP_ALLOWS.to_owned(),
            Decider::AlwaysAllowed(what) | Decider::AlwaysBlocked(what) => (*what).to_owned(),
            Decider::Missing => "nothing that was given".to_owned(),
        })
        .take(4)
        .collect();
    let names = names.join(", ");
    let label = rule.label();
    let confidence = if covered.is_sure { Confidence::Proven } else { Confidence::Likely };
    let targets = target_texts(rule).join(", ");
    let unless = (!covered.is_sure)
        .then(|| format!("unless VMs of {targets} carry something else, too, that a rule goes by"));
    match covered.verdict {
        Expected::Allowed => pasted::Words {
            title: format!("what {label} would open is open already"),
            explanation: [format!("allowed by {names}")].into_iter().chain(unless).collect(),
            no_fix: "not the firewall: already covered, as the simulation shows for all of it"
                .to_owned(),
            severity: Severity::Note,
            confidence,
        },
        Expected::Denied | Expected::Mixed => pasted::Words {
            title: match standing(rule, evidence) {
                Some(_) => format!("rule {label} is too narrow, and GKE may not change it"),
                None => format!("rule {label} is missing, and GKE may not make it"),
            },
            explanation: [format!("denied by {names}"), command(rule, evidence)]
                .into_iter()
                .chain(unless)
                .collect(),
            no_fix:
                "the command is the controller's own: have it run by whoever owns the network, \
                     after a look at its source ranges"
                    .to_owned(),
            severity: Severity::Error,
            confidence,
        },
        Expected::Undetermined => pasted::Words {
            title: format!("rule {label} may be missing, and GKE may not make it"),
            explanation: Vec::new(),
            no_fix: "cannot tell without the rules of its network (gcloud compute firewall-rules \
                     list --format=json)"
                .to_owned(),
            severity: Severity::Warning,
            confidence: Confidence::Possible,
        },
    }
}
