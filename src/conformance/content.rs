//! What stands on a unit, as its first and last blocks tell: partition tables, file systems, volume managers, cluster metadata.
//!
//! Pure: bytes in, signatures out. Always holds: a unit with any byte other than zero in these areas is never called blank;
//! what has no known signature is told with its place.

use sha2::{Digest, Sha256};

use super::key::{RunId, run_of_block};

/// How much is read at the beginning of a unit, in bytes.
pub const HEAD_BYTES: u64 = 2 << 20;

/// How much is read at the end of a unit, in bytes.
pub const TAIL_BYTES: u64 = 1 << 20;

/// The name under which data without a known signature goes.
pub const UNKNOWN: &str = "unknown-data";

/// The name under which blocks of a run of this program go.
pub const OURS_NAME: &str = "quorate-test";

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// Its place: bytes from the beginning of the unit.
    pub offset: u64,
    /// Its name in kebab-case, as `--allow-nonblank` takes it.
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (`{}`) at byte {}", self.what, self.name, self.offset)
    }
}

/// The areas of a unit that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Areas {
    /// The first [`HEAD_BYTES`] bytes, or all where the unit is smaller.
    pub head: Vec<u8>,
    /// The last [`TAIL_BYTES`] bytes, or all where the unit is smaller. It may overlap the head.
    pub tail: Vec<u8>,
    /// The size of the unit in bytes.
    pub size_bytes: u64,
}

/// A name, what it stands for.
type Known = (&'static str, &'static str);

const MBR: Known = ("mbr", "an MBR partition table");
const PROTECTIVE: Known = ("protective-mbr", "the protective MBR of a GPT");
const GPT: Known = ("gpt", "a GPT partition table");
const NTFS: Known = ("ntfs", "an NTFS file system");
const REFS: Known = ("refs", "a ReFS file system");
const EXFAT: Known = ("exfat", "an exFAT file system");
const FAT: Known = ("fat", "a FAT file system");
const BITLOCKER: Known = ("bitlocker", "a BitLocker volume");
const EXT: Known = ("ext", "an ext2, ext3 or ext4 file system");
const XFS: Known = ("xfs", "an XFS file system");
const BTRFS: Known = ("btrfs", "a btrfs file system");
const LVM2: Known = ("lvm2", "an LVM physical volume");
const LVM1: Known = ("lvm1", "an LVM1 physical volume");
const MD: Known = ("mdraid", "a member of a Linux md array");
const DRBD: Known = ("drbd", "DRBD metadata");
const ZFS: Known = ("zfs", "a member of a ZFS pool");
const LUKS: Known = ("luks", "a LUKS header");
const SWAP: Known = ("swap", "Linux swap space");
const VMFS: Known = ("vmfs", "a VMFS volume");
const ASM: Known = ("oracle-asm", "an Oracle ASM disk");
const SBD: Known = ("sbd", "an SBD device");
const GPFS: Known = ("gpfs", "an IBM Storage Scale (GPFS) NSD");
const VXVM: Known = ("vxvm", "a Veritas Volume Manager disk");
const VXFS: Known = ("vxfs", "a VxFS file system");
const OCFS2: Known = ("ocfs2", "an OCFS2 file system");
const OCFS: Known = ("ocfs", "an OCFS file system");
const GFS2: Known = ("gfs2", "a GFS2 file system");
const GFS: Known = ("gfs", "a GFS file system");
const BLUESTORE: Known = ("bluestore", "a Ceph BlueStore device");
const LDM: Known = ("ldm", "a Windows dynamic disk");
const SPACES: Known = ("storage-spaces", "a member of a Windows storage pool");
const CLUSTER: Known = ("windows-cluster", "a partition with Windows cluster metadata");
const BCACHE: Known = ("bcache", "a bcache device");
const BCACHEFS: Known = ("bcachefs", "a bcachefs file system");
const ISO: Known = ("iso9660", "an ISO 9660 image");
const UDF: Known = ("udf", "a UDF file system");
const F2FS: Known = ("f2fs", "an F2FS file system");
const NILFS2: Known = ("nilfs2", "a NILFS2 file system");
const REISERFS: Known = ("reiserfs", "a ReiserFS file system");
const JFS: Known = ("jfs", "a JFS file system");
const HFS: Known = ("hfs-plus", "an HFS+ file system");
const APFS: Known = ("apfs", "an APFS container");
const UFS: Known = ("ufs", "a UFS file system");
const SQUASHFS: Known = ("squashfs", "a SquashFS image");
const EROFS: Known = ("erofs", "an EROFS image");
const VDO: Known = ("vdo", "a VDO volume");
const STRATIS: Known = ("stratis", "a Stratis block device");
const VERITY: Known = ("dm-verity", "dm-verity hashes");
const INTEGRITY: Known = ("dm-integrity", "a dm-integrity device");
const SNAPSHOT: Known = ("dm-snapshot", "a device-mapper snapshot store");
const AIX: Known = ("aix-lvm", "an AIX volume group disk");
const HPUX: Known = ("hpux-lvm", "an HP-UX volume group disk");
const BSD: Known = ("bsd-label", "a BSD disk label");
const SUN: Known = ("sun-label", "a Sun disk label");
const QCOW: Known = ("qcow2", "a QEMU copy-on-write image");
const VHD: Known = ("vhd", "a virtual hard disk image");
const VHDX: Known = ("vhdx", "a VHDX image");
const DDF: Known = ("ddf-raid", "a member of a DDF RAID");
const IMSM: Known = ("imsm-raid", "a member of an Intel RAID");
const OURS: Known = (OURS_NAME, "blocks that a storage test of this program wrote");
const OTHER: Known = (UNKNOWN, "data that quorate does not know");

