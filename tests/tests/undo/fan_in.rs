//! Unlike streams that become one: topics and steps of several types, turned into an enum on the way into one step.

use super::*;
use serde::{Deserialize, Serialize};

#[topic(name = "carts", partitions = 2, key = String, value = i64)]
struct Carts;
#[topic(name = "windows", partitions = 2, key = TimeWindowed<String, 5_000>, value = i64)]
struct Windows;

#[derive(Clone, Serialize, Deserialize)]
enum Event {
    Word(String),
    Cart(i64),
    Length(u32),
}

impl Event {
    /// A constructor of another kind.
    fn in_words(amount: i64) -> Event {
        Event::Word(format!("{amount} in a cart"))
    }

    fn spelt(&self) -> String {
        match self {
            Event::Word(word) => word.clone(),
            Event::Cart(amount) => amount.to_string(),
            Event::Length(length) => format!("{length} letters"),
        }
    }
}

/// Words, and carts between them: of both, whichever is earlier comes first.
fn feed_events(driver: &Driver) {
    for n in 0..3 {
        let words = records(n);
        let carts: Vec<_> = (0..)
            .zip(&words)
            .map(|(i, word)| TestRecord {
                key: word.key.clone(),
                value: Some(n * 10 + i % 4),
                timestamp: Timestamp::from_ms(word.timestamp.as_ms() + i * 700 % 1_300),
                headers: Headers::new(),
            })
            .collect();
        driver.input::<Carts>().pipe_all(&carts[..8]).unwrap();
        let mut rows = words[..5].to_vec();
        rows[n as usize].value = None;
        driver.input::<Other>().pipe_all(&rows).unwrap();
        driver.input::<In>().pipe_all(&words).unwrap();
        driver.input::<Carts>().pipe_all(&carts[8..]).unwrap();
    }
}

#[processor(from = In, map_values)]
fn length(word: &str) -> u32 {
    word.len() as u32
}

mod stateless {
    use super::*;

    #[processor(from = [In => Event::Word, Carts => Event::Cart, length => Event::Length], map_values, to = Out)]
    fn spelt(event: &Event) -> String {
        event.spelt()
    }
    // A null stays a null.
    #[processor(from = [Other => Event::Word, Carts => Event::in_words], map_values, to = Second)]
    fn if_any(event: Option<&Event>, from: Source<'_>) -> String {
        format!("{:?} of {}", event.map(Event::spelt), from.topic)
    }
    #[processor(from = [Carts => Event::Cart, length => Event::Length], filter_not)]
    fn large(event: &Event) -> bool {
        matches!(event, Event::Cart(..3) | Event::Length(..3))
    }
    // As it is, and read by two.
    #[processor(from = [In => Event::Word, Carts => Event::Cart], merge)]
    struct All;

    #[derive(Branches)]
    enum Kind {
        Text(String),
        Number(i64),
    }
    #[processor(from = [All, large], split)]
    fn kind(event: Event) -> Kind {
        match event {
            Event::Word(word) => Kind::Text(word),
            Event::Cart(amount) => Kind::Number(amount),
            Event::Length(length) => Kind::Number(length.into()),
        }
    }
    #[processor(from = Kind::Text, to = Second)]
    struct Texts;
    #[processor(from = Kind::Number, map_values, to = Out)]
    fn number(number: &i64) -> String {
        number.to_string()
    }
    #[processor(from = All, flat_map_values, to = Second)]
    fn letters(event: &Event) -> Vec<String> {
        event.spelt().chars().map(String::from).collect()
    }
    topology!(Unlike = [length, spelt, if_any, large, All, kind, Texts, number, letters]);

    #[test]
    fn unlike_streams_become_one() {
        undone::<Unlike>(feed_events, none);
    }
}

mod kept {
    use super::*;

    #[ktable(
        store = "baskets", from = [In => Event::Word, Carts => Event::Cart, length => Event::Length], aggregate,
        to = Out
    )]
    fn basket(basket: &mut String, event: &Event) {
        // In their order, and not for ever.
        *basket = format!("{}+{}", event.spelt(), &basket[..basket.len().min(20)]);
    }
    #[ktable(store = "events", from = [In => Event::Word, Carts => Event::Cart], count, to = Windows)]
    #[window(tumbling = "5s", grace = "1s")]
    struct Events;
    #[ktable(store = "carts", from = [length => Event::Length, Carts => Event::Cart], aggregate, error = skip)]
    fn carts(sum: &mut i64, event: &Event) -> Result<(), String> {
        *sum += 1_000;
        match event {
            Event::Cart(amount) => *sum += amount,
            Event::Length(length) if *length > 3 => return Err(format!("{length} letters are too many")),
            other => *sum += other.spelt().len() as i64,
        }
        Ok(())
    }
    // What may be null deletes.
    #[ktable(
        store = "last", from = [Other => Event::Word, Carts => Event::Cart], reduce, value = Json<Event>, name = "newest"
    )]
    fn last(row: &mut Option<Event>, event: Option<&Event>) {
        *row = row
            .take()
            .zip(event)
            .map(|(row, event)| Event::Word(format!("{} < {}", row.spelt().len(), event.spelt())));
    }
    // Of unlike streams, through an internal topic, in a format of their own.
    #[processor(
        from = [In => Event::Word, Carts => Event::Cart], select_key, repartition(partitions = 3, value = Json<Event>)
    )]
    fn by_form(event: &Event) -> String {
        event.spelt().chars().take(1).collect()
    }
    #[ktable(store = "forms", from = by_form, reduce, value = Json<Event>)]
    fn form(last: &mut Event, event: &Event) {
        *last = Event::Word(format!("{}, then {}", last.spelt().len(), event.spelt()));
    }
    #[processor(from = [Carts => Event::Cart, In => Event::Word], left_join = basket, to = Second)]
    fn joined(event: &Event, basket: Option<&str>) -> String {
        format!("{} to {basket:?}", event.spelt())
    }
    topology!(UnlikeKept = [length, basket, Events, carts, last, by_form, form, joined]);

    #[test]
    fn rows_that_unlike_streams_are_folded_into() {
        undone::<UnlikeKept>(feed_events, |driver| {
            let rows = (driver.rows::<basket>(), driver.windows::<Events, String>(), driver.rows::<carts>());
            let events = driver.rows::<form>().into_iter().chain(driver.rows::<last>());
            let events: Vec<_> = events.map(|(key, event)| (key, event.spelt())).collect();
            assert!(driver.dropped() > 0);
            format!("{rows:?} {events:?}")
        });
    }
}
