//! A stream of iSCSI PDUs: whatever bytes come, framing and decoding end with a value or an error, and what was decoded is
//! sent and read again as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::iscsi::{Digests, FrameReader, Pdu};

fuzz_target!(|input: (bool, bool, &[u8])| {
    let (header, data, bytes) = input;
    let digests = Digests { header, data };
    let mut reader = FrameReader::new(bytes, 4096);
    reader.set_digests(digests);
    while let Ok(frame) = reader.read() {
        let Ok(pdu) = Pdu::decode(frame) else { continue };
        let mut wire = Vec::new();
        pdu.clone().into_frame().write_to(digests, &mut wire).expect("what was read is not too long to be written");
        let mut again = FrameReader::new(&wire[..], 4096);
        again.set_digests(digests);
        assert_eq!(Pdu::decode(again.read().expect("a whole frame")), Ok(pdu));
    }
});
