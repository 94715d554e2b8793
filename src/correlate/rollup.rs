//! Records to groups: one group for each distinct (source, destination, port, protocol, direction,
//! rule, network, disposition), with its count, first, last, VMs and a sample.
//!
//! A [`RollUp`] is a monoid: partial ones merge in any order and any split to the same whole. Its
//! key and its measures are defined here and nowhere else. A log may hold ten million distinct
//! connections, so a group is kept in 64 bytes and a place in an index: what many have in common
//! (rule, network, project, direction) is one context with a number, and names are numbers,
//! too.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;
use hashbrown::Equivalent;

use crate::correlate::measures::{Id, Key, Measures, NOBODY, place};
use crate::correlate::table::{Numbered, Table};
use crate::correlate::window::Window;
use crate::model::record::FirewallRecord;
use crate::model::{Disposition, Record};
use crate::net::{Direction, FiveTuple, Protocol, Timestamp};

/// What records of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Context {
    pub(super) direction: Option<Direction>,
    pub(super) disposition: Disposition,
    pub(super) reference: u32,
    pub(super) priority: Option<u32>,
    pub(super) vpc_project: u32,
    pub(super) vpc_name: u32,
    pub(super) project: u32,
    /// Set where VMs are to be told apart, which only `stats` asks for.
    pub(super) instance: Option<u32>,
    pub(super) bucket: Option<Timestamp>,
}

type Names = Numbered<Box<str>>;

/// So many groups are brought from memory at once.
pub(super) const MOST_AT_ONCE: usize = 256;

/// Groups of records.
#[derive(Debug, Clone, Default)]
pub struct RollUp {
    names: Names,
    vms: Numbered<(Box<str>, Box<str>)>,
    contexts: Numbered<Context>,
    /// By [`Record::kin`].
    kin: Vec<Option<u32>>,
    v4: Table<Key<Ipv4Addr>, Measures>,
    other: Table<Key<IpAddr>, Measures>,
    /// What few groups have: further VMs, long `insertId`s.
    more_vms: HashMap<Slot, Vec<u32>, RandomState>,
    long_ids: HashMap<Slot, Box<str>, RandomState>,
    hasher: RandomState,
    /// How coarsely external addresses are told apart.
    pub(super) coarseness: u8,
}

/// A VM's project and name, borrowed; hashed as the owned pair is.
#[derive(Hash)]
struct VmName<'a>(&'a str, &'a str);

impl Equivalent<(Box<str>, Box<str>)> for VmName<'_> {
    fn equivalent(&self, (project, name): &(Box<str>, Box<str>)) -> bool {
        (self.0, self.1) == (&**project, &**name)
    }
}

/// What one record adds.
#[derive(Debug)]
pub(super) struct Addition {
    key: Key<IpAddr>,
    measures: Measures,
    long_id: Option<Box<str>>,
}

/// The place of a group: the last bit tells the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// As a number below that of all groups, and two at most for each.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    pub(super) fn of_number(number: u32) -> Self {
        Self(number)
    }
}

impl RollUp {
    /// What a record adds to its group; the group takes it with [`Self::take`].
    pub(super) fn addition(
        &mut self,
        record: &Record<'_>,
        firewall: &FirewallRecord<'_>,
        window: &Window,
    ) -> Addition {
        let vm = if firewall.instance.name.is_empty() {
            NOBODY
        } else {
            self.vm_number(&firewall.instance.project, &firewall.instance.name)
        };
        let context = self.context(record, firewall, vm, window);
        let FiveTuple { src, dst, dst_port, protocol, src_port } = firewall.tuple;
        let at = record.timestamp.map(|at| at.0);
        let insert_id = Id::of(&record.insert_id);
        Addition {
            key: Key { src, dst, context, dst_port, protocol },
            measures: Measures {
                count: 1,
                first: at.unwrap_or(i64::MAX),
                last: at.unwrap_or(i64::MIN),
                vm,
                src_port,
                insert_id,
            },
            long_id: (insert_id.length == Id::LONG).then(|| record.insert_id.as_ref().into()),
        }
    }

