//! Transactions: visibility, abort, fencing, time-out.
//!
//! Knows records only; offsets inside transactions are in `offsets`.

use super::*;

pub(super) fn cases<F: Fixture>() -> Vec<Case<F>> {
    vec![
        case("a commit shows the records of all partitions", Need::Nothing, commit_shows),
        case("aborted records are hidden, and seen uncommitted", Need::Nothing, abort_hides),
        case("commits and aborts alternate in one partition", Need::Nothing, alternating),
        case("aborts hide the records of their producer only", Need::Nothing, per_producer),
        case("an open transaction holds back plain records behind it", Need::Nothing, last_stable),
        case("an empty transaction leaves no trace", Need::Nothing, empty),
        case("a new producer aborts the open transaction of the old one", Need::Nothing, takeover_open),
        case("the old producer is fenced although it was idle", Need::Nothing, takeover_idle),
        case("a fenced producer cannot abort", Need::Nothing, fenced_abort),
        case("what was committed before a takeover stays", Need::Nothing, takeover_keeps),
        case("a transaction past its time-out is aborted", Need::Time, timeout),
        case("records need a transaction", Need::Nothing, misuse),
    ]
}

fn commit_shows<F: Fixture>(f: &F) -> Result<(), String> {
    let topic = f.topic(2, LARGE);
    let (a, b) = (at(&topic, 0), at(&topic, 1));
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &a, &["a1", "a2"])?;
    write(f, &mut producer, &b, &["b1"])?;
    sees(f, &a, &[])?;
    sees(f, &b, &[])?;
    commits(&mut producer)?;
    Reader::committed(f, &a)?.until(&["a1", "a2"])?;
    Reader::committed(f, &b)?.until(&["b1"])
}

fn abort_hides<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["x", "y"])?;
    producer.abort().map_err(fails)?;
    transaction(f, &mut producer, &t, &["z"])?;
    Reader::committed(f, &t)?.until(&["z"])?;
    Reader::new(f, &t, 0, Isolation::ReadUncommitted)?.until_end(&["x", "y", "z"])
}

fn alternating<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    let mut kept = Vec::new();
    for round in 0..20 {
        producer.begin().map_err(fails)?;
        let value = round.to_string();
        write(f, &mut producer, &t, &[&value, &value])?;
        if round % 3 == 0 {
            producer.abort().map_err(fails)?;
        } else {
            commits(&mut producer)?;
            kept.extend([value.clone(), value]);
        }
    }
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let mut reader = Reader::committed(f, &t)?;
    reader.until(&kept)?;
    let ascending = reader.offsets.windows(2).all(|pair| pair[0] < pair[1]);
    expect(ascending, || format!("offsets {:?}", reader.offsets))
}

fn per_producer<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let ((mut a, _), (mut b, _)) = (ready(f)?, ready(f)?);
    a.begin().map_err(fails)?;
    b.begin().map_err(fails)?;
    for (first, second) in [("a1", "b1"), ("a2", "b2")] {
        write(f, &mut a, &t, &[first])?;
        write(f, &mut b, &t, &[second])?;
    }
    write(f, &mut plain(f)?, &t, &["p"])?;
    a.abort().map_err(fails)?;
    sees(f, &t, &[])?;
    commits(&mut b)?;
    Reader::committed(f, &t)?.until(&["b1", "b2", "p"])
}

fn last_stable<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    write(f, &mut plain(f)?, &t, &["before"])?;
    producer.begin().map_err(fails)?;
    let open = write(f, &mut producer, &t, &["open"])?;
    let behind = write(f, &mut plain(f)?, &t, &["behind"])?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&["before"])?;
    expect(reader.ends.last() == Some(&open[0]), || format!("ends at {:?}, open at {open:?}", reader.ends))?;
    let ends = retried(f, || reader.consumer.watermarks(&t))?;
    let right = ends.last_stable == open[0] && ends.high == behind[0] + 1;
    expect(right, || format!("{ends:?}, open at {open:?}"))?;
    Reader::new(f, &t, 0, Isolation::ReadUncommitted)?.until_end(&["before", "open", "behind"])?;
    commits(&mut producer)?;
    reader.until(&["before", "open", "behind"])
}

