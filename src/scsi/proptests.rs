//! No bytes make a decoder panic, and what is encoded decodes to itself.

use proptest::prelude::*;

use super::capacity::Capacity;
use super::cdb::{Cdb, Form, PrIn, PrOut};
use super::identity::{Association, Designator, canonical};
use super::inquiry::Inquiry;
use super::luns::{Lun, ReportLuns};
use super::mode::ModeParameters;
use super::ports::PortGroups;
use super::reservation::{
    Capabilities, FullStatus, Holder, Key, Keys, PrParameters, RegisterAndMove, Registrant, Reservation,
    TransportId,
};
use super::sense::{Sense, SenseFormat, SenseKey};
use super::vpd::{
    BlockCharacteristics, BlockLimits, DeviceIdentification, Provisioning, SupportedPages, UnitSerial,
    page_bytes,
};

/// Decodes the bytes as everything this room knows; what was decoded must encode to something that decodes to itself.
fn decode_all(bytes: &[u8]) {
    macro_rules! both_ways {
        ($($name:ty: ($($argument:expr)?)),* $(,)?) => {
            $(if let Ok(value) = <$name>::decode(bytes) {
                assert_eq!(<$name>::decode(&value.encode($($argument)?)), Ok(value));
            })*
        };
    }
    both_ways!(
        SupportedPages: (0),
        UnitSerial: (0),
        DeviceIdentification: (0),
        BlockLimits: (0),
        BlockCharacteristics: (0),
        Provisioning: (0),
        PortGroups: (),
        Reservation: (),
        PrParameters: (),
        RegisterAndMove: (),
        Sense: (),
    );
    if let Ok(sense) = Sense::decode(bytes) {
        assert!(!sense.to_string().is_empty());
    }
    for identity in DeviceIdentification::decode(bytes).iter().flat_map(DeviceIdentification::identities) {
        assert!(!identity.chars().any(char::is_control), "{identity:?}");
        assert_eq!(canonical(&identity), identity);
    }
    if let Ok(status) = FullStatus::decode(bytes) {
        let again = FullStatus::decode(&status.encode()).unwrap();
        assert_eq!(again.registrants, status.registrants);
        assert!(!again.registrants.iter().any(|one| one.transport_id.to_string().contains(char::is_control)));
    }
    if let Ok(inquiry) = Inquiry::decode(bytes) {
        assert_eq!(Inquiry::decode(&inquiry.encode()), Ok(inquiry));
    }
    if let Ok(cdb) = Cdb::parse(bytes) {
        assert!(!cdb.name().is_empty());
        assert_eq!(Cdb::parse(&cdb.encode()), Ok(cdb));
    }
    let _ = page_bytes(bytes);
    let _ = Capacity::decode10(bytes);
    let _ =
        Capacity::decode16(bytes).map(|capacity| (capacity.size_bytes(), capacity.physical_block_bytes()));
    let _ = ReportLuns::decode(bytes).map(|report| (report.is_complete(), report.encode()));
    let _ = ModeParameters::decode6(bytes).map(|mode| (mode.page(8).map(<[u8]>::len), mode.encode6()));
    let _ = ModeParameters::decode10(bytes).map(|mode| (mode.page(8).map(<[u8]>::len), mode.encode10()));
    let _ = Keys::decode(bytes).map(|keys| (keys.is_complete(), keys.encode()));
    let _ = Capabilities::decode(bytes).map(|capabilities| capabilities.encode());
    let _ = TransportId::decode(bytes).map(|(id, _)| id.to_string());
    let _ = canonical(&String::from_utf8_lossy(bytes));
}

fn transport_id() -> impl Strategy<Value = TransportId> {
    prop_oneof![
        ("iqn\\.[a-z0-9:.-]{1,60}", any::<Option<[u8; 6]>>())
            .prop_map(|(name, isid)| TransportId::Iscsi { name, isid }),
        any::<[u8; 24]>().prop_filter_map("iSCSI has its own form", |bytes| {
            (bytes[0] & 0x0f != 5).then_some(TransportId::Other { bytes })
        }),
    ]
}

