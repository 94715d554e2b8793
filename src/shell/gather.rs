//! Open files to everything that was read, on all threads: small inputs side by side, large ones of
//! a line an entry in parts, compressed ones unpacked while they are read. What they hold is put
//! together in the order of the input, so that any number of threads gives the same answer.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::checks::report::{self, InputSummary};
use crate::correlate::expected::hear;
use crate::correlate::{Ledger, Limits, Window};
use crate::diagnose::Gathered;
use crate::ingest::log::{Form, Framer};
use crate::ingest::reader::{self, Reader, Summary};
use crate::model::{Complaint, Inventory, complaint};
use crate::shell::Error;
use crate::shell::input::Source;
use crate::shell::output::Progress;
use crate::shell::part::{Notes, Watch, Worker};
use crate::shell::resources::{self, Resources};

/// Bytes are read in blocks of this size, which stay in the caches while they are read; a block
/// grows where a piece is longer.
const BLOCK: usize = 256 << 10;
/// A text of no known form is read up to here.
const LONGEST_TEXT: usize = 16 << 20;
/// The parts of a large input.
const PART: u64 = 8 << 20;

/// Reads all sources.
pub fn gather(sources: &[Source], window: Window, progress: &Progress) -> Result<Gathered, Error> {
    progress.expect(sources.iter().map(Source::size).sum());
    let mut all = Gathering::new(window, progress);
    all.read(sources)?;
    Ok(all.finish())
}

/// Everything that was read so far.
pub(super) struct Gathering<'p> {
    window: Window,
    progress: &'p Progress,
    gathered: Gathered,
    inputs: Vec<Notes>,
    /// The resources of each input.
    readers: Vec<Reader>,
}

/// What came of one source.
type Held = Result<(Notes, Reader, Ledger), Error>;

impl<'p> Gathering<'p> {
    pub(super) fn new(window: Window, progress: &'p Progress) -> Self {
        let ledger = Ledger::within(window.limits);
        let gathered = Gathered { ledger, ..Gathered::default() };
        Self { window, progress, gathered, inputs: Vec::new(), readers: Vec::new() }
    }

    /// Reads further sources.
    pub(super) fn read(&mut self, sources: &[Source]) -> Result<(), Error> {
        let mut rest = sources;
        while let Some(first) = rest.first() {
            if is_large_log(first)?
                && let Some(mut notes) = self.in_parts(first)?
            {
                let others = std::mem::take(&mut notes.others);
                self.put(notes, resources::read_all(others, self.progress));
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            // The others up to the next large one, some at a time.
            let most = 4 * rayon::current_num_threads();
            let is_large = |one: &Source| is_large_log(one).unwrap_or(false);
            let large = rest.iter().skip(1).take(most).position(is_large);
            let (some, after) = rest.split_at(large.map_or(most, |at| at + 1).min(rest.len()));
            self.side_by_side(some)?;
            rest = after;
        }
        Ok(())
    }

    /// Reads a source whose bytes come while they are read, until it ends or `enough` says so;
    /// `watch` sees each entry as soon as it is there.
    pub(super) fn live<W: Watch>(
        &mut self,
        source: &Source,
        watch: W,
        enough: impl Fn(&W) -> bool,
    ) -> Result<W, Error> {
        let mut input = source.open(self.progress)?;
        let mut stream = Stream::new(source, Worker::new(self.window, watch), Pace::AsItComes);
        let mut block = vec![0; BLOCK];
        loop {
            let read = input.read(&mut block);
            if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
                continue;
            }
            let fresh = read.as_ref().map_or(0, |fresh| *fresh);
            stream.buffer.extend_from_slice(block.get(..fresh).unwrap_or_default());
            let more = stream.look_at(fresh, read)?;
            if !more || enough(&stream.worker.watch) {
                break;
            }
        }
        let Stream { mut notes, worker: Worker { ledger, watch, .. }, .. } = stream;
        self.gathered.ledger.absorb(ledger);
        let others = std::mem::take(&mut notes.others);
        self.put(notes, resources::read_all(others, self.progress));
        Ok(watch)
    }

