//! The named faults of the simulated target: what is wrong with it when a fault is on, where such a fault was seen, and
//! which requirement it trips.
//!
//! Always holds: a name is kebab-case, unique, and never changes its meaning; with no fault on, the target follows the
//! standards. `P01` to `P40` are the steps of the storage conformance test.

use std::fmt;
use std::str::FromStr;

/// What part of the target a fault concerns; the help lists faults by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Identity, size and kind of the units.
    Unit,
    /// Registering, reserving, releasing, clearing.
    Registration,
    /// Preempting and aborting.
    Preemption,
    /// Which command conflicts with a reservation.
    Conflict,
    /// Unit attentions.
    Attention,
    /// What PERSISTENT RESERVE IN reports.
    Report,
    /// Several paths, portals and sessions.
    Path,
    /// Login, sessions and the wire.
    Wire,
}

impl Part {
    /// Heading for a list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unit => "identity, size and data of the units",
            Self::Registration => "registering, reserving, releasing, clearing",
            Self::Preemption => "preempting and aborting",
            Self::Conflict => "what a reservation blocks",
            Self::Attention => "unit attentions",
            Self::Report => "what PERSISTENT RESERVE IN reports",
            Self::Path => "several paths and sessions",
            Self::Wire => "login and the wire",
        }
    }
}

macro_rules! faults {
    ($($variant:ident $name:literal $part:ident [$($trips:literal),*] seen $seen:literal: $text:literal;)*) => {
        /// One named fault of the simulated target.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = $text] $variant,)*
        }

        impl Fault {
            /// Every fault, in the order of the help.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant,)*];

            /// The kebab-case name.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name,)* }
            }

            /// One sentence: what the target does wrong.
            pub fn description(self) -> &'static str {
                match self { $(Fault::$variant => $text,)* }
            }

            /// Products this was seen in; empty when it is a fault of the field at large.
            pub fn seen_in(self) -> &'static str {
                match self { $(Fault::$variant => $seen,)* }
            }

            /// The requirements it trips: conformance steps (`P31`) or a requirement in words.
            pub fn trips(self) -> &'static [&'static str] {
                match self { $(Fault::$variant => &[$($trips),*],)* }
            }

            /// The part of the target it concerns.
            pub fn part(self) -> Part {
                match self { $(Fault::$variant => Part::$part,)* }
            }
        }
    };
}

