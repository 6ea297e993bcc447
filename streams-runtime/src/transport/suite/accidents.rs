//! Accidents: records that are refused, answers that are lost, outcomes that nobody knows.
//!
//! Knows what a caller may conclude from an error, and that it may not conclude more.

use super::*;

pub(super) fn cases<F: Fixture>() -> Vec<Case<F>> {
    vec![
        case("a record that is too large is refused by name", Need::Nothing, refused),
        case(
            "a refused record takes its transaction along, and nothing else",
            Need::Nothing,
            refused_transaction,
        ),
        case("what no request could hold is refused like the rest", Need::Nothing, huge),
        case("where a record arrived is told of those that are followed", Need::Nothing, followed),
        case("a refused record is named though nobody follows it", Need::Nothing, refused_unfollowed),
        case("a lost answer writes nothing twice", Need::Accidents, ack_lost),
        case("a commit that never arrived is undone by init", Need::Accidents, commit_lost),
        case("a commit whose answer was lost stays", Need::Accidents, commit_answer_lost),
        case("fenced before the commit: undone", Need::Accidents, fenced_before),
        case("fenced after the commit: it stays", Need::Accidents, fenced_after),
        case("an abort whose answer was lost is decided by init", Need::Accidents, abort_answer_lost),
        case("offsets that did not arrive abort the transaction", Need::Accidents, offsets_lost),
    ]
}

/// Flushed alone, a record is named: brokers refuse what was sent together as a whole.
fn oversized<F: Fixture>(f: &F, producer: &mut F::Producer, t: &TopicPartition) -> Result<(), String> {
    write(f, producer, t, &["before"])?;
    let value = [b'x'; 5_000];
    hopeless(f, producer, t, Outgoing { value: Some(&value), ..record(t, 17) })
}

fn record(t: &TopicPartition, origin: u64) -> Outgoing<'_> {
    const NONE: &Headers = &Headers::new();
    Outgoing {
        topic: &t.topic,
        partition: t.partition,
        key: None,
        value: Some(b"x"),
        timestamp: 1,
        headers: NONE,
        origin,
        is_followed: true,
    }
}

/// Sends a record that will be refused, and waits until it is.
fn hopeless<F: Fixture>(
    f: &F,
    producer: &mut F::Producer,
    t: &TopicPartition,
    record: Outgoing<'_>,
) -> Result<(), String> {
    let origin = record.origin;
    let sent = producer.send(record);
    sent.map_err(|error| format!("a refusal belongs to flush, not to send: {error}"))?;
    let answer = wait(f, "a refusal", || match producer.flush(&mut |_| {}) {
        Err(error) if error.timed_out().is_some() => Ok(None),
        other => Ok(Some(other)),
    })?;
    let named = matches!(
        &answer,
        Err(TransportError::Refused { topic, origin: o, .. }) if *topic == t.topic && *o == origin
    );
    expect(named, || format!("{answer:?}"))
}

fn refused<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, 1_000), 0);
    let mut producer = plain(f)?;
    oversized(f, &mut producer, &t)?;
    write(f, &mut producer, &t, &["later"])?;
    sees(f, &t, &["before", "later"])
}

fn refused_transaction<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, 1_000), 0);
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    oversized(f, &mut producer, &t)?;
    let outcome = producer.commit();
    let aborted = matches!(outcome, CommitOutcome::Aborted(TransportError::Refused { origin: 17, .. }));
    expect(aborted, || format!("the commit ended as {outcome:?}"))?;
    transaction(f, &mut producer, &t, &["next"])?;
    Reader::committed(f, &t)?.until(&["next"])
}

/// Refused by the client already, which has no more to say than a broker.
fn huge<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let value = vec![b'x'; 2 * LARGE];
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["before"])?;
    hopeless(f, &mut producer, &t, Outgoing { value: Some(&value), ..record(&t, 18) })?;
    let outcome = producer.commit();
    let aborted = matches!(outcome, CommitOutcome::Aborted(TransportError::Refused { origin: 18, .. }));
    expect(aborted, || format!("the commit ended as {outcome:?}"))?;
    transaction(f, &mut producer, &t, &["next"])?;
    Reader::committed(f, &t)?.until(&["next"])
}