    /// The resources that were read so far.
    pub(super) fn inventory(&self) -> Inventory {
        reader::finish(self.readers.clone()).0
    }

    fn side_by_side(&mut self, sources: &[Source]) -> Result<(), Error> {
        let (window, progress) = (self.window, self.progress);
        // Where there are fewer long ones than threads, the others read ahead. A single archive is
        // always unpacked by a thread of its own, as `zstd -dc FILE | vpcwhy -` would have it.
        let long: Vec<&Source> = sources.iter().filter(|source| !source.is_short()).collect();
        let idle = long.len() < rayon::current_num_threads();
        let is_one_archive = match long.as_slice() {
            [only] => only.anywhere()?.is_none(),
            _ => false,
        };
        let ahead = if idle || is_one_archive { Ahead::Yes } else { Ahead::Not };
        let held: Vec<Held> =
            sources.par_iter().map(|source| whole(source, window, progress, ahead)).collect();
        for one in held {
            let (notes, reader, ledger) = one?;
            self.gathered.ledger.absorb(ledger);
            self.put(notes, reader);
        }
        Ok(())
    }

    /// Reads a file of lines in parts; `None` where it turns out to hold something else, too.
    fn in_parts(&mut self, source: &Source) -> Result<Option<Notes>, Error> {
        let (size, path) = (source.size(), Arc::from(source.name()));
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let ledger = Mutex::new(Ledger::within(self.window.limits));
        let hand_over = |worker: &mut Worker| {
            let own = std::mem::take(&mut worker.ledger);
            ledger.lock().unwrap_or_else(PoisonError::into_inner).absorb(own);
        };
        let most = self.window.limits.of_reader(rayon::current_num_threads());
        let work = |_: rayon::BroadcastContext<'_>| -> Result<_, Error> {
            let mut worker = Worker::new(Window { limits: Limits::default(), ..self.window }, ());
            let mut parts = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number * PART >= size || stop.load(Ordering::Relaxed) {
                    hand_over(&mut worker);
                    return Ok(parts);
                }
                let ends = (number * PART, ((number + 1) * PART).min(size));
                if worker.ledger.exceeds(most) {
                    hand_over(&mut worker);
                }
                match part(source, &path, ends, &mut worker, self.progress)? {
                    Some(notes) => parts.push((number, notes)),
                    None => stop.store(true, Ordering::Relaxed),
                }
            }
        };
        let done = rayon::broadcast(work).into_iter().collect::<Result<Vec<_>, _>>()?;
        if stop.load(Ordering::Relaxed) {
            let again = done.iter().flatten().map(|(_, notes)| notes.bytes);
            self.progress.take_back(again.sum());
            return Ok(None);
        }
        self.gathered.ledger.absorb(ledger.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut parts: Vec<(u64, Notes)> = done.into_iter().flatten().collect();
        parts.sort_by_key(|(number, _)| *number);
        let mut all = Notes::of(&path);
        all.form = Some(Form::Lines);
        for (_, notes) in parts {
            all.append(notes);
        }
        Ok(Some(all))
    }

    fn put(&mut self, notes: Notes, mut reader: Reader) {
        // An entry of a log that cannot be read is no rule that is lost.
        if notes.rules_lost {
            reader.lose_rules(&notes.path);
        } else if notes.damaged && notes.entries == 0 {
            reader.doubt(&notes.path);
        }
        self.inputs.push(notes);
        self.readers.push(reader);
    }

    pub(super) fn finish(self) -> Gathered {
        let Self { mut gathered, readers, inputs, .. } = self;
        gathered.ledger.settle();
        let (inventory, summaries, complaints) = reader::finish(readers);
        gathered.inventory = inventory;
        hear(&mut gathered.inventory, gathered.ledger.roll_up());
        // What an empty list is of matters where something may be what it lists.
        let not_given = report::not_given(&gathered.inventory, &gathered.ledger.counts());
        let lacks_lists = LISTS.iter().any(|key| not_given.contains(key));
        let mut of_resources: BTreeMap<String, Vec<Complaint>> = BTreeMap::new();
        for complaint in complaints {
            of_resources.entry(complaint.path.clone()).or_default().push(complaint);
        }
        for (mut notes, summary) in inputs.into_iter().zip(summaries) {
            let own = of_resources.remove(&*notes.path);
            notes.complaints.extend(own.into_iter().flatten());
            name_unrecognised(&mut notes, &summary, lacks_lists);
            notes.complaints.sort();
            notes.complaints.dedup();
            gathered.inputs.push(summarise(&notes, &summary));
            let path = notes.path.to_string();
            gathered.complaints.extend(notes.complaints);
            if notes.left_out > 0 {
                let message = format!("{} more problems in this input", notes.left_out);
                let did = "counted them";
                gathered.complaints.push(Complaint { path, line: 0, byte: 0, message, did });
            }
        }
        gathered.complaints.extend(of_resources.into_values().flatten());
        gathered
    }
}

