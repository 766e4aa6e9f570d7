//! Models behind HTTP, on loopback.
