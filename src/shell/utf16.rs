//! Text in UTF-16, told by the mark at its start: what `>` of Windows PowerShell writes.

use std::io::{self, Read};

/// The order of bytes that the mark at the start of UTF-16 tells: what PowerShell writes with `>`.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// What the first bytes tell.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }
}

/// UTF-16 as UTF-8; what is no character becomes the mark of one.
pub(super) struct Utf16<R> {
    raw: R,
    order: Order,
    /// What was decoded and not yet read.
    ready: Vec<u8>,
    /// The first half of a pair.
    high: Option<u16>,
}

impl<R: Read> Utf16<R> {
    /// The text behind these bytes.
    pub(super) fn of(raw: R, order: Order) -> Self {
        Self { raw, order, ready: Vec::new(), high: None }
    }

    /// Decodes the next block; false at the end.
    fn decode(&mut self) -> io::Result<bool> {
        let mut block = Vec::with_capacity(1 << 13);
        let read = self.raw.by_ref().take(1 << 13).read_to_end(&mut block)?;
        let units = block.chunks_exact(2).filter_map(|pair| {
            let pair = <[u8; 2]>::try_from(pair).ok()?;
            Some(match self.order {
                Order::Little => u16::from_le_bytes(pair),
                Order::Big => u16::from_be_bytes(pair),
            })
        });
        let mut units: Vec<u16> = self.high.take().into_iter().chain(units).collect();
        let is_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        if read > 0 {
            self.high = units.pop_if(|last| is_half(last));
        }
        let text = char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER));
        let text: String = text.filter(|one| *one != '\u{feff}').collect();
        self.ready = text.into_bytes();
        Ok(read > 0)
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            if !self.decode()? {
                break;
            }
        }
        let count = self.ready.len().min(buffer.len());
        let rest = self.ready.split_off(count);
        let now = std::mem::replace(&mut self.ready, rest);
        if let Some(room) = buffer.get_mut(..count) {
            room.copy_from_slice(&now);
        }
        Ok(count)
    }
}
