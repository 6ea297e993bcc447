//! Greetings in two languages: merged, filtered by length, turned to upper case.
//!
//! One topic is JSON. The other is in a format of its own, [`GreetingText`], written by hand. Both carry their time
//! inside the value.

use serde::{Deserialize, Serialize};
use streams_runtime::prelude::*;

/// A greeting and when it was said, if that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct Greeting {
    /// What was said.
    pub message: String,
    /// When, such as `2022-12-04T05:26:31.060`.
    pub time_stamp: Option<String>,
}

/// A format of our own: `2022-12-04T05:26:31.060|¡Buenos días!`, with nothing before the bar if there is no time.
pub struct GreetingText;

impl Serde for GreetingText {
    type Type = Greeting;

    fn encode(greeting: &Greeting, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let time = greeting.time_stamp.as_deref().unwrap_or_default();
        out.extend_from_slice(format!("{time}|{}", greeting.message).as_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Greeting, SerdeError> {
        let text = str::from_utf8(bytes).map_err(SerdeError::new)?;
        let (time, message) =
            text.split_once('|').ok_or_else(|| SerdeError::new("a greeting is `time|message`"))?;
        let time_stamp = Some(time.to_owned()).filter(|time| !time.is_empty());
        Ok(Greeting { message: message.to_owned(), time_stamp })
    }
}

/// English greetings, as JSON. One without a time is as late as the latest before it.
#[topic(name = "greetings", key = Option<String>, value = Json<Greeting>, timestamp = said_at, no_time = partition_time)]
pub struct Greetings;

/// Spanish greetings, in the other format. One without a time is left out, and counted.
#[topic(name = "greetings-spanish", key = Option<String>, value = GreetingText, timestamp = said_at, no_time = skip)]
pub struct GreetingsSpanish;

/// Greetings in upper case.
#[topic(name = "greetings-uppercase", key = Option<String>, value = Json<Greeting>)]
pub struct GreetingsUppercase;

/// The event time of a greeting.
fn said_at(greeting: &Greeting) -> Option<Timestamp> {
    greeting.time_stamp.as_deref()?.parse().ok()
}

/// Both languages, without what is too short to be a greeting.
#[processor(from = [Greetings, GreetingsSpanish], filter)]
pub fn long_enough(greeting: &Greeting) -> bool {
    greeting.message.chars().count() > 5
}

/// The same, louder.
#[processor(from = long_enough, map_values, to = GreetingsUppercase)]
pub fn upper_case(greeting: Greeting) -> Greeting {
    Greeting { message: greeting.message.to_uppercase(), ..greeting }
}

topology!(
    /// Turns greetings to upper case.
    pub GreetingsApp = [long_enough, upper_case]
);

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(message: &str, time: Option<&str>) -> Greeting {
        Greeting { message: message.to_owned(), time_stamp: time.map(str::to_owned) }
    }

    #[test]
    fn both_languages_are_shouted_at_the_time_they_were_said() {
        let driver = GreetingsApp::driver();
        let morning = greeting("Good morning", Some("2022-12-04T05:26:31.060"));
        driver.input::<Greetings>().pipe("GM".to_owned(), morning).unwrap();
        let days = greeting("Buenos días", Some("2022-12-04T05:26:32"));
        driver.input::<GreetingsSpanish>().pipe("BD".to_owned(), days).unwrap();
        let mut shouted = driver.output::<GreetingsUppercase>();
        let first = shouted.read().unwrap();
        assert_eq!(first.key.as_deref(), Some("GM"));
        assert_eq!(first.value.unwrap().message, "GOOD MORNING");
        assert_eq!(first.timestamp.to_string(), "2022-12-04T05:26:31.060Z");
        assert_eq!(shouted.read().unwrap().value.unwrap().message, "BUENOS DÍAS");
    }

    #[test]
    fn short_messages_are_filtered() {
        assert!(!long_enough(&greeting("Hello", None)));
        assert!(long_enough(&greeting("¡Hola!", None)));
    }

    #[test]
    fn a_missing_time_is_that_of_the_greeting_before() {
        let driver = GreetingsApp::driver();
        let english = driver.input::<Greetings>();
        english.pipe("1".to_owned(), greeting("Good morning", Some("2022-12-04T05:26:31"))).unwrap();
        english.pipe("2".to_owned(), greeting("Good evening", None)).unwrap();
        let mut shouted = driver.output::<GreetingsUppercase>();
        let (morning, evening) = (shouted.read().unwrap(), shouted.read().unwrap());
        assert_eq!(morning.timestamp, evening.timestamp);
    }

    #[test]
    fn without_one_before_the_application_stops() {
        let driver = GreetingsApp::driver();
        let timeless = driver.input::<Greetings>().pipe("1".to_owned(), greeting("Good morning", None));
        let message = timeless.unwrap_err().to_string();
        assert!(message.contains("no valid time on topic greetings, partition 0, offset 0"), "{message}");
    }

    #[test]
    fn a_spanish_greeting_without_time_is_left_out_and_counted() {
        let driver = GreetingsApp::driver();
        let spanish = driver.input::<GreetingsSpanish>();
        spanish.pipe("1".to_owned(), greeting("¡Buenas noches!", None)).unwrap();
        assert!(driver.output::<GreetingsUppercase>().read().is_none());
        assert_eq!(driver.dropped(), 1);
    }

    #[test]
    fn the_handwritten_format_reads_what_it_writes() {
        for greeting in [greeting("a|b", Some("1")), greeting("", None)] {
            let mut bytes = Vec::new();
            GreetingText::encode(&greeting, &mut bytes).unwrap();
            assert_eq!(GreetingText::decode(&bytes).unwrap(), greeting);
        }
        assert!(GreetingText::decode(b"no bar").is_err());
    }
}
