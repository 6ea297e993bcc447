//! The committed order of each partition: every visible record, each once, ascending.

use super::Happened;
use crate::simulate::world::World;
use std::collections::BTreeMap;
use streams_runtime::transport::TopicPartition;

/// `complete`: false if it is right that records are left. True if nothing is wrong.
pub(super) fn check(world: &World, happened: &[Happened], complete: bool) -> bool {
    let mut order: BTreeMap<&TopicPartition, Vec<(i64, u64)>> = BTreeMap::new();
    for transaction in happened {
        for note in &transaction.notes {
            order.entry(&note.partition).or_default().push((note.offset, transaction.number));
        }
    }
    let mut right = true;
    for (sub, source) in world.plan.subs.iter().flat_map(|sub| sub.sources.iter().map(move |s| (sub, s))) {
        for partition in 0..world.partitions_read(sub, source) {
            let place = TopicPartition { topic: source.name.clone(), partition };
            let processed = order.remove(&place).unwrap_or_default();
            let visible = world.visible(&source.name, partition);
            let name = format!("{}-{partition}", source.name);
            let mut expected = visible.keys();
            for (offset, number) in &processed {
                let next = expected.next();
                if next != Some(offset) {
                    right = false;
                    world.violated(|| match next {
                        Some(next) if offset > next => {
                            format!("{name}: offset {next} is not processed, transaction {number} goes on at {offset}")
                        }
                        _ => format!("{name}: transaction {number} processes offset {offset} again, or what is not visible"),
                    });
                    break;
                }
            }
            if right
                && complete
                && let Some(next) = expected.next()
            {
                right = false;
                world.violated(|| format!("{name}: offset {next} and what follows is never processed"));
            }
        }
    }
    right
}
