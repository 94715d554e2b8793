//! The proof: a change is printed, parsed back, put into the VPC, and everything is judged again.
//!
//! Only [`prove`] makes a [`Suggestion`], so one that was not proved cannot be shown. It must let
//! every wanted connection pass, change the verdict of no other logged connection, and leave
//! denied what was denied just beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::correlate::causes::decider_key;
use crate::correlate::difference::{Changed, Effect, Row, between};
use crate::correlate::side::Side;
use crate::correlate::{Detail, Directory, Edges, Question};
use crate::engine::match_rule;
use crate::engine::matching::Outcome;
use crate::engine::{
    Decider, EffectiveRules, Flow, Mismatch, Space, Verdict, evaluate, evaluate_all,
};
use crate::model::{Action, Disposition, FirewallRule, Inventory};
use crate::net::{AddressSet, Direction, FiveTuple, Protocol, TrafficSet};
use crate::suggest::change::{Change, Safety};
use crate::suggest::crossing;
use crate::suggest::proposal::Proposal;

/// One printed form of a change, and the rule that was read back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// `gcloud`, `cnrm`, `terraform`.
    pub language: &'static str,
    /// The text.
    pub text: String,
    /// The rule that the text stands for, where it can be read back.
    pub parsed: Option<FirewallRule>,
}

/// Prints changes and reads them back; the rims do that, the proof asks for it.
pub trait Printer {
    /// All printed forms; `None` where a name in it may not be printed.
    fn print(&self, change: &Change, before: &Inventory) -> Option<Vec<Printed>>;
}

/// What the replay showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Wanted connections that were denied before.
    pub denied_before: usize,
    /// Wanted connections that are allowed after.
    pub allowed_after: usize,
    /// Other logged connections whose verdict changes.
    pub other_flows_changed: usize,
    /// Canaries beside the wanted ones that stay denied.
    pub still_denied: usize,
    /// What becomes reachable: all of it, logged or not, and nothing else.
    pub opens: Vec<Row>,
    /// What stops, where the change is to close something.
    pub closes: Vec<Row>,
}

/// Why a proposal is no suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refuted {
    /// A name in it is none that the API takes.
    Unprintable,
    /// A printed form reads back as something else; which form.
    ReadsBackDifferently(&'static str),
    /// Not all wanted connections pass; the label of what still denies.
    StillDenied(Option<String>),
    /// Whether all wanted connections pass depends on what nobody gave.
    NotDecided,
    /// Other logged connections change.
    ChangesOthers(usize),
    /// A connection that must stay denied would pass.
    OpensBeside,
    /// It outranks a deny that speaks by name of what would be opened; which.
    Crosses(String),
}

/// A proved change.
#[derive(Debug, Clone)]
pub struct Suggestion {
    change: Change,
    safety: Safety,
    notes: Vec<String>,
    printed: Vec<Printed>,
    proof: Proof,
}

impl Suggestion {
    /// The change.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// How far it may be trusted.
    #[must_use]
    pub fn safety(&self) -> Safety {
        self.safety
    }

    /// The same, with something more that a person should know; `look` where it wants a second
    /// look.
    #[must_use]
    pub fn with_note(mut self, note: String, look: bool) -> Self {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        if look {
            self.safety = self.safety.max(Safety::Review);
        }
        self
    }

    /// What a person should know.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The printed form in a language.
    #[must_use]
    pub fn text(&self, language: &str) -> Option<&str> {
        self.printed.iter().find(|one| one.language == language).map(|one| one.text.as_str())
    }