faults! {
    // Identity, size and data of the units.
    IdentityDiffersPerPortal "identity-differs-per-portal" Unit ["P39", "same identity through every portal"] seen "cluster heads":
        "Each portal group shows another NAA identity and serial number for the same unit.";
    SizeDiffersPerPortal "size-differs-per-portal" Unit ["P39", "same size through every portal"] seen "cluster heads":
        "The second and later portal groups show the units one MiB smaller.";
    DuplicateIdentity "duplicate-identity" Unit ["unique identity"] seen "cloned volumes":
        "All units show the NAA identity and serial number of the first one.";
    NoIdentity "no-identity" Unit ["unique identity"] seen "":
        "VPD page 83 names no NAA, EUI-64 or T10 designator for the unit and page 80 is blank.";
    WitnessTooSmall "witness-too-small" Unit ["witness size"] seen "":
        "Units of role witness have 256 MiB, half of what a witness disk needs.";
    ReadOnly "read-only" Unit ["not write protected"] seen "snapshots, demo-mode access lists":
        "All units are write protected: MODE SENSE says so and writes end as 7/27/00.";
    Removable "removable" Unit ["not removable"] seen "":
        "All units claim to be removable media.";
    ThinVolumeFull "thin-volume-full" Unit ["P13", "space for writes"] seen "thin pools":
        "The pool behind the units is full: writes end as 7/27/07.";
    LargeBlocks "large-blocks" Unit ["same block size on all units"] seen "":
        "All units but the first use 4096-byte logical blocks.";
    WriteLost "write-lost" Unit ["data written on one node is read on the other"] seen "volatile caches":
        "Writes are answered GOOD and forgotten.";
    DataDiffersPerPortal "data-differs-per-portal" Unit ["data written on one node is read on the other"] seen "cluster heads":
        "A write through one portal group cannot be read through another.";

    // Registering, reserving, releasing, clearing.
    NoPersistentReservations "no-persistent-reservations" Registration ["P01"] seen "gotgt, PowerFlex, ceph-iscsi, LIO with emulate_pr=0":
        "PERSISTENT RESERVE IN and OUT and RESERVE(6) are unknown commands (5/20/00).";
    ReadKeysRefused "read-keys-refused" Registration ["P01"] seen "gotgt":
        "PERSISTENT RESERVE IN is refused with 5/24/00.";
    RegisterWrongKeyAccepted "register-wrong-key-accepted" Registration ["P05"] seen "":
        "REGISTER with a wrong reservation key changes the registration.";
    ZeroKeyReplacesRegistration "zero-key-replaces-registration" Registration ["P05"] seen "istgt":
        "REGISTER with reservation key zero replaces the key of a registered nexus.";
    IgnoreExistingKeyRefused "ignore-existing-key-refused" Registration ["P06"] seen "":
        "REGISTER AND IGNORE EXISTING KEY is refused with 5/24/00.";
    RegisterZeroRefused "register-zero-refused" Registration ["P07"] seen "":
        "REGISTER of key zero from an unregistered nexus conflicts instead of doing nothing.";
    RegisterKeepsGeneration "register-keeps-generation" Registration ["P04"] seen "":
        "A registration does not advance PRGENERATION.";
    UnregisterKeepsGeneration "unregister-keeps-generation" Registration ["P29"] seen "LIO":
        "Unregistering does not advance PRGENERATION.";
    ReserveUnregisteredWrongStatus "reserve-unregistered-wrong-status" Registration ["P08"] seen "LIO":
        "RESERVE from an unregistered nexus ends as 2/08/00 instead of RESERVATION CONFLICT.";
    ReserveUnregisteredAccepted "reserve-unregistered-accepted" Registration ["P08"] seen "":
        "RESERVE from an unregistered nexus is answered GOOD.";
    ReserveIgnoresKey "reserve-ignores-key" Registration ["P09"] seen "tgt":
        "RESERVE is accepted with a wrong reservation key.";
    ReserveChangesGeneration "reserve-changes-generation" Registration ["P10"] seen "":
        "RESERVE advances PRGENERATION.";
    ReserveNotRepeatable "reserve-not-repeatable" Registration ["P11"] seen "":
        "The holder's second, identical RESERVE conflicts.";
    TypeChangeAllowed "type-change-allowed" Registration ["P12"] seen "istgt":
        "The holder may change the type of the reservation by another RESERVE.";
    WrongReleaseAccepted "wrong-release-accepted" Registration ["P17"] seen "istgt":
        "RELEASE with a wrong key or a wrong type releases the reservation.";
    WrongReleaseConflicts "wrong-release-conflicts" Registration ["P17"] seen "LIO":
        "RELEASE with a wrong type ends as RESERVATION CONFLICT instead of 5/26/04.";
    ClearByAnyone "clear-by-anyone" Registration ["P22", "P28"] seen "":
        "CLEAR is accepted from an unregistered nexus and with a wrong key.";
    ClearKeepsReservation "clear-keeps-reservation" Registration ["P28"] seen "NetApp ONTAP LUNs behind other arrays":
        "CLEAR removes the registrations and leaves the reservation, which nobody can then remove.";
    HolderUnregisterKeepsReservation "holder-unregister-keeps-reservation" Registration ["P29"] seen "istgt":
        "Unregistering the holder leaves a reservation without a holder; CLEAR by another registrant then conflicts.";
    NoAllRegistrantsTypes "no-all-registrants-types" Registration ["P16", "P30"] seen "3PAR guides":
        "Types 7 and 8 are refused and not in the type mask.";
    NoRegisterOptions "no-register-options" Registration ["P40"] seen "tgt":
        "APTPL, ALL_TG_PT and SPEC_I_PT are refused and not in the capabilities.";
    AptplRefused "aptpl-refused" Registration ["P40"] seen "":
        "The capabilities offer persistence through power loss, but a REGISTER that asks for it is refused.";
    AptplLies "aptpl-lies" Registration ["persistence through a power loss, which only a power loss shows"] seen "LIO without its metadata folder":
        "Persistence through power loss is accepted and shown as active, but a power cycle loses everything.";
    AllTgPtLies "all-tg-pt-lies" Registration ["P40"] seen "LIO with dynamic access lists":
        "A registration for all target ports covers one port only while READ FULL STATUS shows the flag.";
    SpecIPtLies "spec-i-pt-lies" Registration ["P40"] seen "istgt":
        "The capabilities offer SPEC_I_PT, but a REGISTER that uses it is refused.";
    FewRegistrations "few-registrations" Registration ["P40"] seen "":
        "There is room for 8 registrations; the ninth ends as 5/55/04.";
    NoReserve6 "no-reserve6" Registration ["P40"] seen "SPDK before 2020":
        "RESERVE(6) and RELEASE(6) are unknown commands.";
    Release6HardwareError "release6-hardware-error" Registration ["P40"] seen "istgt":
        "RELEASE(6) under a persistent reservation ends as 4/44/00.";
    StaleKeysLeft "stale-keys-left" Registration ["P02"] seen "crashed nodes, open-iscsi after a change of ISID":
        "Two keys and a reservation of a host that is long gone are left on every unit.";
    StrangerRegisters "stranger-registers" Registration ["no stranger's key appears during the test"] seen "a second cluster on the same LUN":
        "A stranger's key appears as soon as somebody has reserved the unit.";
    StrangerClears "stranger-clears" Registration ["keys do not vanish during the test"] seen "Serviceguard package start":
        "Somebody clears all keys as soon as a reservation is made.";

    // Preempting and aborting.
    PreemptAllWin "preempt-all-win" Preemption ["P27"] seen "istgt":
        "PREEMPT of a key that a competitor has just preempted is answered GOOD, so all racing nodes win.";
    WrongPreemptAccepted "wrong-preempt-accepted" Preemption ["P23", "P27"] seen "istgt":
        "PREEMPT is accepted with an unknown victim and with a wrong own key.";
    ZeroPreemptWrongSense "zero-preempt-wrong-sense" Preemption ["P23"] seen "tgt":
        "PREEMPT with service action key zero ends as 5/24/00 instead of 5/26/00.";
    PreemptRemovesWinnerKey "preempt-removes-winner-key" Preemption ["P20", "P24", "P34"] seen "istgt":
        "PREEMPT removes the registration of the winner too.";
    PreemptKeepsVictimKey "preempt-keeps-victim-key" Preemption ["P20", "P21", "P22", "P24", "P27", "P34", "P38"] seen "istgt":
        "PREEMPT takes the reservation and leaves the victim registered.";
    PreemptIgnoresType "preempt-ignores-type" Preemption ["P20", "P26"] seen "":
        "A preempted reservation keeps its old type.";
    PreemptLeavesOtherPaths "preempt-leaves-other-paths" Preemption ["P38"] seen "istgt":
        "PREEMPT removes the victim's key from one path only.";
    EjectedMayReturn "ejected-may-return" Preemption ["P22"] seen "":
        "A nexus that was preempted may still preempt with its old key.";
    SelfPreemptRefused "self-preempt-refused" Preemption ["P34"] seen "":
        "PREEMPT of the own key conflicts, so that stale registrations of a former session stay.";
    NoPreemptAndAbort "no-preempt-and-abort" Preemption ["P24"] seen "tgt":
        "PREEMPT AND ABORT is refused with 5/24/00.";
    AbortLetsWritesLand "abort-lets-writes-land" Preemption ["P25"] seen "":
        "PREEMPT AND ABORT does not abort: writes of the victim that were under way still reach the disk.";

    // Which command conflicts with a reservation.
    WriteExclusiveNotEnforced "write-exclusive-not-enforced" Conflict ["P13", "P14", "P16", "P21", "P30", "P35", "P36", "P37", "P38"] seen "":
        "An unregistered nexus may write under every type of reservation.";
    WriteSameNotBlocked "write-same-not-blocked" Conflict ["P14"] seen "tgt":
        "WRITE SAME(10) is never blocked by a reservation.";
    CompareAndWriteNotBlocked "compare-and-write-not-blocked" Conflict ["P14"] seen "":
        "COMPARE AND WRITE is never blocked by a reservation.";
    UnmapNotBlocked "unmap-not-blocked" Conflict ["P14"] seen "":
        "UNMAP is never blocked by a reservation.";
    TurConflicts "tur-conflicts" Conflict ["P15"] seen "Hitachi 99xx without host mode 186, some SAS disks":
        "TEST UNIT READY conflicts for nodes that may not write.";
    ReadCapacityConflicts "read-capacity-conflicts" Conflict ["P16"] seen "LIO":
        "READ CAPACITY conflicts wherever a read does.";
    AllRegistrantsNotEnforced "all-registrants-not-enforced" Conflict ["P16", "P30"] seen "SPDK":
        "Types 7 and 8 let unregistered nodes read and write.";
    StartStopNotBlocked "start-stop-not-blocked" Conflict ["conflict matrix"] seen "tgt":
        "START STOP UNIT is never blocked by a reservation.";
    SynchronizeCacheNotBlocked "synchronize-cache-not-blocked" Conflict ["conflict matrix"] seen "LIO":
        "SYNCHRONIZE CACHE and MODE SELECT are never blocked under types 5 and 7.";
    Reserve6NotBlocked "reserve6-not-blocked" Conflict ["P40"] seen "tgt":
        "RESERVE(6) is granted although there is a persistent reservation.";
    ModeSenseConflicts "mode-sense-conflicts" Conflict ["conflict matrix, information only"] seen "tgt, istgt":
        "MODE SENSE conflicts under type 1, 5 and 7 for nodes that may not write.";

    // Unit attentions.
    NoUnitAttention "no-unit-attention" Attention ["P18", "P21", "P26", "P28", "P29", "P35"] seen "istgt":
        "No unit attention is ever reported.";
    UnitAttentionWrongCode "unit-attention-wrong-code" Attention ["P21"] seen "tgt":
        "The victim of a PREEMPT is told 2A/03 instead of 2A/05.";
    UnitAttentionToWrongNexus "unit-attention-to-wrong-nexus" Attention ["P18", "P19", "P29"] seen "tgt":
        "Reservations released (2A/04) is reported to the nexus that released, and to no other.";
    ReleaseNotAnnounced "release-not-announced" Attention ["P18"] seen "tgt, istgt":
        "RELEASE of types 5 to 8 is not reported to the other registrants.";
    ReleaseAnnouncedToSelf "release-announced-to-self" Attention ["P19"] seen "tgt":
        "RELEASE of types 1 and 3 is reported to the nexus that released.";
    TypeChangeNotAnnounced "type-change-not-announced" Attention ["P26"] seen "istgt":
        "A PREEMPT that changes the type is not reported to the other registrants.";
    AttentionsStayOnOneHead "attentions-stay-on-one-head" Attention ["P18", "P21"] seen "SCST clusters before 2023":
        "Unit attentions reach only nexuses of the portal group where they arise.";
    PowerOnAttentionAtRelogin "power-on-attention-at-relogin" Attention ["re-login reports nexus loss"] seen "tgt":
        "Every re-login is reported as a power-on (29/00), which makes hosts fail what was under way.";
    AttentionNeverEnds "attention-never-ends" Attention ["P01", "unit attentions can be drained"] seen "":
        "A unit attention is reported for ever once it has been raised.";

    // What PERSISTENT RESERVE IN reports.
    NoCapabilityMask "no-capability-mask" Report ["P03"] seen "istgt":
        "REPORT CAPABILITIES comes without a valid type mask.";
    ReadReservationFails "read-reservation-fails" Report ["P01"] seen "ESOS with Windows 2008":
        "READ RESERVATION ends as a hardware error.";
    ArTypeShowsKey "ar-type-shows-key" Report ["P30"] seen "istgt":
        "READ RESERVATION shows a key instead of zero for types 7 and 8.";
    NoReadFullStatus "no-read-full-status" Report ["P40"] seen "tgt":
        "READ FULL STATUS is refused with 5/24/00.";
    MalformedFullStatus "malformed-full-status" Report ["P40"] seen "istgt":
        "READ FULL STATUS leaves out the four-byte header of each TransportID.";
    FullStatusKeySwapped "full-status-key-swapped" Report ["P40"] seen "SPDK":
        "READ FULL STATUS shows the keys with their bytes swapped.";
    KeysListedTwice "keys-listed-twice" Report ["P04", "P34", "P37"] seen "multipath-tools before 0.13":
        "READ KEYS lists every key twice.";
    ZeroAllocationUnanswered "zero-allocation-unanswered" Report ["P40"] seen "istgt":
        "READ KEYS with allocation length zero gets no answer.";
    ReadKeysLengthWrong "read-keys-length-wrong" Report ["P01"] seen "":
        "READ KEYS claims far more keys than it sends.";

    // Several paths and sessions.
    RegistrationLostAtRelogin "registration-lost-at-relogin" Path ["P31", "P32", "P33"] seen "tgt":
        "A registration is bound to its session: after a new login the same initiator port is a stranger.";
    RegistrationLostAtConnectionLoss "registration-lost-at-connection-loss" Path ["P32", "P33"] seen "":
        "A session that ends without logout takes its registration with it.";
    ReinstatementIgnored "reinstatement-ignored" Path ["P33"] seen "":
        "A second login of the same initiator port leaves the first session alive.";
    LunResetClearsReservation "lun-reset-clears-reservation" Path ["P35"] seen "":
        "A LUN reset removes keys and reservation.";
    RegisteredPerInitiatorName "registered-per-initiator-name" Path ["P36", "P37"] seen "LIO":
        "Access is granted per initiator name and portal group, and unregistering one path takes it from all.";
    HolderComparedByShortIsid "holder-compared-by-short-isid" Path ["P36"] seen "LIO":
        "Only the first four bytes of the ISID tell the holder from another session of the same host.";
    PathRegistrationOverwritesPartner "path-registration-overwrites-partner" Path ["P34", "P37"] seen "3PAR, CLARiiON":
        "Registering on one path removes the registration of the same host on its partner path.";
    UnregisterOnePathRemovesAll "unregister-one-path-removes-all" Path ["P37"] seen "":
        "Unregistering one path unregisters all paths of the host.";
    KeysDifferPerPortal "keys-differ-per-portal" Path ["P18", "P36", "P37", "P38", "P39"] seen "ceph-iscsi, LIO pairs with DRBD":
        "Each portal group is a head with keys and reservation of its own.";
    StandbyPath "standby-path" Path ["P39", "paths are active"] seen "active/passive arrays":
        "All portal groups but the first are in ALUA state standby: data commands end as 2/04/0B.";
    AdvertisesUnreachablePortal "advertises-unreachable-portal" Path ["advertised portals are reachable"] seen "storage behind NAT":
        "SendTargets also lists a portal where nothing listens.";
    AdvertisesWrongPort "advertises-wrong-port" Path ["advertised portals are of the advertised group"] seen "LIO with wildcard portals":
        "SendTargets lists every portal group at the address of the discovery connection.";
    FewSessions "few-sessions" Path ["P40", "a session per node and path"] seen "Windows iSCSI Target":
        "More than 4 sessions are refused with 03/02.";

    // Login and the wire.
    ChapRefused "chap-refused" Wire ["credentials are accepted"] seen "":
        "Every login that names a target is refused with 02/01, whatever the credentials.";
    ClosesAtLogin "closes-at-login" Wire ["login is answered"] seen "LIO where CHAP is demanded and not offered":
        "The connection is closed in the middle of the login, without an answer.";
    TargetUnknown "target-unknown" Wire ["the target exists"] seen "":
        "Every target name is refused with 02/03.";
    ServiceUnavailable "service-unavailable" Wire ["the target exists"] seen "LIO for unknown names":
        "Logins end as 03/01.";
    RedirectLoop "redirect-loop" Wire ["redirects end"] seen "":
        "Every login is redirected to the portal it came to.";
    EndlessLogin "endless-login" Wire ["login ends"] seen "":
        "The login never ends: each round asks for one more.";
    EndlessText "endless-text" Wire ["discovery ends"] seen "":
        "The answer to SendTargets is continued for ever.";
    SlowLogin "slow-login" Wire ["login latency"] seen "istgt":
        "Every login takes one second.";
    Slow "slow" Wire ["latency"] seen "overloaded arrays":
        "Every command takes a quarter of a second.";
    Hangs "hangs" Wire ["commands are answered"] seen "":
        "Commands are accepted and never answered.";
    DropsConnection "drops-connection" Wire ["sessions last"] seen "":
        "The connection is closed after every twelfth command.";
    TaskSetFull "task-set-full" Wire ["commands are accepted"] seen "":
        "Every other command is answered TASK SET FULL.";
    Busy "busy" Wire ["commands are accepted"] seen "":
        "Every other command is answered BUSY.";
    CheckWithoutSense "check-without-sense" Wire ["P17", "P18", "P21", "P23", "P26", "P28", "P29", "P35", "errors say why"] seen "istgt":
        "CHECK CONDITION comes without sense data.";
    ImmediateOverflowAccepted "immediate-overflow-accepted" Wire ["burst limits hold"] seen "Windows iSCSI Target":
        "More immediate data than negotiated is accepted with GOOD.";
    AsksForLogout "asks-for-logout" Wire ["sessions last"] seen "maintenance of arrays":
        "After twelve commands the target asks for a logout by an asynchronous message and closes later.";
    WrongLengths "wrong-lengths" Wire ["answers are well formed"] seen "":
        "Responses announce data segments longer than what follows.";
    OversizedSegment "oversized-segment" Wire ["answers keep to negotiated limits"] seen "":
        "Data segments exceed what the initiator declared it can receive.";
    WrongTag "wrong-tag" Wire ["answers are well formed"] seen "":
        "Responses carry a task tag that was never used.";
    WrongStatSn "wrong-statsn" Wire ["answers are in order"] seen "":
        "StatSN jumps ahead by seven with each response.";
    WrongDataOffset "wrong-data-offset" Wire ["answers are well formed"] seen "":
        "Data-In PDUs carry a buffer offset outside the request.";
    UnknownOpcode "unknown-opcode" Wire ["answers are well formed"] seen "":
        "Responses carry an opcode that does not exist.";
    CorruptDigest "corrupt-digest" Wire ["digests match"] seen "":
        "Negotiated digests are wrong.";
}

