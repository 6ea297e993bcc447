//! Membership in a group, by a client of its own that reads nothing.
//!
//! Why two clients: librdkafka ties what is read to what the group gave. With one client a rewind (`unassign`, then
//! `assign`) that meets a queued revocation *is* its answer, and the partitions go to another member while this one
//! reads on; a late `assign` clears the mark that says everything is lost; and an answer that is put off pauses all
//! partitions, those that stay included. A member whose own assignment is always empty has none of these, and
//! partitions are read when their stores are ready and not when the group says so.
//!
//! ```text
//! joining ──ASSIGN──→ member ──REVOKE──→ asked to give back ──confirm──→ member
//!    ↑                  └──LOST──→ lost ──next poll──┐
//!    └──────────────────┴──fatal: a new client───────┘
//! ```
//!
//! It knows generations, callbacks and their answers. It deliberately does not know offsets, tasks, nor what is read.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::KafkaClients;
use super::errors::{self, FENCED_INSTANCE, MAX_POLL_EXCEEDED, Meaning, UNRELEASED_INSTANCE, meaning};
use super::group_asker::GroupAsker;
use super::handles::{ANSWER_MS, Handles};
use super::sys::{Client, Fault, PartitionList, Rebalance, Wakeup};
use crate::transport::{GroupMetadata, TopicPartition, TransportError};

/// Properties that only the classic protocol has.
pub(super) const CLASSIC_ONLY: &[&str] =
    &["partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];

/// Who the member is.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) clients: KafkaClients,
    pub(super) group: Rc<str>,
    pub(super) client_id: String,
    pub(super) instance: Option<Rc<str>>,
}

impl Identity {
    /// Who asks about the group.
    pub(super) fn asker(&self) -> GroupAsker {
        GroupAsker::new(self.clients.clone(), Rc::clone(&self.group), self.client_id.clone())
    }
}

/// What the owner of a [`Member`] is told.
pub(super) enum News {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

/// One member of a group.
pub(super) struct Member {
    identity: Identity,
    topics: Vec<String>,
    client: Rc<Client>,
    wakeup: Arc<Wakeup>,
    /// The id at the last assignment; empty before the first one.
    id: Rc<str>,
    owned: Vec<TopicPartition>,
    /// Revoked, and still worked on.
    leaving: Vec<TopicPartition>,
    /// Callbacks that were run and not told yet: one that must be confirmed holds back those behind it.
    decided: VecDeque<Rebalance>,
    /// Lost ones were told; the answer follows with the next poll, so that they are worked off in between.
    answer_lost: bool,
    life: Life,
    /// An answer to the group was refused; whoever waits for it waits until this member starts anew.
    is_mute: Cell<bool>,
    stray: Stray,
}

/// What the client is good for.
enum Life {
    Alive,
    /// Its client is of no use any more; another one joins, not before this.
    Dead(Instant),
    /// Somebody else lives under its name. To join again would throw him out, and then he us.
    Replaced(TransportError),
}

/// A static member that was killed is remembered until its session ends; who comes back meanwhile asks so often.
const REJOIN: Duration = Duration::from_millis(500);

/// How many errors are heard in one poll.
const MESSAGES: usize = 16;

/// How long a member waits for the answer to its leave.
const LEAVING: Duration = Duration::from_secs(3);

impl Member {
    /// Joins, for these topics.
    pub(super) fn join(
        identity: Identity,
        topics: &[String],
        wakeup: &Arc<Wakeup>,
    ) -> Result<Member, TransportError> {
        let client = connect(&identity, topics, wakeup)?;
        Ok(Member::with(client, identity, topics, wakeup))
    }

    fn with(client: Rc<Client>, identity: Identity, topics: &[String], wakeup: &Arc<Wakeup>) -> Member {
        Member {
            identity,
            topics: topics.to_vec(),
            client,
            wakeup: Arc::clone(wakeup),
            id: "".into(),
            owned: Vec::new(),
            leaving: Vec::new(),
            decided: VecDeque::new(),
            answer_lost: false,
            life: Life::Alive,
            is_mute: Cell::new(false),
            stray: Stray::new(Instant::now()),
        }
    }

