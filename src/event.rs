//! Every fact that can happen: one closed enum and its envelope.
