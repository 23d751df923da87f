//! Facts of shared storage: targets, portals, logical units, and the reservations on them.

use super::conformance::{Conformance, LunTest};
use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::node::Startup;
use super::units::{Bytes, Micros};
use crate::{choices, records};

choices! {
    /// How a disk is attached.
    DiskTransport {
        /// iSCSI.
        Iscsi = "iscsi",
        /// Fibre Channel.
        Fc = "fc",
        /// Fibre Channel over Ethernet.
        Fcoe = "fcoe",
        /// SAS.
        Sas = "sas",
        /// SATA.
        Sata = "sata",
        /// IDE.
        Ide = "ide",
        /// Parallel SCSI.
        Spi = "spi",
        /// NVMe.
        Nvme = "nvme",
        /// USB.
        Usb = "usb",
        /// A virtual disk.
        Virtual = "virtual",
        /// Something else.
        Other = "other",
    }

    /// What a LUN is for.
    LunRole {
        /// It gives a vote.
        Witness = "witness",
        /// It carries the data of the services.
        Data = "data",
        /// The plan does not name it.
        Unplanned = "unplanned",
    }

    /// Type of a persistent reservation (SPC-4, table 60).
    ReservationType {
        /// 1h.
        WriteExclusive = "write-exclusive",
        /// 3h.
        ExclusiveAccess = "exclusive-access",
        /// 5h.
        WriteExclusiveRegistrantsOnly = "write-exclusive-registrants-only",
        /// 6h.
        ExclusiveAccessRegistrantsOnly = "exclusive-access-registrants-only",
        /// 7h.
        WriteExclusiveAllRegistrants = "write-exclusive-all-registrants",
        /// 8h.
        ExclusiveAccessAllRegistrants = "exclusive-access-all-registrants",
    }
}