/// Everything that can be found, in the order of the list above.
const ALL: &[Known] = &[
    MBR, PROTECTIVE, GPT, NTFS, REFS, EXFAT, FAT, BITLOCKER, EXT, XFS, BTRFS, LVM2, LVM1, MD, DRBD, ZFS,
    LUKS, SWAP, VMFS, ASM, SBD, GPFS, VXVM, VXFS, OCFS2, OCFS, GFS2, GFS, BLUESTORE, LDM, SPACES, CLUSTER,
    BCACHE, BCACHEFS, ISO, UDF, F2FS, NILFS2, REISERFS, JFS, HFS, APFS, UFS, SQUASHFS, EROFS, VDO, STRATIS,
    VERITY, INTEGRITY, SNAPSHOT, AIX, HPUX, BSD, SUN, QCOW, VHD, VHDX, DDF, IMSM, OURS, OTHER,
];

/// The names that `--allow-nonblank` takes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Magic bytes that stand at one place, counted from the beginning of the unit. Places and bytes are those of the formats'
/// own headers, as libblkid and the kernel's sources have them.
const MAGICS: &[(Known, u64, &[u8])] = &[
    (NTFS, 3, b"NTFS    "),
    (EXFAT, 3, b"EXFAT   "),
    (REFS, 3, b"ReFS\0"),
    (BITLOCKER, 3, b"-FVE-FS-"),
    (FAT, 54, b"FAT12   "),
    (FAT, 54, b"FAT16   "),
    (FAT, 54, b"FAT     "),
    (FAT, 82, b"FAT32   "),
    (EXT, 1080, &[0x53, 0xef]),
    (XFS, 0, b"XFSB"),
    (BTRFS, 0x1_0040, b"_BHRfS_M"),
    (LVM2, 0, b"LABELONE"),
    (LVM2, 512, b"LABELONE"),
    (LVM2, 1024, b"LABELONE"),
    (LVM2, 1536, b"LABELONE"),
    (LVM1, 0, b"HM\x01\0"),
    (LVM1, 0, b"HM\x02\0"),
    (LUKS, 0, b"LUKS\xba\xbe"),
    (LUKS, 0x4000, b"SKUL\xba\xbe"),
    (LUKS, 0x8000, b"SKUL\xba\xbe"),
    (LUKS, 0x1_0000, b"SKUL\xba\xbe"),
    (LUKS, 0x2_0000, b"SKUL\xba\xbe"),
    (LUKS, 0x4_0000, b"SKUL\xba\xbe"),
    (LUKS, 0x8_0000, b"SKUL\xba\xbe"),
    (LUKS, 0x10_0000, b"SKUL\xba\xbe"),
    (VMFS, 0x10_0000, &[0x0d, 0xd0, 0x01, 0xc0]),
    (ASM, 32, b"ORCLDISK"),
    (ASM, 32, b"ORCLCLRD"),
    (SBD, 0, b"SBD_SBD_"),
    (VXFS, 0x400, &[0xf5, 0xfc, 0x01, 0xa5]),
    (VXFS, 0x2000, &[0xa5, 0x01, 0xfc, 0xf5]),
    (OCFS2, 0x400, b"OCFSV2"),
    (OCFS2, 0x800, b"OCFSV2"),
    (OCFS2, 0x1000, b"OCFSV2"),
    (OCFS2, 0x2000, b"OCFSV2"),
    (OCFS, 0x2000, b"OracleCFS"),
    (BLUESTORE, 0, b"bluestore block device\n"),
    (
        BCACHE,
        0x1018,
        &[0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81],
    ),
    (
        BCACHEFS,
        0x1018,
        &[0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef],
    ),
    (ISO, 0x8001, b"CD001"),
    (UDF, 0x8001, b"BEA01"),
    (UDF, 0x8001, b"NSR02"),
    (UDF, 0x8001, b"NSR03"),
    (F2FS, 0x400, &[0x10, 0x20, 0xf5, 0xf2]),
    (NILFS2, 0x406, &[0x34, 0x34]),
    (REISERFS, 0x1_0034, b"ReIsEr"),
    (REISERFS, 0x2034, b"ReIsEr"),
    (JFS, 0x8000, b"JFS1"),
    (HFS, 0x400, b"H+"),
    (HFS, 0x400, b"HX"),
    (APFS, 32, b"NXSB"),
    (UFS, 0x255c, &[0x54, 0x19, 0x01, 0x00]),
    (UFS, 0x255c, &[0x00, 0x01, 0x19, 0x54]),
    (UFS, 0x1_055c, &[0x19, 0x01, 0x54, 0x19]),
    (UFS, 0x1_055c, &[0x19, 0x54, 0x01, 0x19]),
    (SQUASHFS, 0, b"hsqs"),
    (EROFS, 0x400, &[0xe2, 0xe1, 0xf5, 0xe0]),
    (VDO, 0, b"dmvdo001"),
    (STRATIS, 516, b"!Stra0tis\x86\xff\x02^\x41rh"),
    (VERITY, 0, b"verity\0\0"),
    (INTEGRITY, 0, b"integrt\0"),
    (SNAPSHOT, 0, b"SnAp"),
    (AIX, 0xe00, b"_LVM"),
    (HPUX, 0x2000, b"LVMREC01"),
    (BSD, 0x200, &[0x57, 0x45, 0x56, 0x82]),
    (BSD, 0x40, &[0x57, 0x45, 0x56, 0x82]),
    (SUN, 0x1fc, &[0xda, 0xbe]),
    (QCOW, 0, b"QFI\xfb"),
    (VHD, 0, b"conectix"),
    (VHDX, 0, b"vhdxfile"),
];

