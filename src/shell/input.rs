//! Arguments to open files: directories are walked, globs expanded where no shell did, gzip and
//! zstd recognised by their first bytes, `-` is standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::shell::Error;
use crate::shell::output::Progress;
use crate::shell::utf16::{Order, Utf16};

/// Where bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Standard,
    /// A sample that is part of the program: name and text.
    Embedded(String, &'static str),
}

impl Source {
    /// The name to print.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Standard => "-".to_owned(),
            Self::Embedded(name, _) => name.clone(),
        }
    }

    /// The size on disk, where it is known.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Self::Standard => 0,
            Self::Embedded(_, text) => text.len() as u64,
        }
    }

    /// Opens it for reading, decompressed; what is read of it is told to `progress`.
    pub fn open<'p>(&self, progress: &'p Progress) -> Result<Box<dyn Read + Send + 'p>, Error> {
        let raw: Input<'p> = match self {
            Self::File(path) => Box::new(open_file(path).map_err(|cause| self.fails(cause))?),
            Self::Standard => Box::new(io::stdin()),
            Self::Embedded(_, text) => Box::new(text.as_bytes()),
        };
        decompressed(Box::new(Told { raw, progress })).map_err(|cause| self.fails(cause))
    }

    fn fails(&self, cause: io::Error) -> Error {
        Error::Input { path: self.name(), cause }
    }

    /// Whether a thread of its own to read it would be a waste.
    #[must_use]
    pub fn is_short(&self) -> bool {
        !matches!(self, Self::Standard) && self.size() < 1 << 20
    }

    /// Opens a file for reading anywhere in it; `None` for what is no file, or an archive.
    pub fn anywhere(&self) -> Result<Option<Anywhere>, Error> {
        let Self::File(path) = self else { return Ok(None) };
        let file = open_file(path).map_err(|cause| self.fails(cause))?;
        let mut open = Anywhere { name: self.name(), file };
        let mut head = [0; 4];
        let read = open.read(0, &mut head)?;
        let archive = is_archive(head.get(..read).unwrap_or_default());
        Ok((!archive).then_some(open))
    }
}

/// A file that is read anywhere in it.
pub struct Anywhere {
    name: String,
    file: File,
}

impl Anywhere {
    /// Reads from a place on; fewer bytes than there is room for only at the file's end.
    pub fn read(&mut self, at: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut sum = 0;
        let mut read = || -> io::Result<()> {
            self.file.seek(io::SeekFrom::Start(at))?;
            loop {
                match self.file.read(buffer.get_mut(sum..).unwrap_or_default()) {
                    Ok(0) => return Ok(()),
                    Ok(count) => sum += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        match read() {
            Ok(()) => Ok(sum),
            Err(cause) => Err(Error::Input { path: self.name.clone(), cause }),
        }
    }

    /// Where the first line starts at or after a byte.
    pub fn line_at(&mut self, byte: u64) -> Result<u64, Error> {
        let Some(mut at) = byte.checked_sub(1) else { return Ok(0) };
        let mut buffer = vec![0; 4 << 10];
        loop {
            let read = self.read(at, &mut buffer)?;
            match memchr::memchr(b'\n', buffer.get(..read).unwrap_or_default()) {
                Some(end) => return Ok(at + end as u64 + 1),
                None if read < buffer.len() => return Ok(at + read as u64),
                None => at += read as u64,
            }
        }
    }
}

/// Bytes to read.
type Input<'p> = Box<dyn Read + Send + 'p>;

/// Bytes whose reading is told.
struct Told<'p> {
    raw: Input<'p>,
    progress: &'p Progress,
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// The lines of a text, a chunk at a time.
pub struct Lines<'p> {
    name: String,
    reader: BufReader<Input<'p>>,
    number: u64,
}

/// A line longer than this is none that anybody wrote.
const LONGEST_LINE: u64 = 4 << 20;

impl Source {
    /// Opens it for reading line by line.
    pub fn lines<'p>(&self, progress: &'p Progress) -> Result<Lines<'p>, Error> {
        let reader = BufReader::with_capacity(1 << 16, self.open(progress)?);
        Ok(Lines { name: self.name(), reader, number: 0 })
    }
}

