//! What a cluster needs and the firewall denies becomes a cause, whether the log shows it or not;
//! where it does, it is the same cause.

use std::collections::BTreeMap;

use crate::correlate::Cause;
use crate::correlate::causes::decider_key;
use crate::correlate::expected::{Conclusion, Need, Purpose, Told, tells_of};
use crate::correlate::seen::Seen;
use crate::correlate::side::Side;
use crate::engine::Verdict;
use crate::model::firewall::Layer4;
use crate::model::symptom::{Failure, SymptomKind};
use crate::model::{Expected, Inventory, Symptom};
use crate::net::{AddressSet, Direction, IpNet, Protocol, Role};

/// What silent needs have to share to be one cause. Those of one kind, such as all ports between
/// pods, are one; every port that webhooks listen on is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    purpose: u8,
    cluster: Option<usize>,
    network: String,
    direction: Direction,
    source: (String, Vec<IpNet>),
    destination: (String, Vec<IpNet>),
    apart: Option<(Protocol, Option<u16>)>,
    decider: String,
    doubtful: bool,
}

/// Adds what is needed and denied to the causes that the log shows.
pub fn join<'a>(causes: &mut Vec<Cause<'a>>, needs: &[Need<'a>], inventory: &Inventory) {
    let mut silent: BTreeMap<Key, Vec<Need<'a>>> = BTreeMap::new();
    for need in needs.iter().filter(|need| need.is_blocked()).flat_map(at_each_end) {
        match causes.iter_mut().find(|cause| is_seen(cause, &need)) {
            Some(cause) => cause.needs.push(need),
            None => silent.entry(key(&need)).or_default().push(need),
        }
    }
    // The log knows the pods' range; what is needed knows whose pods they are.
    for cause in causes.iter_mut() {
        let called = |need: &&Need<'_>| matches!(need.purpose, Purpose::Call(_));
        let names: Vec<&str> =
            cause.needs.iter().filter(called).map(|need| need.to.name.as_str()).collect();
        if !names.is_empty() {
            cause.destination.name = joined(names);
        }
    }
    for mut whole in silent.into_values().filter_map(cause) {
        take_parts(&mut whole, causes, inventory);
        causes.push(whole);
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count()));
}

/// What is denied at both ends is denied twice: to let it out does not let it in.
fn at_each_end<'a>(need: &Need<'a>) -> impl Iterator<Item = Need<'a>> {
    let own = need.clone();
    let receiver = need.answer.receiver.as_deref().cloned();
    std::iter::once(own).chain(receiver.map(|answer| Need { answer, ..need.clone() }))
}

/// What the log shows of connections that are needed whole, all ports between the pods and nodes of
/// a cluster, is a part of that: mended alone it would leave the rest.
fn take_parts<'a>(whole: &mut Cause<'a>, causes: &mut Vec<Cause<'a>>, inventory: &Inventory) {
    let Some(need) = whole.needs.first().filter(|need| need.purpose == Purpose::Internal) else {
        return;
    };
    let is_part = |cause: &Cause<'_>| {
        is_alike(cause, need)
            && is_inside(&cause.source, need)
            && is_inside(&cause.destination, need)
            // Of these another check speaks, or nothing is to be done about them.
            && cause.needs.is_empty()
            && !cause.asks_for_names()
            && cause.denied_by_name(inventory).is_none()
    };
    // What the log lays to another rule is another cause.
    let mut named = None;
    let is_taken = |cause: &mut Cause<'a>| {
        named.as_ref().is_none_or(|rule| *rule == cause.logged_rule) && is_part(cause) && {
            named.get_or_insert_with(|| cause.logged_rule.clone());
            true
        }
    };
    let (mut layers, mut seen) = (Vec::new(), Vec::new());
    for part in causes.extract_if(.., is_taken) {
        layers.extend(part.layers());
        seen.push(part.seen);
        whole.questions.extend(part.questions);
        whole.symptoms.extend(part.symptoms);
    }
    whole.seen = Seen::of_all(seen);
    whole.parts = Layer4::merged(layers);
    whole.logged_rule = named.flatten();
}

/// The names of several backends, each once.
fn joined(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_NAMES {
        return format!("{} Services", names.len());
    }
    names.join(", ")
}

/// Joins the pasted errors with the causes and the needs.
pub fn join_symptoms<'a>(
    causes: &mut [Cause<'a>],
    needs: &[Need<'a>],
    symptoms: &'a [Symptom],
) -> Vec<Told<'a>> {
    symptoms
        .iter()
        .map(|symptom| {
            let answer = conclusion(causes, needs, symptom);
            Told { symptom, answer }
        })
        .collect()
}