    /// Other topics.
    pub(super) fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError> {
        self.topics = topics.to_vec();
        subscribe(&self.client, topics)
    }

    /// True if something is known that was not told.
    pub(super) fn has_news(&self) -> bool {
        match &self.life {
            // What its client still says is not heard.
            Life::Dead(until) => Instant::now() >= *until,
            Life::Replaced(_) => true,
            Life::Alive => self.answer_lost || !self.decided.is_empty() || self.client.waiting() > 0,
        }
    }

    /// Serves the group, and tells what it decided.
    pub(super) fn poll(&mut self, mut tell: impl FnMut(News)) -> Result<(), TransportError> {
        match &self.life {
            Life::Alive => {}
            Life::Dead(until) if Instant::now() < *until => return Ok(()),
            Life::Dead(_) => self.reconnect()?,
            Life::Replaced(by) => return Err(by.clone()),
        }
        if std::mem::take(&mut self.answer_lost) {
            self.answer(self.client.answer_revoke());
        }
        if self.has_strayed() {
            let group = &*self.identity.group;
            tracing::warn!(
                group,
                "the group has not known this member for longer than a session: joins again"
            );
            self.is_mute.set(true);
        }
        let mut trouble = Ok(());
        // Each call runs callbacks until a message stands in the queue; a client that is of no use any more has
        // messages without end.
        for message in std::iter::from_fn(|| self.client.poll()).take(MESSAGES).collect::<Vec<_>>() {
            let fault = Fault { text: message.text(), ..Fault::of(message.code()) };
            trouble = trouble.and(self.hear(&fault, &message.topic()));
        }
        self.decided.extend(self.client.rebalances());
        while self.leaving.is_empty()
            && !self.answer_lost
            && let Some(rebalance) = self.decided.pop_front()
            && self.decide(rebalance, &mut tell)
        {}
        if let Some(fault) = self.client.fatal() {
            self.lose_all(&mut tell);
            self.client.silence();
            // Somebody else has the name: to join again would throw him out, and he us. But a client whose session ran out
            // forgets its id, and while it waits for the answer to that it goes on saying that it is there; with the
            // name and no id, so that the broker takes it for somebody else. Then nobody but us has the name.
            let (_, id) = self.client.membership();
            self.life = match fault.code == FENCED_INSTANCE && !id.is_empty() {
                true => {
                    let group = &self.identity.group;
                    let member = self.identity.instance.as_deref().unwrap_or_default();
                    let code = fault.code.name();
                    Life::Replaced(TransportError::Replaced(format!(
                        "group `{group}`, member `{member}`: {fault} ({code})"
                    )))
                }
                false => Life::Dead(Instant::now() + REJOIN),
            };
            tracing::warn!(group = &*self.identity.group, reason = fault.text, "membership ended");
        } else if self.is_mute.take() {
            self.lose_all(&mut tell);
            self.client.silence();
            self.life = Life::Dead(Instant::now());
        }
        trouble
    }

    /// A client that has learnt of changed topics at the wrong moment of a rebalance (2.12.1: `rkcg_rebalance_incr_assignment` is left
    /// over) takes itself to be in one ever after, and hears neither of the next one nor that it was thrown out.
    fn has_strayed(&mut self) -> bool {
        let (clients, now) = (&self.identity.clients, Instant::now());
        if !clients.is_classic() || !self.stray.is_due(now) {
            return false;
        }
        let is_known = self.owned.is_empty() || self.client.membership().1 == *self.id;
        self.stray.looked(is_known, now) > Duration::from_millis(clients.session_ms()) + GRACE
    }

