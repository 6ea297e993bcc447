//! What calls return.
//!
//! The generated `rd_kafka_resp_err_t` is a Rust enum that lacks codes which brokers do send (120,
//! `TRANSACTION_ABORTABLE`, for one), and a value outside of an enum is undefined behaviour. So every function and
//! field here that carries such a code is declared, or read, as the `int` it is in C.
//!
//! Knows names and texts of codes, not what follows from them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;

use rdkafka::bindings::{
    rd_kafka_AdminOptions_t, rd_kafka_ConfigResource_t, rd_kafka_NewTopic_t, rd_kafka_conf_t,
    rd_kafka_error_destroy, rd_kafka_error_is_fatal, rd_kafka_error_is_retriable, rd_kafka_error_string,
    rd_kafka_error_t, rd_kafka_event_t, rd_kafka_headers_t, rd_kafka_message_t, rd_kafka_metadata_t,
    rd_kafka_queue_t, rd_kafka_t, rd_kafka_topic_partition_list_t, rd_kafka_topic_result_t, rd_kafka_topic_t,
};

pub(super) type CommitCallback =
    unsafe extern "C" fn(*mut rd_kafka_t, c_int, *mut rd_kafka_topic_partition_list_t, *mut c_void);

pub(super) type RebalanceCallback =
    unsafe extern "C" fn(*mut rd_kafka_t, c_int, *mut rd_kafka_topic_partition_list_t, *mut c_void);

