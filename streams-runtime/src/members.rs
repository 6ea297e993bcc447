//! Whether the members of a group agree on which topic leads which.
//!
//! A group shares out the partitions of leading topics; the other inputs of a task follow its leader unseen. Two members
//! under one application id with unlike maps would read one partition twice, both with the blessing of the group: it
//! fences members, not owners. So each member tells a hash of its map in its client id, and whoever comes later gives way.
//!
//! ```text
//! at the start     somebody has another map: the start is refused
//! given the first  │ nobody has another map: tasks are opened
//! partitions       │ all who have another one have a larger hash: waits, for they may be as new as this one and go
//!                  └ else: gives way
//! ```
//!
//! Who holds something need not ask again: whoever joins after it asked finds it in the group before he opens anything.
//! Whoever lost everything may have been away, and is new.
//!
//! Knows client ids. Does not know how a group is asked, nor what follows from the answer.

use crate::transport::topics::GroupMember;
use std::fmt;

/// What a client of an instance calls itself; `leaders` is the hash of its map.
pub(crate) fn client_id(name: &str, leaders: u64) -> String {
    format!("{name}{MARK}{leaders:x}")
}

/// The name of a thread's clients; its transactional id as well.
#[cfg(feature = "kafka")]
pub(crate) fn client_name(application: &str, process_id: &str, thread: usize) -> String {
    format!("{application}-{process_id}-{thread}")
}

/// The number of the thread, if a client of this name is one of that process, now or in an earlier run.
pub(crate) fn thread_of(name: &str, application: &str, process_id: &str) -> Option<usize> {
    let rest = name.strip_prefix(application)?.strip_prefix('-')?;
    rest.strip_prefix(process_id)?.strip_prefix('-')?.parse().ok()
}

const MARK: &str = ";leaders=";

/// What a client calls itself that is in the group to say that every instance shall end; `name` is who wants it.
#[cfg(any(test, feature = "kafka"))]
pub(crate) fn caller_id(name: &str, leaders: u64) -> String {
    client_id(&format!("{name}{CALLS}"), leaders)
}

/// Who calls, if a client of this id is in the group for that.
#[cfg(any(test, feature = "kafka"))]
pub(crate) fn calling(client_id: &str) -> Option<&str> {
    parts(client_id).0.strip_suffix(CALLS)
}

#[cfg(any(test, feature = "kafka"))]
const CALLS: &str = ";shutdown";

/// The two parts of a client id.
fn parts(client_id: &str) -> (&str, Option<u64>) {
    match client_id.rsplit_once(MARK) {
        Some((name, hash)) => (name, u64::from_str_radix(hash, 16).ok()),
        None => (client_id, None),
    }
}

/// A member of the group that does not read together what this instance reads together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// The member.
    pub member: GroupMember,
    /// The hash of its map; `None` if it tells none, and so is no instance of any application.
    leaders: Option<u64>,
}

impl Stranger {
    /// True if it is an instance of an application.
    pub fn is_instance(&self) -> bool {
        self.leaders.is_some()
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member `{}` at `{}`", self.member.client_id, self.member.host)
    }
}

/// The members with another map than `leaders`. `is_own` tells of the name of a client whether it is this instance's:
/// what is left of a run before this one, with another topology perhaps, that the group has not forgotten yet.
pub(crate) fn strangers(
    members: Vec<GroupMember>,
    leaders: u64,
    is_own: impl Fn(&str) -> bool,
) -> Vec<Stranger> {
    let stranger = |member: GroupMember| {
        let (name, said) = parts(&member.client_id);
        let agrees = said == Some(leaders) || said.is_some() && is_own(name);
        (!agrees).then_some(Stranger { leaders: said, member })
    };
    let mut strangers: Vec<Stranger> = members.into_iter().filter_map(stranger).collect();
    strangers.sort();
    strangers
}

