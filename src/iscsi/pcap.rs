//! A [`Trace`] that writes what crossed the wire as a pcapng file, which Wireshark and tshark open with their iSCSI dissector.
//!
//! The bytes are those of the sockets; the IP and TCP headers around them are made up so that they fit: addresses and ports of
//! the connection, sequence numbers without a gap, right checksums, a handshake before and a FIN or RST after. Times are
//! those of our system calls. The file holds all that was read and written, CHAP challenges and responses too: it is made
//! readable for its owner alone.
//!
//! The form is that of draft-ietf-opsawg-pcapng with link type RAW (101): packets begin with their IP header.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::trace::{Passing, Trace, What};

/// The most bytes of one packet, so that headers and data stay within the 65535 of an IP packet.
const SEGMENT: usize = 60 * 1024;

/// The longest remark, in bytes; an option's length has 16 bits.
const LONGEST_REMARK: usize = 4096;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const LINK_TYPE_RAW: u16 = 101;

const OPTION_COMMENT: u16 = 1;
const OPTION_NAME: u16 = 2;
const OPTION_FLAGS: u16 = 2;
const OPTION_APPLICATION: u16 = 4;
const OPTION_RESOLUTION: u16 = 9;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A packet file that is being written. It goes out packet by packet, so that a killed process leaves what it saw.
#[derive(Debug)]
pub struct PacketFile {
    writer: Mutex<PacketWriter<File>>,
}

impl PacketFile {
    /// Makes the file, mode 0600. One that is there is emptied.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        if file.metadata()?.is_file() {
            // The mode above counts for a new file only.
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        }
        Ok(Self { writer: Mutex::new(PacketWriter::new(file)?) })
    }

    /// Writes this beside the next packet, where Wireshark shows it as a comment.
    pub fn remark(&self, text: &str) {
        self.writer().remark(text);
    }

    /// How many packets were written, or why one could not be. After the first error nothing more is written.
    pub fn finish(&self) -> io::Result<u64> {
        let mut writer = self.writer();
        match writer.failed.take() {
            Some(error) => Err(error),
            None => writer.out.flush().map(|()| writer.packets),
        }
    }

    fn writer(&self) -> MutexGuard<'_, PacketWriter<File>> {
        // Whoever panicked while it wrote left at worst a cut packet at the end.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trace for PacketFile {
    fn note(&self, passing: &Passing<'_>) {
        self.writer().note(passing);
    }
}

/// Turns what passes on connections into a pcapng stream.
#[derive(Debug)]
pub struct PacketWriter<W> {
    out: W,
    flows: BTreeMap<u64, Flow>,
    remark: Option<String>,
    packets: u64,
    failed: Option<io::Error>,
    stopped: bool,
    block: Vec<u8>,
}

/// The sequence numbers of a connection.
#[derive(Debug, Default)]
struct Flow {
    ours: u32,
    theirs: u32,
    over: bool,
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

impl<W: Write> PacketWriter<W> {
    /// Begins the stream.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut head = Vec::new();
        let application = concat!("quorate ", env!("CARGO_PKG_VERSION"));
        block(&mut head, SECTION_HEADER, |body| {
            body.extend(0x1a2b_3c4d_u32.to_le_bytes());
            body.extend([1, 0, 0, 0]);
            // The length of the section is not known.
            body.extend(u64::MAX.to_le_bytes());
            option(body, OPTION_APPLICATION, application.as_bytes());
            option(body, 0, &[]);
        });
        block(&mut head, INTERFACE, |body| {
            body.extend(LINK_TYPE_RAW.to_le_bytes());
            body.extend([0; 6]);
            option(body, OPTION_NAME, b"iscsi sockets");
            // Nanoseconds.
            option(body, OPTION_RESOLUTION, &[9]);
            option(body, 0, &[]);
        });
        out.write_all(&head)?;
        Ok(Self {
            out,
            flows: BTreeMap::new(),
            remark: None,
            packets: 0,
            failed: None,
            stopped: false,
            block: Vec::new(),
        })
    }

    /// Writes this beside the next packet.
    pub fn remark(&mut self, text: &str) {
        let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= LONGEST_REMARK;
        self.remark = Some(text.char_indices().take_while(fits).map(|(_, c)| c).collect());
    }

    /// Writes the packets that show what passed.
    pub fn note(&mut self, passing: &Passing<'_>) {
        let mut flow = self.flows.remove(&passing.connection).unwrap_or_default();
        match passing.what {
            What::Opened => {
                self.packet(passing, &mut flow, Way::Out, SYN, &[]);
                self.packet(passing, &mut flow, Way::In, SYN | ACK, &[]);
                self.packet(passing, &mut flow, Way::Out, ACK, &[]);
            }
            What::Sent(bytes) => self.data(passing, &mut flow, Way::Out, bytes),
            What::Received(bytes) => self.data(passing, &mut flow, Way::In, bytes),
            What::ClosedByPeer if !flow.over => {
                flow.over = true;
                self.packet(passing, &mut flow, Way::In, FIN | ACK, &[]);
            }
            What::Reset if !flow.over => {
                flow.over = true;
                self.packet(passing, &mut flow, Way::In, RST | ACK, &[]);
            }
            What::ClosedByPeer | What::Reset => {}
            What::Closed => {
                self.packet(passing, &mut flow, Way::Out, FIN | ACK, &[]);
                return;
            }
        }
        self.flows.insert(passing.connection, flow);
    }

