//! Whether everything came to its end: nothing undecided, offsets behind everything, times as they must be.

use super::reference::Reference;
use crate::simulate::world::{APPLICATION, World};

/// No transaction is open, no marker is missing.
pub(super) fn nothing_undecided(world: &World) {
    if let Some(marker) = world.log.pending_markers().first() {
        world.violated(|| format!("undecided at the end: {marker:?}"));
    }
    for topic in world.log.topics() {
        for partition in 0..world.log.partitions(&topic).unwrap_or_default() {
            if let Ok(ends) = world.log.watermarks(&topic, partition)
                && ends.last_stable != ends.high
            {
                world.violated(|| {
                    format!("a transaction is left open in {topic}-{partition} at {}", ends.last_stable)
                });
            }
        }
    }
}

/// Each input is committed up to its end, control records included, and the times beside the offset are right.
pub(super) fn check(world: &World, reference: &Reference) {
    for (sub, source) in world.plan.subs.iter().flat_map(|sub| sub.sources.iter().map(move |s| (sub, s))) {
        for partition in 0..world.partitions_read(sub, source) {
            let ends = world.log.watermarks(&source.name, partition);
            let committed = world.log.committed(APPLICATION, &source.name, partition);
            let (Ok(ends), Ok(committed)) = (ends, committed) else { continue };
            let committed = committed.map(|committed| committed.offset);
            if committed != Some(ends.high) {
                let name = &source.name;
                world.violated(|| {
                    format!("{name}-{partition} ends at {}, committed is {committed:?}", ends.high)
                });
            }
        }
    }
    for (task, (input, times)) in &reference.times {
        let committed = world.log.committed(APPLICATION, &input.topic, input.partition);
        let is = committed.ok().flatten().map(|committed| committed.metadata).unwrap_or_default();
        // Beside them stands of which topics the offsets are.
        let is = is.split(" of:").next().unwrap_or_default();
        if is.trim_start_matches("v1") != times.trim_start_matches("v1") {
            world
                .violated(|| format!("task {task} has committed the times `{is}`, they should be `{times}`"));
        }
    }
}
