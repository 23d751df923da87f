//! SCSI bytes to types and back: CDBs, sense data, INQUIRY and VPD pages, persistent reservations. Knows nothing of sockets.
