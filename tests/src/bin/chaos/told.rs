//! What the arguments ask for. Knows no default but those of a plan.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use streams_tests::chaos::{Plan, pauses, run};

const USAGE: &str = "usage: chaos --kills N [--seed S] [--guarantee exactly_once_v2|at_least_once] [--rate ENTRIES] \
                     [--logs FOLDER] | chaos --pauses ROUNDS [--of COMMAND] [--set NAME=VALUE]...";

enum Wanted {
    Chaos(Plan),
    Pauses(usize, Option<Vec<String>>, Vec<(String, String)>),
}

/// Does what the arguments say.
pub(super) fn main() -> ExitCode {
    let Some(wanted) = wanted(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match wanted {
        Wanted::Chaos(plan) => {
            let verdict = run(&plan);
            println!("{verdict}");
            if verdict.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Wanted::Pauses(rounds, of, set) => {
            print!("{}", pauses(rounds, of.as_deref(), &set));
            ExitCode::SUCCESS
        }
    }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut plan = Plan::of(0, now());
    let (mut rounds, mut of, mut set) = (None, None, Vec::new());
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--kills" => plan.kills = value.parse().ok()?,
            "--seed" => plan.seed = value.parse().ok()?,
            "--rate" => plan.rate = value.parse().ok()?,
            "--guarantee" if ["exactly_once_v2", "at_least_once"].contains(&value.as_str()) => {
                plan.guarantee = value;
            }
            "--logs" => plan.logs = Some(value.into()),
            "--pauses" => rounds = Some(value.parse().ok()?),
            "--of" => of = Some(value.split_whitespace().map(str::to_owned).collect()),
            "--set" => {
                set.push(value.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))?)
            }
            _ => return None,
        }
    }
    match rounds {
        Some(rounds) => Some(Wanted::Pauses(rounds, of, set)),
        None => (plan.kills > 0).then_some(Wanted::Chaos(plan)),
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.subsec_nanos().into()
}
