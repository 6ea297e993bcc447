//! Committed offsets: inside transactions, outside of them, and who may commit them.
//!
//! Knows members only as the proof that offsets are sent with.

use super::*;

pub(super) fn cases<F: Fixture>() -> Vec<Case<F>> {
    vec![
        case("nothing committed reads as nothing", Need::Nothing, none),
        case("offsets appear with their transaction's commit", Need::Nothing, commit_moves),
        case("offsets of an aborted transaction leave the old ones", Need::Nothing, abort_keeps),
        case("a stable read waits while offsets are pending", Need::Nothing, stable),
        case("what is forgotten is asked anew", Need::Nothing, forgotten),
        case("metadata comes back with the offset", Need::Nothing, metadata),
        case("4,096 bytes of metadata come back, one more is refused", Need::Nothing, long_metadata),
        case("offsets of a fenced producer do not appear", Need::Nothing, fenced),
        case("offsets without a transaction appear at once", Need::Nothing, without),
        case("a group that nobody told of has no member to speak for", Need::Nothing, unknown_member),
        case("a stale generation is refused, and only its transaction is lost", Need::Nothing, stale),
        case("offsets go with the commit, as long as the member is one", Need::Nothing, together),
        case("offsets do not go with the commit of a fenced producer", Need::Nothing, together_fenced),
    ]
}

fn stored<F: Fixture>(
    f: &F,
    group: &str,
    t: &TopicPartition,
    expected: Option<CommittedOffset>,
) -> Result<(), String> {
    let mut consumer = f.consumer(group, "offsets", Isolation::ReadCommitted);
    let found = retried(f, || consumer.committed(std::slice::from_ref(t)))?;
    expect(found == [expected.clone()], || format!("expected {expected:?}, committed {found:?}"))
}

/// A transaction with nothing but offsets, left open.
fn pending<F: Fixture>(
    producer: &mut F::Producer,
    group: &str,
    t: &TopicPartition,
    to: i64,
) -> Result<(), String> {
    producer.begin().map_err(fails)?;
    producer.send_offsets(&[(t.clone(), offset(to))], &no_member(group)).map_err(fails)
}

fn none<F: Fixture>(f: &F) -> Result<(), String> {
    stored(f, &f.name("g"), &at(&f.topic(1, LARGE), 0), None)
}

fn commit_moves<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    for to in [5, 7] {
        pending::<F>(&mut producer, &group, &t, to)?;
        commits(&mut producer)?;
        stored(f, &group, &t, Some(offset(to)))?;
    }
    Ok(())
}

fn abort_keeps<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    pending::<F>(&mut producer, &group, &t, 5)?;
    commits(&mut producer)?;
    pending::<F>(&mut producer, &group, &t, 9)?;
    producer.abort().map_err(fails)?;
    stored(f, &group, &t, Some(offset(5)))
}

fn stable<F: Fixture>(f: &F) -> Result<(), String> {
    let topic = f.topic(2, LARGE);
    let (t, other, group) = (at(&topic, 0), at(&topic, 1), f.name("g"));
    let (mut producer, _) = ready(f)?;
    pending::<F>(&mut producer, &group, &t, 5)?;
    stored(f, &group, &other, None)?;
    let mut consumer = f.consumer(&group, "offsets", Isolation::ReadCommitted);
    let mut pending = 0;
    wait(f, "the word that offsets are pending", || match consumer.committed(std::slice::from_ref(&t)) {
        Err(TransportError::TimedOut(PENDING_OFFSETS)) => {
            pending += 1;
            Ok((pending == 20).then_some(()))
        }
        // Not answered yet.
        Err(error) if error.timed_out().is_some() => Ok(None),
        answer => Err(format!("pending read as {answer:?}")),
    })?;
    commits(&mut producer)?;
    stored(f, &group, &t, Some(offset(5)))
}

/// Questions may be answered long before the answers are taken: they must not be those to an earlier question.
fn forgotten<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    let mut consumer = f.consumer(&group, "offsets", Isolation::ReadCommitted);
    let places = std::slice::from_ref(&t);
    retried(f, || consumer.committed(places))?;
    retried(f, || consumer.watermarks(&t))?;
    // Asked, and not taken.
    let _ = (consumer.committed(places), consumer.watermarks(&t));
    (0..20).for_each(|_| f.idle());
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["x"])?;
    producer.send_offsets(&[(t.clone(), offset(5))], &no_member(&group)).map_err(fails)?;
    commits(&mut producer)?;
    consumer.forget(places);
    let found = retried(f, || consumer.committed(places))?;
    expect(found == [Some(offset(5))], || format!("an old answer: {found:?}"))?;
    let ends = retried(f, || consumer.watermarks(&t))?;
    expect(ends.high >= 1, || format!("an old answer: {ends:?}"))
}

