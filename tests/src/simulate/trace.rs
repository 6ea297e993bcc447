//! What happened, in words, for whoever has to understand a failing seed.
//!
//! Nothing is written down while thousands of seeds are run; a failing one is run once more to be told.

use std::cell::{Cell, RefCell};

/// The lines so far.
#[derive(Default)]
pub(super) struct Trace {
    wanted: bool,
    tick: Cell<usize>,
    lines: RefCell<Vec<String>>,
}

impl Trace {
    pub(super) fn new(wanted: bool) -> Trace {
        Trace { wanted, ..Trace::default() }
    }

    pub(super) fn tick(&self, tick: usize) {
        self.tick.set(tick);
    }

    /// Adds a line; nothing is spelt out unless somebody wants to read it.
    pub(super) fn say(&self, line: impl FnOnce() -> String) {
        if self.wanted {
            self.lines.borrow_mut().push(format!("{:>5}  {}", self.tick.get(), line()));
        }
    }

    pub(super) fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}

/// Bytes as a human reads them.
pub(super) fn spelt(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => format!("`{text}`"),
            _ if bytes.len() == 8 => {
                let mut number = [0; 8];
                number.copy_from_slice(bytes);
                i64::from_be_bytes(number).to_string()
            }
            _ => format!("{bytes:02x?}"),
        },
    }
}