    /// The proof.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// What all other logged connections ask.
#[derive(Debug, Default)]
pub struct Others<'q, 'a> {
    /// Their verdict must not change.
    pub stay: Vec<&'q Question<'a>>,
    /// They are denied and needed, too: that they pass is counted, and no harm.
    pub may_pass: Vec<&'q Question<'a>>,
    /// They are denied by the same default, and nothing asks for them: that they pass wants a look.
    pub beside: Vec<&'q Question<'a>>,
}

/// Proves a proposal on the inventory; `edges` tell the questions of others apart.
pub fn prove(
    directory: &Directory<'_>,
    proposal: Proposal<'_, '_>,
    others: &Others<'_, '_>,
    edges: &Edges,
    printer: &dyn Printer,
) -> Result<Suggestion, Refuted> {
    let inventory = directory.inventory;
    let Some(printed) = printer.print(&proposal.change, inventory) else {
        return Err(Refuted::Unprintable);
    };
    let (mut proof, mut beside) = (None, 0);
    for form in &printed {
        let parsed = read_back(form, &proposal.change)?;
        // All forms read back as the same rule, so one replay holds for all of them.
        if proof.is_none() {
            let (replayed, changed) = replay(directory, &proposal, parsed, others, edges)?;
            (proof, beside) = (Some(replayed), changed);
        }
    }
    let suggestion = Suggestion {
        proof: proof.ok_or(Refuted::Unprintable)?,
        change: proposal.change,
        safety: proposal.safety,
        notes: proposal.notes,
        printed,
    };
    Ok(match beside {
        0 => suggestion,
        count => suggestion.with_note(
            format!("{count} other denied connections of the log pass with it, unasked for"),
            true,
        ),
    })
}

/// The rule that a printed form stands for, which has to be the change's.
fn read_back<'p>(form: &'p Printed, change: &Change) -> Result<&'p FirewallRule, Refuted> {
    let same = |parsed: &&FirewallRule| same_rule(parsed, change.rule());
    form.parsed.as_ref().filter(same).ok_or(Refuted::ReadsBackDifferently(form.language))
}

/// Proves a change that closes something and opens nothing. `keeps` says whether what has to go on
/// does so in the inventory as it would be.
pub fn prove_narrowing(
    directory: &Directory<'_>,
    (change, notes): (Change, Vec<String>),
    others: &[&Question<'_>],
    edges: &Edges,
    printer: &dyn Printer,
    keeps: &dyn Fn(&Inventory) -> bool,
) -> Result<Suggestion, Refuted> {
    let inventory = directory.inventory;
    let printed = printer.print(&change, inventory).ok_or(Refuted::Unprintable)?;
    let mut parsed = None;
    for form in &printed {
        parsed = Some(read_back(form, &change)?);
    }
    let parsed = parsed.ok_or(Refuted::Unprintable)?;
    let changed = change.apply(inventory.clone(), parsed);
    let network = &change.rule().network;
    let before = EffectiveRules::of(inventory, network);
    let after = EffectiveRules::of(&changed, network);
    let geography = directory.geography(network);
    let differences = between(&before, &after, &geography);
    if differences.iter().any(|one| one.effect != Effect::Closes) {
        return Err(Refuted::OpensBeside);
    }
    if differences.is_empty() || !keeps(&changed) {
        return Err(Refuted::StillDenied(None));
    }
    let detail = edges.detail(change.rule());
    let mut other_flows_changed = 0;
    for question in others {
        question.each_flow(detail, |flow, count| {
            let verdict = |rules| evaluate(rules, flow, &mut ()).verdict;
            if flow.network.agrees(network) && verdict(&before) != verdict(&after) {
                other_flows_changed += count;
            }
        });
    }
    let closes = differences.iter().flat_map(Changed::rows).collect();
    let proof = Proof {
        denied_before: 0,
        allowed_after: 0,
        other_flows_changed,
        still_denied: 0,
        opens: Vec::new(),
        closes,
    };
    Ok(Suggestion { change, safety: Safety::Review, notes, printed, proof })
}

fn replay(
    directory: &Directory<'_>,
    proposal: &Proposal<'_, '_>,
    parsed: &FirewallRule,
    others: &Others<'_, '_>,
    edges: &Edges,
) -> Result<(Proof, usize), Refuted> {
    let inventory = directory.inventory;
    let Some(first) = proposal.wanted.iter().find_map(|cause| cause.flows().next()) else {
        return Ok((changes_logging_only(&proposal.change)?, 0));
    };
    let changed = proposal.change.apply(inventory.of_rules(), parsed);
    let before = EffectiveRules::of(inventory, &first.network);
    let after = EffectiveRules::of(&changed, &first.network);
    let verdict = |rules: &EffectiveRules<'_>, flow: &Flow| evaluate(rules, flow, &mut ()).verdict;

    let was = proposal.change.before();
    let detail = was.map_or(Detail::Together, |was| edges.detail(was)).max(edges.detail(parsed));
    let (denied_before, allowed_after) = pass(proposal, detail, &before, &after)?;
    pass_whole(directory, proposal, &after)?;
    // A verdict can change only where the changed rule, as it was or as it is, has a say.
    let may_say = |question: &Question<'_>| {
        let Some(flow) = &question.flow else { return false };
        let says = |rule| match match_rule(rule, flow, &mut ()) {
            Outcome::Missed(Mismatch::Port) => question.several_ports,
            Outcome::Missed(_) => detail == Detail::Apart,
            _ => true,
        };
        says(parsed) || was.is_some_and(says)
    };
    let count_changed = |questions: &[&Question<'_>]| {
        let mut changed = 0;
        for question in questions.iter().filter(|question| may_say(question)) {
            let passed = question.first.disposition() == Disposition::Allowed;
            question.each_flow(detail, |flow, count| {
                let (was, becomes) = (verdict(&before, flow), verdict(&after, flow));
                // What the log saw pass goes on doing so, though nothing given says why it did.
                // What is denied by what was given, and passed, says that this is of another time.
                let was_open = was == Verdict::Undetermined;
                let stays = passed && was_open && becomes == Verdict::Allowed;
                if was != becomes && !stays {
                    changed += count;
                }
            });
        }
        changed
    };
    match count_changed(&others.stay) {
        0 => {}
        changed => return Err(Refuted::ChangesOthers(changed)),
    }
    let beside = count_changed(&others.beside);
    let other_flows_changed = count_changed(&others.may_pass) + beside;
    let mut still_denied = 0;
    for canary in canaries(directory, proposal, first) {
        if verdict(&before, &canary) != Verdict::Denied {
            continue;
        }
        if verdict(&after, &canary) != Verdict::Denied {
            return Err(Refuted::OpensBeside);
        }
        still_denied += 1;
    }
    let geography = directory.geography(&first.network);
    let changed = between(&before, &after, &geography);
    let opened: Vec<_> = changed.into_iter().filter(|one| one.effect != Effect::Closes).collect();
    if let Some(deny) = crossing::crossed(inventory, parsed, &opened) {
        return Err(Refuted::Crosses(deny.label()));
    }
    let opens = once(opened.iter().flat_map(Changed::rows));
    let closes = Vec::new();
    let proof =
        Proof { denied_before, allowed_after, other_flows_changed, still_denied, opens, closes };
    Ok((proof, beside))
}