// SAFETY: the declarations of `rdkafka.h`, with `int` for the enum of codes; C makes no difference between the two.
unsafe extern "C" {
    fn rd_kafka_err2name(code: c_int) -> *const c_char;
    fn rd_kafka_err2str(code: c_int) -> *const c_char;
    fn rd_kafka_error_code(error: *const rd_kafka_error_t) -> c_int;
    pub(super) fn rd_kafka_fatal_error(rk: *mut rd_kafka_t, text: *mut c_char, size: usize) -> c_int;
    pub(super) fn rd_kafka_test_fatal_error(rk: *mut rd_kafka_t, code: c_int, reason: *const c_char)
    -> c_int;
    pub(super) fn rd_kafka_conf_set_rebalance_cb(
        conf: *mut rd_kafka_conf_t,
        callback: Option<RebalanceCallback>,
    );
    pub(super) fn rd_kafka_poll_set_consumer(rk: *mut rd_kafka_t) -> c_int;
    pub(super) fn rd_kafka_subscribe(
        rk: *mut rd_kafka_t,
        topics: *const rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_unsubscribe(rk: *mut rd_kafka_t) -> c_int;
    pub(super) fn rd_kafka_consumer_close(rk: *mut rd_kafka_t) -> c_int;
    pub(super) fn rd_kafka_commit_queue(
        rk: *mut rd_kafka_t,
        offsets: *const rd_kafka_topic_partition_list_t,
        answers: *mut rd_kafka_queue_t,
        callback: Option<CommitCallback>,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_message_headers(
        message: *const rd_kafka_message_t,
        headers: *mut *mut rd_kafka_headers_t,
    ) -> c_int;
    pub(super) fn rd_kafka_header_get_all(
        headers: *const rd_kafka_headers_t,
        at: usize,
        name: *mut *const c_char,
        value: *mut *const c_void,
        size: *mut usize,
    ) -> c_int;
    pub(super) fn rd_kafka_header_add(
        headers: *mut rd_kafka_headers_t,
        name: *const c_char,
        name_size: isize,
        value: *const c_void,
        value_size: isize,
    ) -> c_int;
    pub(super) fn rd_kafka_producev(rk: *mut rd_kafka_t, ...) -> c_int;
    pub(super) fn rd_kafka_flush(rk: *mut rd_kafka_t, timeout_ms: c_int) -> c_int;
    pub(super) fn rd_kafka_metadata(
        rk: *mut rd_kafka_t,
        all_topics: c_int,
        only: *mut rd_kafka_topic_t,
        found: *mut *const rd_kafka_metadata_t,
        timeout_ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_topic_result_error(topic: *const rd_kafka_topic_result_t) -> c_int;
    pub(super) fn rd_kafka_ConfigResource_error(resource: *const rd_kafka_ConfigResource_t) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_validate_only(
        options: *mut rd_kafka_AdminOptions_t,
        only_try: c_int,
        words: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_NewTopic_set_config(
        topic: *mut rd_kafka_NewTopic_t,
        name: *const c_char,
        value: *const c_char,
    ) -> c_int;
    pub(super) fn rd_kafka_event_error(event: *mut rd_kafka_event_t) -> c_int;
}

/// A code of librdkafka (below 0) or of a broker (above 0).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Code(pub(in super::super) i32);

impl Code {
    pub(in super::super) const OK: Code = Code(0);
    /// Nobody answered in time: said by the library, and by who stopped to wait for it.
    pub(in super::super) const TIMED_OUT: Code = Code(-185);

    /// As `rdkafka.h` spells it.
    pub(in super::super) fn name(self) -> String {
        // SAFETY: never null; for an unknown code it is a buffer of this thread, which is copied before the next call.
        unsafe { text(rd_kafka_err2name(self.0)) }
    }

    /// In words.
    pub(in super::super) fn text(self) -> String {
        // SAFETY: as above.
        unsafe { text(rd_kafka_err2str(self.0)) }
    }

    /// Reads a field that the bindings declare as an enum.
    ///
    /// # Safety
    /// `field` must point to such a field, initialised by C.
    pub(super) unsafe fn read<E>(field: *const E) -> Code {
        const { assert!(size_of::<E>() == size_of::<i32>()) };
        // SAFETY: the caller's promise; in C the enum is an `int`, and any `int` is a valid `i32`.
        Code(unsafe { field.cast::<i32>().read() })
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(in super::super) struct Fault {
    pub(in super::super) code: Code,
    /// The library's or the broker's words.
    pub(in super::super) text: String,
    /// The client is of no use any more.
    pub(in super::super) fatal: bool,
    /// The same call may succeed later.
    pub(in super::super) retriable: bool,
}

impl Fault {
    /// From a bare code.
    pub(in super::super) fn of(code: Code) -> Fault {
        Fault { code, text: code.text(), fatal: false, retriable: false }
    }

    /// An answer came, and what was asked for is not in it.
    pub(in super::super) fn none() -> Fault {
        const FAIL: Code = Code(-196);
        Fault::of(FAIL)
    }

    /// `Ok` for 0.
    pub(super) fn check(code: c_int) -> Result<(), Fault> {
        if code == 0 { Ok(()) } else { Err(Fault::of(Code(code))) }
    }

    /// Takes an error object that C gave away; null is success.
    ///
    /// # Safety
    /// `error` must be null or an error that the caller owns.
    pub(super) unsafe fn take(error: *mut rd_kafka_error_t) -> Result<(), Fault> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: not null and owned by the promise above; its text lives until it is destroyed, after the copy.
        unsafe {
            let fault = Fault::copy(error);
            rd_kafka_error_destroy(error);
            Err(fault)
        }
    }

    /// Copies an error object that C keeps.
    ///
    /// # Safety
    /// `error` must point to a living error.
    pub(super) unsafe fn copy(error: *const rd_kafka_error_t) -> Fault {
        // SAFETY: the caller's promise.
        unsafe {
            Fault {
                code: Code(rd_kafka_error_code(error)),
                text: text(rd_kafka_error_string(error)),
                fatal: rd_kafka_error_is_fatal(error) != 0,
                retriable: rd_kafka_error_is_retriable(error) != 0,
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Copies a C string; nothing for null.
///
/// # Safety
/// `from` must be null or end with a zero byte.
pub(super) unsafe fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}
