//! Sense data: it is read or refused, and what was read is written and read again as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::scsi::Sense;
use quorate::scsi::sense::SenseFormat;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sense) = Sense::decode(bytes) {
        assert!(!sense.to_string().is_empty());
        let fits = sense.format == SenseFormat::Descriptor || sense.information.is_none_or(|n| u32::try_from(n).is_ok());
        if fits {
            assert_eq!(Sense::decode(&sense.encode()), Ok(sense));
        }
    }
});
