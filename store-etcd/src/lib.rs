//! bireme's [`Store`](bireme_core::store::Store) in an etcd cluster, 3.4 or later: the store of several API servers.
//!
//! ```no_run
//! use bireme_core::Environment;
//! use bireme_core::store::{Commit, Key, Store};
//! use bireme_store_etcd::{EtcdStore, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let members = ["http://10.0.0.1:2379", "http://10.0.0.2:2379", "http://10.0.0.3:2379"];
//! let store = EtcdStore::open(&Options::new(members), &Environment::system()).await?;
//! let key = Key::from("/registry/configmaps/default/colours");
//! store.commit(Commit::new().if_absent(key.clone()).put(key, "{}".into())).await?;
//! # Ok(()) }
//! ```
//!
//! Keys, values and revisions are etcd's own. A store without a [prefix](Options::prefix) sees what upstream's API server
//! would, and what it writes is there for `etcdctl`; with one, it leaves everything else in etcd alone.
//!
//! # What it promises, and what that costs
//!
//! * **Revisions** are those of all of etcd. An empty one is at revision 1, and whatever others write makes revisions,
//!   too.
//! * **Reads** are linearizable: whichever member is asked first makes sure, with the others, that it has all that was
//!   acknowledged. That is a round trip between members. Reads at a revision are no cheaper. A member that has lost the
//!   others does not answer from memory but fails, and another one is asked.
//! * **A commit** is one transaction, and durable on most of the members. It is sent again only when it was never sent
//!   for lack of a connection. One whose answer was lost, or that etcd gave up waiting for while it elected a leader, is
//!   [unknown](bireme_core::store::StoreError::is_unknown). Besides the limits of its values, it may have no more than
//!   [`Options::request_bytes`] in all.
//! * **A watch** goes on with another member when its own is gone, after the last revision it has reached, without gap
//!   and repetition. One that finds no member for [`Options::request_timeout`] ends with an error that says so. A slow
//!   consumer costs no memory here beyond one HTTP/2 window: etcd keeps their place, and they never lag but may be
//!   overtaken by a compaction.
//! * **Compaction** is only done when asked for, and is for everybody in etcd, whatever the prefix. etcd's own
//!   (`--auto-compaction-mode`) does no harm.
//! * **Times to live** are leases, shared by keys of about one end. A key lives up to a twentieth longer than it should,
//!   a minute at most; also longer when etcd elects a leader meanwhile, who gives every lease its time again. Below two
//!   seconds, etcd's minimum counts.
//!
//! # Progress
//!
//! etcd does not tell a watch of a prefix when it has caught up, unless asked; and before 3.4.31 and 3.5.13 that answer may
//! overtake events. So every watch here covers all keys, and leaves out what is not its own: each revision then shows
//! itself, in order, and how far a watch is needs no asking. In an etcd that is shared with busy neighbours that is traffic
//! to consider; give those an etcd of their own. Progress is also asked for when a watch has long been silent, but only as
//! a sign of life.
//!
//! # Getting in
//!
//! [`Options::tls`] has the authority to trust and, for etcd's `--client-cert-auth`, a certificate.
//! [`Options::user`] is logged in when the store is opened, and again when its token has expired. It must be allowed to
//! read all keys, since watches do, and to write those of the store.

mod assembly;
mod commit;
mod connection;
mod endpoint;
mod error;
mod failure;
mod keys;
mod lease;
mod options;
mod position;
mod store;
mod watch;

pub use error::Error;
pub use options::{Identity, Options, Tls, User};
pub use store::EtcdStore;
