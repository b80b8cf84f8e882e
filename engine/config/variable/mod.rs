//! Variables: what `${NAME}` stands for (spec config §6 and §13.2).

pub(crate) mod ask;
mod cache;
pub(crate) mod definition;
mod predefined;
mod program;
mod question;
mod reference;
mod resolver;
mod substitute;
pub(crate) mod terminal;

pub(crate) use definition::Definitions;
pub(crate) use predefined::Predefined;
pub(crate) use resolver::Resolver;
pub(crate) use substitute::substitute;
