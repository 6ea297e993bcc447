//! A function that returns `Err`: by default the run ends with a message that names the record and the step.

use streams_runtime::prelude::*;
use streams_runtime::{Error, Summary, TextInput};

/// Numbers as text.
#[topic(name = "raw", key = Option<String>, value = String, partitions = 2)]
pub struct Raw;

/// Numbers.
#[topic(name = "numbers", key = Option<String>, value = i64)]
pub struct Numbers;

/// Stops at what is no number.
#[processor(from = Raw, map_values, to = Numbers)]
pub fn number(text: &str) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

/// Leaves it out.
#[processor(from = Raw, map_values, error = skip, to = Numbers)]
pub fn lenient_number(text: &str) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

topology!(Strict = [number]);
topology!(Lenient = [lenient_number]);

const LINES: &str = "# Three numbers?\nraw null 1\nraw null two\nraw@2024-01-01T00:00:00Z null 3\n";

fn run<A: App>() -> (Result<Summary, Error>, String) {
    let mut out = Vec::new();
    let input = TextInput::records("numbers.txt", LINES.as_bytes());
    let result = A::application("test").run_lines(vec![input], &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn the_message_names_line_record_and_step() {
    let (result, printed) = run::<Strict>();
    assert_eq!(
        result.unwrap_err().to_string(),
        "numbers.txt, line 3: task 0_0: step `number` failed on topic raw, partition 0, offset 1: \
         invalid digit found in string \
         (`error = skip` on the step would leave such records out)"
    );
    assert!(printed.ends_with("\n#> raw null 1\nnumbers null 1\n#> raw null two\n"), "{printed}");
}

#[test]
fn what_a_policy_leaves_out_is_said_and_counted() {
    let (result, printed) = run::<Lenient>();
    assert_eq!(result.unwrap(), Summary { read: 3, written: 2, dropped: 1 });
    let expected = "\
# Lenient on the in-process log, no broker needed
#   reads  raw
#   writes numbers
# One record a line: topic@time key value. `#>` shows the input.

# Three numbers?
#> raw null 1
numbers null 1
#> raw null two
# left out at `lenient_number`: the function returned an error (error = skip): invalid digit found in string
#> raw@2024-01-01T00:00:00Z null 3
numbers@2024-01-01T00:00:00Z null 3

# 3 records read, 2 written, 1 left out
";
    assert_eq!(printed, expected);
}

#[test]
fn a_text_that_is_no_number_is_a_mistake_in_the_line() {
    let input = TextInput::records("numbers.txt", "# A number.\nnumbers null fivefive\n".as_bytes());
    let result = Large::application("test").run_lines(vec![input], &mut Vec::new());
    assert_eq!(
        result.unwrap_err().to_string(),
        "numbers.txt, line 2: the value `fivefive` cannot be read: invalid digit found in string"
    );
}

/// Reads numbers.
#[processor(from = Numbers, filter)]
pub fn large(n: &i64) -> bool {
    *n > 100
}

topology!(Large = [large]);
