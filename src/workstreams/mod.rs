//! Many agents: batches side by side (workstreams.md §1), and graphs of steps (§2 to §8).
//!
//! Pure: `spec` (the file), `graph`, `scope`, `schedule` (who starts now), `routing` and `score` (which tool), `retry`,
//! `breaker`, `quarantine`, `progress`.

pub mod api;
pub mod batch;
pub mod breaker;
pub mod engine;
pub mod graph;
pub mod http;
pub mod progress;
pub mod quarantine;
pub mod report;
pub mod retry;
pub mod router_config;
pub mod routing;
pub mod schedule;
pub mod scope;
pub mod score;
pub mod spec;
