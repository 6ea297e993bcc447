//! Groups: who is given what, how partitions move, and what membership proves.
//!
//! Knows nothing of which member an assignor prefers; only that every partition has exactly one owner.

use super::*;

pub(super) fn cases<F: Fixture>() -> Vec<Case<F>> {
    vec![
        case("one member is given all partitions of its topics", Need::Nothing, alone),
        case("two members share, and nobody owns what the other has", Need::Nothing, two),
        case("a member that leaves gives its partitions up", Need::Nothing, leaves),
        case("the generation grows with every change", Need::Nothing, generations),
        case("members get only what they subscribed to", Need::Nothing, subscriptions),
        case("who took over goes on at the committed offset", Need::Nothing, resumes),
        case(
            "partitions are read when they are assigned, not when they are given",
            Need::Nothing,
            read_later,
        ),
        case("a rewind gives nothing away", Need::Nothing, rewind),
        case("what stays is read on while others come and go", Need::Nothing, undisturbed),
        case("a static member that closes has its place when it is back", Need::Nothing, static_back),
        case(
            "of two under one name one has the place, and the other proves nothing",
            Need::Nothing,
            static_twice,
        ),
        case("a group tells who is in it, and what each calls itself", Need::Nothing, members),
        case("without subscription there is no membership", Need::Nothing, no_member_without),
    ]
}

/// A member that confirms at once what it is asked to give back.
pub(super) struct Member<F: Fixture> {
    pub(super) consumer: F::Consumer,
    pub(super) owned: Vec<TopicPartition>,
    /// How many were handed out.
    records: usize,
}

impl<F: Fixture> Member<F> {
    pub(super) fn join(f: &F, group: &str, client: &str, topics: &[&str]) -> Result<Self, String> {
        Self::subscribed(f.consumer(group, client, Isolation::ReadCommitted), topics)
    }

    fn join_static(f: &F, group: &str, instance: &str, topics: &[&str]) -> Result<Self, String> {
        Self::subscribed(f.static_consumer(group, instance, instance, Isolation::ReadCommitted), topics)
    }

    fn subscribed(mut consumer: F::Consumer, topics: &[&str]) -> Result<Self, String> {
        let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        consumer.subscribe(&topics).map_err(fails)?;
        Ok(Member { consumer, owned: Vec::new(), records: 0 })
    }

    pub(super) fn step(&mut self) -> Result<(), String> {
        let mut events = Vec::new();
        self.records += self.consumer.poll(&mut events, 10).map_err(fails)?;
        for event in events {
            match event {
                Event::Assigned(more) => {
                    let twice = more.iter().any(|place| self.owned.contains(place));
                    expect(!twice, || format!("assigned twice: {more:?} to {:?}", self.owned))?;
                    self.owned.extend(more);
                }
                Event::Revoked(less) => {
                    let had = less.iter().all(|place| self.owned.contains(place));
                    expect(had, || format!("revoked {less:?} of {:?}", self.owned))?;
                    self.owned.retain(|place| !less.contains(place));
                    self.consumer.revoked(&less).map_err(fails)?;
                }
                Event::Lost(less) => self.owned.retain(|place| !less.contains(place)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Polls the members until together they own `partitions`, none has two more than another, and no partition ever
/// has two owners.
pub(super) fn settle<F: Fixture>(
    f: &F,
    members: &mut [&mut Member<F>],
    partitions: usize,
) -> Result<(), String> {
    wait(f, "a balanced assignment", || {
        for n in 0..members.len() {
            members[n].step()?;
            let mut all: Vec<&TopicPartition> = members.iter().flat_map(|member| &member.owned).collect();
            let count = all.len();
            all.sort();
            all.dedup();
            expect(all.len() == count, || format!("two owners of one partition among {all:?}"))?;
        }
        let loads = members.iter().map(|member| member.owned.len());
        let (least, most) = (loads.clone().min().unwrap_or(0), loads.clone().max().unwrap_or(0));
        Ok((loads.sum::<usize>() == partitions && most - least <= 1).then_some(()))
    })
}

fn alone<F: Fixture>(f: &F) -> Result<(), String> {
    let (first, second) = (f.topic(3, LARGE), f.topic(1, LARGE));
    let mut member = Member::join(f, &f.name("g"), "a", &[&first, &second])?;
    settle(f, &mut [&mut member], 4)
}

fn two<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(5, LARGE), f.name("g"));
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    settle(f, &mut [&mut a], 5)?;
    let mut b = Member::join(f, &group, "b", &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 5)
}

fn leaves<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(4, LARGE), f.name("g"));
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    let mut b = Member::join(f, &group, "b", &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 4)?;
    b.consumer.leave().map_err(fails)?;
    expect(b.consumer.group_metadata().is_none(), || "still a member after leaving".into())?;
    settle(f, &mut [&mut a], 4)
}

fn generations<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(2, LARGE), f.name("g"));
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    settle(f, &mut [&mut a], 2)?;
    let before = a.consumer.group_metadata().ok_or("a member has no metadata")?;
    let mut b = Member::join(f, &group, "b", &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 2)?;
    let after = a.consumer.group_metadata().ok_or("a member has no metadata")?;
    let other = b.consumer.group_metadata().ok_or("a member has no metadata")?;
    let moved = after.generation > before.generation && after.member == before.member;
    expect(moved, || format!("{before:?} became {after:?}"))?;
    expect(other.member != after.member, || format!("two members called {}", other.member))?;
    // Of what was given away: for a partition that stayed, some brokers accept a generation that was good for it.
    let (gone, mut producer) = (b.owned[0].clone(), ready(f)?.0);
    producer.begin().map_err(fails)?;
    let answer = producer.send_offsets(&[(gone, offset(1))], &before);
    expect(matches!(answer, Err(TransportError::StaleGeneration { .. })), || format!("{answer:?}"))
}

