//! What a driver may be told before it starts.
//!
//! Knows the choices and their defaults. How each is kept is the worker's business.

use super::{Driver, DriverError};
use crate::guarantee::Guarantee;
use crate::state::OverlayLimit;
use crate::topology::Topology;

/// A [`Driver`] before it starts.
///
/// ```
/// use streams_runtime::prelude::*;
/// use streams_runtime::{Driver, Guarantee};
///
/// #[topic(name = "in", key = String, value = String)]
/// struct In;
/// #[topic(name = "out", key = String, value = String)]
/// struct Out;
/// #[processor(from = In, map_values, to = Out)]
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
/// topology!(Shouting = [shout]);
///
/// let driver = Driver::builder(Shouting::graph()).guarantee(Guarantee::AtLeastOnce).start()?;
/// driver.input::<In>().pipe("k", "hello")?;
/// assert_eq!(driver.output::<Out>().read_all(), [(Some("k".to_owned()), Some("HELLO".to_owned()))]);
/// # Ok::<(), streams_runtime::DriverError>(())
/// ```
pub struct DriverBuilder {
    topology: Topology,
    overlay: OverlayLimit,
    guarantee: Guarantee,
}

impl DriverBuilder {
    pub(super) fn new(topology: Topology) -> Self {
        DriverBuilder { topology, overlay: OverlayLimit::UNBOUNDED, guarantee: Guarantee::default() }
    }

    /// What is promised (`processing.guarantee`); exactly once if nothing is said: outputs, changelogs and offsets of
    /// what was piped are one transaction. At least once: they are written one after the other, without one.
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// How many rows each store keeps typed; all of them if nothing is said. With none, every access to a row goes
    /// through its format, which shows values that are not what encoding and decoding makes of them.
    pub fn overlay(mut self, overlay: OverlayLimit) -> Self {
        self.overlay = overlay;
        self
    }

    /// Starts it. Topics have the partitions they declare, or one.
    ///
    /// # Errors
    /// If the topics do not fit.
    pub fn start(self) -> Result<Driver, DriverError> {
        Driver::started(self.topology, self.overlay, self.guarantee)
    }
}