    fn data(&mut self, passing: &Passing<'_>, flow: &mut Flow, way: Way, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            self.packet(passing, flow, way, PSH | ACK, segment);
        }
    }

    fn packet(&mut self, passing: &Passing<'_>, flow: &mut Flow, way: Way, flags: u8, data: &[u8]) {
        if self.stopped {
            return;
        }
        let (from, to) = match way {
            Way::Out => (passing.local, passing.peer),
            Way::In => (passing.peer, passing.local),
        };
        let (sequence, acknowledged) = match way {
            Way::Out => (flow.ours, flow.theirs),
            Way::In => (flow.theirs, flow.ours),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
        let packet = ip_packet(from, to, &tcp_segment(from, to, sequence, acknowledged, flags, data));
        // SYN and FIN count as one byte each (RFC 9293 section 3.4).
        let counted = u32::try_from(data.len()).unwrap_or(u32::MAX)
            + u32::from(flags & SYN != 0)
            + u32::from(flags & FIN != 0);
        let next = sequence.wrapping_add(counted);
        match way {
            Way::Out => flow.ours = next,
            Way::In => flow.theirs = next,
        }
        let remark = self.remark.take();
        let mut out = std::mem::take(&mut self.block);
        out.clear();
        block(&mut out, PACKET, |body| {
            let [high, low] = nanos(passing.at);
            let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
            body.extend(0_u32.to_le_bytes());
            body.extend(high.to_le_bytes());
            body.extend(low.to_le_bytes());
            body.extend(length.to_le_bytes());
            body.extend(length.to_le_bytes());
            body.extend(&packet);
            pad(body);
            if let Some(remark) = remark {
                option(body, OPTION_COMMENT, remark.as_bytes());
            }
            let direction: u32 = if way == Way::In { 1 } else { 2 };
            option(body, OPTION_FLAGS, &direction.to_le_bytes());
            option(body, 0, &[]);
        });
        match self.out.write_all(&out) {
            Ok(()) => self.packets += 1,
            Err(error) => {
                self.failed = Some(error);
                self.stopped = true;
            }
        }
        self.block = out;
    }
}

/// Nanoseconds since the epoch, upper and lower half.
fn nanos(at: SystemTime) -> [u32; 2] {
    let nanos = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let bytes = u64::try_from(nanos).unwrap_or(u64::MAX).to_be_bytes();
    let [a, b, c, d, e, f, g, h] = bytes;
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

/// Appends a block: type, length, body, length again.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    fill(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX).to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend(length);
}

/// Appends an option, filled up to four bytes.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(value);
    pad(out);
}

/// Fills up to four bytes; every block begins at such a place.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

fn tcp_segment(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    data: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + data.len());
    out.extend(from.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend(acknowledged.to_be_bytes());
    // A header of five words, a window as large as it can be, no urgent data.
    out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(data);
    let (source, destination) = ends(from, to);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let mut pseudo = Vec::with_capacity(40);
    pseudo.extend(source);
    pseudo.extend(destination);
    pseudo.extend(length.to_be_bytes());
    pseudo.extend([0, 0, 0, 6]);
    let sum = checksum(&[&pseudo, &out]);
    out[16..18].copy_from_slice(&sum.to_be_bytes());
    out
}

fn ip_packet(from: SocketAddr, to: SocketAddr, segment: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + segment.len());
    let (source, destination) = ends(from, to);
    if source.len() == 4 {
        out.extend([0x45, 0]);
        out.extend(u16::try_from(20 + segment.len()).unwrap_or(u16::MAX).to_be_bytes());
        // No identification, never to be fragmented, 64 hops, TCP, and a checksum that is filled in below.
        out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        out.extend(source);
        out.extend(destination);
        let sum = checksum(&[&out]);
        out[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        out.extend([0x60, 0, 0, 0]);
        out.extend(u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend([6, 64]);
        out.extend(source);
        out.extend(destination);
    }
    out.extend(segment);
    out
}

/// Both addresses, of one family.
fn ends(from: SocketAddr, to: SocketAddr) -> (Vec<u8>, Vec<u8>) {
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (from.octets().to_vec(), to.octets().to_vec()),
        (from, to) => (wide(from).to_vec(), wide(to).to_vec()),
    }
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The Internet checksum (RFC 1071) over parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests;
