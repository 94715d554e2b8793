//! The path of the log: blocks of bytes → pieces ([`framing`]) → entries ([`entry`]); an entry that
//! looks like ones before takes the short way, which needs neither ([`shape`]).
//!
//! A piece is one entry, one wrapper around an entry, or one resource; what it is, is found from
//! its content. Bytes are borrowed all the way: a record allocates only for strings with escapes.

mod buried;
pub mod csv;
mod cut;
pub mod entry;
mod extent;
pub mod form;
pub mod framing;
pub mod paste;
mod rows;
pub mod shape;
mod tree;
pub mod walker;
pub mod wrapped;
mod yaml;

pub use buried::{Buried, buried};
pub use cut::{Around, Piece, Sink};
pub use entry::{Found, read_piece};
pub use extent::{looks_like_entry, next_entry, whole_value};
pub use form::{Form, begins_value};
pub use framing::Framer;
pub use shape::Shapes;
