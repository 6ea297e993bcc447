//! The stream times of a task's operators, and their form in the metadata of a committed offset.
//!
//! They are committed in the same transaction as the offsets, so that lateness is decided after a restart as it
//! would have been without one. The form is readable: `v1 total=15000 orders=14200`. Words without a `=` are somebody else's.

use crate::state::TimeCell;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

/// Named stream times.
#[derive(Default)]
pub struct Times {
    committed: Vec<(String, i64)>,
    cells: Vec<(String, Rc<RefCell<TimeCell>>)>,
}

const VERSION: &str = "v1";

/// What a broker keeps beside an offset (`offset.metadata.max.bytes`).
const LARGEST: usize = 4096;

/// The longest time as text.
const DIGITS: usize = i64::MAX.ilog10() as usize + 1;

/// More operators in one task than times fit beside an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its {times} stream times need up to {bytes} bytes beside a committed offset, and a broker keeps {LARGEST}: \
     put a topic between some of its steps, or give them shorter names"
)]
pub struct TooManyTimes {
    times: usize,
    bytes: usize,
}

impl Times {
    /// What was committed. Metadata of another form (a reset tool, another program) is "unknown", as at first start.
    pub fn from_metadata(metadata: &str) -> Times {
        let mut words = metadata.split(' ');
        let mut committed = Vec::new();
        if words.next() == Some(VERSION) {
            for word in words {
                if let Some((name, time)) = word.rsplit_once('=')
                    && let Ok(time) = time.parse()
                {
                    committed.push((name.to_owned(), time));
                }
            }
        }
        Times { committed, cells: Vec::new() }
    }

    /// The cell called `name`, starting where it was committed.
    pub fn cell(&mut self, name: &str) -> Rc<RefCell<TimeCell>> {
        let name = one_word(name);
        let cell = Rc::new(RefCell::new(TimeCell::starting_at(self.committed(&name))));
        self.cells.push((name, cell.clone()));
        cell
    }

    fn committed(&self, name: &str) -> Option<i64> {
        self.committed.iter().find(|(n, _)| n == name).map(|(_, time)| *time)
    }

    /// Sets every cell to what this says.
    pub fn reset(&mut self, metadata: &str) {
        self.committed = Times::from_metadata(metadata).committed;
        for (name, cell) in &self.cells {
            *cell.borrow_mut() = TimeCell::starting_at(self.committed(name));
        }
    }

    /// The live times; empty if there is none.
    pub fn to_metadata(&self) -> String {
        let mut out = String::new();
        self.write_metadata(&mut out);
        out
    }

    /// True if there is no cell.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Appends the live times; nothing if there is no cell.
    #[inline(never)]
    pub fn write_metadata(&self, out: &mut String) {
        if self.is_empty() {
            return;
        }
        out.push_str(VERSION);
        for (name, cell) in &self.cells {
            if let Some(time) = cell.borrow().get() {
                let _ = write!(out, " {name}={time}");
            }
        }
    }

    /// Whether the times always fit beside an offset, however high they get, with as many `more` bytes.
    ///
    /// # Errors
    /// If not: a commit would be refused one day, again and again.
    pub fn check(&self, more: usize) -> Result<(), TooManyTimes> {
        let times = self.cells.iter().map(|(name, _)| name.len() + 2 + DIGITS).sum::<usize>();
        let bytes = VERSION.len() + times + more;
        if bytes <= LARGEST { Ok(()) } else { Err(TooManyTimes { times: self.cells.len(), bytes }) }
    }
}

/// Names are separated by blanks.
fn one_word(name: &str) -> String {
    name.replace('%', "%25").replace(' ', "%20")
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn times_survive_and_what_is_not_ours_is_unknown() {
        let mut times = Times::default();
        times.cell("total").borrow_mut().advance(15_000);
        times.cell("late").borrow_mut();
        assert_eq!(times.to_metadata(), "v1 total=15000");
        let mut again = Times::from_metadata(&times.to_metadata());
        assert_eq!(again.cell("total").borrow().get(), Some(15_000));
        assert_eq!(Times::from_metadata("reset by hand").cell("total").borrow().get(), None);
    }

    #[test]
    fn a_name_with_blanks_is_one_word() {
        let mut times = Times::default();
        times.cell("per cent = 100%").borrow_mut().advance(7);
        let mut again = Times::from_metadata(&times.to_metadata());
        assert_eq!(again.cell("per cent = 100%").borrow().get(), Some(7));
    }

    #[test]
    fn a_reset_forgets_what_was_not_committed() {
        let mut times = Times::from_metadata("v1 total=5");
        let cell = times.cell("total");
        cell.borrow_mut().advance(9);
        times.reset("v1 total=7");
        assert_eq!(cell.borrow().get(), Some(7));
        times.reset("");
        assert_eq!(cell.borrow().get(), None);
    }

    #[test]
    fn too_many_times_are_refused_while_they_still_fit() {
        let mut times = Times::default();
        for n in 0..200 {
            times.cell(&format!("a_step_with_some_name_{n}"));
        }
        assert!(times.to_metadata().len() < 4096);
        assert!(times.check(0).unwrap_err().to_string().contains("its 200 stream times need up to 9"));
    }
}
