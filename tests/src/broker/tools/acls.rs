//! What a principal may do, as the authorizer of a broker has it.
//!
//! Rights are written as `kafka-acls.sh` takes them. The library beneath the other tools is not asked for them from
//! Rust, so the three requests are written by hand, in their last version with fixed lengths.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{ANSWER, PATIENCE, until};

/// Something that is allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    resource: i8,
    name: String,
    pattern: i8,
    operation: i8,
}

/// Kafka's numbers of what a right can be for.
const RESOURCES: [(&str, i8); 4] =
    [("--topic", 2), ("--group", 3), ("--cluster", 4), ("--transactional-id", 5)];

const OPERATIONS: [(&str, i8); 7] = [
    ("Read", 3),
    ("Write", 4),
    ("Create", 5),
    ("Delete", 6),
    ("Alter", 7),
    ("Describe", 8),
    ("DescribeConfigs", 10),
];

const ANY: i8 = 1;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const ALLOW: i8 = 3;

const DESCRIBE: i16 = 29;
const CREATE: i16 = 30;
const DELETE: i16 = 31;

impl Right {
    /// From words like `--operation Read --operation Write --topic orders- --resource-pattern-type prefixed`: one for
    /// each operation. Other options of `kafka-acls.sh` are passed over.
    #[track_caller]
    pub fn parse(words: &str) -> Vec<Right> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let values = |option: &str| -> Vec<&str> {
            words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1]).collect()
        };
        let resource =
            RESOURCES.iter().find_map(|&(option, number)| Some((number, *values(option).first()?)));
        let (resource, name) = resource.unwrap_or_else(|| panic!("a right is for something: {words:?}"));
        let pattern = if values("--resource-pattern-type") == ["prefixed"] { PREFIXED } else { LITERAL };
        let number = |operation: &str| {
            let known = OPERATIONS.iter().find(|(name, _)| *name == operation);
            known.unwrap_or_else(|| panic!("an operation, not {operation}")).1
        };
        let right = |operation: &str| Right {
            resource,
            name: name.to_owned(),
            pattern,
            operation: number(operation),
        };
        values("--operation").into_iter().map(right).collect()
    }
}

/// From now on a principal, `User:anna`, may do this and nothing else.
#[track_caller]
pub fn allow(bootstrap: &str, principal: &str, rights: &[Right]) {
    let mut all = vec![0, 0, 0, 1];
    all.extend(every(principal));
    refused(&ask(bootstrap, DELETE, &all), rights);
    let mut new = (rights.len() as u32).to_be_bytes().to_vec();
    for right in rights {
        new.push(right.resource.cast_unsigned());
        string(&mut new, &right.name);
        new.push(right.pattern.cast_unsigned());
        string(&mut new, principal);
        string(&mut new, "*");
        new.extend([right.operation, ALLOW].map(i8::cast_unsigned));
    }
    refused(&ask(bootstrap, CREATE, &new), rights);
    // The controller has it; the broker learns of it a moment later.
    let mut wanted = rights.to_vec();
    wanted.sort();
    wanted.dedup();
    until("rights to be known", PATIENCE, || (described(bootstrap, principal) == wanted).then_some(()));
}

/// A filter that takes whatever a principal may do.
fn every(principal: &str) -> Vec<u8> {
    let mut filter = vec![ANY.cast_unsigned()];
    null(&mut filter);
    filter.push(ANY.cast_unsigned());
    string(&mut filter, principal);
    null(&mut filter);
    filter.extend([ANY, ANY].map(i8::cast_unsigned));
    filter
}

fn described(bootstrap: &str, principal: &str) -> Vec<Right> {
    let answer = ask(bootstrap, DESCRIBE, &every(principal));
    let mut rest = Answer(&answer[4..]);
    assert_eq!((rest.number::<2>(), rest.text()), (0, String::new()));
    let mut rights = Vec::new();
    for _ in 0..rest.number::<4>() {
        let (resource, name, pattern) = (rest.number::<1>() as i8, rest.text(), rest.number::<1>() as i8);
        for _ in 0..rest.number::<4>() {
            let (_, _) = (rest.text(), rest.text());
            let (operation, _) = (rest.number::<1>() as i8, rest.number::<1>());
            rights.push(Right { resource, name: name.clone(), pattern, operation });
        }
    }
    rights.sort();
    rights
}

/// Each result begins with a code; what stands behind it is of no interest if all are 0.
#[track_caller]
fn refused(answer: &[u8], rights: &[Right]) {
    let mut rest = Answer(&answer[4..]);
    if rest.number::<4>() > 0 {
        let (code, words) = (rest.number::<2>(), rest.text());
        assert_eq!(code, 0, "{words}: {rights:?}");
    }
}

/// Asks in version 1, and returns what stands behind the number of the request.
fn ask(bootstrap: &str, api: i16, body: &[u8]) -> Vec<u8> {
    let mut request = api.to_be_bytes().to_vec();
    request.extend([0, 1, 0, 0, 0, 7]);
    string(&mut request, "tools");
    request.extend(body);
    let mut broker = TcpStream::connect(bootstrap).expect("a broker");
    broker.set_read_timeout(Some(ANSWER)).expect("a time-out");
    let length = (request.len() as u32).to_be_bytes();
    broker.write_all(&[&length[..], &request].concat()).expect("a broker listens");
    let mut length = [0; 4];
    broker.read_exact(&mut length).expect("a broker answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    broker.read_exact(&mut answer).expect("a broker answers");
    answer.split_off(4)
}

fn string(to: &mut Vec<u8>, text: &str) {
    to.extend((text.len() as u16).to_be_bytes());
    to.extend(text.as_bytes());
}

fn null(to: &mut Vec<u8>) {
    to.extend([0xff, 0xff]);
}

/// What is left of an answer.
struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    fn number<const N: usize>(&mut self) -> i64 {
        let (taken, rest) = self.0.split_at(N);
        self.0 = rest;
        // Negative ones stay negative.
        let first = i64::from(taken[0].cast_signed());
        taken[1..].iter().fold(first, |number, byte| number << 8 | i64::from(*byte))
    }

    /// Empty for a null.
    fn text(&mut self) -> String {
        let length = usize::try_from(self.number::<2>()).unwrap_or(0);
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(taken).into_owned()
    }
}