    /// False if what is told must be worked off before anything else is.
    fn decide(&mut self, rebalance: Rebalance, tell: &mut impl FnMut(News)) -> bool {
        match rebalance {
            Rebalance::Assigned { partitions, member } => {
                let is_another = !self.id.is_empty() && *self.id != *member;
                self.id = member.into();
                self.answer(self.client.answer_assign());
                let mut more = named(partitions);
                if is_another && !self.owned.is_empty() {
                    // The group had forgotten the member that had these, and may have given them to somebody else in
                    // between, who went on. A client that learns of it by the answer to a join is not told that they were
                    // lost: they are kept where the next assignment has them too.
                    tell(News::Lost(self.owned.clone()));
                    self.owned.append(&mut more);
                    tell(News::Assigned(self.owned.clone()));
                    return false;
                }
                if !more.is_empty() {
                    self.owned.extend(more.iter().cloned());
                    tell(News::Assigned(more));
                }
            }
            Rebalance::Revoked(partitions) if partitions.is_empty() => {
                self.answer(self.client.answer_revoke());
            }
            Rebalance::Revoked(partitions) => {
                self.leaving = named(partitions);
                tell(News::Revoked(self.leaving.clone()));
            }
            Rebalance::Lost(partitions) => {
                let less = named(partitions);
                self.owned.retain(|place| !less.contains(place));
                self.answer_lost = true;
                if !less.is_empty() {
                    tell(News::Lost(less));
                }
            }
        }
        true
    }

    /// These are not worked on any more. Others are somebody else's question.
    pub(super) fn confirm(&mut self, partitions: &[TopicPartition]) {
        if self.leaving.is_empty() {
            return;
        }
        self.leaving.retain(|place| !partitions.contains(place));
        self.owned.retain(|place| !partitions.contains(place));
        if self.leaving.is_empty() {
            self.answer(self.client.answer_revoke());
        }
    }

    /// Live proof of membership; none if the member was thrown out, or will be once its callbacks have run.
    pub(super) fn metadata(&self) -> Option<GroupMetadata> {
        if !matches!(self.life, Life::Alive) || self.id.is_empty() || self.client.assignment_lost() {
            return None;
        }
        let (generation, member) = self.client.membership();
        (generation >= 1 && member == *self.id).then(|| GroupMetadata {
            group: Rc::clone(&self.identity.group),
            generation,
            member: Rc::clone(&self.id),
            instance: self.identity.instance.clone(),
        })
    }

    /// True if the group told what it has. Under the newer protocol nothing is told to who has nothing; the epoch comes with
    /// what is told.
    pub(super) fn has_share(&self) -> bool {
        let alive = matches!(self.life, Life::Alive) && !self.client.assignment_lost();
        let told = !self.id.is_empty() || !self.identity.clients.is_classic();
        let (generation, member) = self.client.membership();
        alive && told && generation >= 1 && !member.is_empty()
    }

    pub(super) fn commit(&self, offsets: &PartitionList) -> Result<(), Fault> {
        self.client.commit(offsets, ANSWER_MS)
    }

    /// Ends as its kind ends.
    pub(super) fn close(self) -> Result<(), TransportError> {
        let leaves = self.identity.instance.is_none();
        self.end(leaves)
    }

    /// Ends for good: a static member too is forgotten by the group. Not under the newer protocol: librdkafka has no
    /// way to tell the broker, so others take over when the session has timed out.
    pub(super) fn leave(self) -> Result<(), TransportError> {
        self.end(true)
    }

    fn end(&self, leaves: bool) -> Result<(), TransportError> {
        self.answer_all();
        let ended = match leaves {
            true => self.give_up_place().and_then(|()| self.client.close()),
            false => self.client.close(),
        };
        match ended {
            Err(_) if self.has_no_place() => Ok(()),
            ended => ended.map_err(|fault| errors::error("leaving the group", "", &fault)),
        }
    }