impl Fault {
    /// Looks a fault up by its name; exact match only.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// The whole list as text for `--help`: a heading for each part, then name, sentence and what it trips.
    pub fn help() -> String {
        use fmt::Write;
        let mut out = String::new();
        let width = Self::ALL.iter().map(|fault| fault.name().len()).max().unwrap_or(0);
        let mut part = None;
        for fault in Self::ALL {
            if part != Some(fault.part()) {
                part = Some(fault.part());
                let gap = if out.is_empty() { "" } else { "\n" };
                let _ = writeln!(out, "{gap}{}:", fault.part().title());
            }
            let _ = writeln!(
                out,
                "  {:width$}  {} [{}]",
                fault.name(),
                fault.description(),
                fault.trips().join(", ")
            );
        }
        out
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fault, with the nearest one that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault `{name}`{}", .suggestion.map(|fault| format!("; did you mean `{fault}`?")).unwrap_or_default())]
pub struct UnknownFault {
    /// What was given.
    pub name: String,
    /// The nearest name, when one is near.
    pub suggestion: Option<Fault>,
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::by_name(name).ok_or_else(|| {
            let suggestion = (name.len() <= 80)
                .then(|| {
                    Self::ALL
                        .iter()
                        .map(|fault| (strsim::jaro_winkler(fault.name(), &name.to_lowercase()), *fault))
                        .max_by(|a, b| a.0.total_cmp(&b.0))
                })
                .flatten()
                .filter(|(score, _)| *score > 0.8)
                .map(|(_, fault)| fault);
            UnknownFault { name: name.to_owned(), suggestion }
        })
    }
}

/// The faults that are on.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultSet(u128);

const _: () = assert!(Fault::ALL.len() <= 128, "a fault set has 128 places");

impl FaultSet {
    /// No fault: the target follows the standards.
    pub const NONE: Self = Self(0);

