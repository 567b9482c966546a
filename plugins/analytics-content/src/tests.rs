//! The report as the host runs it.
