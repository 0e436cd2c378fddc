//! The state machine as tables: no executor, no clock, no engine.

mod builder;
mod invariants;
mod status;
mod table;
