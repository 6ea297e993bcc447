//! Lists of partitions, with offsets and metadata.

use std::ffi::{CStr, CString, c_int};
use std::ptr::NonNull;

use rdkafka::bindings::{
    RD_KAFKA_OFFSET_INVALID, rd_kafka_mem_malloc, rd_kafka_topic_partition_list_add,
    rd_kafka_topic_partition_list_destroy, rd_kafka_topic_partition_list_new,
    rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_t,
};

use super::codes::Code;

/// Topic, partition, and what belongs to it.
pub(in super::super) struct PartitionList(NonNull<rd_kafka_topic_partition_list_t>);

/// One element.
pub(in super::super) struct Element<'l> {
    pub(in super::super) topic: &'l str,
    pub(in super::super) partition: i32,
    pub(in super::super) offset: i64,
    pub(in super::super) metadata: &'l [u8],
    pub(in super::super) code: Code,
}

impl Element<'_> {
    /// The offset, unless it stands for none.
    pub(in super::super) fn real_offset(&self) -> Option<i64> {
        (self.offset >= 0).then_some(self.offset)
    }
}

impl PartitionList {
    pub(in super::super) fn new() -> Self {
        // SAFETY: takes a size hint only; the library ends the process when memory is out, so it is not null.
        let list = unsafe { rd_kafka_topic_partition_list_new(8) };
        PartitionList(NonNull::new(list).expect("librdkafka gives a list"))
    }

    /// Adds a partition without an offset (or a topic: then any partition).
    pub(in super::super) fn push(&mut self, topic: &str, partition: i32) {
        self.push_at(topic, partition, RD_KAFKA_OFFSET_INVALID.into());
    }

    pub(in super::super) fn push_at(&mut self, topic: &str, partition: i32, offset: i64) {
        self.add(topic, partition, offset);
    }

    /// Adds a partition with an offset and what is to be stored with it.
    pub(in super::super) fn push_with(&mut self, topic: &str, partition: i32, offset: i64, metadata: &[u8]) {
        let element = self.add(topic, partition, offset);
        if metadata.is_empty() {
            return;
        }
        // SAFETY: the library frees the metadata with the list, so it must come from its allocator, which needs no
        // client (null is allowed) and never returns null; the copy stays within both; `element` is valid until the
        // next element is added.
        unsafe {
            let copy = rd_kafka_mem_malloc(std::ptr::null_mut(), metadata.len());
            std::ptr::copy_nonoverlapping(metadata.as_ptr(), copy.cast(), metadata.len());
            (*element).metadata = copy;
            (*element).metadata_size = metadata.len();
        }
    }

    fn add(&mut self, topic: &str, partition: i32, offset: i64) -> *mut rd_kafka_topic_partition_t {
        let topic = c_string(topic);
        // SAFETY: the list is ours, the name is copied, and the element returned is never null.
        unsafe {
            let element = rd_kafka_topic_partition_list_add(self.0.as_ptr(), topic.as_ptr(), partition);
            (*element).offset = offset;
            element
        }
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        // SAFETY: the list is ours and initialised.
        unsafe { self.0.as_ref() }.cnt == 0
    }

    pub(super) fn as_ptr(&self) -> *mut rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: ours, and not used after.
        unsafe { rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) }
    }
}

/// The elements of a list that somebody else owns; null has none.
///
/// # Safety
/// The list must live, unchanged, as long as the elements are used.
pub(super) unsafe fn elements<'l>(
    list: *const rd_kafka_topic_partition_list_t,
) -> impl Iterator<Item = Element<'l>> {
    // SAFETY: the caller's promise.
    let (first, count) = match list.is_null() {
        true => (std::ptr::null_mut(), 0),
        false => unsafe { ((*list).elems, (*list).cnt as usize) },
    };
    // SAFETY: `at` stays below the count.
    (0..count).map(move |at| unsafe { element(first.add(at)) })
}

/// # Safety
/// The element must live, unchanged, as long as what is returned is used.
pub(super) unsafe fn element<'l>(at: *const rd_kafka_topic_partition_t) -> Element<'l> {
    // SAFETY: the caller's promise; names are strings of the library's own, metadata has the size it says.
    unsafe {
        let metadata = match (*at).metadata.is_null() || (*at).metadata_size == 0 {
            true => &[][..],
            false => std::slice::from_raw_parts((*at).metadata.cast::<u8>(), (*at).metadata_size),
        };
        Element {
            topic: CStr::from_ptr((*at).topic).to_str().unwrap_or_default(),
            partition: (*at).partition,
            offset: (*at).offset,
            metadata,
            code: Code::read(&raw const (*at).err),
        }
    }
}

/// A name for C. Topics, groups and ids have no zero bytes: one that has is cut there, and then is unknown to the
/// broker under that name.
pub(super) fn c_string(name: &str) -> CString {
    let end = name.find('\0').unwrap_or(name.len());
    CString::new(&name[..end]).unwrap_or_default()
}

/// Milliseconds as C takes them.
pub(super) fn c_ms(ms: u64) -> c_int {
    c_int::try_from(ms).unwrap_or(c_int::MAX)
}
