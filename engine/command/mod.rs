//! The commands, one verb a file.

mod login;
mod logout;

pub use login::{LoginError, LoginOptions, login};
pub use logout::{LogoutOptions, logout};
