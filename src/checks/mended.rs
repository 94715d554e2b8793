//! What mends the causes of denials, each in its turn: in the order in which findings are listed
//! and people carry fixes out, since two corrections of one rule add up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::checks::finding::{cause_id, decided_by};
use crate::checks::{CHECKS, Evidence, by_id, logged, needed};
use crate::correlate::Cause;
use crate::correlate::causes::decider_key;
use crate::correlate::path;
use crate::correlate::side::Side;
use crate::engine::{Decider, EffectiveRules, Flow, Verdict, evaluate};
use crate::net::{Direction, Role};
use crate::suggest::{Earlier, NoFix, Others, Proposal, Refuted, Suggestion, propose, prove};

/// What mends a cause.
#[derive(Debug, Clone, Default)]
pub(super) struct Mended {
    /// Proved changes, best first.
    pub fixes: Vec<Suggestion>,
    /// Why there is none.
    pub no_fix: Option<NoFix>,
}

/// So many causes of a kind get a fix; a log with more of them has another problem first.
const MOST_MENDED: usize = 200;

/// Checks whose causes are not to be mended, and say why themselves.
const NEVER_MENDED: [&str; 2] = ["internet-scan", "snapshot-disagrees"];

/// Mends all causes, in the order in which their findings are listed; returns it in their own.
pub(super) fn mend_all(evidence: &Evidence<'_, '_>) -> Vec<Mended> {
    let causes = &evidence.correlation.causes;
    let rank = |at: &usize| {
        let (cause, id) = (causes.get(*at)?, *evidence.claims.get(*at)?);
        let severity = needed::severity(cause, by_id(id)?.severity);
        let place = CHECKS.iter().position(|check| check.id == id);
        let port = cause.ports().first().copied();
        Some((Reverse((severity, cause.count())), place, port, cause_id(id, cause)))
    };
    let mut all = vec![Mended::default(); causes.len()];
    let mut of_check: BTreeMap<&str, usize> = BTreeMap::new();
    let mut order = Vec::new();
    for (at, (id, mended)) in evidence.claims.iter().zip(&mut all).enumerate() {
        let place = of_check.entry(id).or_default();
        *place += 1;
        if NEVER_MENDED.contains(id) {
            continue;
        }
        if *place <= MOST_MENDED {
            order.push(at);
            continue;
        }
        mended.no_fix = Some(NoFix::Other(format!(
            "not looked for: it is not among the {MOST_MENDED} most frequent of its kind (narrow \
             the scope with --network, --cluster or --since)"
        )));
    }
    order.sort_by_cached_key(rank);
    let mut earlier = Earlier::default();
    for at in order {
        if let (Some(cause), Some(place)) = (causes.get(at), all.get_mut(at)) {
            *place = mend(cause, evidence, &earlier);
            earlier.note(&place.fixes);
        }
    }
    all
}

/// The proved fixes of a cause, or why there is none, after what was changed for others.
fn mend(cause: &Cause<'_>, evidence: &Evidence<'_, '_>, earlier: &Earlier) -> Mended {
    let none = |no_fix: NoFix| Mended { fixes: Vec::new(), no_fix: Some(no_fix) };
    if let Some(why) = wrong_records(cause, evidence) {
        return none(NoFix::Other(why));
    }
    let siblings = siblings(cause, evidence);
    let proposals = match propose(cause, &siblings, evidence.directory, earlier) {
        Ok(proposals) => proposals,
        Err(no_fix) => return none(no_fix),
    };
    let causes = evidence.correlation.causes.iter().filter(|one| !std::ptr::eq(*one, cause));
    let (may_pass, stay): (Vec<&Cause<'_>>, Vec<&Cause<'_>>) =
        causes.partition(|other| is_kin(cause, other) || is_needed_too(cause, other));
    let others = |proposal: &Proposal<'_, '_>| {
        let is_other =
            |one: &&&Cause<'_>| !proposal.wanted.iter().any(|wanted| std::ptr::eq(*wanted, **one));
        let stay = stay.iter().filter(is_other).flat_map(|one| &one.questions);
        let (asked, unasked): (Vec<&Cause<'_>>, Vec<&Cause<'_>>) = may_pass
            .iter()
            .copied()
            .filter(|one| is_other(&one))
            .partition(|one| is_asked_for(cause, one));
        Others {
            stay: stay.chain(&evidence.correlation.passed).collect(),
            may_pass: asked.into_iter().flat_map(|one| &one.questions).collect(),
            beside: unasked.into_iter().flat_map(|one| &one.questions).collect(),
        }
    };
    let edges = &evidence.correlation.edges;
    let mut proved = Vec::new();
    let mut refuted = None;
    // What mends another cause may mend this one, too: then it is the same change.
    let known = earlier.again(cause).filter_map(|again| {
        let others = others(&again);
        prove(evidence.directory, again, &others, edges, evidence.printer).ok()
    });
    proved.extend(known.take(1));
    for proposal in proposals {
        let others = others(&proposal);
        match prove(evidence.directory, proposal, &others, edges, evidence.printer) {
            Ok(suggestion) => proved.push(suggestion),
            Err(why) => refuted = Some(why),
        }
    }
    proved.extend(of_part(cause, evidence, earlier));
    let mut outranked = None;
    if logged::unseen(cause, evidence).is_some() {
        proved.retain(|one: &Suggestion| {
            let why = logged::outranked(cause, one.change().rule(), evidence);
            outranked = outranked.take().or(why.clone());
            why.is_none()
        });
    }
    let denied_there = if proved.is_empty() { None } else { at_the_other_end(cause, evidence) };
    if let Some((note, look)) = denied_there {
        let noted = |one: Suggestion| one.with_note(note.clone(), look);
        proved = proved.into_iter().map(noted).collect();
    }
    let is_again =
        |known: &Suggestion| proved.first().is_some_and(|one| one.change() == known.change());
    if earlier.each().any(is_again) {
        proved.truncate(1);
    }
    let no_fix = proved.is_empty().then(|| {
        outranked.unwrap_or_else(|| {
            NoFix::Other(match refuted {
                Some(why) => refusal(cause, &why, evidence),
                None => "no rule of its kind can be made".to_owned(),
            })
        })
    });
    Mended { fixes: proved, no_fix }
}

