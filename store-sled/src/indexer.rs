//! The thread that carries keys over to the index, behind the callers' backs.

use crate::error::Error;
use crate::view::View;

/// Carries keys over until [`Memtable::stop`](crate::memtable::Memtable::stop).
pub(crate) fn run(view: &View) -> Result<(), Error> {
    let memtable = &view.memtable;
    while let Some(until) = memtable.wait_for_work() {
        let mut last = None;
        loop {
            let keys = memtable.next(last.as_ref(), until);
            view.apply(keys.iter().map(|(key, entry)| (key, entry.item.as_ref())))?;
            memtable.forget(&keys);
            match keys.into_iter().next_back() {
                Some((key, _)) => last = Some(key),
                None => break,
            }
        }
        memtable.set_carried(until);
    }
    Ok(())
}
