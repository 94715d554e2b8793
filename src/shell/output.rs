//! Standard output and error: width, colour, a progress bar, files, and pipes that close early.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Colour;
use crate::shell::Error;

/// How text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Columns.
    pub width: usize,
    /// Whether colours are printed.
    pub colour: bool,
}

/// Without a terminal: wide enough for every name.
const WIDTH_OF_PIPES: usize = 120;

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The layout for what goes to standard output, or to a file.
#[must_use]
pub fn layout(colour: Colour, width: Option<usize>, to_file: bool) -> Layout {
    let terminal = !to_file && io::stdout().is_terminal();
    let wide = terminal
        .then(terminal_size::terminal_size)
        .flatten()
        .map_or(WIDTH_OF_PIPES, |(columns, _)| usize::from(columns.0));
    let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if variable("NO_COLOR").is_some() => false,
        Colour::Auto => terminal || forced,
    };
    Layout { width: width.unwrap_or(wide).clamp(20, 1_000), colour }
}

/// Writes an answer to standard output or a file. A pipe that closed early is no failure.
pub fn write(text: &str, to: Option<&str>) -> Result<(), Error> {
    if let Some(path) = to.filter(|path| *path != "-") {
        return std::fs::write(path, text)
            .map_err(|cause| Error::Output { path: path.to_owned(), cause });
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(cause) => Err(Error::Output { path: "standard output".to_owned(), cause }),
        Ok(()) => Ok(()),
    }
}

/// Writes a long answer piece by piece.
pub struct Writer {
    name: String,
    out: Box<dyn Write>,
}

impl Writer {
    /// To standard output, or to a file.
    pub fn open(to: Option<&str>) -> Result<Self, Error> {
        let Some(path) = to.filter(|path| *path != "-") else {
            return Ok(Self { name: "standard output".to_owned(), out: Box::new(io::stdout()) });
        };
        let file = std::fs::File::create(path)
            .map_err(|cause| Error::Output { path: path.to_owned(), cause })?;
        Ok(Self { name: path.to_owned(), out: Box::new(file) })
    }

    /// Writes these texts; false where nobody reads any more.
    pub fn write<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Result<bool, Error> {
        let whole: String = texts.collect();
        match self.out.write_all(whole.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(cause) => Err(Error::Output { path: self.name.clone(), cause }),
            Ok(()) => Ok(true),
        }
    }

    /// Ends the answer.
    pub fn close(mut self) -> Result<(), Error> {
        match self.out.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::Output { path: self.name, cause: error })
            }
            _ => Ok(()),
        }
    }
}

/// Writes a message to standard error; nothing can be done where that fails.
pub fn message(text: &str) {
    let _ = writeln!(io::stderr(), "{}", crate::render::escape::escape(text));
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn timed<T>(sum: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    sum.fetch_add(nanoseconds, Ordering::Relaxed);
    done
}

/// A bar on a terminal's standard error, for work over a second. Many threads may tell it what
/// they read.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    wanted: bool,
    total: AtomicU64,
    done: AtomicU64,
    bar: OnceLock<ProgressBar>,
    reading: AtomicU64,
    parsing: AtomicU64,
    read: OnceLock<Instant>,
}

impl Progress {
    /// A bar that shows itself when it is time to.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn new(wanted: bool) -> Self {
        let wanted = wanted && io::stderr().is_terminal();
        Self {
            started: Instant::now(),
            wanted,
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            bar: OnceLock::new(),
            reading: AtomicU64::new(0),
            parsing: AtomicU64::new(0),
            read: OnceLock::new(),
        }
    }

    /// Does what takes time in reading and unpacking.
    pub fn reading<T>(&self, work: impl FnOnce() -> T) -> T {
        timed(&self.reading, work)
    }

    /// Does what takes time in parsing.
    pub fn parsing<T>(&self, work: impl FnOnce() -> T) -> T {
        timed(&self.parsing, work)
    }

    /// Says how long everything took so far; the times of threads are added up.
    pub fn tell(&self, entries: u64) {
        let seconds = |of: &AtomicU64| Duration::from_nanos(of.load(Ordering::Relaxed));
        let megabytes = self.done.load(Ordering::Relaxed) / 1_000_000;
        message(&format!(
            "vpcwhy: {megabytes} MB, {entries} log entries: {:.2?} reading, {:.2?} parsing, {:.2?} \
             deciding, {:.2?} in all",
            seconds(&self.reading),
            seconds(&self.parsing),
            self.read.get().map_or(Duration::ZERO, Instant::elapsed),
            self.started.elapsed()
        ));
    }

    /// None.
    #[must_use]
    pub fn hidden() -> Self {
        Self::new(false)
    }

    /// How many bytes there are to read.
    pub fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// So many more bytes are read.
    pub fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.wanted {
            return;
        }
        if self.bar.get().is_none() && self.started.elapsed() > Duration::from_secs(1) {
            self.bar.get_or_init(|| {
                let bar = ProgressBar::new(self.total.load(Ordering::Relaxed));
                let style =
                    "reading {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    bar.set_style(style);
                }
                bar
            });
        }
        if let Some(bar) = self.bar.get() {
            bar.set_position(done);
        }
    }

    /// So many bytes will be read once more.
    pub fn take_back(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Everything is read: takes the bar away.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn finish(&self) {
        self.read.get_or_init(Instant::now);
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
