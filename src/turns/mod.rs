//! The loop: who runs next, with which prompt, and what becomes of the work.

pub mod autocommit;
