//! An instance that runs: what can be asked of it, and told.
//!
//! Knows how to reach whoever supervises the threads. Does not know threads.

use super::line::{Common, Message};
use super::state::{State, StateChange};
use super::threads::{Seen, ThreadInfo, lock};
use crate::app::Error;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

/// An instance of an application that runs on Kafka: `KafkaStreams` after `start()`. Made by
/// [`Builder::start`](crate::Builder::start).
///
/// It hears of no signal; whoever started it decides when it ends. Dropped, it runs on until the process ends, as a thread does.
///
/// ```no_run
/// # use streams_runtime::prelude::*;
/// # #[topic(name = "in", key = String, value = String)] struct In;
/// # #[topic(name = "out", key = String, value = String)] struct Out;
/// # #[processor(from = In, map_values, to = Out)] fn shout(text: &str) -> String { text.to_uppercase() }
/// # topology!(Shouting = [shout]);
/// use streams_runtime::State;
///
/// # async fn example() -> streams_runtime::Result<()> {
/// let running = Shouting::builder("shouting").brokers("localhost:9092").start().await?;
/// let mut states = running.states();
/// // `None` once it has ended.
/// while running.state() != State::Running && states.next().await.is_some() {}
/// running.add_thread().await?;
/// running.pause();
/// running.resume();
/// running.close().await
/// # }
/// ```
pub struct Running {
    tell: Sender<Message>,
    seen: Arc<Mutex<Seen>>,
    common: Arc<Common>,
}

impl Running {
    pub(super) fn new(tell: Sender<Message>, seen: Arc<Mutex<Seen>>, common: Arc<Common>) -> Running {
        Running { tell, seen, common }
    }

    /// What it is doing (`KafkaStreams.state`).
    pub fn state(&self) -> State {
        lock(&self.seen).state
    }

    /// Every state that follows another one from now on.
    pub fn states(&self) -> States {
        let ((heard, hears), since) = (unbounded_channel(), self.state());
        let listener = Box::new(move |change| heard.send(change).is_ok());
        // Who has ended says nothing any more.
        let _ = self.tell.send(Message::Listen { listener, since });
        States(hears)
    }

    /// Its threads, by number (`KafkaStreams.metadataForLocalThreads`).
    pub fn threads(&self) -> Vec<ThreadInfo> {
        lock(&self.seen).threads.clone()
    }

    /// Starts one thread more, under the lowest number that is free, and returns its name (`KafkaStreams.addStreamThread`, KIP-663).
    /// The group gives it its share of the tasks; memory is shared out anew.
    ///
    /// # Errors
    /// [`Error::Stopping`] if everything is on its way to its end, [`Error::Io`] if the system has no thread to give.
    pub async fn add_thread(&self) -> Result<String, Error> {
        let (reply, answer) = oneshot::channel();
        let _ = self.tell.send(Message::Add(Box::new(move |added| drop(reply.send(added)))));
        answer.await.unwrap_or(Err(Error::Stopping))
    }

    /// Ends the thread with the highest number and returns its name once it has committed, left the group for good and ended
    /// (`KafkaStreams.removeStreamThread`, KIP-663); `None` if there is none, or everything is on its way to its end. The other
    /// threads and instances take over its tasks: at once, but under `group.protocol = consumer` with stores on a disk only when its
    /// session has timed out, since librdkafka cannot tell the broker. With no thread left the instance stays, and does nothing until
    /// one is added.
    pub async fn remove_thread(&self) -> Option<String> {
        let (reply, answer) = oneshot::channel();
        let _ = self.tell.send(Message::Remove(Box::new(move |removed| drop(reply.send(removed)))));
        answer.await.unwrap_or(None)
    }

    /// Processes nothing from now on, while it stays a member, restores stores, and commits what was processed
    /// (`KafkaStreams.pause`, KIP-834). Fetching stops when the memory for waiting records is full.
    pub fn pause(&self) {
        self.common.pause(true);
    }

    /// Processes again (`KafkaStreams.resume`).
    pub fn resume(&self) {
        self.common.pause(false);
    }

    /// Whether it is paused (`KafkaStreams.isPaused`).
    pub fn is_paused(&self) -> bool {
        self.common.is_paused()
    }

    /// Asks it to stop, and does not wait. What was processed is committed; then each thread closes: without stores it leaves the
    /// group, with stores in a state directory it stays a member, unless `leave.group.on.close` says otherwise.
    pub fn stop(&self) {
        let _ = self.tell.send(Message::Stop { leave: false });
    }

    /// Waits until it has ended: because it was asked to, or because something failed.
    ///
    /// # Errors
    /// The first failure, once: whoever asks again is told nothing of it.
    pub async fn wait(&self) -> Result<(), Error> {
        let mut states = self.states();
        while self.state().is_alive() && states.next().await.is_some() {}
        lock(&self.seen).outcome.take().map_or(Ok(()), Err)
    }

    /// Asks it to [`stop`](Running::stop), and waits until it has (`KafkaStreams.close`).
    ///
    /// # Errors
    /// The first failure. What was not committed is processed again at the next start.
    pub async fn close(&self) -> Result<(), Error> {
        self.stop();
        self.wait().await
    }

    /// As [`close`](Running::close), and leaves the group for good, so that others take over at once: to scale down
    /// (`KafkaStreams.CloseOptions.leaveGroup`, KIP-812).
    ///
    /// # Errors
    /// As there.
    pub async fn leave(&self) -> Result<(), Error> {
        let _ = self.tell.send(Message::Stop { leave: true });
        self.wait().await
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { state, threads, .. } = &*lock(&self.seen);
        f.debug_struct("Running").field("state", state).field("threads", threads).finish_non_exhaustive()
    }
}

/// The states of an instance as they follow one another, until it has ended. Made by [`Running::states`].
pub struct States(UnboundedReceiver<StateChange>);

impl States {
    /// The next change; `None` once it has ended.
    pub async fn next(&mut self) -> Option<StateChange> {
        self.0.recv().await
    }
}

impl Stream for States {
    type Item = StateChange;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StateChange>> {
        self.0.poll_recv(context)
    }
}
