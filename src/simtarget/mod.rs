//! An iSCSI target inside the process, with persistent reservations and named faults, for the demonstration and for tests.