/// Boxes that differ only in what is not told are one.
fn once(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut told: Vec<Row> = Vec::new();
    for row in rows {
        if !told.contains(&row) {
            told.push(row);
        }
    }
    told
}

/// Lets the wanted connections pass: how many were denied before, and how many are allowed after,
/// which has to be all of them.
fn pass(
    proposal: &Proposal<'_, '_>,
    detail: Detail,
    before: &EffectiveRules<'_>,
    after: &EffectiveRules<'_>,
) -> Result<(usize, usize), Refuted> {
    let (mut denied_before, mut allowed_after, mut still_denying) = (0, 0, None);
    let (mut all_allowed, mut is_open) = (true, false);
    for cause in &proposal.wanted {
        cause.each_flow(detail, |flow, count| {
            if evaluate(before, flow, &mut ()).verdict == Verdict::Denied {
                denied_before += count;
            }
            let decision = evaluate(after, flow, &mut ());
            let culprit = match (decision.verdict, decision.decider) {
                (Verdict::Allowed, _) => {
                    allowed_after += count;
                    return;
                }
                // Where it is not certain, what may match is the culprit, not what decides
                // otherwise: a deny. Of an allow nobody knows whether it is for these.
                (Verdict::Undetermined, _) => {
                    let mut doubted = decision.doubts.iter().map(|(rule, _)| *rule);
                    let deny = doubted.find(|rule| rule.action == Action::Deny);
                    is_open |= deny.is_none();
                    deny
                }
                (Verdict::Denied, Decider::Rule(rule)) => Some(rule),
                (Verdict::Denied, _) => None,
            };
            all_allowed = false;
            still_denying = still_denying.take().or_else(|| culprit.map(FirewallRule::label));
        });
    }
    if still_denying.is_none() && is_open {
        return Err(Refuted::NotDecided);
    }
    if !all_allowed {
        return Err(Refuted::StillDenied(still_denying));
    }
    Ok((denied_before, allowed_after))
}

