//! One group of records, as it is read: its connection, what its records have in common, and what
//! was measured of them.

use crate::correlate::measures::Measures;
use crate::correlate::rollup::{Context, RollUp, Slot};
use crate::model::Disposition;
use crate::net::{Direction, FiveTuple, Timestamp};

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
        self.roll_up.common(self.context)
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
        let more = self.roll_up.more_vms(self.slot);
        let all = first.into_iter().chain(more.into_iter().flatten().copied());
        let mut list: Vec<_> = all.filter_map(|vm| self.roll_up.vm(vm)).collect();
        list.sort_unstable();
        list
    }

    /// The VM that wrote all of them, where it is one.
    #[must_use]
    pub fn only_vm(&self) -> Option<(u32, &'g str)> {
        if self.roll_up.more_vms(self.slot).is_some() { None } else { self.vm() }
    }

    /// The first of its VMs in order: a number that is equal for the same VM, and its name.
    #[must_use]
    pub fn vm(&self) -> Option<(u32, &'g str)> {
        let first = self.measures()?.vm;
        let number = match self.roll_up.more_vms(self.slot) {
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
        let long = self.roll_up.long_id(self.slot);
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
    /// The group at a place.
    #[must_use]
    pub fn group(&self, slot: Slot) -> Option<Group<'_>> {
        let (tuple, context) = self.connection(slot)?;
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
