//! Three instances and their broker, and the hand that does the deeds.
//!
//! Each instance reaches the broker through a proxy of its own; the input and the readers do not. Knows what state each
//! instance is in and when that changes by itself; knows nothing of what the application computes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Plan;
use super::input::{self, Flow, PARTITIONS, Written};
use super::script::{Deed, Disk, INSTANCES, Step, Trouble};
use super::trace::Trace;
use super::verify::{self, Verdict};
use crate::broker::Broker;
use crate::broker::application::{Application, Restored};
use crate::broker::proxy::{Fault, Proxy};
use crate::broker::supervised::Signal;
use crate::broker::tools::{Follower, Isolation, create_topic, end_offsets};

/// The application's id.
pub(super) const ID: &str = "chaos";

/// The stores, in which all partitions have one each.
const STORES: [&str; 3] = ["accounts", "totals", "windows"];

/// Longer than a broker takes to start: one that takes a transaction back for its age while its partitions have no leader
/// yet writes no markers and calls it done (`docs/reliability.md`). For as long as this, what was left open by an instance
/// that came back under another name holds its readers up.
const TRANSACTION: &str = "25000";

/// How long an answer that was withheld, or a half-closed connection, is waited for at most.
const WITHHELD: Duration = Duration::from_secs(4);

/// Until everything has arrived: an abandoned transaction, then a restore, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(150);

const BETWEEN: Duration = Duration::from_millis(20);

/// The last entries before an end, of every account and more.
const PROBES: Duration = Duration::from_secs(2);

/// Nobody is disturbed at the beginning.
const WARM: Duration = Duration::from_secs(2);

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    /// Until then.
    Held(Instant),
    /// Asked to end; started again after so long.
    Ending(Duration),
    /// Started again at that time.
    Away(Instant, Disk),
}

struct Instance {
    app: Application,
    state: State,
    proxy: Proxy,
    /// When its connections are as they should be again.
    healed: Option<Instant>,
    /// What it was told at its start: an end gives its tasks up.
    leaves: bool,
}

/// Everything that runs.
pub(super) struct Cluster<'a> {
    plan: &'a Plan,
    trace: &'a Trace,
    broker: Broker,
    flow: Flow,
    statements: Follower,
    instances: Vec<Instance>,
    kills: usize,
    /// Which entries have been seen in the output.
    seen: BTreeSet<u64>,
    wrong: Vec<String>,
    longest: Duration,
}

impl<'a> Cluster<'a> {
    pub(super) fn start(plan: &'a Plan, trace: &'a Trace) -> Self {
        let broker = Broker::start();
        let bootstrap = broker.bootstrap();
        for topic in ["entries", "accounts", "statements", "totals", "windows"] {
            create_topic(&bootstrap, topic, PARTITIONS, &[]);
        }
        let instances: Vec<Instance> = (0..INSTANCES)
            .map(|number| {
                let proxy = broker.proxy();
                let name = format!("{ID}-{number}");
                let mut app = Application::named("ledger", ID, &name, &proxy.bootstrap()).on_disk();
                app.set("processing.guarantee", &plan.guarantee).set("commit.interval.ms", "100");
                if plan.guarantee == "at_least_once" {
                    app.unset("producer.transaction.timeout.ms");
                } else {
                    app.set("producer.transaction.timeout.ms", TRANSACTION);
                }
                app.start();
                Instance { app, state: State::Runs, proxy, healed: None, leaves: false }
            })
            .collect();
        let flow = Flow::start(&bootstrap, plan.seed, plan.rate);
        let statements = Follower::start(&bootstrap, "statements", Isolation::Committed);
        let mut cluster = Self {
            plan,
            trace,
            broker,
            flow,
            statements,
            instances,
            kills: 0,
            seen: BTreeSet::new(),
            wrong: Vec::new(),
            longest: Duration::ZERO,
        };
        cluster.wait(WARM);
        cluster.settle();
        cluster.longest = Duration::ZERO;
        cluster
    }

