//! Standard output and error: width, colour, a progress bar, files, and pipes that close early.

use std::io::{self, IsTerminal, Write};
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
    let _ = writeln!(io::stderr(), "{}", crate::render::document::escape(text));
}

/// A bar on a terminal's standard error, for work over a second.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    wanted: bool,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar that shows itself when it is time to.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn new(wanted: bool) -> Self {
        let wanted = wanted && io::stderr().is_terminal();
        Self { started: Instant::now(), wanted, total: 0, done: 0, bar: None }
    }

    /// How many bytes there are to read.
    pub fn expect(&mut self, total: u64) {
        self.total = total;
    }

    /// So many more bytes are read.
    pub fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        if self.wanted && self.bar.is_none() && self.started.elapsed() > Duration::from_secs(1) {
            let bar = ProgressBar::new(self.total);
            let style = "reading {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
