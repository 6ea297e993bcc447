//! What all databases of a process share: memory, threads, options.
//!
//! A store and partition is a database of its own, and there may be a thousand of them. So nothing is sized by
//! database: one cache holds the blocks of all, index and filter blocks included, and the write buffers are counted
//! in it; one pair of thread pools flushes and compacts for all; a write buffer is small and grows in small steps.
//!
//! Otherwise the options are those of Kafka Streams' `RocksDBStore`: no compression, bloom filters, blocks of 4 KiB,
//! universal compaction. Other than there, the write-ahead log is on: a store that loses its last writes, but not its
//! offset, would have to be thrown away. It is not synced: a killed process loses nothing, a power cut a suffix.
//!
//! It does not know stores.

use rocksdb::{
    BlockBasedOptions, Cache, DBCompactionStyle, DBCompressionType, DBRecoveryMode, Env, InfoLogger,
    LogLevel, Options, WriteBufferManager,
};

/// How much memory the stores of a process share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskMemory {
    /// Blocks, index and filter blocks and write buffers of all stores together, in bytes. What does not fit is read
    /// from the files again.
    pub bytes: usize,
}

impl Default for DiskMemory {
    /// 64 MiB.
    fn default() -> Self {
        DiskMemory { bytes: 64 << 20 }
    }
}

/// Shared by all databases of a process.
pub(crate) struct Shared {
    pub(super) options: Options,
    buffers: WriteBufferManager,
    /// What write buffers may take, those included that are being flushed.
    most: usize,
}

/// A database's write buffer, if there is memory for sixteen of them. Kafka Streams takes 16 MB; a thousand stores could
/// not.
const WRITE_BUFFER: usize = 4 << 20;

/// What a write buffer grows by. The default, an eighth of it, would be charged at the first write.
const ARENA_BLOCK: usize = 16 << 10;

/// What a log grows by on the disk. The default, a write buffer and a tenth, would be four gigabytes of disk for a
/// thousand stores with a row each.
const LOG_BLOCK: u64 = 256 << 10;

/// What is read ahead and written at once of a file.
const FILE_BUFFER: u64 = 256 << 10;

/// Open files of one database; the least used ones are closed.
const OPEN_FILES: i32 = 64;

/// Threads that flush, and threads that compact, for all databases.
const FLUSHING: i32 = 1;
const COMPACTING: i32 = 2;

impl Shared {
    pub(crate) fn new(memory: DiskMemory) -> Result<Shared, rocksdb::Error> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);

        options.set_compression_type(DBCompressionType::None);
        options.set_compaction_style(DBCompactionStyle::Universal);
        options.set_write_buffer_size((memory.bytes / 16).clamp(ARENA_BLOCK, WRITE_BUFFER));
        options.set_max_write_buffer_number(3);
        options.set_arena_block_size(ARENA_BLOCK);
        options.set_max_open_files(OPEN_FILES);
        // For each file that a compaction reads, and for each that is written. The defaults, two megabytes and one, would
        // be as much as all write buffers together.
        options.set_compaction_readahead_size(FILE_BUFFER as usize);
        options.set_writable_file_max_buffer_size(FILE_BUFFER);
        // With one column family it limits nothing but what is allocated ahead.
        options.set_max_total_wal_size(LOG_BLOCK);
        // Four megabytes of disk for each database otherwise.
        options.set_manifest_preallocation_size(64 << 10);
        // Opening a thousand databases must not read a thousand tables.
        options.set_skip_stats_update_on_db_open(true);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);

        let cache = Cache::new_lru_cache(memory.bytes);
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&cache);
        blocks.set_block_size(4 << 10);
        blocks.set_bloom_filter(10.0, false);
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        options.set_block_based_table_factory(&blocks);
        // It begins flushes. Its own way of waiting for them would be a trap: who waits there flushes nothing himself,
        // and buffers of stores that nobody writes to are flushed by nobody. So who writes waits for what is his.
        let most = memory.bytes / 2;
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(most, false, cache);
        options.set_write_buffer_manager(&buffers);

        let mut env = Env::new()?;
        env.set_background_threads(COMPACTING);
        env.set_high_priority_background_threads(FLUSHING);
        options.set_env(&env);
        options.set_max_background_jobs(FLUSHING + COMPACTING);
        // Instead of a LOG file in each directory.
        options.set_info_logger(InfoLogger::new_callback_logger(
            LogLevel::Error,
            |level, text| match level {
                LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "rocksdb", "{}", text.trim()),
                // All its options, at every open, whatever level is asked for.
                _ => tracing::trace!(target: "rocksdb", "{}", text.trim()),
            },
        ));
        Ok(Shared { options, buffers, most })
    }

    /// True if write buffers take more than they may: more is written than is flushed.
    pub(super) fn is_full(&self) -> bool {
        self.buffers.get_usage() > self.most
    }
}