    /// Does one deed.
    pub(super) fn take(&mut self, step: &Step) {
        self.wait(step.after);
        match step.deed.clone() {
            Deed::Kill { instance, away, with } => {
                self.until_up(instance);
                self.kill(instance, away, with);
            }
            Deed::KillBroker { away, and } => self.kill_broker(away, and),
            Deed::Hold { instance, time } => self.hold(instance, time),
            Deed::End { instance, for_good, away } => self.end(instance, for_good, away),
            Deed::OnlyOne { instance, away } => {
                self.trace.say(&format!("only instance {instance} stays"));
                (0..INSTANCES)
                    .filter(|&other| other != instance)
                    .for_each(|other| self.end(other, true, away));
            }
            Deed::Trouble { instance, trouble } => self.trouble(instance, trouble),
            Deed::Settle => self.settle(),
        }
    }

    fn kill(&mut self, instance: usize, away: Duration, with: Disk) {
        let pid = self.instances[instance].app.pid();
        self.instances[instance].app.kill();
        self.kills += 1;
        self.trace.say(&format!(
            "kill {}: instance {instance} (process {pid}); back in {away:?}, {with:?} disk",
            self.kills
        ));
        self.instances[instance].state = State::Away(Instant::now() + away, with);
    }

    fn kill_broker(&mut self, away: Duration, and: Option<usize>) {
        self.broker.kill_between_decisions(self.instances.iter().map(|instance| &instance.proxy));
        let began = Instant::now();
        self.kills += 1;
        self.trace.say(&format!("kill {}: the broker; away for {away:?} and its start", self.kills));
        if let Some(instance) = and {
            self.until_up(instance);
            self.kill(instance, away, Disk::Kept);
        }
        self.wait(away);
        self.broker.restart();
        self.trace.say(&format!("the broker is back after {:.2?}", began.elapsed()));
    }

    fn hold(&mut self, instance: usize, time: Duration) {
        if self.instances[instance].state != State::Runs {
            return;
        }
        self.trace.say(&format!("instance {instance} held for {time:?}"));
        self.instances[instance].app.signal(Signal::Stop);
        self.instances[instance].state = State::Held(Instant::now() + time);
    }

    fn end(&mut self, number: usize, for_good: bool, away: Duration) {
        let instance = &mut self.instances[number];
        // A signal that comes before it listens to any would end it like any program.
        if instance.state != State::Runs || !instance.app.log().contains("starting") {
            return;
        }
        let how = match instance.leaves {
            true => "to give its tasks up",
            false => "to keep its place",
        };
        self.trace.say(&format!("instance {number} asked to end, {how}; back {away:?} later"));
        instance.app.signal(Signal::Terminate);
        instance.state = State::Ending(away);
        // It counts from the next start on.
        instance.leaves = for_good;
        instance.app.set("leave.group.on.close", if for_good { "true" } else { "false" });
    }

    fn trouble(&mut self, number: usize, trouble: Trouble) {
        self.trace.say(&format!("instance {number}: {trouble}"));
        let instance = &mut self.instances[number];
        let healed = match trouble {
            Trouble::Requests(api, fault, times) => {
                instance.proxy.next(api, times, fault);
                (fault == Fault::WithholdAnswer).then_some(WITHHELD)
            }
            Trouble::Cut => {
                instance.proxy.cut();
                None
            }
            Trouble::Refuse(time) => {
                instance.proxy.disconnect();
                Some(time)
            }
            Trouble::HalfClose(half, time) => {
                instance.proxy.half_close(half);
                Some(time)
            }
            Trouble::Slow(speed, time) => {
                instance.proxy.slow(speed);
                Some(time)
            }
        };
        instance.healed = instance.healed.max(healed.map(|time| Instant::now() + time));
    }