/// So many connections are asked about at their other end.
const MOST_ASKED: usize = 64;

/// Who denies it besides at the other end, where that is a VM of the network: each end is asked for
/// itself. A rule that is no default wants a second look.
fn at_the_other_end(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Option<(String, bool)> {
    let (peer, _) = ends(cause);
    let network = cause.network.as_ref()?;
    if !matches!(peer.role, Role::Node | Role::Pod | Role::Subnet) || peer.elsewhere {
        return None;
    }
    let other = cause.direction?.opposite();
    let rules = EffectiveRules::of(evidence.directory.inventory, network);
    let denied = |flow: &Flow| {
        let there = evidence.directory.flow(flow.tuple, other, network, None);
        let decision = evaluate(&rules, &there, &mut ());
        (decision.verdict == Verdict::Denied).then_some(decision)
    };
    let decision = cause.flows().take(MOST_ASKED).find_map(denied)?;
    let by_name = match decision.decider {
        Decider::Rule(rule) => !rule.is_catch_all(cause.protocol),
        _ => false,
    };
    let note = format!(
        "the other end denies it, too ({other} {}): both have to let it pass",
        decided_by(&decision)
    );
    Some((note, by_name))
}

/// A new rule for no more than the log shows, where what is needed is more: somebody may want to
/// open no port that nothing asked for yet.
fn of_part(
    cause: &Cause<'_>,
    evidence: &Evidence<'_, '_>,
    earlier: &Earlier,
) -> Option<Suggestion> {
    let part = cause.part()?;
    let proposals = propose(&part, &[], evidence.directory, earlier).ok()?;
    let mut proposal = proposals.into_iter().find(|proposal| proposal.change.before().is_none())?;
    proposal.notes.push("mends what the log shows, and leaves the rest denied".to_owned());
    let causes = evidence.correlation.causes.iter().filter(|one| !std::ptr::eq(*one, cause));
    let others = Others {
        stay: causes.flat_map(|one| &one.questions).chain(&evidence.correlation.passed).collect(),
        ..Others::default()
    };
    let edges = &evidence.correlation.edges;
    prove(evidence.directory, proposal, &others, edges, evidence.printer).ok()
}

/// Where records lead to the wrong VIP, the way there is not opened.
fn wrong_records(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Option<String> {
    if cause.destination.role != Role::GoogleApis {
        return None;
    }
    let network = cause.network.as_ref()?;
    let first = cause.destination.ranges.first()?;
    let inventory = evidence.directory.inventory;
    let leads_there = |record: &crate::model::RecordSet| {
        let mut data = record.data.iter().filter_map(|text| crate::net::parse_address(text));
        data.any(|address| cause.destination.ranges.iter().any(|range| range.contains(&address)))
    };
    let meant = path::meant_otherwise(inventory, network, first)?;
    inventory.record_sets.iter().any(leads_there).then(|| {
        format!(
            "the records of private zones are wrong: {} was made for {}",
            meant.by, meant.vip.name
        )
    })
}

/// Other causes of the same check that the clusters need, between the same two ends: one new rule
/// is made for all of them.
fn siblings<'e, 'a>(cause: &Cause<'a>, evidence: &Evidence<'e, 'a>) -> Vec<&'e Cause<'a>> {
    let claim = |wanted: &Cause<'_>| {
        let pairs = evidence.correlation.causes.iter().zip(&evidence.claims);
        pairs.filter(|(one, _)| std::ptr::eq(*one, wanted)).map(|(_, claim)| *claim).next()
    };
    let (own, mut found) = (claim(cause), Vec::new());
    for (other, claim) in evidence.correlation.causes.iter().zip(&evidence.claims) {
        let ((peer, vms), (own_peer, own_vms)) = (ends(other), ends(cause));
        let same_ends = (&peer.ranges, peer.role, vms.cluster)
            == (&own_peer.ranges, own_peer.role, own_vms.cluster);
        let alike = (&other.network, other.direction) == (&cause.network, cause.direction)
            && other.decision.verdict == cause.decision.verdict
            && decider_key(other.decision.decider) == decider_key(cause.decision.decider);
        let is_needed = !cause.needs.is_empty() && !other.needs.is_empty();
        let is_itself = std::ptr::eq(other, cause);
        if is_needed && same_ends && alike && Some(*claim) == own && !is_itself {
            found.push(other);
        }
    }
    found
}

/// The other end, and the VMs whose firewall denies.
fn ends<'c>(cause: &'c Cause<'_>) -> (&'c Side, &'c Side) {
    match cause.direction {
        Some(Direction::Egress) => (&cause.destination, &cause.source),
        _ => (&cause.source, &cause.destination),
    }
}