/// Types of MBR partitions that tell what is in them.
const MBR_TYPES: &[(u8, Known)] = &[(0x42, LDM), (0xfb, VMFS)];

/// Types of GPT partitions that tell what is in them, as they are written on disk (first three fields little-endian).
const GPT_TYPES: &[([u8; 16], Known)] = &[
    // AA31E02A-400F-11DB-9590-000C2911D1B8
    ([0x2a, 0xe0, 0x31, 0xaa, 0x0f, 0x40, 0xdb, 0x11, 0x95, 0x90, 0x00, 0x0c, 0x29, 0x11, 0xd1, 0xb8], VMFS),
    // 5808C8AA-7E8F-42E0-85D2-E1E90434CFB3
    ([0xaa, 0xc8, 0x08, 0x58, 0x8f, 0x7e, 0xe0, 0x42, 0x85, 0xd2, 0xe1, 0xe9, 0x04, 0x34, 0xcf, 0xb3], LDM),
    // AF9B60A0-1431-4F62-BC68-3311714A69AD
    ([0xa0, 0x60, 0x9b, 0xaf, 0x31, 0x14, 0x62, 0x4f, 0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad], LDM),
    // E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D
    (
        [0x8f, 0xaf, 0x5c, 0xe7, 0x80, 0xf6, 0xee, 0x4c, 0xaf, 0xa3, 0xb0, 0x01, 0xe5, 0x6e, 0xfc, 0x2d],
        SPACES,
    ),
    // DB97DBA9-0840-4BAE-97F0-FFB9A327C7E1
    (
        [0xa9, 0xdb, 0x97, 0xdb, 0x40, 0x08, 0xae, 0x4b, 0x97, 0xf0, 0xff, 0xb9, 0xa3, 0x27, 0xc7, 0xe1],
        CLUSTER,
    ),
    // 37AFFC90-EF7D-4E96-91C3-2D7AE055B174
    ([0x90, 0xfc, 0xaf, 0x37, 0x7d, 0xef, 0x96, 0x4e, 0x91, 0xc3, 0x2d, 0x7a, 0xe0, 0x55, 0xb1, 0x74], GPFS),
    // 6A898CC3-1DD2-11B2-99A6-080020736631
    ([0xc3, 0x8c, 0x89, 0x6a, 0xd2, 0x1d, 0xb2, 0x11, 0x99, 0xa6, 0x08, 0x00, 0x20, 0x73, 0x66, 0x31], ZFS),
    // E6D6D379-F507-44C2-A23C-238F2A3DF928
    ([0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44, 0xa2, 0x3c, 0x23, 0x8f, 0x2a, 0x3d, 0xf9, 0x28], LVM2),
    // A19D880F-05FC-4D3B-A006-743F0F84911E
    ([0x0f, 0x88, 0x9d, 0xa1, 0xfc, 0x05, 0x3b, 0x4d, 0xa0, 0x06, 0x74, 0x3f, 0x0f, 0x84, 0x91, 0x1e], MD),
];

