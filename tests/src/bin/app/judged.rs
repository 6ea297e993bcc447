//! Claims and what was judged of them: twice the same, once under `fail` and once under `skip`.

use streams_runtime::prelude::*;

#[topic(name = "claims", key = Option<String>, value = String)]
struct Claims;

/// The same topic, for those who go on without what cannot be read.
#[topic(name = "claims", key = Option<String>, value = String, decode = skip)]
struct ClaimsOrNot;

#[topic(name = "judged", key = Option<String>, value = String)]
struct Judged;

/// The same topic, for those who go on without what it refuses.
#[topic(name = "judged", key = Option<String>, value = String, encode = skip)]
struct JudgedOrNot;

#[processor(from = Claims, map_values, to = Judged)]
fn strictly(claim: &str) -> Result<String, String> {
    judge(claim)
}

#[processor(from = ClaimsOrNot, map_values, error = skip, to = JudgedOrNot)]
fn leniently(claim: &str) -> Result<String, String> {
    judge(claim)
}

fn judge(claim: &str) -> Result<String, String> {
    if claim.starts_with("false") { Err(format!("{claim} is not true")) } else { Ok(claim.to_owned()) }
}

topology!(
    /// Stops in front of what it cannot do.
    pub Strict = [strictly]
);

topology!(
    /// Leaves out what it cannot do.
    pub Lenient = [leniently]
);
