//! Reading: what is seen, from where, in which order, and where the end is.
//!
//! Knows nothing of how transactions end beyond commit; that is in `transactions`.

use super::*;

pub(super) fn cases<F: Fixture>() -> Vec<Case<F>> {
    vec![
        case("records come back in order with their offsets", Need::Nothing, in_order),
        case("key, value, time, headers and nulls come back as they were", Need::Nothing, whole_records),
        case("reading starts in the middle of what was written at once", Need::Nothing, from_the_middle),
        case("assigning again moves the position and keeps the slot", Need::Nothing, assign_again),
        case("nothing comes of a partition after unassign", Need::Nothing, unassigned),
        case("an empty partition has an end", Need::Nothing, empty_end),
        case("the end comes again after more was read", Need::Nothing, end_again),
        case("the end is behind trailing control records", Need::Nothing, end_behind_markers),
        case("an offset outside the log is an error", Need::Nothing, outside),
        case("what is before the log's start is gone", Need::DeleteRecords, log_start),
        case(
            "compaction leaves the last of each key, at its offset, and deletions for a while",
            Need::Compaction,
            compaction,
        ),
        case("topics and partitions that do not exist are named", Need::Nothing, unknown),
    ]
}

fn in_order<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let values: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let written = write(f, &mut plain(f)?, &t, &values)?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&values)?;
    expect(reader.offsets == written, || format!("delivered {written:?}, read {:?}", reader.offsets))
}

fn whole_records<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let mut headers = Headers::new();
    headers.add("a", "1");
    headers.push(crate::record::Header { name: "a".into(), value: None });
    type Content<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, i64, Headers);
    let records: [Content<'_>; 4] = [
        (Some(b"k"), Some(b"v"), 1_700_000_000_001, headers),
        (None, Some(b"v"), 2, Headers::new()),
        (Some(b"k"), None, 3, Headers::new()),
        (Some(b""), Some(b""), 4, Headers::new()),
    ];
    let mut producer = plain(f)?;
    for (key, value, timestamp, headers) in &records {
        let (topic, partition) = (&*t.topic, t.partition);
        let (key, value, timestamp) = (*key, *value, *timestamp);
        producer
            .send(Outgoing { topic, partition, key, value, timestamp, headers, origin: 0, is_followed: true })
            .map_err(fails)?;
    }
    retried(f, || producer.flush(&mut |_| {}))?;
    let mut consumer = f.consumer(&f.name("g"), "c", Isolation::ReadCommitted);
    consumer.assign(&t, 0).map_err(fails)?;
    let mut events = Vec::new();
    wait(f, "all records", || {
        consumer.poll(&mut events, 10).map_err(fails)?;
        Ok((events.iter().filter(|e| matches!(e, Event::Record { .. })).count() == records.len())
            .then_some(()))
    })?;
    let messages = events.iter().filter_map(|event| match event {
        Event::Record { message, .. } => Some(message),
        _ => None,
    });
    for (message, (key, value, timestamp, headers)) in messages.zip(&records) {
        let same = message.key() == *key
            && message.value() == *value
            && message.timestamp() == *timestamp
            && message.headers() == *headers;
        expect(same, || {
            format!("sent {key:?} {value:?} {timestamp} {headers:?}, read {:?}", message.offset())
        })?;
    }
    Ok(())
}

fn from_the_middle<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let written = write(f, &mut plain(f)?, &t, &["a", "b", "c", "d"])?;
    Reader::new(f, &t, written[2], Isolation::ReadCommitted)?.until_end(&["c", "d"])
}

fn assign_again<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let written = write(f, &mut plain(f)?, &t, &["a", "b"])?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&["a", "b"])?;
    let first = reader.consumer.assign(&t, written[1]).map_err(fails)?;
    reader.until_end(&["a", "b", "b"])?;
    let second = reader.consumer.assign(&t, 0).map_err(fails)?;
    expect(first == second, || format!("slot {first} became {second}"))?;
    reader.until_end(&["a", "b", "b", "a", "b"])
}

fn unassigned<F: Fixture>(f: &F) -> Result<(), String> {
    let topic = f.topic(2, LARGE);
    let (gone, kept) = (at(&topic, 0), at(&topic, 1));
    let mut reader = Reader::committed(f, &gone)?;
    reader.consumer.assign(&kept, 0).map_err(fails)?;
    let mut producer = plain(f)?;
    write(f, &mut producer, &gone, &["x"])?;
    reader.until(&["x"])?;
    reader.consumer.unassign(&gone);
    write(f, &mut producer, &gone, &["y"])?;
    write(f, &mut producer, &kept, &["z"])?;
    reader.until_end(&["x", "z"])
}

fn empty_end<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&[])?;
    expect(reader.ends == [0], || format!("ends at {:?}", reader.ends))
}

fn end_again<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let mut producer = plain(f)?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until_end(&[])?;
    let first = write(f, &mut producer, &t, &["a"])?;
    reader.until_end(&["a"])?;
    let second = write(f, &mut producer, &t, &["b", "c"])?;
    reader.until_end(&["a", "b", "c"])?;
    let (first, second) = (first[0] + 1, second[1] + 1);
    let told = reader.ends.contains(&first) && reader.ends.last() == Some(&second);
    expect(told, || format!("expected ends at {first} and {second}, got {:?}", reader.ends))
}

