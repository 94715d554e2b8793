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
struct Context {
    direction: Option<Direction>,
    disposition: Disposition,
    reference: u32,
    priority: Option<u32>,
    vpc_project: u32,
    vpc_name: u32,
    project: u32,
    /// Set where VMs are to be told apart, which only `stats` asks for.
    instance: Option<u32>,
    bucket: Option<Timestamp>,
}

/// The earliest record of a group, which stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'g> {
    /// Its moment.
    pub timestamp: Option<Timestamp>,
    /// Its `insertId`.
    pub insert_id: &'g str,
    /// Its source port.
    pub src_port: u16,
}

type Names = Numbered<Box<str>>;

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

    /// Brings the group that most likely takes an addition from memory; returns something of it, so
    /// that it is really read. Many may be on their way at once, which they are not where each is
    /// waited for.
    pub(super) fn fetch(&self, addition: &Addition) -> u64 {
        let Key { src, dst, context, dst_port, protocol } = addition.key;
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) else { return 0 };
        let key = Key { src, dst, context, dst_port, protocol }.coarse(self.coarseness);
        let likely = self.v4.glimpse(self.hasher.hash_one(key));
        likely.map_or(0, |(key, measures)| measures.count ^ u64::from(key.context))
    }

    /// The group that takes an addition.
    pub(super) fn slot_of(&mut self, addition: &Addition) -> Slot {
        let Key { src, dst, context, dst_port, protocol } = addition.key;
        self.slot(src, dst, context, dst_port, protocol)
    }

    /// Adds to a group.
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

    fn measures(&self, slot: Slot) -> Option<&Measures> {
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
        self.group(slot).map(|group| group.disposition())
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
        let v4 = other.v4.into_blocks().flatten().map(|(key, measures)| {
            let Key { src, dst, context, dst_port, protocol } = key;
            (Key { src: src.into(), dst: dst.into(), context, dst_port, protocol }, measures)
        });
        let v4 = (0..).map(|at: u32| Slot(at << 1)).zip(v4);
        let others = other.other.into_blocks().flatten();
        let others = (0..).map(|at: u32| Slot(at << 1 | 1)).zip(others);
        for (slot, (key, measures)) in v4.chain(others) {
            let context = contexts.get(key.context as usize).copied().unwrap_or(0);
            let own = self.slot(key.src, key.dst, context, key.dst_port, key.protocol);
            let more = Measures { vm: vm(measures.vm), ..measures };
            self.measure(own, &more, rare.1.get(&slot).map(|id| &**id));
            for further in rare.0.get(&slot).into_iter().flatten() {
                self.see(own, vm(*further));
            }
            if let Some(place) = went.get_mut(slot.0 as usize) {
                *place = own;
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

    fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let v4 = (0..self.v4.len()).map(|at| Slot(at << 1));
        v4.chain((0..self.other.len()).map(|at| Slot(at << 1 | 1)))
    }

    /// The group at a place.
    #[must_use]
    pub fn group(&self, slot: Slot) -> Option<Group<'_>> {
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
        let tuple = FiveTuple { src, src_port, dst, dst_port, protocol };
        Some(Group { roll_up: self, slot, tuple, context })
    }

    /// The groups, in no particular order.
    pub fn each(&self) -> impl Iterator<Item = Group<'_>> {
        let all = self.slots().filter_map(|slot| self.group(slot));
        all.filter(|group| group.count() > 0)
    }

    /// The groups, in an order that depends on their contents alone.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = self.each().collect();
        groups.sort_unstable_by(Group::compare);
        groups
    }

    /// Compares two groups by their contents.
    pub(super) fn compare(&self, a: Slot, b: Slot) -> std::cmp::Ordering {
        match (self.group(a), self.group(b)) {
            (Some(a), Some(b)) if a.slot != b.slot => a.compare(&b),
            _ => std::cmp::Ordering::Equal,
        }
    }
}

/// One group.
#[derive(Debug, Clone, Copy)]
pub struct Group<'g> {
    roll_up: &'g RollUp,
    slot: Slot,
    tuple: FiveTuple,
    context: u32,
}

impl PartialEq for Group<'_> {
    /// By contents: groups of two roll-ups may be equal.
    fn eq(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.tuple, one.direction(), one.disposition(), one.priority());
        let names = |one: &Self| (one.reference(), one.vpc(), one.project(), one.instances());
        let measures = |one: &Self| (one.count(), one.span(), one.bucket());
        key(self) == key(other)
            && measures(self) == measures(other)
            && names(self) == names(other)
            && self.sample() == other.sample()
    }
}