/// The clients of an earlier run of this instance whose place none of its threads takes: of these, the first `returning` do,
/// under the same map. `thread` is as [`thread_of`].
pub(crate) fn left_behind(
    members: &[GroupMember],
    leaders: u64,
    returning: usize,
    thread: impl Fn(&str) -> Option<usize>,
) -> Vec<String> {
    let is_left = |member: &&GroupMember| {
        let (name, said) = parts(&member.client_id);
        thread(name).is_some_and(|number| number >= returning || said != Some(leaders))
    };
    let mut left: Vec<String> =
        members.iter().filter(is_left).map(|member| member.client_id.clone()).collect();
    left.sort();
    left
}

/// True if all of them will give way to this instance, should they be as new as it is.
pub(crate) fn give_way(strangers: &[Stranger], leaders: u64) -> bool {
    strangers.iter().all(|stranger| stranger.leaders.is_some_and(|other| other > leaders))
}

/// For a message.
pub(crate) struct All<'a>(pub(crate) &'a [Stranger]);

impl fmt::Display for All<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, stranger) in self.0.iter().enumerate() {
            write!(f, "{}{stranger}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(client_id: &str) -> GroupMember {
        GroupMember { client_id: client_id.to_owned(), host: "/10.0.0.1".to_owned(), assigned: Vec::new() }
    }

    fn found(members: &[&str]) -> Vec<String> {
        let members = members.iter().map(|id| member(id)).collect();
        let strangers = strangers(members, 0xabc, |name| thread_of(name, "app", "me").is_some());
        strangers.into_iter().map(|stranger| stranger.member.client_id).collect()
    }

    #[test]
    fn who_has_the_same_map_is_no_stranger() {
        assert_eq!(client_id("app-me-0", 0xabc), "app-me-0;leaders=abc");
        assert_eq!(found(&["app-me-0;leaders=abc", "app-you-0;leaders=abc"]), [""; 0]);
    }

    #[test]
    fn who_comes_back_takes_the_places_of_its_threads_and_of_no_others() {
        let of = |returning| {
            let ids = [
                "app-me-0;leaders=abc",
                "app-me-1;leaders=abc",
                "app-me-0;leaders=abd",
                "app-you-7;leaders=abc",
            ];
            let members: Vec<GroupMember> = ids.iter().map(|id| member(id)).collect();
            left_behind(&members, 0xabc, returning, |name| thread_of(name, "app", "me"))
        };
        assert_eq!(of(2), ["app-me-0;leaders=abd"]);
        assert_eq!(of(1), ["app-me-0;leaders=abd", "app-me-1;leaders=abc"]);
        assert_eq!(of(0).len(), 3);
    }

    #[test]
    fn who_calls_on_everybody_to_end_says_so_and_is_no_stranger() {
        let id = caller_id("app-you-0", 0xabc);
        assert_eq!(id, "app-you-0;shutdown;leaders=abc");
        assert_eq!((calling(&id), calling("app-you-0;leaders=abc")), (Some("app-you-0"), None));
        assert_eq!(found(&[&id]), [""; 0]);
    }

    #[test]
    fn who_has_another_map_is_and_so_is_who_tells_none() {
        let others = ["app-you-0;leaders=abd", "reader", "x;leaders=what"];
        assert_eq!(found(&others), others);
    }

    #[test]
    fn what_is_left_of_this_instance_is_nobody() {
        assert_eq!(found(&["app-me-1;leaders=1"]), [""; 0]);
        for other in ["app-me2-1;leaders=1", "app-me-1-1;leaders=1", "other-app-me-1;leaders=1", "app-me-1"] {
            assert_eq!(found(&[other]), [other]);
        }
    }

    #[test]
    fn of_two_that_are_new_the_larger_one_goes() {
        let of = |hash: u64, others: &[&str]| {
            let members = others.iter().map(|id| member(id)).collect();
            give_way(&strangers(members, hash, |_| false), hash)
        };
        assert!(of(1, &["a;leaders=2", "b;leaders=3"]));
        assert!(!of(2, &["a;leaders=1", "b;leaders=3"]));
        assert!(!of(1, &["a;leaders=2", "reader"]));
    }
}