fn metadata<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    let committed = CommittedOffset { offset: 3, metadata: "times: 17, 42".into() };
    producer.begin().map_err(fails)?;
    producer.send_offsets(&[(t.clone(), committed.clone())], &no_member(&group)).map_err(fails)?;
    commits(&mut producer)?;
    stored(f, &group, &t, Some(committed))
}

fn long_metadata<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    let with = |length: usize| CommittedOffset { offset: 3, metadata: "m".repeat(length) };
    producer.begin().map_err(fails)?;
    producer.send_offsets(&[(t.clone(), with(4_096))], &no_member(&group)).map_err(fails)?;
    commits(&mut producer)?;
    stored(f, &group, &t, Some(with(4_096)))?;
    producer.begin().map_err(fails)?;
    let answer = producer.send_offsets(&[(t.clone(), with(4_097))], &no_member(&group));
    expect(matches!(answer, Err(TransportError::Refused { .. })), || format!("{answer:?}"))?;
    let outcome = producer.commit();
    expect(matches!(outcome, CommitOutcome::Aborted(_)), || format!("the commit ended as {outcome:?}"))?;
    stored(f, &group, &t, Some(with(4_096)))?;
    transaction(f, &mut producer, &t, &["after"])?;
    Reader::committed(f, &t)?.until(&["after"])
}

fn fenced<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut old, id) = ready(f)?;
    pending::<F>(&mut old, &group, &t, 5)?;
    let mut new = successor(f, &id)?;
    stored(f, &group, &t, None)?;
    let answer = old.send_offsets(&[(t.clone(), offset(6))], &no_member(&group));
    expect(matches!(answer, Err(TransportError::Fenced(_))), || format!("{answer:?}"))?;
    pending::<F>(&mut new, &group, &t, 7)?;
    commits(&mut new)?;
    stored(f, &group, &t, Some(offset(7)))
}

fn without<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let mut consumer = f.consumer(&group, "c", Isolation::ReadCommitted);
    retried(f, || consumer.commit(&[(t.clone(), offset(4))]))?;
    stored(f, &group, &t, Some(offset(4)))
}

/// After a refusal: the transaction aborts, and the producer is as good as before.
fn recovers<F: Fixture>(
    f: &F,
    producer: &mut F::Producer,
    t: &TopicPartition,
    group: &str,
) -> Result<(), String> {
    let outcome = producer.commit();
    let aborted = matches!(outcome, CommitOutcome::Aborted(TransportError::StaleGeneration { .. }));
    expect(aborted, || format!("the commit after a refusal ended as {outcome:?}"))?;
    stored(f, group, t, None)?;
    transaction(f, producer, t, &["after"])?;
    Reader::committed(f, t)?.until(&["after"])
}

fn unknown_member<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["refused"])?;
    let nobody = GroupMetadata { generation: 1, member: "nobody".into(), ..no_member(&group) };
    let answer = producer.send_offsets(&[(t.clone(), offset(1))], &nobody);
    expect(matches!(answer, Err(TransportError::StaleGeneration { .. })), || format!("{answer:?}"))?;
    recovers(f, &mut producer, &t, &group)
}

fn stale<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let mut member = groups::Member::join(f, &group, "a", &[&t.topic])?;
    groups::settle(f, &mut [&mut member], 1)?;
    let live = member.consumer.group_metadata().ok_or("a member has no metadata")?;
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["refused"])?;
    let stale = GroupMetadata { generation: live.generation - 1, ..live };
    let answer = producer.send_offsets(&[(t.clone(), offset(1))], &stale);
    expect(matches!(answer, Err(TransportError::StaleGeneration { .. })), || format!("{answer:?}"))?;
    recovers(f, &mut producer, &t, &group)?;

    // The live one is accepted by the same producer.
    producer.begin().map_err(fails)?;
    let live = member.consumer.group_metadata().ok_or("a member has no metadata")?;
    producer.send_offsets(&[(t.clone(), offset(2))], &live).map_err(fails)?;
    commits(&mut producer)?;
    stored(f, &group, &t, Some(offset(2)))
}

