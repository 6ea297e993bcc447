//! What is promised about records that were processed when something failed.
//!
//! Knows the two promises. How they are kept is the business of `commit`.

/// The processing guarantee (`processing.guarantee` of Kafka Streams).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guarantee {
    /// Output records, changelogs and input offsets are committed together, in one transaction, or not at all
    /// (`exactly_once_v2`). The default.
    #[default]
    ExactlyOnce,
    /// A record may be processed again after a failure: its outputs are then written twice, and what it changed in
    /// a store is changed twice.
    AtLeastOnce,
}

impl Guarantee {
    /// Kafka Streams' name of it.
    pub fn name(self) -> &'static str {
        match self {
            Guarantee::ExactlyOnce => "exactly_once_v2",
            Guarantee::AtLeastOnce => "at_least_once",
        }
    }

    /// The guarantee of this name.
    pub fn named(name: &str) -> Option<Guarantee> {
        [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce]
            .into_iter()
            .find(|guarantee| guarantee.name() == name)
    }
}