impl Lines<'_> {
    /// Up to so many lines that are neither blank nor comments, each with its number; none at the
    /// end.
    pub fn next_chunk(&mut self, most: usize) -> Result<Vec<(u64, String)>, Error> {
        let mut chunk = Vec::new();
        while chunk.len() < most {
            let mut bytes = Vec::new();
            let read = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes);
            let fail = |cause| Error::Input { path: self.name.clone(), cause };
            if read.map_err(fail)? == 0 {
                break;
            }
            self.number += 1;
            let line = String::from_utf8_lossy(&bytes);
            // Windows' editors mark the start of a file.
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() && !line.starts_with('#') && !line.starts_with("//") {
                chunk.push((self.number, line.to_owned()));
            }
        }
        Ok(chunk)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where files are opened")]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Bytes that were read to look at them, and the rest.
type Peeked<'p> = io::Chain<io::Cursor<Vec<u8>>, Input<'p>>;

fn peek(mut raw: Input<'_>) -> io::Result<(Vec<u8>, Peeked<'_>)> {
    let mut head = Vec::with_capacity(4);
    raw.by_ref().take(4).read_to_end(&mut head)?;
    Ok((head.clone(), io::Cursor::new(head).chain(raw)))
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn is_archive(head: &[u8]) -> bool {
    let packed = head.starts_with(&GZIP) || head.starts_with(&ZSTD) || is_skippable(head);
    packed || Order::of(head).is_some()
}

fn decompressed(raw: Input<'_>) -> io::Result<Input<'_>> {
    let (head, whole) = peek(raw)?;
    if head.starts_with(&GZIP) {
        // Exports that were appended to one another hold several members.
        return Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole))));
    }
    if head.starts_with(&ZSTD) || is_skippable(&head) {
        let mut frames = zstd::Decoder::new(whole)?;
        frames.window_log_max(LARGEST_WINDOW_LOG)?;
        return Ok(Box::new(frames));
    }
    if let Some(order) = Order::of(&head) {
        return Ok(Box::new(Utf16::of(BufReader::new(whole), order)));
    }
    Ok(Box::new(whole))
}

/// Whether a zstd frame that holds no data starts so (RFC 8878, 3.1.2): parallel writers put an
/// index into one.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// A window of at most 128 MiB is decoded: what zstd itself takes without being told otherwise.
const LARGEST_WINDOW_LOG: u32 = 27;

/// The sources that arguments mean, each once, in a fixed order.
pub fn expand(arguments: &[String]) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for argument in arguments {
        if argument == "-" {
            sources.push(Source::Standard);
            continue;
        }
        let path = Path::new(argument);
        if path.is_dir() {
            walk(path, &mut files)
                .map_err(|cause| Error::Input { path: argument.clone(), cause })?;
        } else if !path.exists() && argument.contains(['*', '?', '[']) {
            let before = files.len();
            let matches = glob::glob(argument).map_err(|error| Error::Usage(error.to_string()))?;
            for path in matches.flatten() {
                if path.is_dir() {
                    walk(&path, &mut files)
                        .map_err(|cause| Error::Input { path: argument.clone(), cause })?;
                } else {
                    files.push(path);
                }
            }
            if files.len() == before {
                return Err(Error::NoMatch(argument.clone()));
            }
        } else {
            files.push(path.to_path_buf());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    sources.extend(files.into_iter().map(Source::File));
    Ok(sources)
}

#[expect(clippy::disallowed_methods, reason = "this is where directories are walked")]
fn walk(directory: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type()?;
        if hidden || kind.is_symlink() && entry.path().is_dir() {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), into)?;
        } else if entry.path().is_file() {
            into.push(entry.path());
        }
    }
    Ok(())
}