/// No more bytes make an empty list, alone or in an object.
const LONGEST_NOTHING: u64 = 64;

/// What is told by a list that holds none, too.
const LISTS: [&str; 4] = ["firewall_rules", "routes", "nats", "dns_zones"];

/// Whether a source is a file of lines that is worth to be read in parts.
fn is_large_log(source: &Source) -> Result<bool, Error> {
    if source.size() < 2 * PART {
        return Ok(false);
    }
    let Some(mut file) = source.anywhere()? else { return Ok(false) };
    let mut head = vec![0; BLOCK];
    let read = file.read(0, &mut head)?;
    head.truncate(read);
    let mut framer = Framer::default();
    framer.cut(&head, false, &mut Vec::new());
    Ok(framer.form() == Some(Form::Lines))
}

/// Reads the lines that start between two bytes of a file; `None` where something else than lines
/// begins there.
fn part(
    source: &Source,
    path: &Arc<str>,
    (from, to): (u64, u64),
    worker: &mut Worker,
    progress: &Progress,
) -> Result<Option<Notes>, Error> {
    let mut notes = Notes::of(path);
    let Some(mut file) = source.anywhere()? else { return Ok(None) };
    let (mut at, end) = (file.line_at(from)?, file.line_at(to)?);
    let mut framer = if at == 0 { Framer::default() } else { Framer::of_lines(at) };
    // Filled up to `kept`.
    let mut buffer: Vec<u8> = vec![0; BLOCK];
    let mut kept = 0_usize;
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let room = kept..buffer.len().min(kept.saturating_add(left));
        let room = buffer.get_mut(room).unwrap_or_default();
        let fresh = progress.reading(|| file.read(at, room))?;
        kept += fresh;
        at += fresh as u64;
        notes.bytes += fresh as u64;
        progress.advance(fresh as u64);
        // A file that became shorter ends here.
        let at_end = at >= end || fresh == 0;
        let filled = buffer.get(..kept).unwrap_or_default();
        let consumed = progress.parsing(|| worker.read(&mut framer, filled, at_end, &mut notes));
        if framer.form() != Some(Form::Lines) {
            return Ok(None);
        }
        if at_end {
            break;
        }
        buffer.copy_within(consumed..kept, 0);
        kept -= consumed;
        // A line longer than the block: come again with twice as much.
        if kept == buffer.len() {
            buffer.resize(kept * 2, 0);
        }
    }
    Ok(Some(notes))
}

/// Whether bytes are read by a thread of their own, while those before are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Yes,
    Not,
}

/// Blocks that wait to be looked at.
const BLOCKS_AHEAD: usize = 8;