/// What nothing but the configuration shows to be needed is needed whole: from every address of the
/// one end to every address of the other, as far as the same deny kept it back.
fn pass_whole(
    directory: &Directory<'_>,
    proposal: &Proposal<'_, '_>,
    after: &EffectiveRules<'_>,
) -> Result<(), Refuted> {
    let set = |side: &Side, flow: &Flow| {
        let all =
            if flow.tuple.src.is_ipv4() { AddressSet::all_v4() } else { AddressSet::all_v6() };
        let own = AddressSet::of(&side.ranges).intersection(all);
        (side.known && !own.is_empty()).then_some(own)
    };
    for cause in proposal.wanted.iter().filter(|cause| cause.is_as_needed()) {
        for flow in cause.unlogged() {
            let geography = directory.geography(&flow.network);
            let mut space = Space::of_flow(flow, &geography);
            space.tells_apart = false;
            if let Some(source) = set(&cause.source, flow) {
                space.flows.source = source;
            }
            if let Some(destination) = set(&cause.destination, flow) {
                space.flows.destination = destination;
            }
            for piece in evaluate_all(after, &space) {
                let decider = piece.decision.decider;
                let is_left = piece.decision.verdict != Verdict::Allowed
                    && decider_key(decider) == decider_key(cause.decision.decider);
                if is_left {
                    let label = match decider {
                        Decider::Rule(rule) => Some(rule.label()),
                        _ => None,
                    };
                    return Err(Refuted::StillDenied(label));
                }
            }
        }
    }
    Ok(())
}

/// Nothing is to pass: then only the logging may change, which no verdict depends on.
fn changes_logging_only(change: &Change) -> Result<Proof, Refuted> {
    let same_but_for_logging = change.before().is_some_and(|before| {
        let after = FirewallRule { logged: before.logged, ..change.rule().clone() };
        after == *before
    });
    if !same_but_for_logging {
        return Err(Refuted::StillDenied(None));
    }
    Ok(Proof {
        denied_before: 0,
        allowed_after: 0,
        other_flows_changed: 0,
        still_denied: 0,
        opens: Vec::new(),
        closes: Vec::new(),
    })
}

/// Addresses of nobody, out of the ranges for documentation (RFC 5737, RFC 3849).
const SOMEBODY_V4: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77)),
];
const SOMEBODY_V6: [IpAddr; 1] = [IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x4d))];

/// Connections right beside the wanted ones: the next address, the next port, the other
/// protocol, and somebody on the internet.
fn canaries(directory: &Directory<'_>, proposal: &Proposal<'_, '_>, flow: &Flow) -> Vec<Flow> {
    let tuple = flow.tuple;
    let with_peer = |address: IpAddr| match flow.direction {
        Direction::Ingress => FiveTuple { src: address, ..tuple },
        Direction::Egress => FiveTuple { dst: address, ..tuple },
    };
    let mut tuples: Vec<FiveTuple> = Vec::new();
    tuples.extend(proposal.needed.neighbour().map(with_peer));
    let somebody = if tuple.src.is_ipv4() { &SOMEBODY_V4[..] } else { &SOMEBODY_V6[..] };
    let somebody = somebody.iter().find(|one| !proposal.needed.contains(**one));
    tuples.extend(somebody.map(|one| with_peer(*one)));
    // Whatever else is wanted is no canary.
    let layers = proposal.wanted.iter().flat_map(|cause| cause.layers());
    let wanted = TrafficSet::union_of(layers.map(|layer| layer.traffic()));
    if tuple.protocol.has_ports() {
        let neighbour = wanted.ports_of(tuple.protocol).neighbour();
        tuples.extend(neighbour.map(|dst_port| FiveTuple { dst_port, ..tuple }));
        let other = if tuple.protocol == Protocol::TCP { Protocol::UDP } else { Protocol::TCP };
        if !wanted.contains(other, tuple.dst_port) {
            tuples.push(FiveTuple { protocol: other, ..tuple });
        }
    }
    tuples
        .into_iter()
        .map(|tuple| {
            let mut canary = directory.flow(tuple, flow.direction, &flow.network, None);
            canary.endpoint = flow.endpoint.clone();
            canary
        })
        .collect()
}

/// Whether two rules do the same under the same name. Who owns them and where they were read does
/// not matter; how ranges were split does not either.
#[must_use]
pub fn same_rule(a: &FirewallRule, b: &FirewallRule) -> bool {
    let key = |rule: &FirewallRule| {
        let mut layers: Vec<_> = rule.layer4.clone();
        layers.sort();
        (
            rule.name.clone(),
            rule.network.name.clone(),
            rule.direction,
            rule.priority,
            rule.action,
            layers,
        )
    };
    key(a) == key(b)
        && a.source == b.source
        && a.destination == b.destination
        && a.source_identity == b.source_identity
        && a.destination_identity == b.destination_identity
        && a.policy.is_some() == b.policy.is_some()
        && a.target_networks == b.target_networks
        && a.targets == b.targets
        && a.disabled == b.disabled
        && a.logged.unwrap_or(false) == b.logged.unwrap_or(false)
        && a.is_understood()
        && b.is_understood()
}
