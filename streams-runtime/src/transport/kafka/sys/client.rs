//! From properties to a client, and to its end.
//!
//! Knows which callbacks a client has, and on whose thread they run: all but the log and the wake-up are run by the
//! library inside of calls that the owner makes, so what they note down needs no lock.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::bindings::{
    RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, rd_kafka_assignment_lost, rd_kafka_conf_destroy, rd_kafka_conf_new,
    rd_kafka_conf_res_t, rd_kafka_conf_set, rd_kafka_conf_set_dr_msg_cb, rd_kafka_conf_set_error_cb,
    rd_kafka_conf_set_log_cb, rd_kafka_conf_set_opaque, rd_kafka_conf_t, rd_kafka_consumer_group_metadata,
    rd_kafka_consumer_group_metadata_destroy, rd_kafka_consumer_group_metadata_generation_id,
    rd_kafka_consumer_group_metadata_member_id, rd_kafka_destroy_flags, rd_kafka_incremental_assign,
    rd_kafka_incremental_unassign, rd_kafka_message_t, rd_kafka_name, rd_kafka_new,
    rd_kafka_queue_cb_event_enable, rd_kafka_queue_destroy, rd_kafka_queue_get_consumer,
    rd_kafka_queue_length, rd_kafka_queue_t, rd_kafka_set_log_level, rd_kafka_t,
    rd_kafka_topic_partition_list_t, rd_kafka_type_t,
};

use super::codes::{
    Code, Fault, rd_kafka_conf_set_rebalance_cb, rd_kafka_consumer_close, rd_kafka_fatal_error,
    rd_kafka_poll_set_consumer, rd_kafka_subscribe, rd_kafka_test_fatal_error, rd_kafka_unsubscribe, text,
};
use super::late::{Given, within};
use super::list::{PartitionList, elements};
use super::produce::Report;
use crate::transport::kafka::noise::Noise;

/// Properties on their way to a client.
pub(in super::super) struct Config(NonNull<rd_kafka_conf_t>);

impl Config {
    pub(in super::super) fn new() -> Self {
        // SAFETY: no arguments; never null.
        Config(NonNull::new(unsafe { rd_kafka_conf_new() }).expect("librdkafka gives a configuration"))
    }

    /// # Errors
    /// The library's words, if it does not know the property or the value.
    pub(in super::super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let zero = |_| format!("property `{name}` has a zero byte");
        let (c_name, c_value) = (CString::new(name).map_err(zero)?, CString::new(value).map_err(zero)?);
        let mut words = [0; 512];
        // SAFETY: the configuration is ours, strings end with zero and are copied, the buffer has the size it says.
        let result = unsafe {
            rd_kafka_conf_set(
                self.0.as_ptr(),
                c_name.as_ptr(),
                c_value.as_ptr(),
                words.as_mut_ptr(),
                words.len(),
            )
        };
        match result {
            rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            // SAFETY: the library ends what it writes there with zero.
            _ => Err(unsafe { text(words.as_ptr()) }),
        }
    }

    /// # Errors
    /// The library's words, if the properties do not fit together.
    pub(in super::super) fn consumer(self) -> Result<Client, String> {
        self.make(rd_kafka_type_t::RD_KAFKA_CONSUMER)
    }

    /// # Errors
    /// As for a consumer.
    pub(in super::super) fn producer(self) -> Result<Client, String> {
        self.make(rd_kafka_type_t::RD_KAFKA_PRODUCER)
    }