    /// What happens by itself: those who were held go on, those who ended come back.
    fn tick(&mut self) {
        let now = Instant::now();
        for number in 0..INSTANCES {
            self.heal(number, now);
            let instance = &mut self.instances[number];
            let ended = instance.app.exit(Duration::ZERO);
            match instance.state {
                State::Held(until) if now >= until => {
                    instance.app.signal(Signal::Continue);
                    instance.state = State::Runs;
                    self.trace.say(&format!("instance {number} goes on"));
                }
                State::Ending(away) => {
                    if let Some(code) = ended {
                        self.trace.say(&format!("instance {number} ended with {code}"));
                        if code != 0 {
                            self.gone(number, code);
                        }
                        self.instances[number].state = State::Away(now + away, Disk::Kept);
                    }
                }
                State::Away(until, with) if now >= until => {
                    with_disk(&mut instance.app, with);
                    instance.app.start();
                    instance.state = State::Runs;
                    self.trace.say(&format!("instance {number} started, {with:?} disk"));
                }
                State::Runs | State::Held(_) if ended.is_some() => {
                    self.gone(number, ended.unwrap_or_default());
                    self.instances[number].state = State::Away(now, Disk::Kept);
                }
                _ => {}
            }
        }
    }

    fn heal(&mut self, number: usize, now: Instant) {
        let instance = &mut self.instances[number];
        if instance.healed.is_some_and(|healed| now >= healed) {
            instance.healed = None;
            instance.proxy.slow(0);
            instance.proxy.heal();
            // Whoever waits for what will never come is told.
            instance.proxy.cut();
            instance.proxy.reconnect();
            self.trace.say(&format!("instance {number} is undisturbed again"));
        }
    }

    /// It ended though nobody asked it to, or not as it was asked to.
    fn gone(&mut self, number: usize, code: i32) {
        let log = self.instances[number].app.log();
        let last: Vec<&str> =
            log.lines().rev().filter(|line| !line.contains("librdkafka")).take(12).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n    ");
        self.note(format!("instance {number} ended by itself with {code}:\n    {last}"));
    }

    fn note(&mut self, wrong: String) {
        self.trace.say(&format!("WRONG: {wrong}"));
        self.wrong.push(wrong);
    }

