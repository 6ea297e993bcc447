//! Topics that are called differently in the log than in the code.

use streams_runtime::prelude::*;
use streams_runtime::topology::Plan;
use streams_runtime::{Error, TextInput, Topic};

#[topic(name = "words", key = String, value = String, partitions = 2)]
struct Words;
#[topic(name = "lengths", key = String, value = i64)]
struct Lengths;
#[topic(name = "elsewhere", key = String, value = String)]
struct Elsewhere;

#[processor(from = Words, select_key, repartition)]
fn by_itself(word: &str) -> String {
    word.to_owned()
}

#[ktable(store = "lengths", from = by_itself, count, to = Lengths)]
struct Counted;

topology!(Counting = [by_itself, Counted]);

fn problems(build: impl FnOnce(&mut streams_runtime::Topology)) -> Vec<String> {
    let mut topology = Counting::graph();
    build(&mut topology);
    Plan::of(&topology, "app", |_, declared| Some(declared.unwrap_or(1)))
        .map_or_else(|e| e.problems.iter().map(ToString::to_string).collect(), |_| vec![])
}

#[test]
fn the_log_knows_the_given_names_and_internal_topics_keep_theirs() {
    let mut topology = Counting::graph();
    topology.call(Words::TOPIC.name, "staging.words".to_owned());
    let plan = Plan::of(&topology, "app", |_, declared| Some(declared.unwrap_or(1))).unwrap();
    let names = |topics: &[streams_runtime::topology::PlannedTopic]| {
        topics.iter().map(|topic| topic.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&plan.external), ["lengths", "staging.words"]);
    assert_eq!(names(&plan.internal), ["app-by_itself-repartition", "app-lengths-changelog"]);
    assert_eq!(plan.subs[0].sources[0].name, "staging.words");
}

#[test]
fn records_go_through_renamed_topics() -> Result<(), Error> {
    let app = Counting::builder("app").topic_name::<Words>("my-words").topic_name::<Lengths>("my-lengths");
    let mut out = Vec::new();
    let lines = TextInput::records("lines", "words 1 be\nwords 2 be\n".as_bytes());
    app.quiet().run_lines(vec![lines], &mut out)?;
    assert_eq!(String::from_utf8(out).unwrap(), "lengths be 1\nlengths be 2\n");
    Ok(())
}

#[test]
fn a_name_for_a_topic_that_is_not_there_is_a_mistake() {
    let found = problems(|topology| topology.call(Elsewhere::TOPIC.name, "there".to_owned()));
    assert_eq!(found, ["topic `elsewhere` is to be called `there`, but no step reads or writes it"]);
}

#[test]
fn a_topic_that_is_missing_is_missing_under_its_given_name() {
    let mut topology = Counting::graph();
    topology.call(Words::TOPIC.name, "staging.words".to_owned());
    let error = Plan::of(&topology, "app", |_, _| None).unwrap_err();
    let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["topic `lengths` does not exist", "topic `staging.words` does not exist"]);
}

#[test]
fn two_topics_cannot_have_one_name() {
    let found = problems(|topology| topology.call(Words::TOPIC.name, "lengths".to_owned()));
    assert_eq!(found, ["two topics are to be called `lengths`, one of them `words`"]);
}