fn conclusion<'a>(
    causes: &mut [Cause<'a>],
    needs: &[Need<'a>],
    symptom: &'a Symptom,
) -> Conclusion {
    if symptom.failure == Failure::NoAgent {
        return without_agent(causes, needs, symptom);
    }
    if !symptom.failure.may_be_firewall() {
        return Conclusion::NotFirewall;
    }
    let tells = |need: &Need<'_>| tells_of(symptom, need);
    let mut is_shown = false;
    let is_told =
        |cause: &&mut Cause<'_>| cause.needs.iter().any(tells) || is_logged(cause, symptom);
    for cause in causes.iter_mut().filter(is_told) {
        cause.symptoms.push(symptom);
        is_shown = true;
    }
    let own = || needs.iter().enumerate().filter(|(_, need)| tells(need));
    if !is_shown {
        let explains = |cause: &&mut Cause<'_>| {
            own().any(|(_, need)| carries(cause, need) || shows_denied(cause, need))
        };
        for cause in causes.iter_mut().filter(explains) {
            cause.symptoms.push(symptom);
            is_shown = true;
        }
    }
    let find =
        |wanted: fn(&Need<'_>) -> bool| own().find(|(_, need)| wanted(need)).map(|(at, _)| at);
    if is_shown {
        return Conclusion::Firewall;
    }
    if let Some(at) = find(|need| need.missing.is_some()) {
        return Conclusion::Missing(at);
    }
    // All of them have to pass: a time-out may be of any.
    let all_pass = own().all(|(_, need)| need.answer.verdict == Expected::Allowed);
    match own().next() {
        Some((at, _)) if all_pass => Conclusion::Elsewhere(at),
        _ => {
            let open = find(|need| need.answer.verdict == Expected::Undetermined);
            Conclusion::CannotTell(open)
        }
    }
}

/// There is no agent where agents are kept from the control plane. That it asks for one shows that
/// it calls through agents, so what they need is no guess.
fn without_agent<'a>(
    causes: &mut [Cause<'a>],
    needs: &[Need<'a>],
    symptom: &'a Symptom,
) -> Conclusion {
    let of_agents = |need: &Need<'_>| {
        let from_pods = need.from.role == Role::Pod && need.to.role == Role::ControlPlane;
        from_pods && matches!(need.port, Some(443 | 8132))
    };
    let is_shown = |cause: &&mut Cause<'_>| {
        let denied = cause.decision.verdict == Verdict::Denied;
        keeps_agents_away(cause) || denied && cause.needs.iter().any(of_agents)
    };
    let is_open = |need: &Need<'_>| need.answer.verdict == Expected::Undetermined;
    let open = needs.iter().position(|need| of_agents(need) && is_open(need));
    let mut answer = match open {
        None if needs.iter().any(of_agents) => Conclusion::NotFirewall,
        open => Conclusion::CannotTell(open),
    };
    for cause in causes.iter_mut().filter(is_shown) {
        cause.symptoms.push(symptom);
        answer = Conclusion::Firewall;
    }
    answer
}

/// Whether what is denied carries what is needed. Agents in the cluster carry the calls of a
/// control plane that is joined by Private Service Connect: what keeps them from it keeps its calls
/// back
/// (<https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/>).
fn carries(cause: &Cause<'_>, need: &Need<'_>) -> bool {
    let by_agents = need.from.role == Role::Pod && need.cluster.is_some();
    by_agents && keeps_agents_away(cause) && cause.destination.cluster == need.cluster
}

/// Whether the log shows that what is needed was denied, whatever the rules that were given say.
fn shows_denied(cause: &Cause<'_>, need: &Need<'_>) -> bool {
    let network = cause.network.as_ref().zip(need.network.as_ref());
    let of = |side: &Side, of: &Side| side.role == of.role && side.cluster == of.cluster;
    !cause.is_silent()
        && network.is_some_and(|(one, other)| one.agrees(other))
        && cause.direction == Some(need.answer.direction)
        && (cause.protocol, cause.port) == (need.protocol, need.port)
        && of(&cause.source, &need.from)
        && is_inside(&cause.destination, need)
}

/// Whether it keeps agents in a cluster from a control plane, for certain.
fn keeps_agents_away(cause: &Cause<'_>) -> bool {
    let is_sure = !cause.is_silent() || cause.needs.iter().any(|need| !need.doubtful);
    is_sure
        && cause.decision.verdict == Verdict::Denied
        && cause.direction == Some(Direction::Egress)
        && cause.destination.role == Role::ControlPlane
}

/// Whether the log shows the connection that an error tells by its address: then nothing else has
/// to be known.
fn is_logged(cause: &Cause<'_>, symptom: &Symptom) -> bool {
    let address = match &symptom.kind {
        SymptomKind::Webhook(call)
        | SymptomKind::AggregatedApi(call)
        | SymptomKind::Kubelet(call)
        | SymptomKind::Proxied(call) => call.address,
        SymptomKind::ImagePull { address, .. } => *address,
        SymptomKind::Dialled(address, port) => Some((*address, *port)),
        _ => None,
    };
    address.is_some_and(|(address, port)| {
        cause.port == Some(port) && cause.seen.destinations.binary_search(&address).is_ok()
    })
}

/// Whether what the log shows is denied where and by what denies what is needed.
fn is_alike(cause: &Cause<'_>, need: &Need<'_>) -> bool {
    let answer = &need.answer;
    let same_network = match (&cause.network, &need.network) {
        (Some(one), Some(other)) => one.agrees(other),
        _ => false,
    };
    same_network
        && cause.decision.verdict == Verdict::Denied
        && cause.direction == Some(answer.direction)
        && decider_key(cause.decision.decider) == decider_key(answer.decision.decider)
}

