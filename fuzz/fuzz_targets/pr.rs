//! Persistent reservations: reports and parameter lists are read or refused, and what was read is written and read again
//! as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::scsi::Cdb;
use quorate::scsi::reservation::{
    Capabilities, FullStatus, Keys, PrParameters, RegisterAndMove, Reservation, TransportId,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(keys) = Keys::decode(bytes)
        && keys.is_complete()
    {
        assert_eq!(Keys::decode(&keys.encode()), Ok(keys));
    }
    if let Ok(reservation) = Reservation::decode(bytes) {
        assert_eq!(Reservation::decode(&reservation.encode()), Ok(reservation));
    }
    if let Ok(capabilities) = Capabilities::decode(bytes) {
        assert_eq!(Capabilities::decode(&capabilities.encode()).map(|again| again.persist_through_power_loss),
            Ok(capabilities.persist_through_power_loss));
    }
    if let Ok(status) = FullStatus::decode(bytes) {
        for registrant in &status.registrants {
            assert!(!registrant.transport_id.to_string().chars().any(char::is_control));
        }
        let again = FullStatus::decode(&status.encode()).expect("what was read can be written");
        assert_eq!(again.registrants, status.registrants);
    }
    if let Ok(parameters) = PrParameters::decode(bytes) {
        assert_eq!(PrParameters::decode(&parameters.encode()), Ok(parameters));
    }
    if let Ok(parameters) = RegisterAndMove::decode(bytes) {
        assert_eq!(RegisterAndMove::decode(&parameters.encode()), Ok(parameters));
    }
    let _ = TransportId::decode(bytes);
    if let Ok(cdb) = Cdb::parse(bytes) {
        assert_eq!(Cdb::parse(&cdb.encode()), Ok(cdb));
    }
});
