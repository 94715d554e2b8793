//! The path of the log: blocks of bytes → pieces ([`framing`]) → entries ([`entry`]).
//!
//! A piece is one entry, one wrapper around an entry, or one resource; what it is, is found from
//! its content. Bytes are borrowed all the way: a record allocates only for strings with escapes.

pub mod entry;
pub mod form;
pub mod framing;
pub mod paste;
pub mod shape;
pub mod walker;
pub mod wrapped;

pub use entry::{Found, read_piece};
pub use form::Form;
pub use framing::{Framer, Piece, Sink};
pub use shape::Shapes;
