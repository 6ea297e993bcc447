//! Which step's function a panic came out of.
//!
//! A panic says where in the source it happened; the step is what a user looks for in the topology. The name is written
//! down by whatever unwinds: a call that returns pays for no more than what the compiler makes of the other way out, about seven
//! instructions (`docs/performance.md`).
//!
//! Knows names. Does not know what follows from a panic (`task`).

use crate::stream::Step;
use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// The innermost step that unwound since somebody asked.
    static UNWOUND: Cell<Option<&'static str>> = const { Cell::new(None) };
}

struct Unwinds<S: Step>(PhantomData<S>);

impl<S: Step> Drop for Unwinds<S> {
    #[cold]
    fn drop(&mut self) {
        // A step may be called by the one before it, whose function then unwinds as well.
        UNWOUND.with(|unwound| unwound.set(unwound.get().or(Some(S::ID.name))));
    }
}

/// Calls the function of a step.
#[inline(always)]
pub(super) fn of<S: Step, R>(call: impl FnOnce() -> R) -> R {
    let unwinds = Unwinds::<S>(PhantomData);
    let result = call();
    std::mem::forget(unwinds);
    result
}

/// The step whose function panicked, once.
pub(crate) fn unwound() -> Option<&'static str> {
    UNWOUND.with(Cell::take)
}

#[cfg(test)]
mod tests {
    use crate::driver::Driver;
    use crate::prelude::*;

    #[topic(name = "lines", key = String, value = String)]
    struct Lines;
    #[topic(name = "lengths", key = String, value = i64)]
    struct Lengths;
    #[topic(name = "counts", key = String, value = i64)]
    struct Counts;
    #[processor(from = Lines, flat_map_values)]
    fn words(line: &str) -> Vec<String> {
        assert!(!line.is_empty(), "an empty line");
        line.split(' ').map(str::to_owned).collect()
    }
    #[processor(from = words, map_values, to = Lengths)]
    fn length(word: &str) -> i64 {
        assert!(word.len() < 5, "`{word}` is too long");
        word.len() as i64
    }
    #[ktable(store = "longest", from = length, aggregate, to = Counts)]
    fn longest(longest: &mut i64, length: &i64) {
        assert!(*length > 1, "a letter is no word");
        *longest = *length.max(longest);
    }
    topology!(Measuring = [words, length, longest]);

    fn fails(line: &str) -> String {
        let driver = Driver::start(Measuring::topology()).unwrap();
        driver.input::<Lines>().pipe("key", line).unwrap_err().to_string()
    }

    #[test]
    fn a_panic_names_the_step_whose_function_it_came_out_of() {
        let on = "panicked on topic lines, partition 0, offset 0:";
        for (line, said) in [
            ("", format!("step `words` {on} an empty line")),
            // Called by the step before it, which unwinds as well.
            ("to repair it", format!("step `length` {on} `repair` is too long")),
            ("a b", format!("step `longest` {on} a letter is no word")),
        ] {
            let told = fails(line);
            assert!(told.contains(&said), "{told}");
        }
    }
}