/// Whether it is a node or a pod of the cluster that needs it.
fn is_inside(side: &Side, need: &Need<'_>) -> bool {
    matches!(side.role, Role::Node | Role::Pod) && side.cluster == need.cluster
}

/// Whether the log shows what is needed, denied by what denies it here.
fn is_seen(cause: &Cause<'_>, need: &Need<'_>) -> bool {
    let inside = |side: &Side| is_inside(side, need);
    let of_control_plane =
        |side: &Side| side.role == Role::ControlPlane && side.cluster == need.cluster;
    let same_port = cause.protocol == need.protocol && cause.port == need.port;
    // What goes with another need, where the log shows that one.
    let beside = need.doubtful && matches!(cause.port, Some(443 | 8132 | 10_250));
    let (source, destination) = (&cause.source, &cause.destination);
    is_alike(cause, need)
        && match need.purpose {
            Purpose::Internal => inside(source) && inside(destination) && same_port,
            Purpose::ControlPlane => {
                inside(source) && of_control_plane(destination) && (same_port || beside)
            }
            Purpose::Kubelet => {
                of_control_plane(source) && inside(destination) && (same_port || beside)
            }
            Purpose::Call(_)
            | Purpose::Pasted(_)
            | Purpose::Road
            | Purpose::Exposure
            | Purpose::Probe
            | Purpose::Iap
            | Purpose::Metadata => {
                same_port
                    && (source.role, source.cluster) == (need.from.role, need.from.cluster)
                    && (destination.role, destination.cluster) == (need.to.role, need.to.cluster)
                    && (need.purpose != Purpose::Road || meets(destination, &need.to))
            }
        }
}

/// Whether two ends have an address in common: one VIP is not the other.
fn meets(a: &Side, b: &Side) -> bool {
    let (a, b) = (AddressSet::of(&a.ranges), AddressSet::of(&b.ranges));
    !a.intersection(&b).is_empty()
}

fn key(need: &Need<'_>) -> Key {
    let (purpose, apart) = match need.purpose {
        Purpose::Call(_) => (0, true),
        Purpose::Kubelet => (1, false),
        Purpose::ControlPlane => (2, false),
        Purpose::Internal => (3, false),
        Purpose::Probe => (4, true),
        Purpose::Iap => (5, true),
        Purpose::Metadata => (6, true),
        Purpose::Road => (7, true),
        Purpose::Exposure => (8, true),
        // Of the same webhooks as those that are configured.
        Purpose::Pasted(_) => (0, true),
    };
    let side = |side: &Side| {
        // Services on one port are one cause.
        let name = if apart { String::new() } else { side.name.clone() };
        (format!("{:?} {name}", side.role), side.ranges.clone())
    };
    // Which of them does not matter where any pod and any node is meant.
    let any = || (String::new(), Vec::new());
    let (source, destination) = match need.purpose {
        Purpose::Internal => (any(), any()),
        Purpose::ControlPlane => (any(), side(&need.to)),
        // Probes of one port come from several lists of Google's.
        Purpose::Probe if need.from.role == Role::HealthCheck => {
            ((format!("{:?}", need.from.role), Vec::new()), side(&need.to))
        }
        _ => (side(&need.from), side(&need.to)),
    };
    Key {
        purpose,
        cluster: need.cluster,
        network: need.network.as_ref().map(ToString::to_string).unwrap_or_default(),
        direction: need.answer.direction,
        source,
        destination,
        apart: apart.then_some((need.protocol, need.port)),
        decider: decider_key(need.answer.decision.decider),
        doubtful: need.doubtful && apart,
    }
}

/// The names of several backends.
const MOST_NAMES: usize = 3;

fn cause<'a>(mut needs: Vec<Need<'a>>) -> Option<Cause<'a>> {
    // What is certain speaks for the rest.
    needs.sort_by_key(|need| need.doubtful);
    let first = needs.first()?;
    let mut destination = first.to.clone();
    destination.name = joined(needs.iter().map(|need| need.to.name.as_str()).collect());
    let mut source = first.from.clone();
    for need in needs.iter().skip(1) {
        join_ranges(&mut source, &need.from);
        join_ranges(&mut destination, &need.to);
    }
    Some(Cause {
        network: first.network.clone(),
        direction: Some(first.answer.direction),
        source,
        destination,
        protocol: first.protocol,
        port: first.port,
        logged_rule: None,
        decision: crate::engine::Decision {
            verdict: Verdict::Denied,
            ..first.answer.decision.clone()
        },
        near_misses: first.answer.near_misses.clone(),
        questions: Vec::new(),
        seen: Seen::default(),
        needs,
        symptoms: Vec::new(),
        parts: Vec::new(),
    })
}

fn join_ranges(into: &mut Side, other: &Side) {
    into.ranges.extend(&other.ranges);
    into.ranges.sort();
    into.ranges.dedup();
}