fn end_behind_markers<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let (mut producer, _) = ready(f)?;
    let written = transaction(f, &mut producer, &t, &["a"])?;
    let mut reader = Reader::committed(f, &t)?;
    reader.until(&["a"])?;
    let end = wait(f, "an end behind the marker", || {
        reader.step().map_err(fails)?;
        Ok(reader.ends.last().copied().filter(|&end| end > written[0] + 1))
    })?;
    let ends = retried(f, || reader.consumer.watermarks(&t))?;
    expect(end == ends.last_stable && end == ends.high, || format!("end {end}, watermarks {ends:?}"))
}

fn outside<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    write(f, &mut plain(f)?, &t, &["a"])?;
    let mut reader = Reader::new(f, &t, 1_000, Isolation::ReadCommitted)?;
    let error = wait(f, "an error", || Ok(reader.step().err()))?;
    let named = matches!(error, TransportError::OffsetOutOfRange { offset: 1_000, .. });
    expect(named, || format!("{error}"))?;
    reader.consumer.assign(&t, 0).map_err(fails)?;
    reader.until_end(&["a"])
}

fn log_start<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.topic(1, LARGE), 0);
    let written = write(f, &mut plain(f)?, &t, &["a", "b", "c"])?;
    f.delete_records(&t, written[2]);
    let mut reader = Reader::committed(f, &t)?;
    let error = wait(f, "an error", || Ok(reader.step().err()))?;
    expect(matches!(error, TransportError::OffsetOutOfRange { offset: 0, .. }), || format!("{error}"))?;
    let start = retried(f, || reader.consumer.watermarks(&t))?.start;
    expect(start == written[2], || format!("start {start}, deleted before {}", written[2]))?;
    reader.consumer.assign(&t, start).map_err(fails)?;
    reader.until_end(&["c"])
}

/// All records there are: offset, key, value.
type Records = Vec<(i64, Option<Vec<u8>>, Option<Vec<u8>>)>;

fn all<F: Fixture>(f: &F, consumer: &mut F::Consumer, t: &TopicPartition) -> Result<Records, String> {
    retried(f, || consumer.assign(t, 0))?;
    let (mut records, mut events) = (Records::new(), Vec::new());
    wait(f, "the end", || {
        consumer.poll(&mut events, 100).map_err(fails)?;
        let mut is_over = false;
        for event in events.drain(..) {
            match event {
                Event::Record { message, .. } => {
                    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                    records.push((message.offset(), owned(message.key()), owned(message.value())));
                }
                Event::End { .. } => is_over = true,
                _ => {}
            }
        }
        Ok(is_over.then_some(()))
    })?;
    Ok(records)
}

fn compaction<F: Fixture>(f: &F) -> Result<(), String> {
    let t = at(&f.compacted(), 0);
    let mut producer = plain(f)?;
    let mut timestamp = 0;
    let mut put = |key: &str, value: Option<&str>| {
        // Segments are closed by the times of records.
        timestamp += 1_000;
        let (topic, partition) = (&*t.topic, t.partition);
        let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
        let headers = &Headers::new();
        let record =
            Outgoing { topic, partition, key, value, timestamp, headers, origin: 0, is_followed: false };
        producer.send(record).map_err(fails)?;
        retried(f, || producer.flush(&mut |_| {}))
    };
    for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("c", Some("1")), ("c", None)]
    {
        put(key, value)?;
    }
    let mut consumer = f.consumer(&f.name("g"), "c", Isolation::ReadCommitted);
    let mut until_gone = |offset: i64| {
        wait(f, "a compaction", || {
            // A broker leaves the records alone that came last.
            put("last", Some("x"))?;
            f.advance(100);
            f.clean(&t.topic);
            let records = all(f, &mut consumer, &t)?;
            Ok((!records.iter().any(|(at, ..)| *at == offset)).then_some(records))
        })
    };
    let stays = |records: &Records| {
        let has = |at: i64, key: &str, value: &str| {
            let (key, value) = (Some(key.as_bytes().to_vec()), Some(value.as_bytes().to_vec()));
            records.contains(&(at, key, value))
        };
        expect(has(1, "b", "1") && has(2, "a", "2"), || format!("{records:?}"))
    };
    stays(&until_gone(0)?)?;
    stays(&until_gone(3)?)?;
    // The deletion itself.
    stays(&until_gone(4)?)?;
    let ends = retried(f, || consumer.watermarks(&t))?;
    expect(ends.start == 0, || format!("gaps are no start: {ends:?}"))
}

fn unknown<F: Fixture>(f: &F) -> Result<(), String> {
    let topic = f.topic(2, LARGE);
    let nowhere = f.name("nowhere");
    let mut producer = plain(f)?;
    let count = producer.partitions(&topic).map_err(fails)?;
    expect(count == 2, || format!("{count} partitions"))?;
    let answer = producer.partitions(&nowhere);
    expect(answer == Err(TransportError::UnknownTopic(nowhere.clone())), || format!("{answer:?}"))?;
    let mut consumer = f.consumer(&f.name("g"), "c", Isolation::ReadCommitted);
    let answer = wait(f, "an answer", || match consumer.watermarks(&at(&topic, 2)) {
        Err(error) if error.timed_out().is_some() => Ok(None),
        answer => Ok(Some(answer)),
    })?;
    expect(answer == Err(TransportError::UnknownPartition(topic.clone(), 2)), || format!("{answer:?}"))?;
    let refused = send(&mut producer, &at(&topic, 2), "x").and_then(|()| producer.flush(&mut |_| {}));
    expect(refused.is_err(), || "a record for a missing partition was accepted".into())
}