fn followed<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    for (origin, is_followed) in [(1, false), (2, true), (3, false), ((1 << 63) - 1, true)] {
        producer.send(Outgoing { is_followed, ..record(&t, origin) }).map_err(fails)?;
    }
    let mut told = Vec::new();
    retried(f, || producer.flush(&mut |delivery| told.push((delivery.origin, delivery.offset))))?;
    commits(&mut producer)?;
    expect(told == [(2, 1), ((1 << 63) - 1, 3)], || format!("{told:?}"))?;
    Reader::committed(f, &t)?.until(&["x"; 4])
}

fn refused_unfollowed<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, 1_000), 0);
    let value = [b'x'; 5_000];
    let unfollowed = Outgoing { value: Some(&value), is_followed: false, ..record(&t, 19) };
    hopeless(f, &mut plain(f)?, &t, unfollowed)
}

fn ack_lost<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, id) = ready(f)?;
    producer.begin().map_err(fails)?;
    for _ in 0..2 {
        f.accident(&id, Accident::AckLost);
    }
    let written = write(f, &mut producer, &t, &["a", "b", "c"])?;
    commits(&mut producer)?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&["a", "b", "c"])?;
    expect(reader.offsets == written, || format!("delivered {written:?}, read {:?}", reader.offsets))
}

/// A transaction with a record and an offset whose commit meets an accident; then a new producer decides.
fn decided<F: Fixture>(f: &F, accident: Accident, stays: bool) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut old, id) = ready(f)?;
    f.accident(&id, accident);
    old.begin().map_err(fails)?;
    write(f, &mut old, &t, &["x"])?;
    old.send_offsets(&[(t.clone(), offset(5))], &no_member(&group)).map_err(fails)?;
    let outcome = old.commit();
    expect(matches!(outcome, CommitOutcome::Unknown(_)), || format!("the commit ended as {outcome:?}"))?;
    let mut new = successor(f, &id)?;
    let mut consumer = f.consumer(&group, "offsets", Isolation::ReadCommitted);
    let found = retried(f, || consumer.committed(std::slice::from_ref(&t)))?;
    let expected = stays.then(|| offset(5));
    expect(found == [expected.clone()], || format!("expected {expected:?}, committed {found:?}"))?;
    transaction(f, &mut new, &t, &["y"])?;
    Reader::committed(f, &t)?.until(if stays { &["x", "y"] } else { &["y"] })
}

fn commit_lost<F: Fixture>(f: &F) -> Result<(), String> {
    decided(f, Accident::CommitLost, false)
}

fn commit_answer_lost<F: Fixture>(f: &F) -> Result<(), String> {
    decided(f, Accident::CommitAnswerLost, true)
}

fn fenced_before<F: Fixture>(f: &F) -> Result<(), String> {
    decided(f, Accident::FencedBeforeCommit, false)
}

fn fenced_after<F: Fixture>(f: &F) -> Result<(), String> {
    decided(f, Accident::FencedAfterCommit, true)
}

fn abort_answer_lost<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut old, id) = ready(f)?;
    f.accident(&id, Accident::AbortAnswerLost);
    old.begin().map_err(fails)?;
    write(f, &mut old, &t, &["x"])?;
    let answer = old.abort();
    expect(answer.is_err(), || "an abort without answer succeeded".into())?;
    let mut new = successor(f, &id)?;
    transaction(f, &mut new, &t, &["y"])?;
    Reader::committed(f, &t)?.until(&["y"])
}

fn offsets_lost<F: Fixture>(f: &F) -> Result<(), String> {
    let (t, group) = (at(&f.topic(1, LARGE), 0), f.name("g"));
    let (mut producer, id) = ready(f)?;
    f.accident(&id, Accident::OffsetsLost);
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["x"])?;
    let answer = producer.send_offsets(&[(t.clone(), offset(5))], &no_member(&group));
    expect(answer.as_ref().is_err_and(|error| error.timed_out().is_some()), || format!("{answer:?}"))?;
    let outcome = producer.commit();
    expect(matches!(outcome, CommitOutcome::Aborted(_)), || format!("the commit ended as {outcome:?}"))?;
    transaction(f, &mut producer, &t, &["y"])?;
    Reader::committed(f, &t)?.until(&["y"])
}