records! {
    /// A storage target.
    Target key name {
        /// Its iSCSI name.
        name: String,
        /// Whether discovery through its first portal named it; missing when discovery was not answered.
        discovered: Option<bool>,
        /// Portals, planned and advertised.
        portals: Option<Vec<Portal>>,
        /// Logical units, planned and found.
        luns: Option<Vec<Lun>>,
    }

    /// A portal of a target.
    Portal key address {
        /// Address and port: `10.0.1.10:3260`, `[fd00::10]:3260`.
        address: String,
        /// Whether the plan names it.
        planned: Option<bool>,
        /// Whether discovery named it.
        advertised: Option<bool>,
        /// Whether a TCP connection came about.
        reachable: Option<bool>,
        /// Whether the login succeeded.
        login: Option<bool>,
        /// What stood in the way of the login, empty for nothing.
        error: Option<String>,
        /// Target portal group tag of the login response.
        tpgt: Option<i64>,
        /// Target portal group tag that discovery named.
        advertised_tpgt: Option<i64>,
        /// How the login was authenticated: `none`, `chap`, `mutual-chap`.
        authentication: Option<String>,
        /// Digest over headers that was agreed on: `None`, `CRC32C`.
        header_digest: Option<String>,
        /// Digest over data that was agreed on: `None`, `CRC32C`.
        data_digest: Option<String>,
        /// How long the connection took to come about.
        connect_us: Option<Micros>,
        /// How long the login took.
        login_us: Option<Micros>,
        /// Derived: name of the plan's network that it is on, empty for none.
        network: Option<String>,
    }

    /// A logical unit of a target.
    Lun key name {
        /// Name the plan gives it, else `lun-N`.
        name: String,
        /// Logical unit number.
        number: Option<i64>,
        /// Target it belongs to.
        target: Option<String>,
        /// What it is for.
        role: Option<LunRole>,
        /// Whether the target has it.
        present: Option<bool>,
        /// Identity that the plan expects.
        expected_identity: Option<String>,
        /// Size that the plan expects.
        expected_size_bytes: Option<Bytes>,
        /// How far the plan lets an active test of it go.
        test: Option<LunTest>,
        /// Identity out of VPD 83, logical unit association, best designator: `naa.6001405...`, `eui....`, `t10....`;
        /// empty where the unit says that it has none.
        identity: Option<String>,
        /// Unit serial number (VPD 80).
        serial: Option<String>,
        /// Vendor out of INQUIRY.
        vendor: Option<String>,
        /// Product out of INQUIRY.
        product: Option<String>,
        /// Revision out of INQUIRY.
        revision: Option<String>,
        /// SPC version that it claims: `SPC-3`, `SPC-4`, `SPC-5`; empty for none.
        spc: Option<String>,
        /// Peripheral device type; 0 is a disk.
        device_type: Option<i64>,
        /// Whether TEST UNIT READY was answered with GOOD.
        ready: Option<bool>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// Logical block size.
        logical_block_bytes: Option<Bytes>,
        /// Physical block size.
        physical_block_bytes: Option<Bytes>,
        /// Whether it is thinly provisioned.
        thin: Option<bool>,
        /// Whether it is write protected.
        write_protected: Option<bool>,
        /// Whether it is removable.
        removable: Option<bool>,
        /// Whether it rotates.
        rotational: Option<bool>,
        /// Blocks that one COMPARE AND WRITE can take; 0 where it is not supported (VPD B0).
        compare_and_write_blocks: Option<i64>,
        /// Persistent reservations, as the first portal that answered shows them.
        reservations: Reservations,
        /// What an active test of it found.
        conformance: Conformance,
        /// What each portal shows of it.
        paths: Option<Vec<LunPath>>,
        /// Derived: what each node sees of it.
        views: Option<Vec<LunView>>,
    }

    /// What one portal shows of a logical unit.
    LunPath key portal {
        /// Address and port of the portal.
        portal: String,
        /// Whether the logical unit is there.
        present: Option<bool>,
        /// Identity, as in [`Lun::identity`].
        identity: Option<String>,
        /// Serial number.
        serial: Option<String>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// Logical block size.
        logical_block_bytes: Option<Bytes>,
        /// Keys of READ KEYS, `0x` and 16 hexadecimal digits, sorted.
        keys: Option<Vec<String>>,
        /// PRGENERATION of READ KEYS.
        generation: Option<i64>,
        /// Type of the reservation, empty for none.
        reservation: Option<String>,
        /// Key of the reservation, empty for none.
        reservation_key: Option<String>,
        /// State of the target port group: `active/optimized`, `standby` ...; empty where ALUA is not supported.
        alua_state: Option<String>,
    }

    /// Persistent reservations of a logical unit.
    Reservations {
        /// Whether PERSISTENT RESERVE IN is supported.
        supported: Option<bool>,
        /// Whether REPORT CAPABILITIES was answered.
        capabilities_reported: Option<bool>,
        /// Whether the reported type mask is valid (TMV).
        type_mask_valid: Option<bool>,
        /// Types that the target says it supports; missing where the mask is not valid.
        types: Option<Vec<ReservationType>>,
        /// Persist through power loss capable (PTPL_C).
        ptpl_capable: Option<bool>,
        /// Persist through power loss activated (PTPL_A).
        ptpl_active: Option<bool>,
        /// All target ports capable (ATP_C).
        all_target_ports_capable: Option<bool>,
        /// Specify initiator ports capable (SIP_C).
        specify_initiator_ports_capable: Option<bool>,
        /// Compatible reservation handling (CRH).
        compatible_reservation_handling: Option<bool>,
        /// Whether READ FULL STATUS was answered in the form of the standard.
        full_status_supported: Option<bool>,
        /// Keys registered, `0x` and 16 hexadecimal digits, one for each path that is registered, sorted.
        keys: Option<Vec<String>>,
        /// PRGENERATION.
        generation: Option<i64>,
        /// Whether there is a reservation.
        held: Option<bool>,
        /// Type of the reservation, empty for none.
        reservation: Option<String>,
        /// Key of the reservation, empty for none.
        reservation_key: Option<String>,
        /// Who is registered, out of READ FULL STATUS.
        registrants: Option<Vec<Registrant>>,
    }

    /// A registered nexus, out of READ FULL STATUS.
    Registrant {
        /// Its key.
        key: Option<String>,
        /// Initiator port (TransportID).
        initiator: Option<String>,
        /// Relative target port.
        relative_port: Option<i64>,
        /// Whether it holds the reservation.
        holder: Option<bool>,
    }

    /// Derived: what one node sees of a logical unit.
    LunView key node {
        /// Name of the node.
        node: String,
        /// Whether it sees it.
        seen: Option<bool>,
        /// Names of its disks that are this LUN.
        disks: Option<Vec<String>>,
        /// Sizes that these disks have, each once.
        sizes_bytes: Option<Vec<Bytes>>,
        /// Name of its multipath map over them, empty for none.
        map: Option<String>,
        /// Paths that work.
        active_paths: Option<i64>,
        /// What each portal is to the node.
        portals: Option<Vec<PortalView>>,
    }

    /// Derived: what one planned portal is to one node.
    PortalView key portal {
        /// Address and port of the portal.
        portal: String,
        /// Whether the node has a live session through it.
        session: Option<bool>,
        /// Whether the node has a login recorded for it.
        recorded: Option<bool>,
        /// When that login starts.
        startup: Option<Startup>,
    }
}