    fn make(self, kind: rd_kafka_type_t) -> Result<Client, String> {
        let is_consumer = kind == rd_kafka_type_t::RD_KAFKA_CONSUMER;
        let notes = Box::<Notes>::default();
        let mut words = [0; 512];
        // SAFETY: the configuration is ours. The notes stay where they are, in their box, until the client that may
        // touch them is destroyed. The callbacks fulfil what the library asks of them: none unwinds (an `extern "C"`
        // function that panics ends the process).
        let raw = unsafe {
            let conf = self.0.as_ptr();
            rd_kafka_conf_set_opaque(conf, (&raw const *notes).cast_mut().cast());
            rd_kafka_conf_set_log_cb(conf, Some(on_log));
            rd_kafka_conf_set_error_cb(conf, Some(on_error));
            if is_consumer {
                rd_kafka_conf_set_rebalance_cb(conf, Some(on_rebalance));
            } else {
                rd_kafka_conf_set_dr_msg_cb(conf, Some(on_delivery));
            }
            rd_kafka_new(kind, conf, words.as_mut_ptr(), words.len())
        };
        let Some(raw) = NonNull::new(raw) else {
            // The configuration is still ours then, and is dropped here.
            // SAFETY: the library ends what it writes there with zero.
            return Err(unsafe { text(words.as_ptr()) });
        };
        std::mem::forget(self);
        let queue = is_consumer.then(|| {
            // SAFETY: a living consumer. Its main queue (errors) is then served with its consumer queue.
            unsafe {
                rd_kafka_poll_set_consumer(raw.as_ptr());
                rd_kafka_queue_get_consumer(raw.as_ptr())
            }
        });
        let queue = queue.and_then(NonNull::new);
        let (wakeup, is_member) = (RefCell::default(), Cell::new(false));
        #[allow(clippy::arc_with_non_send_sync, reason = "shared with calls that may be late, one at a time")]
        Ok(Client { living: Some(Arc::new(Living { raw, queue, wakeup, is_member, notes })) })
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: ours: making a client forgets the configuration that it consumed.
        unsafe { rd_kafka_conf_destroy(self.0.as_ptr()) }
    }
}

/// What the group decided.
pub(in super::super) enum Rebalance {
    /// More is this member's; `member` is its id.
    Assigned { partitions: Vec<(String, i32)>, member: String },
    /// Less is. Nobody else gets it before [`Client::answer_revoke`].
    Revoked(Vec<(String, i32)>),
    /// It is somebody else's already. To be answered as well.
    Lost(Vec<(String, i32)>),
}

/// What callbacks wrote down.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) reports: RefCell<Vec<Report>>,
    rebalances: RefCell<Vec<Rebalance>>,
    /// Errors that belong to no call, if somebody listens.
    heard: RefCell<Option<Vec<Fault>>>,
    answers: Cell<Answers>,
}

/// Who answers what the group decides.
#[derive(Clone, Copy, Default)]
enum Answers {
    /// Whoever polls, in its own time.
    #[default]
    Owner,
    /// The callback itself: nobody works on anything any more.
    Callback,
    /// The callback, the next one only. While a consumer closes, every answer is taken for one that gives everything
    /// back (`rd_kafka_cgrp_handle_assign_op`), which is the end; an answer to what the group had decided as well comes
    /// while the library ends or after, and then nobody takes it and its caller waits for ever (2.12.1).
    Last,
    Nobody,
}

/// Something to wait on.
#[derive(Default)]
pub(in super::super) struct Wakeup {
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Wakeup {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_one();
    }

    /// Returns when it was rung since the last wait, at the latest after so long.
    pub(in super::super) fn wait(&self, ms: u64) {
        let until = Instant::now() + Duration::from_millis(ms);
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            rung = self.bell.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}

/// A consumer or a producer of librdkafka.
///
/// Dropping it takes no leave of a group and waits for no delivery: that is what a crash does, and whoever wants
/// more asks for it first.
pub(in super::super) struct Client {
    /// `None` once it is being dropped. Shared with calls that are late: the client is destroyed after the last of them.
    living: Option<Arc<Living>>,
}

/// What a client consists of, until it is destroyed.
struct Living {
    raw: NonNull<rd_kafka_t>,
    /// The queue of a consumer.
    queue: Option<NonNull<rd_kafka_queue_t>>,
    /// Rung by the library's threads; kept until they are gone.
    wakeup: RefCell<Option<Arc<Wakeup>>>,
    /// True while the group may have something to say.
    is_member: Cell<bool>,
    notes: Box<Notes>,
}

/// How many decisions of a group may wait to be answered; more are answered while it closes.
const DECISIONS: usize = 16;

/// How long is waited for a client to end.
const END_MS: u64 = 10_000;

impl Client {
    fn living(&self) -> &Arc<Living> {
        self.living.as_ref().expect("it is not being dropped")
    }

    pub(super) fn raw(&self) -> *mut rd_kafka_t {
        self.living().raw.as_ptr()
    }

    pub(super) fn queue(&self) -> Option<NonNull<rd_kafka_queue_t>> {
        self.living().queue
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.living().notes
    }