/// GPT entries that are looked at, at most.
const MOST_ENTRIES: usize = 1024;

impl Areas {
    /// Bytes at a place of the unit, where they lie in one of the areas.
    fn at(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let within = |area: &'_ [u8], start: u64| -> Option<(usize, usize)> {
            let from = usize::try_from(offset.checked_sub(start)?).ok()?;
            let to = from.checked_add(length)?;
            (to <= area.len()).then_some((from, to))
        };
        if let Some((from, to)) = within(&self.head, 0) {
            return self.head.get(from..to);
        }
        let (from, to) = within(&self.tail, self.tail_start())?;
        self.tail.get(from..to)
    }

    fn tail_start(&self) -> u64 {
        self.size_bytes.saturating_sub(self.tail.len() as u64)
    }

    fn has(&self, offset: u64, magic: &[u8]) -> bool {
        self.at(offset, magic.len()) == Some(magic)
    }

    fn le32(&self, offset: u64) -> Option<u32> {
        self.at(offset, 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
    }

    fn be32(&self, offset: u64) -> Option<u32> {
        self.le32(offset).map(u32::swap_bytes)
    }

    fn le64(&self, offset: u64) -> Option<u64> {
        self.at(offset, 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
    }

    /// True when there is nothing but zeros.
    pub fn is_blank(&self) -> bool {
        self.first_data().is_none()
    }

    /// The place of the first byte that is not zero.
    fn first_data(&self) -> Option<u64> {
        let find =
            |area: &[u8], start: u64| area.iter().position(|byte| *byte != 0).map(|at| start + at as u64);
        find(&self.head, 0).or_else(|| find(&self.tail, self.tail_start()))
    }

    /// SHA-256 over both areas and the size, in hexadecimal: equal where nobody wrote in between.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.size_bytes.to_be_bytes());
        hash.update(&self.head);
        hash.update(&self.tail);
        hex::encode(hash.finalize())
    }

    /// The run of this program that wrote a block of `block_bytes` in one of the areas.
    pub fn run(&self, block_bytes: u32) -> Option<RunId> {
        let size = usize::try_from(block_bytes).ok().filter(|size| *size > 0)?;
        self.head.chunks(size).chain(self.tail.chunks(size)).find_map(run_of_block)
    }

    /// Everything that is found, in the order of places; empty exactly when the areas are blank.
    pub fn signatures(&self) -> Vec<Signature> {
        let Some(first) = self.first_data() else { return Vec::new() };
        let mut found = Vec::new();
        for (known, offset, magic) in MAGICS {
            if self.has(*offset, magic) {
                add(&mut found, *known, *offset);
            }
        }
        self.swap(&mut found);
        self.gfs(&mut found);
        self.md(&mut found);
        self.zfs(&mut found);
        self.at_the_end(&mut found);
        self.searched(&mut found);
        self.partitions(&mut found);
        found.sort();
        // A format is told once, at its first place; the two places of a GPT are one table.
        let mut names = std::collections::BTreeSet::new();
        found.retain(|signature| names.insert(signature.name));
        if found.is_empty() {
            add(&mut found, OTHER, first);
        }
        found
    }

    fn swap(&self, found: &mut Vec<Signature>) {
        let magics: [&[u8]; 6] =
            [b"SWAPSPACE2", b"SWAP-SPACE", b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"];
        for page in [0x1000_u64, 0x2000, 0x4000, 0x8000, 0x1_0000] {
            if magics.iter().any(|magic| self.has(page - 10, magic)) {
                add(found, SWAP, page - 10);
            }
        }
    }

    fn gfs(&self, found: &mut Vec<Signature>) {
        const SUPER: u64 = 0x1_0000;
        if self.be32(SUPER) == Some(0x0116_1970) {
            let old = self.be32(SUPER + 24) == Some(1309);
            add(found, if old { GFS } else { GFS2 }, SUPER);
        }
    }

    fn md(&self, found: &mut Vec<Signature>) {
        const MAGIC: u32 = 0xa92b_4efc;
        // 1.1 stands at the beginning, 1.2 at 4 KiB, 1.0 and 0.90 near the end.
        let mut places = vec![0, 0x1000];
        places.extend((self.size_bytes & !0xfff).checked_sub(0x2000));
        places.extend((self.size_bytes & !0xffff).checked_sub(0x1_0000));
        for place in places {
            if self.le32(place) == Some(MAGIC) || self.be32(place) == Some(MAGIC) {
                add(found, MD, place);
            }
        }
    }

    fn zfs(&self, found: &mut Vec<Signature>) {
        const LABEL: u64 = 256 * 1024;
        const MAGIC: u64 = 0x00ba_b10c;
        let end = self.size_bytes - self.size_bytes % LABEL;
        let labels = [Some(0), Some(LABEL), end.checked_sub(2 * LABEL), end.checked_sub(LABEL)];
        for label in labels.into_iter().flatten() {
            let uberblock = (0..128).map(|slot| label + LABEL / 2 + slot * 1024).find(|place| {
                self.le64(*place).is_some_and(|magic| magic == MAGIC || magic.swap_bytes() == MAGIC)
            });
            if let Some(place) = uberblock {
                add(found, ZFS, place);
            }
        }
    }

    fn at_the_end(&self, found: &mut Vec<Signature>) {
        // 08, 8.4 while not shut down cleanly, and 09; the activity log's block is the last of the device.
        if let Some(place) = self.size_bytes.checked_sub(4096)
            && matches!(self.be32(place + 60), Some(0x8374_026b..=0x8374_026d))
        {
            add(found, DRBD, place);
        }
        for back in [512, 4096] {
            let Some(place) = self.size_bytes.checked_sub(back) else { continue };
            if self.has(place, b"EFI PART") {
                add(found, GPT, place);
            }
            if self.has(place, b"conectix") {
                add(found, VHD, place);
            }
            if self.be32(place) == Some(0xde11_de11) || self.le32(place) == Some(0xde11_de11) {
                add(found, DDF, place);
            }
        }
        for back in [1024, 8192] {
            if let Some(place) = self.size_bytes.checked_sub(back)
                && self.has(place, b"Intel Raid ISM Cfg. Sig. ")
            {
                add(found, IMSM, place);
            }
        }
    }

    /// What has no fixed place: it is searched for, at the beginning of sectors where it stands there.
    fn searched(&self, found: &mut Vec<Signature>) {
        for (area, start) in [(&self.head, 0), (&self.tail, self.tail_start())] {
            for (sector, number) in area.chunks(512).zip(0_u64..) {
                let place = start + number * 512;
                if [&b"PRIVHEAD"[..], b"TOCBLOCK", b"VMDB"].iter().any(|magic| sector.starts_with(magic)) {
                    add(found, LDM, place);
                }
                if sector.starts_with(b"SPACEDB ") {
                    add(found, SPACES, place);
                }
                if run_of_block(sector).is_some() {
                    add(found, OURS, place);
                }
            }
        }
        let early = &self.head[..self.head.len().min(64 * 1024)];
        for (text, known) in [(&b"NSD descriptor"[..], GPFS), (b"VxVM", VXVM), (b"VXVM", VXVM)] {
            if let Some(at) = early.windows(text.len()).position(|window| window == text) {
                add(found, known, at as u64);
            }
        }
    }

    fn partitions(&self, found: &mut Vec<Signature>) {
        for block in [512_u64, 4096] {
            if self.has(block, b"EFI PART") {
                add(found, GPT, block);
                self.gpt_entries(found, block);
            }
        }
        if !self.has(510, &[0x55, 0xaa]) {
            return;
        }
        let entries = || (0..4).filter_map(|slot| Some((446 + slot * 16, self.at(446 + slot * 16, 16)?)));
        if entries().any(|(_, entry)| entry[4] == 0xee) {
            return add(found, PROTECTIVE, 510);
        }
        // Boot sectors of file systems end in the same two bytes.
        let boot_sector = [NTFS, EXFAT, REFS, FAT, BITLOCKER];
        if !found.iter().any(|signature| boot_sector.iter().any(|(name, _)| *name == signature.name)) {
            add(found, MBR, 510);
        }
        for (place, entry) in entries() {
            if let Some((_, known)) = MBR_TYPES.iter().find(|(kind, _)| *kind == entry[4]) {
                add(found, *known, place);
            }
        }
    }

    fn gpt_entries(&self, found: &mut Vec<Signature>, block: u64) {
        let (Some(first), Some(count), Some(size)) =
            (self.le64(block + 72), self.le32(block + 80), self.le32(block + 84))
        else {
            return;
        };
        let Some(start) = first.checked_mul(block) else { return };
        let count = usize::try_from(count).unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES);
        for slot in 0..count as u64 {
            let place = slot.checked_mul(size.into()).and_then(|at| at.checked_add(start));
            let Some((place, kind)) = place.and_then(|place| Some((place, self.at(place, 16)?))) else {
                return;
            };
            if let Some((_, known)) = GPT_TYPES.iter().find(|(guid, _)| guid == kind) {
                add(found, *known, place);
            }
        }
    }
}

