//! Where the keys of a stream were last laid out over partitions.
//!
//! A lineage never is an error by itself; a join or a store that needs keys in their places checks it.

/// How the records of a stream are spread over partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// By key over so many partitions, as declared.
    Count(u32),
    /// By key over the partitions of a topic whose declaration does not say how many; compared at start-up.
    Undeclared,
    /// By key over an internal topic that takes the count of its partner.
    Auto,
    /// Not by key: this step changed it.
    Rekeyed {
        /// The step's name.
        by: &'static str,
    },
    /// Merged from topics of unlike counts.
    Mixed(u32, u32),
}

impl Lineage {
    /// Of two streams merged into one.
    pub const fn merge(self, other: Lineage) -> Lineage {
        match (self, other) {
            (Lineage::Rekeyed { by }, _) | (_, Lineage::Rekeyed { by }) => Lineage::Rekeyed { by },
            (Lineage::Mixed(a, b), _) | (_, Lineage::Mixed(a, b)) => Lineage::Mixed(a, b),
            (Lineage::Count(a), Lineage::Count(b)) if a != b => Lineage::Mixed(a, b),
            (Lineage::Count(n), _) | (_, Lineage::Count(n)) => Lineage::Count(n),
            (Lineage::Undeclared, _) | (_, Lineage::Undeclared) => Lineage::Undeclared,
            (Lineage::Auto, Lineage::Auto) => Lineage::Auto,
        }
    }

    /// After a `repartition`, with or without a count.
    pub const fn repartitioned(partitions: Option<u32>) -> Lineage {
        match partitions {
            Some(n) => Lineage::Count(n),
            None => Lineage::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lineage::*;

    #[test]
    fn a_merge_remembers_the_worst_of_both() {
        assert_eq!(Count(4).merge(Count(4)), Count(4));
        assert_eq!(Count(4).merge(Count(6)), Mixed(4, 6));
        assert_eq!(Count(4).merge(Undeclared), Count(4));
        assert_eq!(Auto.merge(Undeclared), Undeclared);
        assert_eq!(Count(4).merge(Rekeyed { by: "f" }), Rekeyed { by: "f" });
        assert_eq!(Mixed(1, 2).merge(Auto), Mixed(1, 2));
    }
}