/// Reads a whole source, in order.
fn whole(source: &Source, window: Window, progress: &Progress, ahead: Ahead) -> Held {
    let mut input = source.open(progress)?;
    let mut stream = Stream::new(source, Worker::new(window, ()), Pace::Blocks);
    let mut found = Resources::default();
    rayon::in_place_scope(|scope| {
        let mut look_at = |stream: &mut Stream<'_, ()>, fresh, read| {
            let more = progress.parsing(|| stream.look_at(fresh, read))?;
            found.read(&mut stream.notes.others, scope, progress);
            Ok::<bool, Error>(more)
        };
        if ahead == Ahead::Not || source.is_short() {
            loop {
                let (before, most) = (stream.buffer.len(), stream.missing());
                stream.buffer.reserve(most);
                let read = progress
                    .reading(|| input.by_ref().take(most as u64).read_to_end(&mut stream.buffer));
                let fresh = stream.buffer.len() - before;
                if !look_at(&mut stream, fresh, read)? {
                    return Ok(());
                }
            }
        }
        std::thread::scope(|threads| {
            let (give, blocks) = sync_channel(BLOCKS_AHEAD);
            threads.spawn(move || {
                loop {
                    let mut block = Vec::with_capacity(BLOCK);
                    let read = progress
                        .reading(|| input.by_ref().take(BLOCK as u64).read_to_end(&mut block));
                    let last = read.is_err() || block.is_empty();
                    if give.send((block, read)).is_err() || last {
                        return;
                    }
                }
            });
            for (block, read) in blocks {
                stream.buffer.extend_from_slice(&block);
                if !look_at(&mut stream, block.len(), read)? {
                    break;
                }
            }
            Ok::<(), Error>(())
        })
    })?;
    let is_open = stream.framer.is_open();
    let Stream { mut notes, worker, .. } = stream;
    if is_open && !notes.damaged {
        notes.damaged = true;
        let (path, line, byte) = (notes.path.to_string(), notes.lines + 1, notes.bytes);
        let message = "a list does not end: the input was cut off".to_owned();
        let did = "kept what came before";
        notes.keep(Complaint { path, line, byte, message, did });
    }
    let rest = std::mem::take(&mut notes.others);
    Ok((notes, found.and(rest, progress), worker.ledger))
}

/// When bytes are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As soon as a block is full.
    Blocks,
    /// As soon as there are some.
    AsItComes,
}

/// A source that is read from its start to its end.
struct Stream<'s, W> {
    source: &'s Source,
    worker: Worker<W>,
    pace: Pace,
    notes: Notes,
    framer: Framer,
    buffer: Vec<u8>,
    wanted: usize,
}

impl<'s, W: Watch> Stream<'s, W> {
    fn new(source: &'s Source, worker: Worker<W>, pace: Pace) -> Self {
        Self {
            source,
            worker,
            pace,
            notes: Notes::of(&Arc::from(source.name())),
            framer: Framer::default(),
            buffer: Vec::new(),
            wanted: BLOCK,
        }
    }

    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.buffer.len()).max(1)
    }

    /// Looks at what was read; so many bytes are fresh, and none is the end. False where no more is
    /// needed.
    fn look_at(&mut self, fresh: usize, read: std::io::Result<usize>) -> Result<bool, Error> {
        self.notes.bytes += fresh as u64;
        if let Err(cause) = read {
            // A truncated archive: what was read so far still counts.
            let damaged =
                [ErrorKind::InvalidData, ErrorKind::UnexpectedEof, ErrorKind::InvalidInput];
            if self.notes.bytes == 0 && !damaged.contains(&cause.kind()) {
                return Err(Error::Input { path: self.source.name(), cause });
            }
            let path = self.notes.path.to_string();
            let message = format!("reading stopped here: {cause}");
            let did = "kept what came before";
            self.notes.keep(Complaint { path, line: 0, byte: 0, message, did });
            self.notes.damaged = true;
            self.look(true);
            return Ok(false);
        }
        if fresh == 0 {
            self.look(true);
            return Ok(false);
        }
        if self.notes.bytes == self.buffer.len() as u64
            && let Some(what) = archive(&self.buffer)
        {
            let path = self.notes.path.to_string();
            let message = format!("{what}: its files are not looked at");
            let did = "left out this input: unpack it, and name the folder";
            self.notes.keep(Complaint { path, line: 0, byte: 0, message, did });
            return Ok(false);
        }
        if self.pace == Pace::Blocks && self.buffer.len() < self.wanted {
            return Ok(true);
        }
        let consumed = self.look(false);
        if self.framer.form() == Some(Form::Text) && self.buffer.len() >= LONGEST_TEXT {
            self.notes.text = true;
            return Ok(false);
        }
        self.buffer.drain(..consumed);
        // A piece longer than the block: come again with twice as much.
        self.wanted =
            if consumed == 0 { self.wanted * 2 } else { BLOCK.max(self.buffer.len() * 2) };
        Ok(true)
    }

    fn look(&mut self, at_end: bool) -> usize {
        self.worker.read(&mut self.framer, &self.buffer, at_end, &mut self.notes)
    }
}

