//! The stream times of a task's operators, and their form in the metadata of a committed offset.
//!
//! They are committed in the same transaction as the offsets, so that lateness is decided after a restart as it
//! would have been without one. The form is readable: `v1 total=15000 orders=14200`.

use crate::state::TimeCell;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

/// Named stream times.
#[derive(Default)]
pub struct Times {
    committed: Vec<(String, i64)>,
    cells: Vec<(&'static str, Rc<RefCell<TimeCell>>)>,
}

const VERSION: &str = "v1";

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
    pub fn cell(&mut self, name: &'static str) -> Rc<RefCell<TimeCell>> {
        let committed = self.committed.iter().find(|(n, _)| n == name).map(|(_, time)| *time);
        let cell = Rc::new(RefCell::new(TimeCell::starting_at(committed)));
        self.cells.push((name, cell.clone()));
        cell
    }

    /// Appends the live times; nothing if there is none.
    pub fn write_metadata(&self, out: &mut String) {
        if self.cells.is_empty() {
            return;
        }
        out.push_str(VERSION);
        for (name, cell) in &self.cells {
            if let Some(time) = cell.borrow().get() {
                let _ = write!(out, " {name}={time}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn times_survive_and_what_is_not_ours_is_unknown() {
        let mut times = Times::default();
        times.cell("total").borrow_mut().advance(15_000);
        times.cell("late").borrow_mut();
        let mut written = String::new();
        times.write_metadata(&mut written);
        assert_eq!(written, "v1 total=15000");
        let mut again = Times::from_metadata(&written);
        assert_eq!(again.cell("total").borrow().get(), Some(15_000));
        assert_eq!(Times::from_metadata("reset by hand").cell("total").borrow().get(), None);
    }
}
