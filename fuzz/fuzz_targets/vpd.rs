//! INQUIRY, vital product data and the other answers of an inspection: read or refused, identities printable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::scsi::capacity::Capacity;
use quorate::scsi::identity::canonical;
use quorate::scsi::inquiry::Inquiry;
use quorate::scsi::luns::ReportLuns;
use quorate::scsi::mode::ModeParameters;
use quorate::scsi::ports::PortGroups;
use quorate::scsi::vpd::{
    BlockCharacteristics, BlockLimits, DeviceIdentification, Provisioning, SupportedPages, UnitSerial,
};

fn printable(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(inquiry) = Inquiry::decode(bytes) {
        for text in [&inquiry.vendor, &inquiry.product, &inquiry.revision] {
            printable(text);
        }
    }
    if let Ok(page) = DeviceIdentification::decode(bytes) {
        for identity in page.identities() {
            printable(&identity);
            assert_eq!(canonical(&identity), identity);
        }
        let _ = (page.relative_port(), page.port_group());
        assert_eq!(DeviceIdentification::decode(&page.encode(0)), Ok(page));
    }
    if let Ok(UnitSerial(serial)) = UnitSerial::decode(bytes) {
        printable(&serial);
    }
    if let Ok(groups) = PortGroups::decode(bytes) {
        assert_eq!(PortGroups::decode(&groups.encode()), Ok(groups));
    }
    if let Ok(report) = ReportLuns::decode(bytes) {
        for lun in &report.luns {
            printable(&lun.to_string());
        }
    }
    let _ = SupportedPages::decode(bytes);
    let _ = BlockLimits::decode(bytes).map(|page| assert_eq!(BlockLimits::decode(&page.encode(0)), Ok(page)));
    let _ = BlockCharacteristics::decode(bytes);
    let _ = Provisioning::decode(bytes).map(|page| assert_eq!(Provisioning::decode(&page.encode(0)), Ok(page)));
    let _ = Capacity::decode10(bytes);
    let _ = Capacity::decode16(bytes).map(|capacity| (capacity.size_bytes(), capacity.physical_block_bytes()));
    let _ = ModeParameters::decode6(bytes).map(|mode| mode.page(8).map(<[u8]>::len));
    let _ = ModeParameters::decode10(bytes).map(|mode| mode.page(8).map(<[u8]>::len));
});
