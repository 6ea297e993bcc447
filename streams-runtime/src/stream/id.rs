//! Who an item is: its path for comparing, its name for people.

/// The identity of an item. Items are the same if their paths are; people read the name.
#[derive(Clone, Copy, Debug)]
pub struct Id {
    /// `module::name`, unique in a program.
    pub path: &'static str,
    /// What messages, stores and internal topics are called after.
    pub name: &'static str,
    /// Hash of the path, so that const evaluation compares numbers.
    pub hash: u64,
    /// Hash of the name.
    pub name_hash: u64,
}

impl Id {
    /// An identity from a path and a name.
    pub const fn new(path: &'static str, name: &'static str) -> Id {
        Id { path, name, hash: hash(path), name_hash: hash(name) }
    }
}

/// FNV-1a, because it is short and const. 64 bits over the few hundred paths of a program do not collide.
pub(crate) const fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (mut hash, mut i) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x100_0000_01b3);
        i += 1;
    }
    hash
}

/// What kind of stream something is; const checks name both sides with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A topic.
    Topic,
    /// What a processor emits.
    Stream,
    /// The updates of a table.
    Table,
    /// A split, which is read branch by branch.
    Split,
    /// Nobody knows: a stand-in after an error.
    Unknown,
}
