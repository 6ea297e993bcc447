//! Whether the stores on the disks are those of the reference, and are marked for what they are.

use super::reference::Reference;
use crate::simulate::trace::spelt;
use crate::simulate::world::World;
use std::collections::BTreeMap;
use streams_runtime::task::TaskId;
use streams_runtime::transport::Message;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Each task was last on the disk of this machine, which ended as it should. `alone`: nobody but its owner can have written to
/// its changelogs after it.
pub(super) fn check(world: &World, reference: &Reference, owners: &BTreeMap<TaskId, usize>, alone: bool) {
    for (sub, plan) in world.plan.subs.iter().enumerate() {
        for partition in 0..plan.tasks {
            let task = TaskId { sub, partition };
            let Some(owner) = owners.get(&task) else {
                world.violated(|| format!("nobody has task {task} at the end"));
                return;
            };
            for (store, changelog) in &plan.stores {
                let kept = world.script.application.windows.iter().find(|(name, _)| *name == store.name);
                let kept_ms = kept.map(|(_, ms)| *ms);
                let (rows, mark) = world.disk(*owner).rows(task, store.name).unwrap_or_default();
                let (should, _) = reference.disk.rows(task, store.name).unwrap_or_default();
                let (rows, should) = (seen(rows, kept_ms), seen(should, kept_ms));
                let different = should.iter().find(|(key, row)| rows.get(*key) != Some(row));
                let different = different.or_else(|| rows.iter().find(|(key, _)| !should.contains_key(*key)));
                if let Some((key, _)) = different {
                    let row = |of: &Rows| {
                        of.get(key).map_or_else(|| "no row".to_owned(), |row| spelt(row.get(8..)))
                    };
                    world.violated(|| {
                        let (is, should) = (row(&rows), row(&should));
                        format!(
                            "store `{}` of task {task}: key {} has {is}, should have {should}",
                            store.name,
                            spelt(Some(key))
                        )
                    });
                }
                let reached = mark.map_or(0, |mark| mark.changelog_offset);
                if alone
                    && let Ok(records) = world.log.read_committed(changelog, partition, 0)
                    && let Some(last) = records.last().map(|record| record.offset())
                    && reached <= last
                {
                    world.violated(|| {
                        format!("store `{}` of task {task} ended at changelog offset {reached}, and there is one at {last}", store.name)
                    });
                }
            }
        }
    }
}

/// The rows that a reader can see.
fn seen(rows: Vec<(Vec<u8>, Vec<u8>)>, kept_ms: Option<i64>) -> Rows {
    let mut rows: Rows = rows.into_iter().collect();
    let Some(kept_ms) = kept_ms else { return rows };
    let start = |bytes: &[u8]| bytes.first_chunk::<8>().map(|start| i64::from_be_bytes(*start));
    if let Some(highest) = rows.get(&b""[..]).and_then(|row| start(row)) {
        rows.retain(|key, _| key.is_empty() || start(key).is_some_and(|start| start > highest - kept_ms));
    }
    rows
}
