//! Who gets which partition.
//!
//! Knows members' topics and what they were given before. It deliberately does not know generations, nor when a
//! partition actually changes hands (`group`). Deterministic: the same history gives the same answer.

use super::topics::Place;

/// One member as the assignor sees it.
pub(super) struct Candidate<'a> {
    /// Partitions of the topics it subscribed to; ascending.
    pub(super) wants: Vec<Place>,
    /// What it was given before; becomes what it is given now.
    pub(super) target: &'a mut Vec<Place>,
}

/// Gives every wanted partition to exactly one candidate. Partitions stay where they are unless that leaves
/// somebody with two more than another who wants them.
pub(super) fn assign(candidates: &mut [Candidate<'_>]) {
    let mut free: Vec<Place> = candidates.iter().flat_map(|c| c.wants.iter().copied()).collect();
    free.sort_unstable();
    free.dedup();
    for candidate in candidates.iter_mut() {
        candidate.target.retain(|place| candidate.wants.binary_search(place).is_ok());
        free.retain(|place| !candidate.target.contains(place));
    }
    for place in free {
        if let Some(to) = least_loaded(candidates, place) {
            candidates[to].target.push(place);
        }
    }
    while let Some((from, nth, to)) = improvement(candidates) {
        let place = candidates[from].target.remove(nth);
        candidates[to].target.push(place);
    }
    candidates.iter_mut().for_each(|candidate| candidate.target.sort_unstable());
}

fn least_loaded(candidates: &[Candidate<'_>], place: Place) -> Option<usize> {
    (0..candidates.len())
        .filter(|&c| candidates[c].wants.binary_search(&place).is_ok())
        .min_by_key(|&c| candidates[c].target.len())
}

/// A partition whose move makes the loads more equal; each one lowers the sum of squares, so this ends.
fn improvement(candidates: &[Candidate<'_>]) -> Option<(usize, usize, usize)> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(candidates[c].target.len()));
    for from in order {
        for (nth, &place) in candidates[from].target.iter().enumerate().rev() {
            let to = least_loaded(candidates, place)?;
            if candidates[to].target.len() + 1 < candidates[from].target.len() {
                return Some((from, nth, to));
            }
        }
    }
    None
}