    /// Brings the groups that most likely take additions from memory. Many may be on their way at
    /// once, which they are not where each is waited for.
    #[inline]
    pub(super) fn fetch(&self, additions: &[(Addition, impl Sized)]) {
        self.fetch_all(additions.iter().map(|(addition, _)| &addition.key));
    }

    #[inline]
    fn fetch_all<'k>(&self, keys: impl Iterator<Item = &'k Key<IpAddr>>) {
        // In three short walks: the shorter each step is, the more of them are on their way.
        let hash = |key: &Key<IpAddr>| {
            let Key { src, dst, context, dst_port, protocol } = *key;
            let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) else { return None };
            let key = Key { src, dst, context, dst_port, protocol }.coarse(self.coarseness);
            Some(self.hasher.hash_one(key))
        };
        let hashes: Vec<u64> = keys.filter_map(hash).collect();
        let places: Vec<u32> = hashes.iter().filter_map(|hash| self.v4.likely(*hash)).collect();
        let likely = places.iter().filter_map(|at| self.v4.get(*at));
        let something =
            likely.fold(0, |sum, (key, measures)| sum ^ measures.count ^ u64::from(key.context));
        // They are really read.
        std::hint::black_box(something);
    }

    /// The group that takes an addition.
    #[inline]
    pub(super) fn slot_of(&mut self, addition: &Addition) -> Slot {
        let Key { src, dst, context, dst_port, protocol } = addition.key;
        self.slot(src, dst, context, dst_port, protocol)
    }

    /// Adds to a group.
    #[inline]
    pub(super) fn take(&mut self, slot: Slot, addition: &Addition) {
        self.measure(slot, &addition.measures, addition.long_id.as_deref());
    }

    fn name(&mut self, text: &str) -> u32 {
        self.names.number(text, || text.into())
    }

    fn vm_number(&mut self, project: &str, name: &str) -> u32 {
        self.vms.number(&VmName(project, name), || (project.into(), name.into()))
    }

    fn context(
        &mut self,
        record: &Record<'_>,
        firewall: &FirewallRecord<'_>,
        vm: u32,
        window: &Window,
    ) -> u32 {
        let kin = record.kin.filter(|_| window.per_seconds.is_none() && !window.by_instance);
        let kin = kin.map(|kin| kin as usize);
        if let Some(Some(known)) = kin.and_then(|kin| self.kin.get(kin)) {
            return *known;
        }
        let bucket = window.per_seconds.zip(record.timestamp).map(|(width, at)| at.bucket(width));
        let context = Context {
            direction: firewall.direction,
            disposition: firewall.disposition,
            reference: self.name(&firewall.reference),
            priority: firewall.priority,
            vpc_project: self.name(&firewall.vpc_project),
            vpc_name: self.name(&firewall.vpc_name),
            project: self.name(&record.project),
            instance: window.by_instance.then_some(vm),
            bucket,
        };
        let number = self.contexts.number(&context, || context);
        if let Some(kin) = kin {
            if self.kin.len() <= kin {
                self.kin.resize(kin + 1, None);
            }
            if let Some(place) = self.kin.get_mut(kin) {
                *place = Some(number);
            }
        }
        number
    }

    #[inline]
    fn slot(&mut self, src: IpAddr, dst: IpAddr, context: u32, port: u16, of: Protocol) -> Slot {
        let (hasher, coarseness) = (&self.hasher, self.coarseness);
        if let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) {
            let key = Key { src, dst, context, dst_port: port, protocol: of };
            Slot(place(&mut self.v4, key, coarseness, |key| hasher.hash_one(key)) << 1)
        } else {
            let key = Key { src, dst, context, dst_port: port, protocol: of };
            Slot(place(&mut self.other, key, coarseness, |key| hasher.hash_one(key)) << 1 | 1)
        }
    }

    pub(super) fn measures(&self, slot: Slot) -> Option<&Measures> {
        match slot.0 & 1 {
            0 => self.v4.get(slot.0 >> 1).map(|(_, measures)| measures),
            _ => self.other.get(slot.0 >> 1).map(|(_, measures)| measures),
        }
    }

    fn measures_mut(&mut self, slot: Slot) -> Option<&mut Measures> {
        match slot.0 & 1 {
            0 => self.v4.get_mut(slot.0 >> 1).map(|(_, measures)| measures),
            _ => self.other.get_mut(slot.0 >> 1).map(|(_, measures)| measures),
        }
    }

    /// Adds what was measured. The earliest record is kept as the sample.
    #[inline]
    fn measure(&mut self, slot: Slot, more: &Measures, long_id: Option<&str>) {
        let Some(own) = self.measures_mut(slot) else { return };
        let (vm, empty) = (own.vm, own.count == 0);
        let earlier = empty || more.first < own.first;
        let as_early = !earlier && more.first == own.first;
        if earlier {
            (own.insert_id, own.src_port) = (more.insert_id, more.src_port);
        }
        own.count += more.count;
        own.first = own.first.min(more.first);
        own.last = own.last.max(more.last);
        if vm != more.vm {
            self.see(slot, more.vm);
        }
        if as_early || earlier && (long_id.is_some() || !self.long_ids.is_empty()) {
            self.settle_sample(slot, more, long_id, earlier);
        }
    }

    /// Of records of one moment the first in the order of `insertId` and port is the sample.
    #[cold]
    fn settle_sample(&mut self, slot: Slot, more: &Measures, long_id: Option<&str>, earlier: bool) {
        let Some(own) = self.measures(slot).copied() else { return };
        let own_id = self.long_ids.get(&slot).map(|id| &**id).or_else(|| own.insert_id.text());
        let id = long_id.or_else(|| more.insert_id.text()).unwrap_or("");
        if !earlier && (own_id.unwrap_or(""), own.src_port) <= (id, more.src_port) {
            return;
        }
        if let Some(own) = self.measures_mut(slot) {
            (own.insert_id, own.src_port) = (more.insert_id, more.src_port);
        }
        match long_id {
            Some(id) => self.long_ids.insert(slot, id.into()),
            None => self.long_ids.remove(&slot),
        };
    }

    /// Takes one record out of a group again, and says of which disposition it was.
    pub(super) fn take_one(&mut self, slot: Slot) -> Option<Disposition> {
        let measures = self.measures_mut(slot)?;
        measures.count = measures.count.saturating_sub(1);
        let (_, context) = self.connection(slot)?;
        self.common(context).map(|common| common.disposition)
    }

    /// Takes in the groups of `other`; returns where each of them went, by its number.
    pub(super) fn absorb(&mut self, other: Self) -> Vec<Slot> {
        let names: Vec<u32> = other.names.all().iter().map(|name| self.name(name)).collect();
        let name = |number: u32| names.get(number as usize).copied().unwrap_or(0);
        let mut vms = Vec::with_capacity(other.vms.all().len());
        for (project, vm) in other.vms.all() {
            vms.push(self.vm_number(project, vm));
        }
        let vm = |number: u32| vms.get(number as usize).copied().unwrap_or(NOBODY);
        let mut contexts = Vec::with_capacity(other.contexts.all().len());
        for context in other.contexts.all() {
            let context = Context {
                reference: name(context.reference),
                vpc_project: name(context.vpc_project),
                vpc_name: name(context.vpc_name),
                project: name(context.project),
                instance: context.instance.map(vm),
                ..*context
            };
            contexts.push(self.contexts.number(&context, || context));
        }
        let mut went = vec![Slot(0); other.numbers() as usize];
        let rare = (other.more_vms, other.long_ids);
        // One block after another is given back when it is done with.
        let v4 = other.v4.into_rows().map(|(key, measures)| {
            let Key { src, dst, context, dst_port, protocol } = key;
            (Key { src: src.into(), dst: dst.into(), context, dst_port, protocol }, measures)
        });
        let v4 = (0..).map(|at: u32| Slot(at << 1)).zip(v4);
        let others = other.other.into_rows();
        let others = (0..).map(|at: u32| Slot(at << 1 | 1)).zip(others);
        let mut rows = v4.chain(others);
        loop {
            // Many are brought from memory at once, as additions are.
            let some: Vec<_> = rows
                .by_ref()
                .take(MOST_AT_ONCE)
                .map(|(slot, (key, measures))| {
                    let context = contexts.get(key.context as usize).copied().unwrap_or(0);
                    (slot, Key { context, ..key }, measures)
                })
                .collect();
            if some.is_empty() {
                break;
            }
            self.fetch_all(some.iter().map(|(_, key, _)| key));
            for (slot, key, measures) in some {
                let own = self.slot(key.src, key.dst, key.context, key.dst_port, key.protocol);
                let more = Measures { vm: vm(measures.vm), ..measures };
                self.measure(own, &more, rare.1.get(&slot).map(|id| &**id));
                for further in rare.0.get(&slot).into_iter().flatten() {
                    self.see(own, vm(*further));
                }
                if let Some(place) = went.get_mut(slot.0 as usize) {
                    *place = own;
                }
            }
        }
        went
    }

    /// Tells external addresses apart less finely; returns where each group went.
    pub(super) fn coarsen(&mut self) -> Vec<Slot> {
        let fine = std::mem::take(self);
        self.coarseness = fine.coarseness + 1;
        // Kin of one reader stay what they are: contexts keep their numbers.
        let kin = fine.kin.clone();
        let went = self.absorb(fine);
        self.kin = kin;
        went
    }

    /// Gives back what is only needed to take in more.
    pub(super) fn give_back_indices(&mut self) {
        self.v4.give_back_index();
        self.other.give_back_index();
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() as usize + self.other.len() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn see(&mut self, slot: Slot, vm: u32) {
        let Some(own) = self.measures_mut(slot) else { return };
        if own.vm == NOBODY {
            own.vm = vm;
        } else if vm != NOBODY && own.vm != vm {
            let list = self.more_vms.entry(slot).or_default();
            if !list.contains(&vm) {
                list.push(vm);
            }
        }
    }

    /// One more than the largest number of a slot.
    #[must_use]
    pub fn numbers(&self) -> u32 {
        (self.v4.len() << 1).max((self.other.len() << 1) + 1)
    }

    /// The place of a slot among all, in their order.
    pub(super) fn position(&self, slot: Slot) -> usize {
        let others = if slot.0 & 1 == 0 { 0 } else { self.v4.len() };
        (others + (slot.0 >> 1)) as usize
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let v4 = (0..self.v4.len()).map(|at| Slot(at << 1));
        v4.chain((0..self.other.len()).map(|at| Slot(at << 1 | 1)))
    }

    /// What connection stands at a place, and the number of what it has in common with others.
    pub(super) fn connection(&self, slot: Slot) -> Option<(FiveTuple, u32)> {
        let (src, dst, context, dst_port, protocol) = match slot.0 & 1 {
            0 => {
                let (key, _) = self.v4.get(slot.0 >> 1)?;
                (key.src.into(), key.dst.into(), key.context, key.dst_port, key.protocol)
            }
            _ => {
                let (key, _) = self.other.get(slot.0 >> 1)?;
                (key.src, key.dst, key.context, key.dst_port, key.protocol)
            }
        };
        let src_port = self.measures(slot)?.src_port;
        Some((FiveTuple { src, src_port, dst, dst_port, protocol }, context))
    }

    pub(super) fn common(&self, context: u32) -> Option<&Context> {
        self.contexts.get(context)
    }

    /// The VMs of a group but the first.
    pub(super) fn more_vms(&self, slot: Slot) -> Option<&[u32]> {
        self.more_vms.get(&slot).map(Vec::as_slice)
    }

    /// The `insertId` of its sample, where it is longer than usual.
    pub(super) fn long_id(&self, slot: Slot) -> Option<&str> {
        self.long_ids.get(&slot).map(|id| &**id)
    }

    pub(super) fn text(&self, number: u32) -> &str {
        self.names.get(number).map_or("", |text| text)
    }

    pub(super) fn vm(&self, number: u32) -> Option<(&str, &str)> {
        self.vms.get(number).map(|(project, name)| (&**project, &**name))
    }
}