    /// Under the older protocol a member that closes says nothing if it is a static one, to keep its place, or if it has been
    /// given nothing (2.12.1); one that unsubscribes tells the broker in any case.
    fn give_up_place(&self) -> Result<(), Fault> {
        if self.identity.clients.is_classic() && !self.has_no_place() {
            self.client.unsubscribe()?;
            self.serve_until_left();
        }
        Ok(())
    }

    /// Its client is of no use any more: what it had in the group is gone or somebody else's, so there is nothing to
    /// give up. The client would refuse to.
    fn has_no_place(&self) -> bool {
        !matches!(self.life, Life::Alive) || self.client.fatal().is_some()
    }

    /// From now on nobody works on anything: what waits for an answer gets it, and what comes is answered at once.
    fn answer_all(&self) {
        self.client.close_from_now();
        if !self.leaving.is_empty() || self.answer_lost {
            self.answer(self.client.answer_revoke());
        }
        for waiting in &self.decided {
            self.answer(match waiting {
                Rebalance::Assigned { .. } => self.client.answer_assign(),
                Rebalance::Revoked(_) | Rebalance::Lost(_) => self.client.answer_revoke(),
            });
        }
    }

    /// The request to leave is sent once the (empty) assignment was taken back, which takes a callback.
    fn serve_until_left(&self) {
        let until = Instant::now() + LEAVING;
        while Instant::now() < until {
            drop(self.client.poll());
            let (generation, member) = self.client.membership();
            if generation < 0 || member.is_empty() {
                return;
            }
            self.wakeup.wait(10);
        }
    }

    /// What the client says beside callbacks.
    fn hear(&mut self, fault: &Fault, topic: &str) -> Result<(), TransportError> {
        let group = &*self.identity.group;
        match meaning(fault.code) {
            // Told by callbacks, or by the state of the client.
            _ if fault.fatal || fault.code == UNRELEASED_INSTANCE || fault.code.0 == -150 => Ok(()),
            _ if fault.code == MAX_POLL_EXCEEDED => {
                tracing::warn!(
                    group,
                    "not polled for longer than max.poll.interval.ms: thrown out, joins again"
                );
                Ok(())
            }
            Meaning::Unknown if !topic.is_empty() => Err(TransportError::UnknownTopic(topic.to_owned())),
            // Of a topic that may not be read any more the partitions are taken away, and nothing else is told.
            Meaning::Never | Meaning::Refused => {
                let of = if topic.is_empty() { String::new() } else { format!("topic `{topic}`: ") };
                let fault = Fault { text: format!("{of}{}", fault.text), ..fault.clone() };
                Err(errors::broker("keeping the membership", &fault))
            }
            _ => {
                tracing::debug!(group, topic, "{fault}");
                Ok(())
            }
        }
    }

    fn lose_all(&mut self, tell: &mut impl FnMut(News)) {
        self.id = "".into();
        self.leaving.clear();
        self.decided.clear();
        self.answer_lost = false;
        if !self.owned.is_empty() {
            tell(News::Lost(std::mem::take(&mut self.owned)));
        }
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        self.client = connect(&self.identity, &self.topics, &self.wakeup)?;
        self.life = Life::Alive;
        Ok(())
    }

    /// An answer that the library refuses hangs the group.
    fn answer(&self, answered: Result<(), Fault>) {
        if let Err(fault) = answered {
            tracing::error!(group = &*self.identity.group, "an answer to the group was refused: {fault}");
            self.is_mute.set(true);
        }
    }
}

/// For how long a member has had partitions under an id that the group does not know any more.
struct Stray {
    next: Instant,
    since: Option<Instant>,
}

/// How often it is looked: it takes the library's main thread.
const LOOKS: Duration = Duration::from_secs(1);

/// How much longer than a session a member may take to hear that it was forgotten.
const GRACE: Duration = Duration::from_secs(5);

impl Stray {
    fn new(now: Instant) -> Stray {
        Stray { next: now + LOOKS, since: None }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + LOOKS;
        }
        is_due
    }