    /// Whether a fault is on.
    pub fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// Switches one fault on or off.
    pub fn set(&mut self, fault: Fault, on: bool) {
        if on {
            self.0 |= 1 << fault as u32;
        } else {
            self.0 &= !(1 << fault as u32);
        }
    }

    /// Whether none is on.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The faults that are on, in the order of the help.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |fault| self.has(*fault))
    }
}

impl FromIterator<Fault> for FaultSet {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let mut set = Self::NONE;
        for fault in faults {
            set.set(fault, true);
        }
        set
    }
}

impl From<Fault> for FaultSet {
    fn from(fault: Fault) -> Self {
        Self::from_iter([fault])
    }
}

impl fmt::Debug for FaultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Fault::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_kebab_case_and_parse_back() {
        let mut seen = BTreeSet::new();
        for fault in Fault::ALL {
            let name = fault.name();
            assert!(seen.insert(name), "{name} twice");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert_eq!(name.parse::<Fault>().unwrap(), *fault);
            assert!(fault.description().ends_with('.') && !fault.description().contains('\n'), "{name}");
            assert!(!fault.trips().is_empty(), "{name} trips nothing");
            for step in fault.trips() {
                if let Some(number) = step.strip_prefix('P').and_then(|rest| rest.parse::<u8>().ok()) {
                    assert!((1..=40).contains(&number), "{name}: {step}");
                }
            }
        }
    }

    #[test]
    fn misspelt_name_gets_a_suggestion_and_nonsense_does_not() {
        let error = "registration-lost-at-relogn".parse::<Fault>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown fault `registration-lost-at-relogn`; did you mean `registration-lost-at-relogin`?"
        );
        assert_eq!("Slow".parse::<Fault>().unwrap_err().suggestion, Some(Fault::Slow));
        assert_eq!("qqqq".parse::<Fault>().unwrap_err().suggestion, None);
        assert!("".parse::<Fault>().is_err());
    }

    #[test]
    fn set_holds_each_fault_apart() {
        for fault in Fault::ALL {
            let set = FaultSet::from(*fault);
            assert_eq!(set.iter().collect::<Vec<_>>(), vec![*fault]);
        }
        let mut set: FaultSet = Fault::ALL.iter().copied().collect();
        set.set(Fault::Slow, false);
        assert_eq!(set.iter().count(), Fault::ALL.len() - 1);
        assert!(!set.is_empty() && FaultSet::NONE.is_empty());
    }

    #[test]
    fn help_names_every_fault_once() {
        let help = Fault::help();
        for fault in Fault::ALL {
            let lines =
                help.lines().filter(|line| line.split_whitespace().next() == Some(fault.name())).count();
            assert_eq!(lines, 1, "{fault}");
        }
    }
}