    /// Runs a call that may take longer than `ms`; a time-out if it does. Nothing but dropping may be done with the client
    /// then.
    pub(super) fn within<R: Send + 'static>(
        &self,
        ms: u64,
        call: impl FnOnce(*mut rd_kafka_t) -> R + Send + 'static,
    ) -> Result<R, Fault> {
        // SAFETY: the library's handle may be used by any thread. Cells and notes are touched by callbacks, which run inside
        // of calls: of this one while its caller waits, and afterwards of nobody else's.
        let living = unsafe { Given::new(Arc::clone(self.living())) };
        let called = within(ms, move || call(living.get().raw.as_ptr()));
        called.ok_or_else(|| Fault::of(Code::TIMED_OUT))
    }

    /// How much waits to be fetched.
    pub(in super::super) fn waiting(&self) -> usize {
        // SAFETY: the queue is ours until the client is dropped.
        self.queue().map_or(0, |queue| unsafe { rd_kafka_queue_length(queue.as_ptr()) })
    }

    /// From now on something new to fetch rings `wakeup`.
    pub(in super::super) fn ring(&self, wakeup: &Arc<Wakeup>) {
        let Some(queue) = self.queue() else { return };
        // SAFETY: the pointer stays valid, because the client keeps the `Arc` until its threads have ended; the
        // callback only touches what may be touched from any thread.
        unsafe {
            let opaque = Arc::as_ptr(wakeup).cast_mut().cast::<c_void>();
            rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_wakeup), opaque);
        }
        *self.living().wakeup.borrow_mut() = Some(Arc::clone(wakeup));
    }

    /// Nothing rings any more.
    pub(in super::super) fn silence(&self) {
        let Some(queue) = self.queue() else { return };
        // SAFETY: the queue is ours; without a callback nobody is called.
        unsafe { rd_kafka_queue_cb_event_enable(queue.as_ptr(), None, std::ptr::null_mut()) };
    }

    /// Why the client is of no use any more, if so.
    pub(in super::super) fn fatal(&self) -> Option<Fault> {
        let mut words = [0; 512];
        // SAFETY: a living client; the buffer has the size it says.
        let code = unsafe { rd_kafka_fatal_error(self.raw(), words.as_mut_ptr(), words.len()) };
        // SAFETY: written by the library, with a zero at the end, if there is a code.
        let fault = |code| Fault { text: unsafe { text(words.as_ptr()) }, fatal: true, ..Fault::of(code) };
        (code != 0).then(|| fault(Code(code)))
    }

    /// Whether errors that belong to no call are kept for [`heard`](Self::heard).
    pub(in super::super) fn listen(&self, listen: bool) {
        *self.notes().heard.borrow_mut() = listen.then(Vec::new);
    }

    /// What went wrong by itself since the last call: connections, mostly.
    pub(in super::super) fn heard(&self) -> Vec<Fault> {
        self.notes().heard.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    // ---- the group ----

    pub(in super::super) fn subscribe(&self, topics: &PartitionList) -> Result<(), Fault> {
        self.living().is_member.set(true);
        // SAFETY: both living; the list is copied.
        Fault::check(unsafe { rd_kafka_subscribe(self.raw(), topics.as_ptr()) })
    }

    pub(in super::super) fn unsubscribe(&self) -> Result<(), Fault> {
        // SAFETY: a living client.
        Fault::check(unsafe { rd_kafka_unsubscribe(self.raw()) })
    }

    /// Leaves the group as its kind of member leaves. Waits for the answer of the broker, if there is one to ask, but not
    /// without end: a commit that nobody has answered holds it up for a session (2.12.1: `wait_commit_cnt`).
    pub(in super::super) fn close(self: &Rc<Self>) -> Result<(), Fault> {
        self.close_from_now();
        // What the group has decided already is answered while the library still takes every answer.
        for _ in 0..DECISIONS {
            if self.poll().is_none() {
                break;
            }
        }
        self.notes().answers.set(Answers::Last);
        // SAFETY: a living consumer; the callback that it runs touches the notes only.
        self.within(END_MS, |raw| Fault::check(unsafe { rd_kafka_consumer_close(raw) }))??;
        self.living().is_member.set(false);
        Ok(())
    }

    /// Answers every revocation at once: who leaves works on nothing any more.
    pub(in super::super) fn close_from_now(&self) {
        self.notes().answers.set(Answers::Callback);
    }

    /// What the group decided since the last call.
    pub(in super::super) fn rebalances(&self) -> Vec<Rebalance> {
        std::mem::take(&mut self.notes().rebalances.borrow_mut())
    }

    /// Tells the library that an assignment was seen. A member whose partitions are read by another client keeps its
    /// own assignment empty.
    pub(in super::super) fn answer_assign(&self) -> Result<(), Fault> {
        self.assign(&PartitionList::new())
    }

    /// Lets the group give away what it revoked.
    pub(in super::super) fn answer_revoke(&self) -> Result<(), Fault> {
        self.unassign(&PartitionList::new())
    }

    pub(in super::super) fn assignment_lost(&self) -> bool {
        // SAFETY: a living client.
        unsafe { rd_kafka_assignment_lost(self.raw()) != 0 }
    }

    /// Generation (or epoch) and member id as they are now.
    pub(in super::super) fn membership(&self) -> (i32, String) {
        membership(self.raw())
    }

    // ---- what is fetched ----

    /// Starts to fetch these partitions at their offsets.
    pub(in super::super) fn assign(&self, partitions: &PartitionList) -> Result<(), Fault> {
        // SAFETY: both living, the list is copied; the error is ours.
        unsafe { Fault::take(rd_kafka_incremental_assign(self.raw(), partitions.as_ptr())) }
    }

    /// Stops to fetch them. When it returns, what was fetched before is no longer handed out.
    pub(in super::super) fn unassign(&self, partitions: &PartitionList) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { Fault::take(rd_kafka_incremental_unassign(self.raw(), partitions.as_ptr())) }
    }
}

