//! What bireme is measured with. Each measurement is a module with a function that returns
//! [`Row`](row::Row)s; `cargo xtask bench <name>` runs one and prints its rows as a table.

pub mod api;
pub mod direct;
mod etcd;
pub mod life;
mod load;
pub mod plot;
mod pods;
mod program;
pub mod row;
pub mod scale;
pub mod scheduler;
pub mod services;
pub mod store;
pub mod table;
