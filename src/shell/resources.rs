//! What is no log entry, on its way into the inventory: pieces are read on whichever thread is
//! free, some at a time, while the next ones are still being cut, and put together in their order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::ingest::document::Place;
use crate::ingest::log::Form;
use crate::ingest::reader::Reader;
use crate::shell::output::Progress;

/// A piece that is no log entry: a resource, perhaps.
pub(super) struct Other {
    /// Its text.
    pub(super) text: String,
    /// Its form.
    pub(super) form: Form,
    /// Where it starts.
    pub(super) place: Place,
    /// Whether it only stood around a list.
    pub(super) around: bool,
}

/// Fewer bytes are not worth another thread's while.
const WORTH_A_THREAD: usize = 128 << 10;

/// The resources of one input that is still being cut.
#[derive(Default)]
pub(super) struct Resources {
    /// How many times pieces were given away.
    given: usize,
    /// What came of them, in no order.
    done: Arc<Mutex<Vec<(usize, Reader)>>>,
    under_way: Arc<AtomicUsize>,
}

impl Resources {
    /// Reads the pieces that wait, where they are many.
    pub(super) fn read<'s>(
        &mut self,
        waiting: &mut Vec<Other>,
        scope: &rayon::Scope<'s>,
        progress: &'s Progress,
    ) {
        if waiting.iter().map(|one| one.text.len()).sum::<usize>() < WORTH_A_THREAD {
            return;
        }
        let some = std::mem::take(waiting);
        let number = self.given;
        self.given += 1;
        let done = Arc::clone(&self.done);
        let keep = move |reader| {
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, reader));
        };
        // Where the others have enough to do this one reads itself: pieces that wait take room.
        if self.under_way.load(Ordering::Relaxed) >= 2 * (rayon::current_num_threads() - 1) {
            return keep(progress.parsing(|| read(&some)));
        }
        let under_way = Arc::clone(&self.under_way);
        under_way.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move |_| {
            keep(progress.parsing(|| read(&some)));
            under_way.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Everything that was read, and the pieces that were left, when nothing is under way any more.
    pub(super) fn and(self, rest: Vec<Other>, progress: &Progress) -> Reader {
        let mut done =
            std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        done.sort_by_key(|(number, _)| *number);
        put_together(
            done.into_iter().map(|(_, reader)| reader).chain([progress.parsing(|| read(&rest))]),
        )
    }
}

/// Parsed items take several times the room of their text.
const AT_A_TIME: usize = 128;

/// Reads the pieces of an input that was cut to its end.
pub(super) fn read_all(others: Vec<Other>, progress: &Progress) -> Reader {
    let read: Vec<Reader> =
        others.par_chunks(AT_A_TIME).map(|some| progress.parsing(|| read(some))).collect();
    put_together(read.into_iter())
}

fn read(some: &[Other]) -> Reader {
    let mut reader = Reader::default();
    for one in some {
        match one.around {
            true => reader.around(&one.text, &one.place),
            false => reader.piece(&one.text, one.form, &one.place),
        }
    }
    reader
}

fn put_together(mut readers: impl Iterator<Item = Reader>) -> Reader {
    let mut all = readers.next().unwrap_or_default();
    for next in readers {
        all.absorb(next);
    }
    all
}