fn registrant() -> impl Strategy<Value = Registrant> {
    (any::<u64>(), any::<bool>(), proptest::option::of((0..16u8, 0..16u8)), any::<u16>(), transport_id())
        .prop_map(|(key, all_target_ports, holds, relative_port, transport_id)| Registrant {
            key: Key(key),
            all_target_ports,
            holds,
            relative_port,
            transport_id,
        })
}

fn cdb() -> impl Strategy<Value = Cdb> {
    let transfer = (
        prop_oneof![Just(Form::Six), Just(Form::Ten), Just(Form::Sixteen)],
        any::<u64>(),
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(form, lba, blocks, fua)| match form {
            Form::Six => (form, lba & 0x1f_ffff, blocks % 256 + 1, false),
            Form::Ten => (form, lba & 0xffff_ffff, blocks & 0xffff, fua),
            Form::Sixteen => (form, lba, blocks, fua),
        });
    prop_oneof![
        Just(Cdb::TestUnitReady),
        (any::<Option<u8>>(), any::<u16>()).prop_map(|(page, alloc)| Cdb::Inquiry { page, alloc }),
        (any::<bool>(), any::<u8>()).prop_map(|(descriptor, alloc)| Cdb::RequestSense { descriptor, alloc }),
        (any::<bool>(), any::<[u8; 3]>()).prop_map(|(disable_block_descriptors, [page, subpage, alloc])| {
            Cdb::ModeSense6 { disable_block_descriptors, page, subpage, alloc }
        }),
        (any::<bool>(), any::<[u8; 2]>(), any::<u16>()).prop_map(
            |(disable_block_descriptors, [page, subpage], alloc)| {
                Cdb::ModeSense10 { disable_block_descriptors, page, subpage, alloc }
            }
        ),
        (any::<[bool; 3]>(), 0..16u8).prop_map(|([immediate, load_eject, start], power_condition)| {
            Cdb::StartStopUnit { immediate, power_condition, load_eject, start }
        }),
        any::<bool>().prop_map(|prevent| Cdb::PreventAllowMediumRemoval { prevent }),
        any::<u32>().prop_map(|alloc| Cdb::ReadCapacity16 { alloc }),
        transfer.clone().prop_map(|(form, lba, blocks, fua)| Cdb::Read { form, lba, blocks, fua }),
        transfer.prop_map(|(form, lba, blocks, fua)| Cdb::Write { form, lba, blocks, fua }),
        (any::<u32>(), any::<u16>(), 0..4u8).prop_map(|(lba, blocks, byte_check)| Cdb::Verify10 {
            lba,
            blocks,
            byte_check
        }),
        (any::<u32>(), any::<u16>(), any::<bool>())
            .prop_map(|(lba, blocks, immediate)| Cdb::SynchronizeCache10 { lba, blocks, immediate }),
        (any::<u32>(), any::<u16>(), any::<bool>()).prop_map(|(lba, blocks, unmap)| Cdb::WriteSame10 {
            lba,
            blocks,
            unmap
        }),
        (any::<u64>(), any::<u32>(), any::<[bool; 2]>())
            .prop_map(|(lba, blocks, [unmap, no_data])| Cdb::WriteSame16 { lba, blocks, unmap, no_data }),
        (any::<u64>(), any::<u8>(), any::<bool>()).prop_map(|(lba, blocks, fua)| Cdb::CompareAndWrite {
            lba,
            blocks,
            fua
        }),
        (any::<bool>(), any::<u16>()).prop_map(|(anchor, length)| Cdb::Unmap { anchor, length }),
        (0..4u8, any::<u16>()).prop_map(|(action, alloc)| Cdb::PersistentReserveIn {
            action: PrIn::from_code(action).unwrap(),
            alloc
        }),
        (0..9u8, 0..16u8, 0..16u8, any::<u32>()).prop_map(|(action, scope, kind, length)| {
            Cdb::PersistentReserveOut { action: PrOut::from_code(action).unwrap(), scope, kind, length }
        }),
        (any::<u8>(), any::<u32>()).prop_map(|(select, alloc)| Cdb::ReportLuns { select, alloc }),
        (any::<bool>(), any::<u32>())
            .prop_map(|(extended, alloc)| Cdb::ReportTargetPortGroups { extended, alloc }),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        decode_all(&bytes);
    }

    #[test]
    fn no_page_with_a_true_header_panics(code in prop_oneof![Just(0u8), Just(0x80), Just(0x83), Just(0xb0), Just(0xb1), Just(0xb2)],
        mut bytes in proptest::collection::vec(any::<u8>(), 4..120)) {
        bytes[1] = code;
        let length = u16::try_from(bytes.len() - 4).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        decode_all(&bytes);
    }

    #[test]
    fn cdbs_survive(cdb in cdb()) {
        prop_assert_eq!(Cdb::parse(&cdb.encode()), Ok(cdb));
    }

    #[test]
    fn luns_survive(number in any::<u32>()) {
        prop_assert_eq!(Lun::new(number).number(), Some(number));
    }

    #[test]
    fn sense_survives(descriptor in any::<bool>(), deferred in any::<bool>(), codes in any::<[u8; 3]>(), information in any::<Option<u32>>(),
        specific in any::<Option<[u8; 3]>>()) {
        let sense = Sense {
            format: if descriptor { SenseFormat::Descriptor } else { SenseFormat::Fixed },
            deferred,
            key: SenseKey::from_nibble(codes[0]),
            asc: codes[1],
            ascq: codes[2],
            information: information.map(u64::from),
            specific: specific.map(|[a, b, c]| [a & 0x7f, b, c]),
        };
        prop_assert_eq!(Sense::decode(&sense.encode()), Ok(sense));
    }

    #[test]
    fn full_status_survives_and_every_cut_is_seen(generation in any::<u32>(), registrants in proptest::collection::vec(registrant(), 0..5)) {
        let status = FullStatus::new(generation, registrants);
        let bytes = status.encode();
        prop_assert_eq!(FullStatus::decode(&bytes), Ok(status));
        for cut in 8..bytes.len() {
            if let Ok(part) = FullStatus::decode(&bytes[..cut]) {
                prop_assert!(!part.is_complete());
            }
        }
    }

    #[test]
    fn reservations_survive(generation in any::<u32>(), held in any::<Option<(u64, u8)>>()) {
        let holder = held.map(|(key, byte)| Holder { key: Key(key), scope: byte >> 4, kind: byte & 0x0f });
        let reservation = Reservation { generation, holder };
        prop_assert_eq!(Reservation::decode(&reservation.encode()), Ok(reservation));
    }

    #[test]
    fn parameter_lists_survive(keys in any::<[u64; 2]>(), flags in any::<[bool; 2]>(),
        ports in proptest::option::of(proptest::collection::vec(transport_id(), 0..4))) {
        let list = PrParameters {
            key: Key(keys[0]),
            action_key: Key(keys[1]),
            all_target_ports: flags[0],
            persist_through_power_loss: flags[1],
            initiator_ports: ports,
        };
        prop_assert_eq!(PrParameters::decode(&list.encode()), Ok(list));
    }

    #[test]
    fn designators_survive(protocol in proptest::option::of(0..16u8), code_set in 0..16u8, association in 0..4u8, kind in 0..16u8,
        value in proptest::collection::vec(any::<u8>(), 0..80)) {
        let association = [Association::LogicalUnit, Association::TargetPort, Association::TargetDevice, Association::Reserved]
            [usize::from(association)];
        let page = DeviceIdentification(vec![Designator { protocol, code_set, association, kind, value }]);
        prop_assert_eq!(DeviceIdentification::decode(&page.encode(0)), Ok(page));
    }

    #[test]
    fn canonical_spelling_is_stable(text in "[ -~]{0,40}") {
        let once = canonical(&text);
        prop_assert_eq!(canonical(&once), once);
    }
}
