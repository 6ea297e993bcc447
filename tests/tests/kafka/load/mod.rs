//! Much of everything: partitions, tasks, rows, bytes, and steps that take their time. A process takes no more memory than
//! `docs/settings.md` says, whatever comes in.

mod many;
mod slow;

use streams_tests::broker::application::Application;

/// Those settings of an application that bound its memory, and how many stores it has open.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `memory.max.bytes`, in MiB.
    pub memory_mib: u64,
    /// `num.stream.threads`.
    pub threads: u64,
    /// `consumer.queued.max.messages.kbytes`.
    pub fetched_kib: u64,
    /// `consumer.fetch.max.bytes`, in KiB.
    pub answer_kib: u64,
    /// `producer.queue.buffering.max.kbytes`.
    pub sent_kib: u64,
    /// Stores, each partition by itself.
    pub stores: u64,
    /// The size of a record, in KiB, where that is much.
    pub record_kib: u64,
}

impl Limits {
    /// As they are unless somebody says otherwise.
    pub const DEFAULT: Limits = Limits {
        memory_mib: 256,
        threads: 1,
        fetched_kib: 4_096,
        answer_kib: 8_192,
        sent_kib: 32_768,
        stores: 0,
        record_kib: 0,
    };

    /// The least memory there can be, with short queues.
    pub const SMALL: Limits =
        Limits { memory_mib: 16, fetched_kib: 1_024, answer_kib: 1_024, sent_kib: 4_096, ..Limits::DEFAULT };

    /// From the next start on the application has these.
    pub fn set(&self, app: &mut Application) {
        let settings = [
            ("memory.max.bytes", self.memory_mib << 20),
            ("num.stream.threads", self.threads),
            ("consumer.queued.max.messages.kbytes", self.fetched_kib),
            ("consumer.fetch.max.bytes", self.answer_kib << 10),
            ("producer.queue.buffering.max.kbytes", self.sent_kib),
        ];
        for (setting, value) in settings {
            app.set(setting, &value.to_string());
        }
    }

    /// The sum that stands in `docs/settings.md`, in bytes.
    fn most(&self) -> u64 {
        let thread_kib = 4 * self.fetched_kib + self.answer_kib + 3 * self.sent_kib + 4 * 1_024;
        let kib = self.memory_mib * 1_024 + self.threads * thread_kib + self.stores * 200 + 24 * 1_024;
        (kib + 4 * self.record_kib) * 1_024
    }

    /// The process has not taken more than it may in this run.
    #[track_caller]
    pub fn check(&self, what: &str, app: &Application) {
        let (peak, most) = (app.peak_memory(), self.most());
        println!("{what}: {} of {} MB", peak >> 20, most >> 20);
        assert!(peak < most, "{what}: {} of {} MB", peak >> 20, most >> 20);
    }
}
