//! Which faults of a failing script matter: it is run with fewer and fewer, as long as it still fails.
//!
//! Whether it then fails for the same reason is not asked: the smaller failure is the one to look at first.

use super::run;
use super::script::Script;

/// The script with as few faults as are needed.
pub(super) fn shrink(mut script: Script) -> Script {
    let mut piece = script.faults.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < script.faults.len() {
            let mut fewer = script.clone();
            fewer.faults.drain(at..(at + piece).min(script.faults.len()));
            if run(&fewer, false).0.is_some() {
                script = fewer;
            } else {
                at += piece;
            }
        }
        if piece == 1 {
            return script;
        }
        piece = piece.div_ceil(2);
    }
}