fn subscriptions<F: Fixture>(f: &F) -> Result<(), String> {
    let (left, right, group) = (f.topic(2, LARGE), f.topic(2, LARGE), f.name("g"));
    let mut a = Member::join(f, &group, "a", &[&left])?;
    let mut b = Member::join(f, &group, "b", &[&right])?;
    settle(f, &mut [&mut a, &mut b], 4)?;
    let own = a.owned.iter().all(|p| p.topic == left) && b.owned.iter().all(|p| p.topic == right);
    expect(own, || format!("{:?} and {:?}", a.owned, b.owned))
}

fn resumes<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let written = write(f, &mut plain(f)?, &t, &["a", "b", "c"])?;
    let mut first = Member::join(f, &group, "a", &[&t.topic])?;
    settle(f, &mut [&mut first], 1)?;
    let live = first.consumer.group_metadata().ok_or("a member has no metadata")?;
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    producer.send_offsets(&[(t.clone(), offset(written[1]))], &live).map_err(fails)?;
    commits(&mut producer)?;
    first.consumer.leave().map_err(fails)?;
    let mut second = Member::join(f, &group, "b", &[&t.topic])?;
    settle(f, &mut [&mut second], 1)?;
    let found = retried(f, || second.consumer.committed(std::slice::from_ref(&t)))?;
    let start = found[0].as_ref().ok_or("nothing is committed")?.offset;
    Reader::new(f, &t, start, Isolation::ReadCommitted)?.until_end(&["b", "c"])
}

/// As a task does whose stores are not there yet; what is given back in the meantime was never read.
fn read_later<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(2, LARGE), f.name("g"));
    let mut producer = plain(f)?;
    for partition in 0..2 {
        write(f, &mut producer, &at(&topic, partition), &["x"])?;
    }
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    settle(f, &mut [&mut a], 2)?;
    let mut b = Member::join(f, &group, "b", &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 2)?;
    expect(a.records == 0 && b.records == 0, || "records came of what is not assigned".into())?;
    let (stays, start) = (a.owned[0].clone(), 0);
    a.consumer.assign(&stays, start).map_err(fails)?;
    wait(f, "the record", || {
        a.step()?;
        b.step()?;
        Ok((a.records == 1).then_some(()))
    })?;
    b.consumer.leave().map_err(fails)?;
    settle(f, &mut [&mut a], 2)?;
    expect(a.records == 1, || format!("{} records of one partition with one", a.records))
}

/// A member that reads again from the committed offsets, while the group waits for it to give something back, still
/// has everything.
fn rewind<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(2, LARGE), f.name("g"));
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    settle(f, &mut [&mut a], 2)?;
    let all = a.owned.clone();
    let read = |a: &mut Member<F>| {
        all.iter().try_for_each(|place| retried(f, || a.consumer.assign(place, 0)).map(drop))
    };
    read(&mut a)?;
    a.step()?;
    let mut b = Member::join(f, &group, "b", &[&topic])?;
    let mut asked = Vec::new();
    let mut events = Vec::new();
    wait(f, "a revocation", || {
        b.step()?;
        a.consumer.poll(&mut events, 10).map_err(fails)?;
        for event in events.drain(..) {
            if let Event::Revoked(partitions) = event {
                asked = partitions;
            }
        }
        Ok((!asked.is_empty()).then_some(()))
    })?;
    for _ in 0..20 {
        read(&mut a)?;
        a.consumer.poll(&mut events, 10).map_err(fails)?;
        b.step()?;
        f.idle();
        expect(b.owned.is_empty(), || format!("{:?} were given away unasked", b.owned))?;
    }
    asked.iter().for_each(|place| a.consumer.unassign(place));
    a.consumer.revoked(&asked).map_err(fails)?;
    a.owned.retain(|place| !asked.contains(place));
    settle(f, &mut [&mut a, &mut b], 2)
}

