//! What the connections of a cause are, all together: its ends, ports and VMs, each once, and the
//! connection that stands for it. Found in one walk, since there may be millions.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use crate::correlate::Question;
use crate::correlate::rollup::Sample;
use crate::net::FiveTuple;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen<'a> {
    /// Distinct source addresses, in order.
    pub sources: Vec<IpAddr>,
    /// Distinct destination addresses, in order.
    pub destinations: Vec<IpAddr>,
    /// Distinct ports, where the protocol has them, in order.
    pub ports: Vec<u16>,
    /// Names of the VMs that wrote the entries.
    pub instances: BTreeSet<&'a str>,
    /// The connection with the earliest record.
    pub sample: Option<(FiveTuple, Sample<'a>)>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(questions: &[Question<'a>]) -> Self {
        let mut seen = Self::default();
        let (mut sources, mut destinations) = (Addresses::default(), Addresses::default());
        let mut ports: Vec<u16> = Vec::new();
        let mut vms: HashSet<u32, RandomState> = HashSet::default();
        for group in questions.iter().flat_map(Question::connections) {
            let tuple = group.tuple();
            sources.add(tuple.src);
            destinations.add(tuple.dst);
            // Neighbours are often the same.
            if tuple.protocol.has_ports() && ports.last() != Some(&tuple.dst_port) {
                ports.push(tuple.dst_port);
            }
            match group.only_vm() {
                Some((number, _)) if !vms.insert(number) => {}
                Some((_, name)) => {
                    seen.instances.insert(name);
                }
                None => seen.instances.extend(group.instances().iter().map(|(_, name)| name)),
            }
            let order =
                |at: &FiveTuple, one: &Sample<'_>| (one.timestamp.is_none(), one.timestamp, *at);
            let sample = group.sample();
            let earlier =
                |(at, one): &(FiveTuple, Sample<'a>)| order(&tuple, &sample) < order(at, one);
            if seen.sample.as_ref().is_none_or(earlier) {
                seen.sample = Some((tuple, sample));
            }
        }
        seen.sources = sources.distinct();
        seen.destinations = destinations.distinct();
        ports.sort_unstable();
        ports.dedup();
        seen.ports = ports;
        seen
    }
}

#[derive(Default)]
struct Addresses {
    v4: Vec<u32>,
    v6: Vec<u128>,
}

impl Addresses {
    fn add(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) if self.v4.last() == Some(&v4.to_bits()) => {}
            IpAddr::V4(v4) => self.v4.push(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.push(v6.to_bits()),
        }
    }

    fn distinct(mut self) -> Vec<IpAddr> {
        self.v4.sort_unstable();
        self.v4.dedup();
        self.v6.sort_unstable();
        self.v6.dedup();
        let v4 = self.v4.into_iter().map(|bits| Ipv4Addr::from_bits(bits).into());
        v4.chain(self.v6.into_iter().map(|bits| Ipv6Addr::from_bits(bits).into())).collect()
    }
}
