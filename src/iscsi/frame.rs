//! Framing: 48-byte header, additional header, data segment, and the CRC32C digests around them (RFC 7143 sections 11.2 and 13.1).
//!
//! The reader keeps what has arrived of a frame across timeouts, so a slow peer never puts it out of step, and refuses a
//! data segment over its limit before it reserves memory for it. Both initiator and target use it.

use std::io::{self, Read, Write};

/// Bytes of a basic header segment.
pub const HEADER_BYTES: usize = 48;

/// The largest data segment that 24 bits can announce.
pub const LONGEST_SEGMENT: u32 = 0x00ff_ffff;

const CHUNK: usize = 16 * 1024;

/// Which CRC32C digests are on; both are off during login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digests {
    /// Over the basic and additional header segments.
    pub header: bool,
    /// Over the data segment with its padding.
    pub data: bool,
}

/// One PDU, still undecoded. The length fields of the header are written when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The basic header segment.
    pub header: [u8; HEADER_BYTES],
    /// Additional header segments, a multiple of four bytes.
    pub additional: Vec<u8>,
    /// The data segment without its padding.
    pub data: Vec<u8>,
}

/// Why no frame could be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer closed the connection between two PDUs.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer closed the connection inside a PDU.
    #[error("the peer closed the connection inside a PDU: {got} of {needed} bytes had arrived")]
    Truncated {
        /// Bytes that arrived.
        got: usize,
        /// Bytes the PDU has, as far as its header had told.
        needed: usize,
    },
    /// A data segment is larger than allowed.
    #[error("a data segment of {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// Bytes announced.
        bytes: usize,
        /// Bytes allowed.
        limit: u32,
    },
    /// The header does not match its CRC32C.
    #[error("the header digest is wrong: {got:08x} came, {computed:08x} is right")]
    HeaderDigest {
        /// What came.
        got: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// The data segment does not match its CRC32C.
    #[error("the data digest is wrong: {got:08x} came, {computed:08x} is right")]
    DataDigest {
        /// What came.
        got: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// The socket failed. Kinds `WouldBlock` and `TimedOut` leave the reader usable.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FrameError {
    /// True when nothing but time ran out; the reader can go on.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

fn padding(len: usize) -> usize {
    len.wrapping_neg() & 3
}

impl Frame {
    /// A frame with this header and nothing behind it.
    pub fn new(header: [u8; HEADER_BYTES]) -> Self {
        Self { header, additional: Vec::new(), data: Vec::new() }
    }

    /// The six bits of the opcode.
    pub fn opcode(&self) -> u8 {
        self.header[0] & 0x3f
    }

    /// Appends the bytes on the wire to `out`.
    pub fn write_to(&self, digests: Digests, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let too_long = FrameError::TooLong { bytes: self.data.len(), limit: LONGEST_SEGMENT };
        let Some(length) = u32::try_from(self.data.len()).ok().filter(|length| *length <= LONGEST_SEGMENT)
        else {
            return Err(too_long);
        };
        let Ok(words) = u8::try_from(self.additional.len().div_ceil(4)) else {
            return Err(FrameError::TooLong { bytes: self.additional.len(), limit: 1020 });
        };
        let start = out.len();
        out.reserve(HEADER_BYTES + self.additional.len() + self.data.len() + 16);
        out.extend(self.header);
        out[start + 4] = words;
        out[start + 5..start + 8].copy_from_slice(&length.to_be_bytes()[1..]);
        out.extend(&self.additional);
        out.resize(out.len() + padding(self.additional.len()), 0);
        if digests.header {
            let crc = crc32c::crc32c(&out[start..]);
            out.extend(crc.to_le_bytes());
        }
        if !self.data.is_empty() {
            let data = out.len();
            out.extend(&self.data);
            out.resize(out.len() + padding(self.data.len()), 0);
            if digests.data {
                let crc = crc32c::crc32c(&out[data..]);
                out.extend(crc.to_le_bytes());
            }
        }
        Ok(())
    }
}

/// Reads frames from a byte stream.
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
    /// Only grows; what has arrived and is not given out lies from `taken` to `filled`.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
    digests: Digests,
    limit: u32,
}

impl<R: Read> FrameReader<R> {
    /// A reader without digests that accepts data segments of at most `limit` bytes.
    pub fn new(inner: R, limit: u32) -> Self {
        Self { inner, buffer: Vec::new(), taken: 0, filled: 0, digests: Digests::default(), limit }
    }

    /// Switches digests for the frames that are still to be read.
    pub fn set_digests(&mut self, digests: Digests) {
        self.digests = digests;
    }

    /// Changes the largest data segment that is accepted.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// The stream.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream, to change how it waits.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Bytes of a frame that have arrived and are not yet given out.
    pub fn buffered(&self) -> usize {
        self.filled - self.taken
    }

    /// Waits for the next frame. After a timeout it may be called again and goes on where it stopped; any other error is
    /// the end of the stream.
    pub fn read(&mut self) -> Result<Frame, FrameError> {
        loop {
            let needed = match self.parse()? {
                Parsed::Frame(frame) => return Ok(frame),
                Parsed::Needs(needed) => needed,
            };
            self.buffer.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
            let have = self.filled;
            let room = have + CHUNK.max(needed - have);
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            let outcome = self.inner.read(&mut self.buffer[have..]);
            self.filled += *outcome.as_ref().unwrap_or(&0);
            match outcome {
                Ok(0) if have == 0 => return Err(FrameError::Closed),
                Ok(0) => return Err(FrameError::Truncated { got: have, needed }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn parse(&mut self) -> Result<Parsed, FrameError> {
        let bytes = &self.buffer[self.taken..self.filled];
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(Parsed::Needs(HEADER_BYTES));
        };
        let additional = usize::from(header[4]) * 4;
        let length = u32::from_be_bytes([0, header[5], header[6], header[7]]);
        let header_end = HEADER_BYTES + additional;
        let data_start = header_end + if self.digests.header { 4 } else { 0 };
        // A wrong header digest is told before a length that may be the very thing that is damaged.
        if self.digests.header {
            if bytes.len() < data_start {
                return Ok(Parsed::Needs(data_start));
            }
            if let Err((got, computed)) = check(&bytes[..header_end], &bytes[header_end..data_start]) {
                return Err(FrameError::HeaderDigest { got, computed });
            }
        }
        let data_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(FrameError::TooLong { bytes: data_bytes, limit: self.limit });
        }
        let padded_end = data_start + data_bytes + padding(data_bytes);
        let end = padded_end + if self.digests.data && length > 0 { 4 } else { 0 };
        if bytes.len() < end {
            return Ok(Parsed::Needs(end));
        }
        if let Err((got, computed)) = check(&bytes[data_start..padded_end], &bytes[padded_end..end]) {
            return Err(FrameError::DataDigest { got, computed });
        }
        let frame = Frame {
            header: *header,
            additional: bytes[HEADER_BYTES..header_end].to_vec(),
            data: bytes[data_start..data_start + data_bytes].to_vec(),
        };
        self.taken += end;
        Ok(Parsed::Frame(frame))
    }
}

enum Parsed {
    Frame(Frame),
    Needs(usize),
}

/// Compares a digest with what it covers; where there is no digest there is nothing to compare.
fn check(covered: &[u8], digest: &[u8]) -> Result<(), (u32, u32)> {
    let Ok(digest) = <[u8; 4]>::try_from(digest) else { return Ok(()) };
    let got = u32::from_le_bytes(digest);
    let computed = crc32c::crc32c(covered);
    if got == computed { Ok(()) } else { Err((got, computed)) }
}

/// Writes frames to a byte stream, each in one call so that no small segments are sent.
#[derive(Debug)]
pub struct FrameWriter<W> {
    inner: W,
    scratch: Vec<u8>,
    digests: Digests,
}

impl<W: Write> FrameWriter<W> {
    /// A writer without digests.
    pub fn new(inner: W) -> Self {
        Self { inner, scratch: Vec::new(), digests: Digests::default() }
    }

    /// Switches digests for the frames that are still to be written.
    pub fn set_digests(&mut self, digests: Digests) {
        self.digests = digests;
    }

    /// The stream.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The stream, to change how it waits.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Sends a frame. After an error the stream must be given up: part of the frame may have gone out.
    pub fn write(&mut self, frame: &Frame) -> Result<(), FrameError> {
        self.write_all(std::slice::from_ref(frame))
    }

    /// Sends several frames in one go.
    pub fn write_all(&mut self, frames: &[Frame]) -> Result<(), FrameError> {
        self.scratch.clear();
        for frame in frames {
            frame.write_to(self.digests, &mut self.scratch)?;
        }
        self.inner.write_all(&self.scratch)?;
        self.inner.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(data: &[u8]) -> Frame {
        let mut header = [0; HEADER_BYTES];
        header[0] = 0x01;
        header[16] = 9;
        Frame { header, additional: vec![0, 2, 1, 0], data: data.to_vec() }
    }

    fn wire(frame: &Frame, digests: Digests) -> Vec<u8> {
        let mut out = Vec::new();
        frame.write_to(digests, &mut out).unwrap();
        out
    }

    const ON: Digests = Digests { header: true, data: true };

    #[test]
    fn crc32c_vectors_of_the_rfc() {
        // RFC 7143 appendix A.4, as the four bytes stand on the wire
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        for (bytes, expected) in [
            (&[0; 32][..], "aa36918a"),
            (&[0xff; 32], "43aba862"),
            (&ascending, "4e79dd46"),
            (&descending, "5cdb3f11"),
        ] {
            assert_eq!(hex::encode(crc32c::crc32c(bytes).to_le_bytes()), expected);
        }
    }

    /// Gives one byte per call and a timeout between any two.
    struct Drip(Vec<u8>, bool);

    impl Read for Drip {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if self.0.is_empty() {
                return Ok(0);
            }
            buf[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn a_slow_peer_does_not_put_the_reader_out_of_step() {
        let frames = [sample(b"abc"), sample(b""), sample(b"defgh")];
        let bytes = frames.iter().flat_map(|frame| wire(frame, ON)).collect();
        let mut reader = FrameReader::new(Drip(bytes, false), 100);
        reader.set_digests(ON);
        let mut seen = Vec::new();
        loop {
            match reader.read() {
                Ok(mut frame) => {
                    frame.header[4..8].fill(0);
                    seen.push(frame);
                }
                Err(error) if error.is_timeout() => {}
                Err(FrameError::Closed) => break,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(seen, frames);
    }

    #[test]
    fn damage_is_seen() {
        let good = wire(&sample(b"abcde"), ON);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let mut reader = FrameReader::new(&bad[..], 100);
            reader.set_digests(ON);
            assert!(reader.read().is_err(), "byte {at}");
        }
        for cut in 1..good.len() {
            let mut reader = FrameReader::new(&good[..cut], 100);
            reader.set_digests(ON);
            assert!(matches!(reader.read(), Err(FrameError::Truncated { got, .. }) if got == cut), "{cut}");
        }
        assert!(matches!(FrameReader::new(&[][..], 100).read(), Err(FrameError::Closed)));
    }

    #[test]
    fn an_oversized_segment_is_refused_before_it_arrives() {
        let header = &wire(&sample(&[0; 101]), Digests::default())[..HEADER_BYTES];
        assert!(matches!(
            FrameReader::new(header, 100).read(),
            Err(FrameError::TooLong { bytes: 101, limit: 100 })
        ));
        let huge = Frame { data: vec![0; 0x0100_0000], ..sample(b"") };
        assert!(matches!(huge.write_to(ON, &mut Vec::new()), Err(FrameError::TooLong { .. })));
    }
}
