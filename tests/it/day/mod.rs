//! The everyday commands and the pages for users, as a person meets them.

mod status;
