//! What a group of records is known by, and what is measured of it: 64 bytes where both addresses
//! are IPv4.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use crate::net::Protocol;

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
    fn rest(&self) -> u64 {
        let port = u64::from(self.dst_port) << 16;
        u64::from(self.context) << 32 | port | u64::from(self.protocol.0)
    }
}

// By hand: in two words instead of five.
impl Hash for Key<Ipv4Addr> {
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