/// A transaction with a record, committed with offsets.
fn commits_with<F: Fixture>(
    f: &F,
    producer: &mut F::Producer,
    (t, record): (&TopicPartition, &str),
    offsets: &[(TopicPartition, CommittedOffset)],
    group: &GroupMetadata,
) -> Result<Result<CommitOutcome, TransportError>, String> {
    producer.begin().map_err(fails)?;
    write(f, producer, t, &[record])?;
    Ok(producer.commit_with(offsets, group))
}

fn together<F: Fixture>(f: &F) -> Result<(), String> {
    let (topic, out, group) = (f.topic(2, LARGE), at(&f.topic(1, LARGE), 0), f.name("g"));
    let (t, other) = (at(&topic, 0), at(&topic, 1));
    let mut first = groups::Member::join(f, &group, "a", &[&topic])?;
    groups::settle(f, &mut [&mut first], 2)?;
    let (mut producer, _) = ready(f)?;
    // What was right before is not asked for each time, and a second offset takes another way.
    for (to, record) in [(1, "a"), (2, "b"), (3, "c")] {
        let live = first.consumer.group_metadata().ok_or("a member has no metadata")?;
        let mut offsets = vec![(t.clone(), offset(to))];
        if to == 2 {
            offsets.push((other.clone(), offset(20)));
        }
        let outcome = commits_with(f, &mut producer, (&out, record), &offsets, &live)?;
        expect(outcome == Ok(CommitOutcome::Committed), || format!("{outcome:?}"))?;
        stored(f, &group, &t, Some(offset(to)))?;
    }
    stored(f, &group, &other, Some(offset(20)))?;
    Reader::committed(f, &out)?.until(&["a", "b", "c"])?;

    let before = first.consumer.group_metadata().ok_or("a member has no metadata")?;
    // Under the newer protocol what a member keeps may be committed with the epoch in which it was given (KIP-1251), not with one before.
    let before = GroupMetadata { generation: before.generation - 1, ..before };
    let mut second = groups::Member::join(f, &group, "b", &[&topic])?;
    groups::settle(f, &mut [&mut first, &mut second], 2)?;
    let outcome = commits_with(f, &mut producer, (&out, "refused"), &[(t.clone(), offset(4))], &before)?;
    expect(matches!(outcome, Err(TransportError::StaleGeneration { .. })), || format!("{outcome:?}"))?;
    let outcome = producer.commit();
    expect(matches!(outcome, CommitOutcome::Aborted(_)), || format!("after a refusal: {outcome:?}"))?;
    stored(f, &group, &t, Some(offset(3)))?;

    let live = first.consumer.group_metadata().ok_or("a member has no metadata")?;
    let outcome = commits_with(f, &mut producer, (&out, "d"), &[(t.clone(), offset(5))], &live)?;
    expect(outcome == Ok(CommitOutcome::Committed), || format!("{outcome:?}"))?;
    stored(f, &group, &t, Some(offset(5)))?;
    Reader::committed(f, &out)?.until(&["a", "b", "c", "d"])
}

fn together_fenced<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut old, id) = ready(f)?;
    let nobody = no_member(&group);
    for to in [1, 2] {
        let outcome = commits_with(f, &mut old, (&t, "kept"), &[(t.clone(), offset(to))], &nobody)?;
        expect(outcome == Ok(CommitOutcome::Committed), || format!("{outcome:?}"))?;
    }
    old.begin().map_err(fails)?;
    write(f, &mut old, &t, &["lost"])?;
    let mut new = f.producer(Some(&id));
    retried(f, || new.init())?;
    let outcome = old.commit_with(&[(t.clone(), offset(3))], &nobody);
    let fenced = matches!(
        outcome,
        Err(TransportError::Fenced(_)) | Ok(CommitOutcome::Unknown(_) | CommitOutcome::Aborted(_))
    );
    expect(fenced, || format!("{outcome:?}"))?;
    stored(f, &group, &t, Some(offset(2)))?;
    transaction(f, &mut new, &t, &["after"])?;
    Reader::committed(f, &t)?.until(&["kept", "kept", "after"])
}
