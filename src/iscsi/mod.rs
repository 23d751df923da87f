//! An RFC 7143 initiator in user space: PDUs, login, CHAP, discovery, sessions. Knows nothing of clusters.
