//! On whose behalf the thread works right now: of which worker, or of none.
//!
//! The steps of an application and the engines of stores cannot be handed anything, so they ask here. Workers are
//! nested where one does something in the middle of another's call.

use super::seam::Seam;
use std::cell::RefCell;
use std::rc::Rc;
use streams_runtime::Source;
use streams_runtime::mutants::{Mutant, infect, infection};

thread_local! {
    static CURRENT: RefCell<Option<Rc<Seam>>> = const { RefCell::new(None) };
}

/// A step sees this record. Of a run that nobody watches, nothing is noted.
pub(super) fn processed(source: Source<'_>) {
    if let Some(seam) = current() {
        seam.processed(source);
    }
}

/// A step's function is in the middle of its work.
pub(super) fn working() {
    if let Some(seam) = current() {
        seam.working();
    }
}

/// The worker that works right now.
pub(super) fn current() -> Option<Rc<Seam>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Works on behalf of a worker, in the variant of the runtime that it is. Nobody else, and above all no oracle, runs a
/// wrong one.
pub(super) fn on_behalf<R>(seam: &Rc<Seam>, work: impl FnOnce() -> R) -> R {
    /// Whoever worked before goes on, also if this one dies.
    struct Before(Option<Rc<Seam>>, Option<Mutant>);
    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
            infect(self.1);
        }
    }
    let _before = Before(CURRENT.replace(Some(seam.clone())), infection());
    infect(seam.mutant);
    work()
}