fn membership(rk: *mut rd_kafka_t) -> (i32, String) {
    // SAFETY: called with a living client; the metadata is ours, and its string lives as long.
    unsafe {
        let metadata = rd_kafka_consumer_group_metadata(rk);
        if metadata.is_null() {
            return (-1, String::new());
        }
        let generation = rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = text(rd_kafka_consumer_group_metadata_member_id(metadata));
        rd_kafka_consumer_group_metadata_destroy(metadata);
        (generation, member)
    }
}

impl Living {
    /// Ends the membership of a client that is about to be destroyed, without a word to the group.
    ///
    /// To destroy a client waits for ever if it was given partitions and its owner has not answered that (2.12.1: only
    /// an answer that is owed to a revocation is given up, see `rd_kafka_cgrp_terminate0`), or if that happens at the last
    /// moment. Of a client that failed for good nothing is waited for: it decides everything by itself, and neither
    /// joins nor commits any more. So it is made to fail, quietly, and what is owed is answered then.
    fn abandon(&self) {
        const DESTROY: Code = Code(-197);
        // Below the most urgent level: nothing is logged any more.
        const NO_LEVEL: c_int = -1;
        // SAFETY: a living client; reason and list are copied, the error is ours.
        unsafe {
            rd_kafka_set_log_level(self.raw.as_ptr(), NO_LEVEL);
            rd_kafka_test_fatal_error(self.raw.as_ptr(), DESTROY.0, c"dropped".as_ptr());
            // Any answer: all are taken for one that gives everything back.
            let nothing = PartitionList::new();
            drop(Fault::take(rd_kafka_incremental_assign(self.raw.as_ptr(), nothing.as_ptr())));
        }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        // SAFETY: no handle made from this client is left: they hold it. Its queue goes first, and with the threads
        // that are ended by the last call goes everybody who might ring the wake-up or write notes.
        unsafe {
            if self.is_member.get() {
                self.abandon();
            }
            if let Some(queue) = self.queue {
                rd_kafka_queue_destroy(queue.as_ptr());
            }
            rd_kafka_destroy_flags(self.raw.as_ptr(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.silence();
        // SAFETY: nobody else has it, or only a call that is late, after which it goes as well.
        let living = unsafe { Given::new(self.living.take()) };
        if within(END_MS, move || drop(living)).is_none() {
            tracing::warn!("a client takes more than {END_MS} ms to end, and is not waited for");
        }
    }
}

// ---- callbacks ----

/// # Safety
/// `opaque` must be what [`Config::make`] set.
unsafe fn notes<'n>(opaque: *mut c_void) -> &'n Notes {
    // SAFETY: the box of a client that is not destroyed yet: it is inside of a call.
    unsafe { &*opaque.cast::<Notes>() }
}

unsafe extern "C" fn on_delivery(
    _: *mut rd_kafka_t,
    message: *const rd_kafka_message_t,
    opaque: *mut c_void,
) {
    // SAFETY: run inside of a call on the owner's thread, with a message that lives until we return.
    unsafe { notes(opaque).reports.borrow_mut().extend(Report::of(&*message)) }
}

unsafe extern "C" fn on_rebalance(
    rk: *mut rd_kafka_t,
    code: c_int,
    partitions: *mut rd_kafka_topic_partition_list_t,
    opaque: *mut c_void,
) {
    const ASSIGN: c_int = -175;
    // SAFETY: run inside of a call of the owner, who waits for it or uses the client no more; the list lives until we
    // return, and the error is ours.
    unsafe {
        let (notes, is_assigned) = (notes(opaque), code == ASSIGN);
        match notes.answers.get() {
            Answers::Owner => {
                let partitions = elements(partitions).map(|p| (p.topic.to_owned(), p.partition)).collect();
                return notes.rebalances.borrow_mut().push(match is_assigned {
                    true => Rebalance::Assigned { partitions, member: membership(rk).1 },
                    false if rd_kafka_assignment_lost(rk) != 0 => Rebalance::Lost(partitions),
                    false => Rebalance::Revoked(partitions),
                });
            }
            // Whoever closes asks the library nothing more: see `Answers::Last`.
            Answers::Nobody => return,
            Answers::Last => notes.answers.set(Answers::Nobody),
            Answers::Callback => {}
        }
        let nothing = PartitionList::new();
        let answered = match is_assigned {
            true => rd_kafka_incremental_assign(rk, nothing.as_ptr()),
            false => rd_kafka_incremental_unassign(rk, nothing.as_ptr()),
        };
        drop(Fault::take(answered));
    }
}

/// # Safety
/// `opaque` must be a [`Wakeup`] that lives until no queue rings it any more.
pub(super) unsafe extern "C" fn on_wakeup(_: *mut rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: the caller's promise; a `Wakeup` may be rung from any thread.
    unsafe { &*opaque.cast::<Wakeup>() }.ring();
}

unsafe extern "C" fn on_error(rk: *mut rd_kafka_t, code: c_int, reason: *const c_char, opaque: *mut c_void) {
    // SAFETY: run inside of a call on the owner's thread, with a living client and a string that lives until we return.
    let (client, reason, notes) = unsafe { (text(rd_kafka_name(rk)), text(reason), notes(opaque)) };
    if let Some(heard) = notes.heard.borrow_mut().as_mut() {
        // Who listens tells it.
        heard.push(Fault { text: reason, ..Fault::of(Code(code)) });
        return;
    }
    // The library tries again by itself; what it gives up comes back from the call that needed it.
    unharmed(|| {
        if let Some(left_out) = Noise::of_process().is_news(&reason, Instant::now()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(target: "librdkafka", client, code = Code(code).name(), left_out, "{reason}");
        }
    });
}

unsafe extern "C" fn on_log(rk: *const rd_kafka_t, level: c_int, topic: *const c_char, line: *const c_char) {
    // SAFETY: may be run by any thread, with strings that live until we return; the client may be half made, its
    // name is there from the beginning.
    let (client, topic, line) = unsafe {
        let name = if rk.is_null() { String::new() } else { text(rd_kafka_name(rk)) };
        (name, CStr::from_ptr(topic).to_string_lossy(), CStr::from_ptr(line).to_string_lossy())
    };
    unharmed(|| {
        // What is asked for by `debug` is told as it is.
        let left_out = match level {
            7.. => Some(0),
            _ => Noise::of_process().is_news(&line, Instant::now()),
        };
        let Some(left_out) = left_out else { return };
        let left_out = (left_out > 0).then_some(left_out);
        match level {
            0..=3 => tracing::error!(target: "librdkafka", client, %topic, left_out, "{line}"),
            4 => tracing::warn!(target: "librdkafka", client, %topic, left_out, "{line}"),
            5 | 6 => tracing::info!(target: "librdkafka", client, %topic, left_out, "{line}"),
            _ => tracing::debug!(target: "librdkafka", client, %topic, "{line}"),
        }
    });
}

/// Says something. Whoever listens is the application's, may panic (standard error is closed, its disk full), and is called from C, through
/// which nothing may unwind.
fn unharmed(say: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(say));
}