    fn wait(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            self.tick();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(BETWEEN));
        }
    }

    /// Waits until an instance runs or is held.
    fn until_up(&mut self, number: usize) {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(self.instances[number].state, State::Runs | State::Held(_)) {
            if Instant::now() > deadline {
                self.note(format!("instance {number} does not end: {:?}", self.instances[number].state));
                self.instances[number].app.kill();
                self.instances[number].state = State::Away(Instant::now(), Disk::Kept);
            }
            self.wait(BETWEEN);
        }
    }

    /// Waits until every entry that was written until now is seen in the output.
    fn settle(&mut self) {
        let (began, wanted) = (Instant::now(), self.flow.acknowledged() as u64);
        loop {
            self.wait(BETWEEN);
            self.look();
            let missing = (0..wanted).filter(|number| !self.seen.contains(number));
            let missing: Vec<u64> = missing.take(5).collect();
            if missing.is_empty() {
                break;
            }
            if began.elapsed() > PATIENCE {
                self.note(format!("entries {missing:?} have not been seen for {PATIENCE:?}"));
                break;
            }
        }
        self.longest = self.longest.max(began.elapsed());
        self.trace.say(&format!("{wanted} entries have arrived after {:.2?}", began.elapsed()));
    }

    fn look(&mut self) {
        let news = self.statements.news();
        self.seen.extend(news.iter().map(|(_, record)| verify::number(record)));
    }

    /// Ends it all in an orderly way, twice starts it again, and judges what is there.
    pub(super) fn finish(&mut self) -> Verdict {
        let bootstrap = self.broker.bootstrap();
        self.undisturbed();
        self.flow.rest();
        self.settle();
        self.end_all();
        self.trace.say("all ended; all start again with their disks");
        self.start_all(0..INSTANCES, Disk::Kept);
        self.probe();
        self.end_all();

        self.trace.say("all ended; one starts again without a disk");
        let ends: BTreeMap<&str, Vec<i64>> = STORES
            .iter()
            .map(|store| (*store, end_offsets(&bootstrap, &verify::changelog(store), Isolation::Uncommitted)))
            .collect();
        self.start_all(0..1, Disk::Lost);
        let restored = self.instances[0].app.until_restored(STORES.len() * PARTITIONS as usize);
        self.compare(&restored, &ends);
        self.probe();
        self.end_all();

        let Written { entries, versions } = self.flow.written();
        let mut verdict = verify::verify(&bootstrap, &entries, &versions, self.kills);
        verdict.wrong.append(&mut self.wrong);
        self.trace.say(&format!("{} entries of {} accounts", entries.len(), input::ACCOUNTS));
        self.trace.say(&format!("the longest time until everything had arrived: {:.2?}", self.longest));
        verdict
    }

    /// What was restored without a disk is all of the changelog.
    fn compare(&mut self, restored: &[Restored], ends: &BTreeMap<&str, Vec<i64>>) {
        let mut records = 0;
        for (store, ends) in ends {
            for (partition, end) in (0_u32..).zip(ends) {
                let of = |found: &&Restored| found.store == ((*store).to_owned(), partition);
                // The last one: a store is opened again when its task is.
                match restored.iter().rev().find(of) {
                    Some(found) if found.from == 0 && found.to == *end => records += found.records,
                    found => self.note(format!("{store}/{partition} was to be restored to {end}: {found:?}")),
                }
            }
        }
        self.trace.say(&format!("restored from nothing: {records} records of {} stores", restored.len()));
    }

    /// No held instance, no disturbed connection, all running.
    fn undisturbed(&mut self) {
        self.trace.say("no more deeds");
        for instance in &mut self.instances {
            instance.healed = Some(Instant::now());
        }
        (0..INSTANCES).for_each(|number| self.until_up(number));
        self.wait(Duration::from_secs(1));
        while self.instances.iter().any(|instance| instance.state != State::Runs) {
            self.wait(BETWEEN);
        }
    }

    fn start_all(&mut self, numbers: std::ops::Range<usize>, with: Disk) {
        for number in numbers {
            let instance = &mut self.instances[number];
            with_disk(&mut instance.app, with);
            instance.app.set("leave.group.on.close", "true");
            instance.app.start();
            instance.state = State::Runs;
        }
    }

    /// More entries: what comes of them tells whether the stores are what the output says.
    fn probe(&mut self) {
        self.flow.resume(self.plan.rate);
        thread::sleep(PROBES);
        self.flow.rest();
        let began = Instant::now();
        let wanted = self.flow.acknowledged() as u64;
        while (0..wanted).any(|number| !self.seen.contains(&number)) {
            if began.elapsed() > PATIENCE {
                self.note(format!("entries have not been seen for {PATIENCE:?} after an orderly start"));
                break;
            }
            thread::sleep(BETWEEN);
            self.look();
        }
    }

    fn end_all(&mut self) {
        let running = |instance: &&Instance| instance.state == State::Runs;
        self.instances.iter().filter(running).for_each(|instance| instance.app.signal(Signal::Terminate));
        for number in 0..INSTANCES {
            if self.instances[number].state != State::Runs {
                continue;
            }
            let code = self.instances[number].app.exit(PATIENCE);
            if code != Some(0) {
                self.gone(number, code.unwrap_or(-1));
                self.instances[number].app.kill();
            }
            // For as long as it takes until somebody starts it by hand.
            self.instances[number].state = State::Away(Instant::now() + PATIENCE * 100, Disk::Kept);
        }
    }

    /// Copies what instances and broker said into a folder.
    pub(super) fn keep_logs(&self, into: &Path) {
        std::fs::create_dir_all(into).expect("logs can be kept");
        let write = |name: &str, log: String| {
            std::fs::write(into.join(name), log).expect("logs can be kept");
        };
        for (number, instance) in self.instances.iter().enumerate() {
            write(&format!("instance-{number}"), instance.app.whole_log());
        }
        write("broker", self.broker.log());
    }
}

fn with_disk(app: &mut Application, with: Disk) {
    match with {
        Disk::Kept => {}
        Disk::Lost => app.lose_directory(),
        Disk::Another => drop(app.unset("state.dir")),
    }
    if with != Disk::Another {
        let directory = app.directory().display().to_string();
        app.set("state.dir", &directory);
    }
}
