//! Variables: what `${NAME}` stands for (spec config §6 and §13.2).

pub(crate) mod ask;
mod cache;
pub(crate) mod definition;
mod predefined;
mod program;
mod provenance;
mod question;
mod reference;
mod resolver;
mod substitute;
pub(crate) mod terminal;

pub(crate) use definition::Definitions;
pub(crate) use predefined::Predefined;
pub use provenance::Provenance;
pub(crate) use reference::escape;
pub(crate) use resolver::{Resolver, Use};
pub(crate) use substitute::substitute;
