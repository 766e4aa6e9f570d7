//! The properties that the fuzz targets hold the program to: the same functions that `cargo test --test fuzz` runs.

#[path = "../../tests/fuzz/properties/mod.rs"]
pub mod properties;
