//! Errors that people paste, as connections that are needed: who could not reach whom, at the
//! address and port that the text tells, or at those that the component is known for.

use std::net::IpAddr;

use crate::correlate::expected::backend::{Backend, backend_of};
use crate::correlate::expected::cluster::Wanted;
use crate::correlate::expected::{Need, Place, Purpose};
use crate::correlate::side::side;
use crate::model::components::component;
use crate::model::symptom::{Call, KONNECTIVITY, SymptomKind};
use crate::model::webhook::CallKind;
use crate::model::{ObjectName, Symptom, Webhook};
use crate::net::{Protocol, Role};

/// What became of a pasted error.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The error.
    pub symptom: &'a Symptom,
    /// The answer.
    pub answer: Conclusion,
}

/// What a pasted error comes down to; a need is told by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// The firewall, and there is a cause that says so.
    Firewall,
    /// Nobody is there to answer.
    Missing(usize),
    /// The firewall lets it pass: the cause is elsewhere.
    Elsewhere(usize),
    /// Something that no firewall does.
    NotFirewall,
    /// What was given does not tell.
    CannotTell(Option<usize>),
}

/// Whether an error tells of what is needed.
#[must_use]
pub fn tells_of(symptom: &Symptom, need: &Need<'_>) -> bool {
    let called = |call: &Call, api: bool| match need.purpose {
        Purpose::Call(webhook) => {
            let of_kind = (webhook.kind == CallKind::AggregatedApi) == api;
            // An API may be named without its version.
            let by_name = call.name.as_deref().is_some_and(|name| {
                name == webhook.name || api && webhook.name.ends_with(&format!(".{name}"))
            });
            let by_nothing = *call == Call::default();
            let to = call.service.as_ref().map(|(id, _)| id.to_string());
            let by_service = to.is_some_and(|to| to == need.to.name);
            let at_address = call.address.is_some_and(|(address, port)| {
                let named = call.name.is_some() || call.service.is_some();
                !named
                    && need.port == Some(port)
                    && need.to.ranges.iter().any(|range| range.contains(&address))
            });
            of_kind && (by_name || by_service || at_address || by_nothing)
        }
        // A time-out that names nothing is of what another error names.
        Purpose::Pasted(other) => {
            let is_webhook = matches!(other.kind, SymptomKind::Webhook(_));
            std::ptr::eq(other, symptom) || !api && is_webhook && *call == Call::default()
        }
        _ => false,
    };
    match &symptom.kind {
        SymptomKind::Webhook(call) => called(call, false),
        SymptomKind::AggregatedApi(call) => called(call, true),
        SymptomKind::Kubelet(call) => {
            let is_it = |(address, _): &(IpAddr, u16)| {
                need.to.ranges.iter().any(|range| range.contains(address))
            };
            need.purpose == Purpose::Kubelet
                && need.port == Some(10_250)
                && call.address.as_ref().is_none_or(is_it)
        }
        SymptomKind::NodesMissing(_) => {
            need.purpose == Purpose::ControlPlane && !need.doubtful && need.from.role == Role::Node
        }
        SymptomKind::NodeEgress(host) if host == "apiserver" => {
            need.purpose == Purpose::ControlPlane && !need.doubtful && need.from.role == Role::Node
        }
        kind if kind.is_by_agent() => {
            need.purpose == Purpose::ControlPlane && need.port == Some(KONNECTIVITY)
        }
        SymptomKind::UnhealthyBackends(_) => need.purpose == Purpose::Probe,
        // Who called, nobody says.
        SymptomKind::Client(_) | SymptomKind::Dialled(..) => false,
        SymptomKind::Iap(_)
        | SymptomKind::NodeEgress(_)
        | SymptomKind::Proxied(_)
        | SymptomKind::ImagePull { .. }
        | SymptomKind::FirewallChange { .. } => {
            matches!(need.purpose, Purpose::Pasted(other) if std::ptr::eq(other, symptom))
        }
    }
}

/// What the pasted errors show to be needed and nothing else does.
pub(super) fn needs<'a>(places: &[Place<'_, 'a>], into: &mut Vec<Need<'a>>) {
    let Some(first) = places.first() else { return };
    for symptom in &first.directory.inventory.symptoms {
        // Who failed to dial it does dial it, whichever version this is.
        let by_agent = symptom.kind.is_by_agent();
        for need in into.iter_mut().filter(|need| by_agent && tells_of(symptom, need)) {
            need.doubtful = false;
            need.because = vec![format!("agents dial it here ({})", symptom.origin)];
        }
        let known = into.iter().any(|need| tells_of(symptom, need));
        if known || !symptom.failure.may_be_firewall() {
            continue;
        }
        match &symptom.kind {
            SymptomKind::Webhook(call) => into.extend(of_call(places, symptom, call)),
            SymptomKind::AggregatedApi(call) | SymptomKind::Proxied(call) => {
                into.extend(of_call(places, symptom, call));
            }
            SymptomKind::ImagePull { address: Some((address, port)), host, .. } => {
                // Whose nodes they are, nobody says: of several clusters none is taken.
                let [place] = places else { continue };
                let who = place.directory.who(*address, place.network.as_ref());
                let host = host.clone().unwrap_or_default();
                let need = place.need(Wanted {
                    purpose: Purpose::Pasted(symptom),
                    reason: format!("nodes pull images from {host}"),
                    from: place.side(Role::Node),
                    to: side(who, &[*address]),
                    protocol: Protocol::TCP,
                    port: Some(*port),
                    doubtful: false,
                    because: Vec::new(),
                });
                into.push(Need { origin: symptom.origin.clone(), ..need });
            }
            _ => {}
        }
    }
}

