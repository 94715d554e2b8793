//! What the connections of a cause are, all together: its ends, ports and VMs, each once, and the
//! connection that stands for it. Found in one walk, since there may be millions.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;

use crate::correlate::Question;
use crate::correlate::group::{Group, Sample};
use crate::correlate::rollup::RollUp;
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
    /// What was seen of some connections.
    pub fn of<'q>(questions: impl IntoIterator<Item = &'q Question<'a>>) -> Self
    where
        'a: 'q,
    {
        let mut own = Collecting::default();
        for question in questions {
            for group in question.connections() {
                own.add(&group);
            }
        }
        own.finish()
    }

    /// What was seen of several causes.
    pub(super) fn of_all(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.sources.extend(part.sources);
            all.destinations.extend(part.destinations);
            all.ports.extend(part.ports);
            all.instances.extend(part.instances);
            let both = all.sample.into_iter().chain(part.sample);
            all.sample =
                both.min_by_key(|(tuple, one)| (one.timestamp.is_none(), one.timestamp, *tuple));
        }
        put_in_order(&mut all.sources);
        put_in_order(&mut all.destinations);
        put_in_order(&mut all.ports);
        all
    }
}

/// Once for all: each part is in order, which a sort that merges is quick with.
fn put_in_order<T: Ord>(things: &mut Vec<T>) {
    things.sort();
    things.dedup();
}

/// What was seen of each cause, of which these are the questions. It is found in one walk through
/// the connections in the order in which they stand: each cause has some everywhere, and a walk for
/// each would wait for memory at every step.
pub(super) fn of_each<'a>(roll_up: &'a RollUp, causes: &[&[Question<'a>]]) -> Vec<Seen<'a>> {
    let mut whose: Vec<Option<NonZero<u32>>> = vec![None; roll_up.len()];
    for (number, questions) in (1..).map(NonZero::new).zip(causes) {
        for slot in questions.iter().flat_map(Question::slots) {
            if let Some(place) = whose.get_mut(roll_up.position(*slot)) {
                *place = number;
            }
        }
    }
    let mut all: Vec<Collecting<'_>> = causes.iter().map(|_| Collecting::default()).collect();
    for group in roll_up.each() {
        let number = whose.get(roll_up.position(group.slot())).copied().flatten();
        if let Some(own) = number.and_then(|number| all.get_mut(number.get() as usize - 1)) {
            own.add(&group);
        }
    }
    all.into_iter().map(Collecting::finish).collect()
}

/// What was seen so far.
#[derive(Default)]
struct Collecting<'a> {
    sources: Addresses,
    destinations: Addresses,
    ports: Distinct<u16>,
    vms: Numbers,
    instances: BTreeSet<&'a str>,
    sample: Option<(FiveTuple, Sample<'a>)>,
}

impl<'a> Collecting<'a> {
    fn add(&mut self, group: &Group<'a>) {
        let tuple = group.tuple();
        self.sources.add(tuple.src);
        self.destinations.add(tuple.dst);
        if tuple.protocol.has_ports() {
            self.ports.add(tuple.dst_port);
        }
        match group.only_vm() {
            Some((number, name)) => {
                if self.vms.insert(number) {
                    self.instances.insert(name);
                }
            }
            None => self.instances.extend(group.instances().iter().map(|(_, name)| name)),
        }
        let first = group.span().map(|(first, _)| first);
        let earlier = |(at, one): &(FiveTuple, Sample<'a>)| {
            (first.is_none(), first, tuple) < (one.timestamp.is_none(), one.timestamp, *at)
        };
        if self.sample.as_ref().is_none_or(earlier) {
            self.sample = Some((tuple, group.sample()));
        }
    }

    fn finish(self) -> Seen<'a> {
        Seen {
            sources: self.sources.in_order(),
            destinations: self.destinations.in_order(),
            ports: self.ports.in_order(),
            instances: self.instances,
            sample: self.sample,
        }
    }
}

/// A set of small numbers.
#[derive(Default)]
struct Numbers(Vec<bool>);

impl Numbers {
    /// Whether it was not there before.
    fn insert(&mut self, number: u32) -> bool {
        let at = number as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, false);
        }
        self.0.get_mut(at).is_some_and(|one| !std::mem::replace(one, true))
    }
}

/// Addresses, of which many come again.
#[derive(Default)]
struct Addresses {
    v4: Distinct<u32>,
    v6: Distinct<u128>,
}

impl Addresses {
    fn add(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.v4.add(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.add(v6.to_bits()),
        }
    }

    fn in_order(self) -> Vec<IpAddr> {
        let v4 = self.v4.in_order().into_iter().map(|bits| Ipv4Addr::from_bits(bits).into());
        let v6 = self.v6.in_order().into_iter().map(|bits| Ipv6Addr::from_bits(bits).into());
        v4.chain(v6).collect()
    }
}

/// Things of which many come again, often one after the other. They are put in order now and then,
/// which takes less time than to look up each, and no more room than twice the distinct ones.
#[derive(Default)]
struct Distinct<T> {
    things: Vec<T>,
    /// So many of the first are in order.
    ordered: usize,
}

/// So few are not worth the while.
const FEW: usize = 1 << 12;

impl<T: Ord> Distinct<T> {
    fn add(&mut self, thing: T) {
        if self.things.last() == Some(&thing) {
            return;
        }
        if self.things.len() >= FEW.max(self.ordered * 2) {
            self.put_in_order();
        }
        self.things.push(thing);
    }

    fn put_in_order(&mut self) {
        self.things.sort_unstable();
        self.things.dedup();
        self.ordered = self.things.len();
    }

    fn in_order(mut self) -> Vec<T> {
        self.put_in_order();
        self.things
    }
}

#[cfg(test)]
mod tests {
    use super::{Distinct, FEW};

    #[test]
    fn what_comes_again_stands_once_and_takes_no_room() {
        let mut some = Distinct::default();
        for number in 0..50 * FEW {
            some.add(number * 7 % 1_000);
            assert!(some.things.len() <= FEW);
        }
        assert!(some.in_order().into_iter().eq(0..1_000));
        let mut many = Distinct::default();
        for number in (0..5 * FEW).rev() {
            many.add(number);
        }
        assert!(many.in_order().into_iter().eq(0..5 * FEW));
    }
}
