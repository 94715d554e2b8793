//! What IAP needs where an error tells that it could not reach a VM. Which VM that was the error
//! does not say: where few were given, it was one of them.

use crate::correlate::Directory;
use crate::correlate::expected::judge::{Ask, Asked};
use crate::correlate::expected::{Need, Purpose, outside};
use crate::correlate::scope::Scope;
use crate::correlate::side::side;
use crate::engine::EffectiveRules;
use crate::model::Instance;
use crate::model::symptom::SymptomKind;
use crate::net::{Direction, PortSet, Protocol, Role, well_known};

/// Of more VMs nobody knows which one was meant.
const MOST_VMS: usize = 3;
const SSH: u16 = 22;

/// What the errors show to be needed.
pub(super) fn needs<'a>(directory: &Directory<'a>, scope: &Scope, into: &mut Vec<Need<'a>>) {
    let inventory = directory.inventory;
    let is_node = |vm: &Instance| vm.cluster.is_some() || vm.id.name.starts_with("gke-");
    let vms = || inventory.instances.iter().filter(|vm| !vm.template && !is_node(vm));
    let addressed = vms().flat_map(|vm| &vm.interfaces).filter_map(|nic| Some((nic, nic.address?)));
    let all: Vec<_> = addressed.filter(|(nic, _)| scope.holds(&nic.network)).collect();
    if all.len() > MOST_VMS {
        return;
    }
    for symptom in &inventory.symptoms {
        let SymptomKind::Iap(port) = symptom.kind else { continue };
        if !symptom.failure.may_be_firewall() {
            continue;
        }
        let port = port.unwrap_or(SSH);
        for (nic, address) in &all {
            let network = &nic.network;
            let iap = well_known::ranges_with(Role::Iap, "TCP forwarding");
            let from = outside(Role::Iap, "", iap, "35.235.240.0/20 is IAP's range");
            let to = side(directory.who(*address, Some(network)), &[*address]).exactly(&[*address]);
            let rules = EffectiveRules::of(inventory, network);
            let ports = PortSet::of([port]);
            let ask = Ask { from: &from, to: &to, protocol: Protocol::TCP, ports: &ports };
            let asked = Asked { directory, network, rules: &rules, vms: None };
            into.push(Need {
                purpose: Purpose::Pasted(symptom),
                reason: format!("IAP forwards tcp {port}, which an error names"),
                cluster: None,
                network: Some(network.clone()),
                answer: asked.at(Direction::Ingress, &ask),
                from,
                to,
                protocol: Protocol::TCP,
                port: Some(port),
                doubtful: all.len() > 1,
                missing: None,
                because: Vec::new(),
                origin: symptom.origin.clone(),
            });
        }
    }
}