impl<'g> Group<'g> {
    /// Its place.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The connection; the source port is the sample's.
    #[must_use]
    pub fn tuple(&self) -> FiveTuple {
        self.tuple
    }

    /// Equal for groups that have everything but the connection in common.
    #[must_use]
    pub fn context(&self) -> u32 {
        self.context
    }

    fn common(&self) -> Option<&'g Context> {
        self.roll_up.contexts.get(self.context)
    }

    fn name(&self, of: impl Fn(&Context) -> u32) -> &'g str {
        self.common().map_or("", |context| self.roll_up.text(of(context)))
    }

    /// The direction, where the log says it.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.common()?.direction
    }

    /// What happened.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.common().map_or(Disposition::Denied, |context| context.disposition)
    }

    /// `rule_details.reference`, empty where the log holds none.
    #[must_use]
    pub fn reference(&self) -> &'g str {
        self.name(|context| context.reference)
    }

    /// `rule_details.priority`.
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        self.common()?.priority
    }

    /// The network's project and name, empty where the log does not say them.
    #[must_use]
    pub fn vpc(&self) -> (&'g str, &'g str) {
        (self.name(|context| context.vpc_project), self.name(|context| context.vpc_name))
    }

    /// The project whose log this is.
    #[must_use]
    pub fn project(&self) -> &'g str {
        self.name(|context| context.project)
    }

    /// The start of its time bucket, where buckets were asked for.
    #[must_use]
    pub fn bucket(&self) -> Option<Timestamp> {
        self.common()?.bucket
    }

    fn measures(&self) -> Option<&'g Measures> {
        self.roll_up.measures(self.slot)
    }

    /// Distinct entries.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.measures().map_or(0, |measures| measures.count)
    }

    /// The earliest and the latest.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let measures = self.measures()?;
        (measures.first <= measures.last)
            .then_some((Timestamp(measures.first), Timestamp(measures.last)))
    }

    /// The VMs that wrote them: project and name, in order.
    #[must_use]
    pub fn instances(&self) -> Vec<(&'g str, &'g str)> {
        let first = self.measures().map(|measures| measures.vm);
        let more = self.roll_up.more_vms.get(&self.slot);
        let all = first.into_iter().chain(more.into_iter().flatten().copied());
        let mut list: Vec<_> = all.filter_map(|vm| self.roll_up.vm(vm)).collect();
        list.sort_unstable();
        list
    }

    /// The VM that wrote all of them, where it is one.
    #[must_use]
    pub fn only_vm(&self) -> Option<(u32, &'g str)> {
        (!self.roll_up.more_vms.contains_key(&self.slot)).then(|| self.vm())?
    }

    /// The first of its VMs in order: a number that is equal for the same VM, and its name.
    #[must_use]
    pub fn vm(&self) -> Option<(u32, &'g str)> {
        let first = self.measures()?.vm;
        let number = match self.roll_up.more_vms.get(&self.slot) {
            None => first,
            Some(more) => {
                let all = more.iter().chain([&first]).copied();
                all.min_by_key(|vm| self.roll_up.vm(*vm))?
            }
        };
        self.roll_up.vm(number).map(|(_, name)| (number, name))
    }

    /// The record that stands for the group.
    #[must_use]
    pub fn sample(&self) -> Sample<'g> {
        let measures = self.measures();
        let long = self.roll_up.long_ids.get(&self.slot).map(|id| &**id);
        let usual = || measures.and_then(|one| one.insert_id.text());
        Sample {
            timestamp: self.span().map(|(first, _)| first),
            insert_id: long.or_else(usual).unwrap_or(""),
            src_port: self.tuple.src_port,
        }
    }

    /// Compares by contents.
    #[must_use]
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let key = |group: &Self| {
            let t = group.tuple;
            (t.src, t.dst, t.dst_port, t.protocol)
        };
        key(self).cmp(&key(other)).then_with(|| self.compare_contexts(other))
    }

    fn compare_contexts(&self, other: &Self) -> std::cmp::Ordering {
        if self.context == other.context {
            return std::cmp::Ordering::Equal;
        }
        let key = |one: &Self| {
            (one.direction(), one.disposition(), one.reference(), one.priority(), one.bucket())
        };
        key(self)
            .cmp(&key(other))
            .then_with(|| (self.project(), self.vpc()).cmp(&(other.project(), other.vpc())))
            .then_with(|| self.instances().cmp(&other.instances()))
    }
}

impl RollUp {
    fn text(&self, number: u32) -> &str {
        self.names.get(number).map_or("", |text| text)
    }

    fn vm(&self, number: u32) -> Option<(&str, &str)> {
        self.vms.get(number).map(|(project, name)| (&**project, &**name))
    }
}