/// Causes that one change may mend together: the same other end, denied on the same way, both by a
/// default. Pods and nodes share their tags, so what lets the one pass lets the other.
fn is_kin(a: &Cause<'_>, b: &Cause<'_>) -> bool {
    let (one, other) = (ends(a).0, ends(b).0);
    let same_peer = one.name == other.name || one.role == Role::HealthCheck;
    (a.network.as_ref(), a.direction, one.role) == (b.network.as_ref(), b.direction, other.role)
        && same_peer
        && one.known
        && by_default(a)
        && by_default(b)
}

/// Whether a cluster needs what another cause is about, and only a default denies it: that it
/// passes, too, is what its own finding asks for.
fn is_needed_too(cause: &Cause<'_>, other: &Cause<'_>) -> bool {
    !other.needs.is_empty()
        && (&cause.network, cause.direction) == (&other.network, other.direction)
        && by_default(other)
}

/// Whether something asks for what passes with a change: a need of its own, or that it is of the
/// same cluster's pods and nodes, who share their tags.
fn is_asked_for(cause: &Cause<'_>, other: &Cause<'_>) -> bool {
    let (own, others) = (ends(cause).1.cluster, ends(other).1.cluster);
    !other.needs.is_empty() || own.is_some() && own == others
}

fn by_default(cause: &Cause<'_>) -> bool {
    match cause.decision.decider {
        Decider::Rule(rule) => rule.is_catch_all(cause.protocol),
        decider => matches!(decider, Decider::Implied(_)),
    }
}

fn refusal(cause: &Cause<'_>, why: &Refuted, evidence: &Evidence<'_, '_>) -> String {
    if let Decider::Rule(rule) = cause.decision.decider
        && let Some(policy) = &rule.policy
        && !cause.is_decided_behind_rules(evidence.directory.inventory)
    {
        return format!(
            "this is decided by a policy above the VPC: {policy}, rule {}, which you may not own",
            rule.priority
        );
    }
    match why {
        Refuted::Unprintable => {
            "a name in the input is none that Google Cloud takes: no command is printed".to_owned()
        }
        Refuted::ReadsBackDifferently(form) => {
            format!("the change could not be written as {form} without changing its meaning")
        }
        Refuted::StillDenied(Some(rule)) => format!("rule {rule} would still deny it"),
        Refuted::StillDenied(None) => "it would still be denied".to_owned(),
        Refuted::NotDecided => {
            "whether a rule would be for these VMs is not known: what they carry (tags, service \
             account) was not given: gcloud compute instances list --format=json"
                .to_owned()
        }
        Refuted::ChangesOthers(count) => {
            format!("every change that mends this also changes {count} other logged connections")
        }
        Refuted::Crosses(deny) => {
            format!("every change that mends this outranks rule {deny}, which denies by name")
        }
        Refuted::OpensBeside => "every change that mends this opens more than it".to_owned(),
    }
}
