//! The stores of a task that is being opened, from its wiring to the ends of their changelogs.
//!
//! Knows wirings, changelogs and who listens. Does not know what comes before or after.

use super::progress::RestoreStage;
use super::{Lasting, OpenError, Opening, RETRY_MS, Restoring, Stage};
use crate::mutants::mutant;
use crate::restore::{self, BySlot, Replay, RestoreError, StepError};
use crate::state::StateError;
use crate::task::{Task, TaskId};
use crate::times::Times;
use crate::transport::TopicPartition;
use crate::wiring::Wiring;
use crate::worker::{Connect, Worker, WorkerError};
use std::time::Duration;

impl<C: Connect> Worker<C> {
    /// Opens the stores of a task of which everything is known. False if somebody else has them.
    pub(super) fn begin_replay(&mut self, at: usize) -> Result<bool, OpenError> {
        let opening = &mut self.opening[at];
        let Stage::Known(known) = &opening.stage else { return Ok(false) };
        let id = opening.id;
        let plan = &self.plan.subs[id.sub];
        let positions = known.positions(&opening.inputs);
        let task = match &mut opening.task {
            Some(task) => {
                let sent = |(partition, sent): &(TopicPartition, i64)| {
                    positions.iter().any(|(p, position)| p == partition && position >= sent)
                };
                task.resume(&positions, known.metadata(), opening.sent.iter().all(sent));
                task
            }
            none => {
                let (overlay, engines) = (self.connect.overlay(), self.connect.engines(id));
                let times = Times::from_metadata(known.metadata());
                let mut wiring = Wiring::new(&self.plan.names, overlay, times, engines);
                for &step in &plan.steps {
                    (self.topology.entries()[step].wire)(&mut wiring);
                }
                let wired = match wiring.finish() {
                    // Another worker of this process lets go of it when it next follows the group.
                    Err(StateError::InUse { .. }) => {
                        opening.not_before_ms = self.connect.now_ms() + RETRY_MS;
                        return Ok(false);
                    }
                    wired => wired.map_err(RestoreError::from)?,
                };
                wired.times.check(1 + known.origin(&opening.inputs).len())?;
                let task = none.insert(Task::new(id, wired, &positions));
                if !known.has_all_offsets() {
                    // Where it begins is decided once: a crash before the first commit must not choose again.
                    task.renew();
                }
                task
            }
        };
        task.set_origin(known.origin(&opening.inputs));
        if known.has_offsets() {
            task.found_offsets();
        }
        let now_ms = self.connect.now_ms();
        let remembering = &task.wired().remembering;
        let mut replays: Vec<(Replay, Lasting)> = Vec::new();
        for (hash, changelog) in known.logs().changelogs(now_ms) {
            let store = remembering.iter().position(|r| r.store.is_some_and(|store| store.hash == hash));
            let Some(store) = store else { continue };
            #[allow(unused_mut, reason = "wrong variants change it")]
            let mut changelog = restore::Changelog { store, ..changelog };
            mutant!(EndIsLastStable => changelog.ends.high = changelog.ends.last_stable);
            mutant!(EndBeforeOffsets => changelog.ends = crate::worker::first_end(id, &changelog.partition.topic).unwrap_or(changelog.ends));
            let earlier = opening.warmed.iter().position(|warmed| warmed.store == hash);
            let earlier = earlier.map(|at| opening.warmed.swap_remove(at));
            let mut lasting =
                Lasting::since(earlier.as_ref().map_or(Duration::ZERO, |warmed| warmed.told.elapsed), now_ms);
            match Replay::begin(
                &mut self.reader,
                &remembering[store],
                changelog,
                opening.survived_ms,
                earlier,
            ) {
                Ok(replay) => {
                    // What was done before was told before.
                    lasting.has_moved(&replay);
                    replays.push((replay, lasting));
                }
                Err(cause) => {
                    replays.iter().for_each(|(begun, _)| begun.close(&mut self.reader));
                    return Err(cause.into());
                }
            }
        }
        let (has_offsets, written) = (known.has_offsets(), known.written());
        let new = replays.iter().filter(|(replay, _)| !replay.goes_on());
        tell(id, new, RestoreStage::Begun, &self.connect);
        opening.enter(Stage::Replaying { replays, has_offsets, written }, now_ms);
        Ok(true)
    }

    /// Replays what came of the changelogs.
    pub(super) fn replay(&mut self, max: usize) -> Result<usize, WorkerError> {
        let mut replays = BySlot::default();
        for (at, opening) in self.opening.iter_mut().enumerate() {
            if let Stage::Replaying { replays: of_task, .. } = &mut opening.stage {
                let unfinished = of_task.iter_mut().filter(|(replay, _)| !replay.is_done());
                unfinished.for_each(|(replay, _)| replays.add(at, replay));
            }
        }
        if replays.is_empty() {
            return Ok(0);
        }
        let stepped = restore::step(&mut self.reader, &mut self.replayed, max, &mut replays);
        if stepped.as_ref().is_ok_and(|restored| *restored > 0) {
            self.tell_batches();
        }
        match stepped {
            Ok(restored) => Ok(restored),
            // It begins again where the changelog now begins.
            Err(StepError::Deleted(at, _)) => {
                self.opening[at].stop(&mut self.reader, &self.connect);
                Ok(1)
            }
            Err(StepError::Store(at, cause)) => Err(self.cannot_open(at, RestoreError::from(cause).into())),
            Err(StepError::Log(cause)) => Err(cause.into()),
        }
    }

    /// Tells of the stores that have come further.
    fn tell_batches(&mut self) {
        for Opening { id, stage, .. } in &mut self.opening {
            if let Stage::Replaying { replays, .. } = stage {
                let further =
                    replays.iter_mut().filter_map(|both| both.1.has_moved(&both.0).then_some(&*both));
                tell(*id, further, RestoreStage::Batch, &self.connect);
            }
        }
    }

    /// The ends are reached: whether that was enough.
    pub(super) fn settle(&mut self, at: usize) -> Result<(), OpenError> {
        let now_ms = self.connect.now_ms();
        if let Stage::Replaying { replays, .. } = &mut self.opening[at].stage {
            for (replay, _) in replays {
                replay.settle(&mut self.reader, now_ms)?;
            }
        }
        Ok(())
    }
}

/// Tells how far these stores of a task are.
pub(super) fn tell<'r, C: Connect>(
    task: TaskId,
    replays: impl IntoIterator<Item = &'r (Replay, Lasting)>,
    stage: RestoreStage,
    connect: &C,
) {
    let now_ms = connect.now_ms();
    for (replay, lasting) in replays {
        connect.restoring(&Restoring::of(task, replay, lasting, stage, now_ms));
    }
}
