//! What a group of records is known by, and what is measured of it: 64 bytes where both addresses
//! are IPv4.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::correlate::table::Table;
use crate::net::{AddressSet, Protocol};

/// What makes two records the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key<A> {
    pub(super) src: A,
    pub(super) dst: A,
    pub(super) context: u32,
    pub(super) dst_port: u16,
    pub(super) protocol: Protocol,
}

impl<A> Key<A> {
    #[inline]
    fn rest(&self) -> u64 {
        let port = u64::from(self.dst_port) << 16;
        u64::from(self.context) << 32 | port | u64::from(self.protocol.0)
    }
}

// By hand: in two words instead of five. It is asked for every entry: how the crate is cut into
// units of compilation is not to decide whether it is a call.
impl Hash for Key<Ipv4Addr> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.src.to_bits()) << 32 | u64::from(self.dst.to_bits()));
        state.write_u64(self.rest());
    }
}

impl Hash for Key<IpAddr> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.src, self.dst).hash(state);
        state.write_u64(self.rest());
    }
}

/// How coarsely external addresses are told apart, where there are more than there is room for:
/// the bits of them that count, of IPv4 and of IPv6.
const COARSENESS: [(u8, u8); 4] = [(32, 128), (24, 48), (16, 32), (8, 16)];

/// The coarsest.
pub(super) const COARSEST: u8 = COARSENESS.len() as u8 - 1;

/// An address, as far as it counts. Private ones always count whole.
pub(super) trait Address: Copy + Ord {
    /// The first address of the range that counts as one.
    fn coarse(self, coarseness: u8) -> Self;
}

impl Address for Ipv4Addr {
    fn coarse(self, coarseness: u8) -> Self {
        match COARSENESS.get(usize::from(coarseness)) {
            Some((length, _)) if coarseness > 0 && !AddressSet::private().contains(self.into()) => {
                Self::from_bits(self.to_bits() & (u32::MAX << (32 - length)))
            }
            _ => self,
        }
    }
}

impl Address for IpAddr {
    fn coarse(self, coarseness: u8) -> Self {
        match (self, COARSENESS.get(usize::from(coarseness))) {
            (Self::V4(v4), _) => v4.coarse(coarseness).into(),
            (Self::V6(v6), Some((_, length)))
                if coarseness > 0 && !AddressSet::private().contains(self) =>
            {
                Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - length))).into()
            }
            _ => self,
        }
    }
}

/// The lengths of the prefixes that external addresses are rolled up to.
#[must_use]
pub(super) fn prefix_lengths(coarseness: u8) -> Option<(u8, u8)> {
    COARSENESS.get(usize::from(coarseness)).copied().filter(|_| coarseness > 0)
}

impl<A: Address> Key<A> {
    /// The key that all keys have which count as this one.
    pub(super) fn coarse(&self, coarseness: u8) -> Self {
        Self { src: self.src.coarse(coarseness), dst: self.dst.coarse(coarseness), ..*self }
    }

    /// Of keys that count as one the lowest addresses stand for all: it does not matter which came
    /// first.
    pub(super) fn lower(&mut self, other: &Self) {
        (self.src, self.dst) = (self.src.min(other.src), self.dst.min(other.dst));
    }
}

/// An `insertId`; a longer one than usual stands in a list of its own, and its bytes begin it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    bytes: [u8; Id::USUAL],
    pub(super) length: u8,
}

impl Id {
    const USUAL: usize = 16;
    pub(super) const LONG: u8 = u8::MAX;

    pub(super) fn of(text: &str) -> Self {
        let mut bytes = [0; Self::USUAL];
        let kept = text.len().min(Self::USUAL);
        if let (Some(place), Some(text)) = (bytes.get_mut(..kept), text.as_bytes().get(..kept)) {
            place.copy_from_slice(text);
        }
        let length = u8::try_from(text.len()).ok().filter(|_| kept == text.len());
        Self { bytes, length: length.unwrap_or(Self::LONG) }
    }

    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..usize::from(self.length))?).ok()
    }
}

/// What is measured of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measures {
    pub(super) count: u64,
    /// The earliest and the latest moment, the wrong way round where there is none.
    pub(super) first: i64,
    pub(super) last: i64,
    /// The first VM that was met; [`NOBODY`] where none was named.
    pub(super) vm: u32,
    /// Of the earliest record, which stands for the group.
    pub(super) src_port: u16,
    pub(super) insert_id: Id,
}

pub(super) const NOBODY: u32 = u32::MAX;

impl Measures {
    pub(super) fn new() -> Self {
        Self {
            count: 0,
            first: i64::MAX,
            last: i64::MIN,
            vm: NOBODY,
            src_port: 0,
            insert_id: Id { bytes: [0; Id::USUAL], length: 0 },
        }
    }
}

/// The place of a key; of those that count as one the lowest addresses are kept.
pub(super) fn place<A: Address>(
    table: &mut Table<Key<A>, Measures>,
    key: Key<A>,
    coarseness: u8,
    hash: impl Fn(&Key<A>) -> u64,
) -> u32
where
    Key<A>: PartialEq,
{
    if coarseness == 0 {
        return table.place(key, hash, |a, b| a == b, Measures::new);
    }
    let same = |a: &Key<A>, b: &Key<A>| a.coarse(coarseness) == b.coarse(coarseness);
    let at = table.place(key, |key| hash(&key.coarse(coarseness)), same, Measures::new);
    if let Some((own, _)) = table.get_mut(at) {
        own.lower(&key);
    }
    at
}
