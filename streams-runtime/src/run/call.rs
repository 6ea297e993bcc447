//! Every instance of an application shall end: how one of them says so, and how the others hear it.
//!
//! Kafka Streams writes it into what a member tells its group when it joins (`SubscriptionInfo.errorCode`, KIP-671); librdkafka has
//! no place for that. So a client joins the group that does nothing and has a name that says it, and stays until everybody else
//! has gone, or for as long as it may take them to hear of it. Everybody looks at the names now and then (`upkeep`).
//!
//! Knows the group. Does not know what led to it, nor how an instance ends.

use super::onlooker::follow;
use crate::members::calling;
use crate::transport::topics::{GroupMember, Topics};
use crate::transport::{Consumer, TransportError};
use std::time::{Duration, Instant};

/// How often everybody looks whether somebody calls.
pub(super) const LOOKS: Duration = Duration::from_secs(3);

/// How long it is called: until the slowest has looked and brought to an end what it had begun.
const CALLS: Duration = Duration::from_secs(30);

/// How often the caller looks who is left.
const AGAIN: Duration = Duration::from_millis(500);

/// Who of these members calls on every instance in the group to end, if one does.
pub(super) fn who_calls(members: &[GroupMember]) -> Option<String> {
    members.iter().find_map(|member| calling(&member.client_id)).map(str::to_owned)
}

/// A client that is in the group to call.
pub(super) struct Call<C: Consumer> {
    consumer: C,
    group: String,
    /// How names of this process begin: its own static members stay in the group after they have ended.
    own: String,
    until: Instant,
}

impl<C: Consumer> Call<C> {
    /// Joins, for the topics that everybody there subscribes to.
    pub(super) fn join(
        mut consumer: C,
        group: &str,
        own: String,
        leaders: &[String],
    ) -> Result<Self, TransportError> {
        consumer.subscribe(leaders)?;
        Ok(Call { consumer, group: group.to_owned(), own, until: Instant::now() + CALLS })
    }

    /// Follows the group. False once nobody else is in it.
    ///
    /// # Errors
    /// If the group cannot be asked.
    pub(super) fn step(&mut self, topics: &mut dyn Topics) -> Result<bool, TransportError> {
        follow(&mut self.consumer)?;
        let members = topics.members(&self.group)?;
        let (callers, others): (Vec<_>, Vec<_>) =
            members.iter().partition(|member| calling(&member.client_id).is_some());
        let mut others = others.iter().filter(|member| !member.client_id.starts_with(&self.own));
        Ok(callers.is_empty() || others.next().is_some())
    }

    /// Calls until nobody is left, or for as long as the slowest may take: static members that have ended are in the group until their
    /// sessions time out. Then it leaves, so that nobody hears it who is started later.
    ///
    /// # Errors
    /// If the group did not answer at last.
    pub(super) fn run(mut self, topics: &mut dyn Topics) -> Result<(), TransportError> {
        let mut answered = Ok(true);
        while !matches!(answered, Ok(false)) && Instant::now() < self.until {
            answered = self.step(topics);
            self.consumer.wait(AGAIN.as_millis() as u64);
        }
        self.consumer.leave().and(answered.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::{caller_id, client_id};
    use crate::transport::Isolation;
    use crate::transport::memory::MemoryLog;

    #[test]
    fn who_calls_stays_until_everybody_else_has_gone_and_is_heard_as_long() {
        let mut log = MemoryLog::new();
        log.create_topic("numbers", 2).unwrap();
        let topics = ["numbers".to_owned()];
        let join = |id: &str| {
            let mut member = log.consumer("app", id, Isolation::ReadCommitted);
            member.subscribe(&topics).unwrap();
            member.poll(&mut Vec::new(), 1).unwrap();
            member
        };
        let mut others = vec![join(&client_id("app-a-0", 7)), join(&client_id("app-b-0", 7))];
        let calls = |log: &MemoryLog| who_calls(&log.clone().members("app").unwrap());
        assert_eq!(calls(&log), None);
        let caller = log.consumer("app", &caller_id("app-a", 7), Isolation::ReadCommitted);
        let mut call = Call::join(caller, "app", "app-c".to_owned(), &topics).unwrap();
        while let Some(mut other) = others.pop() {
            assert!(call.step(&mut log).unwrap());
            assert_eq!(calls(&log).as_deref(), Some("app-a"));
            // They give back what they have, as in any rebalance.
            let mut events = Vec::new();
            other.poll(&mut events, 1).unwrap();
            other.leave().unwrap();
        }
        let mut steps = 0;
        while call.step(&mut log).unwrap() {
            steps += 1;
            assert!(steps < 10, "nobody else is there");
        }
    }
}
