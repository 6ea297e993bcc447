//! The conformance suite of the transport seam.