/// A partition that is read to its end again and again, beside a group that is never at rest.
fn undisturbed<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group, read) = (f.topic(2, LARGE), f.name("g"), at(&f.topic(1, LARGE), 0));
    let mut producer = plain(f)?;
    let mut a = Member::join(f, &group, "a", &[&topic])?;
    settle(f, &mut [&mut a], 2)?;
    retried(f, || a.consumer.assign(&read, 0))?;
    let mut written = 0;
    let mut pass = |members: &mut [&mut Member<F>]| {
        write(f, &mut producer, &read, &["x"])?;
        written += 1;
        // To the end, so that the next record is behind an end that was told.
        wait(f, "the record", || {
            members.iter_mut().try_for_each(|member| member.step())?;
            Ok((members[0].records == written).then_some(()))
        })
    };
    for _ in 0..2 {
        let mut b = Member::join(f, &group, "b", &[&topic])?;
        while b.owned.is_empty() {
            pass(&mut [&mut a, &mut b])?;
            f.idle();
        }
        b.consumer.leave().map_err(fails)?;
        while a.owned.len() < 2 {
            pass(&mut [&mut a])?;
            f.idle();
        }
    }
    pass(&mut [&mut a])
}

fn static_back<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(2, LARGE), f.name("g"));
    let [one, two] = ["one", "two"].map(|hint| f.name(hint));
    let mut a = Member::join_static(f, &group, &one, &[&topic])?;
    let mut b = Member::join_static(f, &group, &two, &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 2)?;
    let (had, before) = (a.owned.clone(), b.consumer.group_metadata().ok_or("a member has no metadata")?);
    a.consumer.close().map_err(fails)?;
    let mut a = Member::join_static(f, &group, &one, &[&topic])?;
    settle(f, &mut [&mut a, &mut b], 2)?;
    let after = b.consumer.group_metadata().ok_or("a member has no metadata")?;
    let same = a.owned == had && after.generation == before.generation;
    expect(same, || format!("had {had:?}, has {:?}; {before:?} became {after:?}", a.owned))
}

fn static_twice<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group, name) = (f.topic(2, LARGE), f.name("g"), f.name("one"));
    let mut first = Member::join_static(f, &group, &name, &[&topic])?;
    settle(f, &mut [&mut first], 2)?;
    let proof = first.consumer.group_metadata().ok_or("a member has no metadata")?;
    let mut second = Member::join_static(f, &group, &name, &[&topic])?;
    // Some brokers make the first one end, others let the second one wait.
    let mut replaced = false;
    for _ in 0..f.patience().min(400) {
        replaced |= first.step().is_err();
        second.step()?;
        if replaced || second.owned.len() == 2 {
            break;
        }
        f.idle();
    }
    if !replaced {
        // It has not heard of it yet, or never will.
        first.consumer.close().map_err(fails)?;
    }
    settle(f, &mut [&mut second], 2)?;
    let mut producer = ready(f)?.0;
    producer.begin().map_err(fails)?;
    let answer = producer.send_offsets(&[(at(&topic, 0), offset(1))], &proof);
    expect(matches!(answer, Err(TransportError::StaleGeneration { .. })), || format!("{answer:?}"))
}

fn members<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, group) = (f.topic(1, LARGE), f.name("g"));
    let named = |consumer: &mut F::Consumer| {
        let members = retried(f, || consumer.members())?;
        let mut names: Vec<String> = members.into_iter().map(|member| member.client_id).collect();
        names.sort();
        Ok::<_, String>(names)
    };
    let mut outside = f.consumer(&group, "outside", Isolation::ReadCommitted);
    let nobody = named(&mut outside)?;
    expect(nobody.is_empty(), || format!("a group that nobody joined has {nobody:?}"))?;
    let mut a = Member::join(f, &group, "a;map=1", &[&topic])?;
    settle(f, &mut [&mut a], 1)?;
    // One of the two is given nothing.
    let mut b = Member::join(f, &group, "b;map=2", &[&topic])?;
    wait(f, "both members", || {
        a.step()?;
        b.step()?;
        Ok((named(&mut a.consumer)? == ["a;map=1", "b;map=2"]).then_some(()))
    })?;
    let seen = named(&mut outside)?;
    expect(seen.len() == 2, || format!("seen from outside: {seen:?}"))?;
    a.consumer.leave().map_err(fails)?;
    wait(f, "the one that stays", || {
        b.step()?;
        Ok((named(&mut outside)? == ["b;map=2"]).then_some(()))
    })?;
    settle(f, &mut [&mut b], 1)?;
    b.consumer.leave().map_err(fails)
}

fn no_member_without<F: Fixture>(f: &F) -> Result<(), String> {
    let mut consumer = f.consumer(&f.name("g"), "c", Isolation::ReadCommitted);
    consumer.assign(&at(&f.topic(1, LARGE), 0), 0).map_err(fails)?;
    let _ = consumer.poll(&mut Vec::new(), 1).map_err(fails)?;
    let metadata = consumer.group_metadata();
    expect(metadata.is_none(), || format!("{metadata:?}"))
}