    fn looked(&mut self, is_known: bool, now: Instant) -> Duration {
        self.since = if is_known { None } else { self.since.or(Some(now)) };
        self.since.map_or(Duration::ZERO, |since| now - since)
    }
}

fn connect(
    identity: &Identity,
    topics: &[String],
    wakeup: &Arc<Wakeup>,
) -> Result<Rc<Client>, TransportError> {
    let instance = identity.instance.as_deref();
    let client = Rc::new(identity.clients.member(&identity.group, &identity.client_id, instance)?);
    client.ring(wakeup);
    // A client that knows the topics joins at once; one that does not joins 0.3 s later.
    let mut known = Handles::new(&client);
    for topic in topics {
        if let Err(error) = known.partitions(topic) {
            tracing::debug!(topic, "before joining: {error}");
            // Nobody is there to ask; the client goes on by itself.
            break;
        }
    }
    subscribe(&client, topics)?;
    Ok(client)
}

fn subscribe(client: &Client, topics: &[String]) -> Result<(), TransportError> {
    let mut list = PartitionList::new();
    topics.iter().for_each(|topic| list.push(topic, -1));
    client.subscribe(&list).map_err(|fault| errors::error("subscribing", "", &fault))
}

fn named(partitions: Vec<(String, i32)>) -> Vec<TopicPartition> {
    let named = |(topic, partition): (String, i32)| {
        Some(TopicPartition { topic, partition: u32::try_from(partition).ok()? })
    };
    partitions.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ClientSettings;

    /// A member of no group: nobody answers here, and nobody is asked.
    fn member() -> Member {
        let settings = ClientSettings { brokers: "127.0.0.1:1".to_owned(), ..ClientSettings::default() };
        let clients = KafkaClients::new(settings);
        let identity =
            Identity { clients, group: "group".into(), client_id: "client".to_owned(), instance: None };
        let wakeup = Arc::<Wakeup>::default();
        let client = Rc::new(identity.clients.member("group", "client", None).expect("a client"));
        Member::with(client, identity, &[], &wakeup)
    }

    fn told(member: &mut Member, id: &str, partition: i32) -> Vec<(&'static str, Vec<u32>)> {
        let numbers = |places: Vec<TopicPartition>| places.iter().map(|place| place.partition).collect();
        let mut told = Vec::new();
        let partitions = vec![("inputs".to_owned(), partition)];
        member.decide(Rebalance::Assigned { partitions, member: id.to_owned() }, &mut |news| {
            told.push(match news {
                News::Assigned(places) => ("assigned", numbers(places)),
                News::Revoked(places) => ("revoked", numbers(places)),
                News::Lost(places) => ("lost", numbers(places)),
            });
        });
        told
    }

    #[test]
    fn who_has_strayed_is_told_from_who_joins_again() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stray = Stray::new(start);
        assert_eq!([0, 1, 1, 2].map(|seconds| stray.is_due(at(seconds))), [false, true, false, true]);
        let looks = [(1, false, 0), (5, false, 4), (6, true, 0), (7, false, 0), (60, false, 53)];
        for (seconds, is_known, strayed) in looks {
            assert_eq!(stray.looked(is_known, at(seconds)), Duration::from_secs(strayed));
        }
    }

    #[test]
    fn what_a_forgotten_member_had_is_lost_though_the_next_one_has_it() {
        let mut member = member();
        assert_eq!(told(&mut member, "a", 0), [("assigned", vec![0])]);
        assert_eq!(told(&mut member, "a", 1), [("assigned", vec![1])]);
        let lost = ("lost", vec![0, 1]);
        assert_eq!(told(&mut member, "b", 2), [lost, ("assigned", vec![0, 1, 2])]);
        assert_eq!(told(&mut member, "b", 3), [("assigned", vec![3])]);
    }
}
