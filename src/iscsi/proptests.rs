//! No bytes make the framing, the PDUs or the key lists panic, and what is encoded decodes to itself.

use proptest::prelude::*;

use super::frame::{Digests, Frame, FrameReader};
use super::pdu::Pdu;
use super::portal::Portal;
use super::text::Keys;

fn digests() -> impl Strategy<Value = Digests> {
    any::<[bool; 2]>().prop_map(|[header, data]| Digests { header, data })
}

const OPCODES: [u8; 18] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32,
    0x3f,
];

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), digests in digests()) {
        let mut reader = FrameReader::new(&bytes[..], 256);
        reader.set_digests(digests);
        while let Ok(frame) = reader.read() {
            if let Ok(pdu) = Pdu::decode(frame) {
                let _ = pdu.name();
                if let Pdu::ScsiResponse(response) = &pdu {
                    let _ = response.sense();
                }
                if let Pdu::Reject(reject) = &pdu {
                    let _ = reject.rejected_tag();
                }
                let _ = pdu.into_frame();
            }
        }
        let _ = Keys::decode(&bytes);
        let _ = Portal::parse_address(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn every_pdu_survives(opcode in prop::sample::select(&OPCODES[..]), mut header in any::<[[u8; 16]; 3]>(),
        data in proptest::collection::vec(any::<u8>(), 0..50), digests in digests()) {
        header[0][0] = opcode;
        let frame = Frame { header: header.concat().try_into().unwrap(), additional: Vec::new(), data };
        // Reserved bits are gone after the first decoding; from then on nothing changes any more.
        let pdu = Pdu::decode(frame).unwrap();
        let mut wire = Vec::new();
        pdu.clone().into_frame().write_to(digests, &mut wire).unwrap();
        prop_assert_eq!(wire.len() % 4, 0);
        let mut reader = FrameReader::new(&wire[..], 256);
        reader.set_digests(digests);
        prop_assert_eq!(Pdu::decode(reader.read().unwrap()).unwrap(), pdu);
    }

    #[test]
    fn keys_survive(pairs in proptest::collection::vec(("[A-Za-z_-]{1,20}", "[ -~]{0,40}"), 0..10)) {
        let keys: Keys = pairs.into_iter().collect();
        prop_assert_eq!(Keys::decode(&keys.encode()), Ok(keys));
    }
}