/// What an error tells of whom a webhook calls behind its Service.
pub(super) fn backend_of_error(
    place: &Place<'_, '_>,
    webhook: &Webhook,
    id: &ObjectName,
    backend: Backend,
) -> Backend {
    let mut told = place.directory.inventory.symptoms.iter().filter_map(|symptom| {
        let call = match &symptom.kind {
            SymptomKind::Webhook(call) if webhook.kind != CallKind::AggregatedApi => call,
            SymptomKind::AggregatedApi(call) if webhook.kind == CallKind::AggregatedApi => call,
            _ => return None,
        };
        let by_service = call.service.as_ref().is_some_and(|(service, _)| service == id);
        let by_name = call.service.is_none() && call.name.as_ref() == Some(&webhook.name);
        (by_service || by_name).then(|| backend_told(place, symptom, call, backend.clone()))
    });
    let known = |one: &Backend| one.port.is_some() && !one.is_guessed;
    let all: Vec<Backend> = told.by_ref().collect();
    let best = all.iter().find(|one| known(one)).or(all.first());
    best.cloned().unwrap_or(backend)
}

/// The port that an error tells, before the one that the Service does, and before the one that the
/// component is known for. Of an address that is no pod's and no node's, a Service's for one, the
/// port is not what the firewall sees.
fn backend_told(
    place: &Place<'_, '_>,
    symptom: &Symptom,
    call: &Call,
    backend: Backend,
) -> Backend {
    let holds = |role: Role, address: &IpAddr| {
        place.ranges(role).0.iter().any(|range| range.contains(address))
    };
    if let Some((address, port)) = &call.address {
        let of_pod = holds(Role::Pod, address);
        if of_pod || holds(Role::Node, address) {
            let lacks =
                backend.lacks.map(|_| format!("an error tells the port ({})", symptom.origin));
            let on_nodes = backend.on_nodes || !of_pod;
            return Backend { port: Some(*port), on_nodes, lacks, ..backend };
        }
        // A Service is called at its own port, so another one is a pod's, wherever that is.
        let of_service = call.service.as_ref().map(|(_, of_service)| *of_service);
        let elsewhere = !holds(Role::Service, address) && of_service.is_some_and(|of| of != *port);
        if elsewhere && backend.port.is_none() {
            let cluster = &place.cluster.id.name;
            let lacks = format!("{address} is in no range of cluster {cluster} that was given");
            return Backend { port: Some(*port), lacks: Some(lacks), is_guessed: true, ..backend };
        }
    }
    let usual = call.service.as_ref().and_then(|(id, _)| component(id));
    match usual.filter(|_| backend.port.is_none()).map(|known| known.port) {
        None => backend,
        Some(port) => {
            let lacks = format!(
                "{port} is the usual port of this component; what it is here is not given: kubectl \
                 get services,endpointslices,pods --all-namespaces -o json"
            );
            Backend { port: Some(port), lacks: Some(lacks), is_guessed: true, ..backend }
        }
    }
}

/// A webhook or an API that no configuration names: the error tells the pod's address and port, or
/// its Service does.
fn of_call<'a>(places: &[Place<'_, 'a>], symptom: &'a Symptom, call: &Call) -> Option<Need<'a>> {
    let holds = |place: &&Place<'_, 'a>| {
        let address = call.address.map(|(address, _)| address);
        let roles = [Role::Pod, Role::Node, Role::Service];
        let mut ranges = roles.iter().flat_map(|role| place.ranges(*role).0);
        address.is_some_and(|address| ranges.any(|range| range.contains(&address)))
    };
    let place = places.iter().find(holds).or(match places {
        [only] => Some(only),
        _ => None,
    })?;
    let workloads = &place.directory.inventory.workloads;
    let at_service = |(id, port): &(ObjectName, u16)| backend_of(workloads, id, *port);
    let backend = call.service.as_ref().map(at_service).unwrap_or_default();
    let backend = backend_told(place, symptom, call, backend);
    let port = backend.port?;
    let name = call.service.as_ref().map(|(id, _)| id.to_string());
    let (from, doubtful, note) = place.caller();
    let mut because = Vec::from_iter(note);
    because.extend(backend.lacks.filter(|_| backend.is_guessed));
    let what = match (&symptom.kind, &call.name) {
        (SymptomKind::AggregatedApi(_), Some(name)) => format!("aggregated API {name}"),
        (SymptomKind::AggregatedApi(_), None) => "an aggregated API".to_owned(),
        (SymptomKind::Proxied(_), _) => "a call that the API server passes on".to_owned(),
        (_, Some(name)) => format!("admission webhook {name}"),
        (_, None) => "an admission webhook".to_owned(),
    };
    let need = place.need(Wanted {
        purpose: Purpose::Pasted(symptom),
        reason: format!("{what}, which an error names"),
        from,
        to: place.backend(name.as_deref().unwrap_or(&place.cluster.id.name), backend.on_nodes),
        protocol: Protocol::TCP,
        port: Some(port),
        doubtful: doubtful || backend.is_guessed,
        because,
    });
    Some(Need { origin: symptom.origin.clone(), missing: backend.missing, ..need })
}
