//! The everyday commands and the pages for users, as a person meets them.

mod docs;
mod doctor;
mod logs;
mod route;
mod shell;
mod status;