fn empty<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    commits(&mut producer)?;
    producer.begin().map_err(fails)?;
    producer.abort().map_err(fails)?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&[])?;
    expect(reader.ends == [0], || format!("ends at {:?}", reader.ends))?;
    transaction(f, &mut producer, &t, &["x"])?;
    reader.until(&["x"])
}

/// Fencing may be noticed by `send` or only when the record arrives.
fn fenced<P: Producer>(producer: &mut P, to: &TopicPartition) -> Result<(), String> {
    let begun = producer.begin();
    let noticed = match begun {
        Ok(()) | Err(TransportError::Misuse(_)) => {
            send(producer, to, "zombie").and_then(|()| producer.flush(&mut |_| {}))
        }
        error => error,
    };
    expect(matches!(noticed, Err(TransportError::Fenced(_))), || {
        format!("the old producer got {noticed:?}")
    })?;
    let outcome = producer.commit();
    let unknown = matches!(outcome, CommitOutcome::Unknown(TransportError::Fenced(_)));
    expect(unknown, || format!("the old producer's commit ended as {outcome:?}"))
}

fn takeover_open<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut old, id) = ready(f)?;
    old.begin().map_err(fails)?;
    write(f, &mut old, &t, &["lost"])?;
    let mut new = successor(f, &id)?;
    transaction(f, &mut new, &t, &["new"])?;
    fenced(&mut old, &t)?;
    transaction(f, &mut new, &t, &["newer"])?;
    Reader::committed(f, &t)?.until(&["new", "newer"])
}

fn takeover_idle<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut old, id) = ready(f)?;
    transaction(f, &mut old, &t, &["old"])?;
    let mut new = successor(f, &id)?;
    fenced(&mut old, &t)?;
    transaction(f, &mut new, &t, &["new"])?;
    Reader::committed(f, &t)?.until(&["old", "new"])
}

fn fenced_abort<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut old, id) = ready(f)?;
    old.begin().map_err(fails)?;
    write(f, &mut old, &t, &["x"])?;
    let mut new = successor(f, &id)?;
    new.begin().map_err(fails)?;
    write(f, &mut new, &t, &["y"])?;
    let answer = old.abort();
    expect(matches!(answer, Err(TransportError::Fenced(_))), || format!("{answer:?}"))?;
    commits(&mut new)?;
    Reader::committed(f, &t)?.until(&["y"])
}

fn takeover_keeps<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut old, id) = ready(f)?;
    transaction(f, &mut old, &t, &["kept"])?;
    drop(old);
    let mut new = successor(f, &id)?;
    Reader::committed(f, &t)?.until(&["kept"])?;
    transaction(f, &mut new, &t, &["more"])?;
    Reader::committed(f, &t)?.until(&["kept", "more"])
}

fn timeout<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    producer.begin().map_err(fails)?;
    write(f, &mut producer, &t, &["abandoned"])?;
    write(f, &mut plain(f)?, &t, &["behind"])?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&[])?;
    f.advance(f.transaction_timeout_ms() + 1);
    reader.until(&["behind"])?;
    let outcome = producer.commit();
    let unknown = matches!(outcome, CommitOutcome::Unknown(TransportError::Fenced(_)));
    expect(unknown, || format!("the late commit ended as {outcome:?}"))
}

fn misuse<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    for answer in [send(&mut producer, &t, "x"), producer.abort()] {
        expect(matches!(answer, Err(TransportError::Misuse(_))), || format!("{answer:?}"))?;
    }
    transaction(f, &mut producer, &t, &["y"])?;
    Reader::committed(f, &t)?.until(&["y"])
}