fn add(found: &mut Vec<Signature>, (name, what): Known, offset: u64) {
    found.push(Signature { offset, name, what });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    const MIB: u64 = 1 << 20;

    /// A unit of `size` bytes with these bytes at these places.
    fn unit(size: u64, parts: &[(u64, &[u8])]) -> Areas {
        let mut areas = blank(size);
        for (offset, bytes) in parts {
            put(&mut areas, *offset, bytes);
        }
        areas
    }

    fn blank(size: u64) -> Areas {
        let area = |bytes: u64| vec![0; usize::try_from(bytes.min(size)).unwrap()];
        Areas { head: area(HEAD_BYTES), tail: area(TAIL_BYTES), size_bytes: size }
    }

    fn put(areas: &mut Areas, offset: u64, bytes: &[u8]) {
        let tail_start = areas.tail_start();
        for (at, byte) in (offset..).zip(bytes) {
            if let Some(place) = areas.head.get_mut(usize::try_from(at).unwrap()) {
                *place = *byte;
            }
            if let Some(at) = at.checked_sub(tail_start)
                && let Some(place) = areas.tail.get_mut(usize::try_from(at).unwrap())
            {
                *place = *byte;
            }
        }
    }

    fn found(areas: &Areas) -> Vec<&'static str> {
        areas.signatures().into_iter().map(|signature| signature.name).collect()
    }

    #[test]
    fn every_name_stands_once() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(
            all.iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }

    #[test]
    fn every_magic_is_found_at_its_place_and_not_beside_it() {
        for ((name, _), offset, magic) in MAGICS {
            let areas = unit(100 * MIB, &[(*offset, magic)]);
            let signatures = areas.signatures();
            assert!(
                signatures.iter().any(|s| s.name == *name && s.offset == *offset),
                "{name} at {offset}: {signatures:?}"
            );
            let beside = unit(100 * MIB, &[(*offset + 7, magic)]);
            assert!(!beside.is_blank() && !found(&beside).is_empty());
            assert!(!found(&beside).contains(name), "{name} is found where it does not stand");
        }
    }

    #[test]
    fn what_stands_near_the_end() {
        let size = 100 * MIB + 4096;
        for (offset, bytes, name) in [
            (size - 4096 + 60, &0x8374_026b_u32.to_be_bytes()[..], "drbd"),
            (size - 4096 + 60, &0x8374_026c_u32.to_be_bytes(), "drbd"),
            (size - 4096 + 60, &0x8374_026d_u32.to_be_bytes(), "drbd"),
            ((size & !0xfff) - 0x2000, &0xa92b_4efc_u32.to_le_bytes(), "mdraid"),
            ((size & !0xffff) - 0x1_0000, &0xa92b_4efc_u32.to_le_bytes(), "mdraid"),
            ((size & !0xffff) - 0x1_0000, &0xa92b_4efc_u32.to_be_bytes(), "mdraid"),
            (0, &0xa92b_4efc_u32.to_le_bytes(), "mdraid"),
            (4096, &0xa92b_4efc_u32.to_le_bytes(), "mdraid"),
            (size - 512, b"EFI PART", "gpt"),
            (size - 4096, b"EFI PART", "gpt"),
            (512, b"EFI PART", "gpt"),
            (4096, b"EFI PART", "gpt"),
            (size - 512, b"conectix", "vhd"),
            (size - 512, &0xde11_de11_u32.to_be_bytes(), "ddf-raid"),
            (size - 1024, b"Intel Raid ISM Cfg. Sig. 1.2.00", "imsm-raid"),
            (size - 512, b"PRIVHEAD", "ldm"),
            (6 * 512, b"PRIVHEAD", "ldm"),
            (132 * 1024, &0x00ba_b10c_u64.to_le_bytes(), "zfs"),
            (256 * 1024 + 132 * 1024, &0x00ba_b10c_u64.to_be_bytes(), "zfs"),
            (100 * MIB - 256 * 1024 + 128 * 1024, &0x00ba_b10c_u64.to_le_bytes(), "zfs"),
            (100 * MIB - 512 * 1024 + 255 * 1024, &0x00ba_b10c_u64.to_le_bytes(), "zfs"),
            (1024, b"NSD descriptor for /dev/sdb created by GPFS", "gpfs"),
            (8 * 512 + 3, b"VxVM", "vxvm"),
            (size - 100 * 512, b"SPACEDB ", "storage-spaces"),
        ] {
            assert_eq!(found(&unit(size, &[(offset, bytes)])), [name], "{name} at {offset}");
        }
    }

    #[test]
    fn one_byte_is_no_blank_unit() {
        assert_eq!(found(&blank(100 * MIB)), [""; 0]);
        for offset in [0, 511, 4095, HEAD_BYTES - 1, 100 * MIB - TAIL_BYTES, 100 * MIB - 1] {
            let signatures = unit(100 * MIB, &[(offset, &[1])]).signatures();
            assert_eq!((signatures[0].name, signatures[0].offset), (UNKNOWN, offset));
        }
        // A unit smaller than the areas is read as a whole.
        assert_eq!(found(&unit(64 * 1024, &[(40_000, &[1])])), [UNKNOWN]);
        assert_eq!(found(&blank(512)), [""; 0]);
        assert_eq!(found(&blank(0)), [""; 0]);
    }

    #[test]
    fn partition_tables_tell_what_is_in_them() {
        let entry = |kind: u8| [0, 0, 2, 0, kind, 0xff, 0xff, 0xff, 0, 8, 0, 0, 0, 0, 2, 0];
        let end = [0x55, 0xaa];
        assert_eq!(found(&unit(MIB * 8, &[(446, &entry(7)), (510, &end)])), ["mbr"]);
        assert_eq!(found(&unit(MIB * 8, &[(440, &[1, 2, 3, 4]), (510, &end)])), ["mbr"]);
        assert_eq!(found(&unit(MIB * 8, &[(446, &entry(0xfb)), (510, &end)])), ["vmfs", "mbr"]);
        assert_eq!(found(&unit(MIB * 8, &[(462, &entry(0x42)), (510, &end)])), ["ldm", "mbr"]);
        let mut header = [0; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[72] = 2;
        header[80] = 128;
        header[84] = 128;
        for (guid, (name, _)) in GPT_TYPES {
            for block in [512, 4096] {
                let areas = unit(
                    MIB * 8,
                    &[(446, &entry(0xee)), (510, &end), (block, &header), (2 * block + 3 * 128, guid)],
                );
                assert_eq!(found(&areas).len(), 3, "{:?}", found(&areas));
                assert!(["gpt", "protective-mbr", name].iter().all(|name| found(&areas).contains(name)));
            }
        }
        // A boot sector is no partition table, though it ends in the same two bytes.
        assert_eq!(found(&unit(MIB * 8, &[(3, b"NTFS    "), (510, &end)])), ["ntfs"]);
    }

    #[test]
    fn tables_that_lie_do_no_harm() {
        let mut header = [0xff; 92];
        header[..8].copy_from_slice(b"EFI PART");
        assert_eq!(found(&unit(MIB * 8, &[(512, &header)])), ["gpt"]);
        header[72..80].fill(0);
        header[84..88].fill(0);
        assert_eq!(found(&unit(MIB * 8, &[(512, &header)])), ["gpt"]);
    }

    #[test]
    fn our_own_blocks_are_known() {
        let run = RunId::new(7).unwrap();
        let block = super::super::key::block(run, 1, 8, 512);
        let areas = unit(MIB * 8, &[(8 * 512, &block)]);
        assert_eq!(found(&areas), ["quorate-test"]);
        assert_eq!(areas.run(512), Some(run));
        assert_eq!(blank(MIB).run(512), None);
    }

    /// Superblocks as the system's own tools write them.
    #[test]
    fn what_the_systems_tools_write() {
        let folder = tempfile::tempdir().unwrap();
        for (tool, args, name) in [
            ("/usr/sbin/mkfs.ext4", &["-q", "-F"][..], "ext"),
            ("/usr/sbin/mkfs.ext2", &["-q", "-F"], "ext"),
            ("/usr/sbin/mkswap", &[], "swap"),
            ("/usr/sbin/mkfs.xfs", &["-q"], "xfs"),
            ("/usr/sbin/mkfs.btrfs", &["-q"], "btrfs"),
            ("/usr/sbin/mkfs.vfat", &[], "fat"),
            ("/usr/sbin/mkfs.minix", &[], UNKNOWN),
        ] {
            if !std::path::Path::new(tool).exists() {
                continue;
            }
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().set_len(320 * MIB).unwrap();
            let done = Command::new(tool).args(args).arg(&path).output().unwrap();
            assert!(done.status.success(), "{tool}: {done:?}");
            let bytes = std::fs::read(&path).unwrap();
            let (head, tail) = (usize::try_from(HEAD_BYTES).unwrap(), usize::try_from(TAIL_BYTES).unwrap());
            let areas = Areas {
                head: bytes[..head].to_vec(),
                tail: bytes[bytes.len() - tail..].to_vec(),
                size_bytes: bytes.len() as u64,
            };
            assert!(found(&areas).contains(&name), "{tool}: {:?}", found(&areas));
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn the_digest_tells_every_change() {
        let areas = blank(8 * MIB);
        let same = blank(8 * MIB);
        assert_eq!(areas.digest(), same.digest());
        assert_ne!(areas.digest(), unit(8 * MIB, &[(8 * MIB - 1, &[1])]).digest());
        assert_ne!(areas.digest(), blank(8 * MIB + 512).digest());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_panic_and_none_but_zeros_are_blank(
            size in 0_u64..200_000,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            offset in 0_u64..200_000,
        ) {
            let areas = unit(size, &[(offset, &bytes)]);
            prop_assert_eq!(areas.signatures().is_empty(), areas.is_blank());
        }
    }
}
