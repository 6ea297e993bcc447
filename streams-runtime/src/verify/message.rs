//! Texts built while compiling.

/// A text of at most 640 bytes, built by const evaluation; what does not fit is cut off.
pub struct Message {
    bytes: [u8; 640],
    len: usize,
}

#[allow(clippy::new_without_default)]
impl Message {
    /// An empty text.
    pub const fn new() -> Self {
        Message { bytes: [0; 640], len: 0 }
    }

    /// Adds words.
    pub const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// Adds a name in backticks.
    pub const fn name(self, name: &str) -> Self {
        self.text("`").text(name).text("`")
    }

    /// Adds a number.
    pub const fn number(self, mut n: u64) -> Self {
        let mut digits = [0u8; 20];
        let mut i = digits.len();
        loop {
            i -= 1;
            digits[i] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        match str::from_utf8(digits.split_at(i).1) {
            Ok(text) => self.text(text),
            Err(_) => self,
        }
    }

    /// Adds a length of time in the largest unit that leaves no rest.
    pub const fn span(self, ms: i64) -> Self {
        let (unit, name) = match ms {
            _ if ms % 86_400_000 == 0 => (86_400_000, "d"),
            _ if ms % 3_600_000 == 0 => (3_600_000, "h"),
            _ if ms % 60_000 == 0 => (60_000, "m"),
            _ if ms % 1_000 == 0 => (1_000, "s"),
            _ => (1, "ms"),
        };
        self.text("`").number((ms / unit) as u64).text(name).text("`")
    }

    /// Starts the line that says how to mend it.
    pub const fn help(self) -> Self {
        self.text("\n  help: ")
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// Ends the evaluation with the text.
    #[track_caller]
    pub const fn panic(&self) -> ! {
        panic!("{}", self.as_str())
    }
}

/// Compares texts; `==` on `str` is not const.
pub(super) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn texts_names_and_numbers() {
        let message =
            Message::new().text("cannot join ").name("a").text(" of ").number(0).text(" and ").number(1204);
        assert_eq!(message.help().text("x").as_str(), "cannot join `a` of 0 and 1204\n  help: x");
        let long = Message::new().text(&"é".repeat(400));
        assert_eq!(long.as_str(), "é".repeat(320));
    }
}