/// Several files in one, by how it starts: read as one they would run into each other.
fn archive(head: &[u8]) -> Option<&'static str> {
    // The header of tar's first file says so at its end.
    let is_tar = head.get(257..262) == Some(b"ustar");
    let starts = |with: &[u8]| head.starts_with(with);
    match head {
        _ if is_tar => Some("a tar archive"),
        _ if starts(b"PK\x03\x04") => Some("a zip archive"),
        _ if starts(b"BZh") => Some("compressed by bzip2"),
        _ if starts(b"\xfd7zXZ\0") => Some("compressed by xz"),
        _ => None,
    }
}

/// What is nothing known is named once.
fn name_unrecognised(notes: &mut Notes, summary: &Summary, lacks_lists: bool) {
    let path = notes.path.to_string();
    if let Some(line) = summary.first_unrecognised {
        let count = summary.unrecognised;
        let things = if count == 1 { "item" } else { "items" };
        let message = format!("{count} {things} of no known kind");
        notes.keep(Complaint { path, line, byte: 0, message, did: "left out" });
    } else if notes.text
        && notes.entries == 0
        && notes.bytes > 0
        && summary.kinds.is_empty()
        && notes.complaints.is_empty()
    {
        let message = "no form that is known".to_owned();
        let did = "left out this input";
        notes.keep(Complaint { path, line: 1, byte: 0, message, did });
    } else if lacks_lists
        && notes.form == Some(Form::Json)
        && notes.bytes <= LONGEST_NOTHING
        && notes.entries == 0
        && summary.kinds.is_empty()
        && summary.unused == 0
        && notes.complaints.is_empty()
    {
        let message = "an empty list, and of what it does not say".to_owned();
        let did = complaint::LEFT_OUT_NOTHING;
        notes.keep(Complaint { path, line: 1, byte: 0, message, did });
    }
}

fn summarise(notes: &Notes, summary: &Summary) -> InputSummary {
    // Errors among the entries of a log are entries, and counted.
    let own = |kind: &str| notes.entries == 0 || kind != "error-texts";
    let kinds = summary.kinds.keys().copied().filter(|kind| own(kind));
    let resources: u64 = kinds.clone().filter_map(|kind| summary.kinds.get(kind)).sum();
    let log =
        (notes.entries > 0).then_some(if notes.firewall > 0 { "firewall-log" } else { "log" });
    let mut all = log.into_iter().chain(kinds);
    let kind = match (all.next(), all.next()) {
        (Some(only), None) => only,
        (Some(_), Some(_)) => "mixed",
        (None, _) if summary.unused > 0 => "unused",
        (None, _) if notes.bytes == 0 => "empty",
        (None, _) if notes.text => "text",
        (None, _) => "unrecognised",
    };
    InputSummary {
        path: notes.path.to_string(),
        kind: kind.to_owned(),
        bytes: notes.bytes,
        items: notes.entries + resources + summary.unused + summary.unrecognised,
        complaints: notes.complaints.len() as u64 + notes.left_out,
    }
}
