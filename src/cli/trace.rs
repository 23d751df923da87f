//! `--trace FILE`: every byte that goes to and comes from a storage target, in a file that Wireshark opens.

use super::terminal::Terminal;
use crate::iscsi::{PacketFile, Tap};
use crate::source::{Problem, Problems};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The packet file of a run, where one is wanted.
#[derive(Default)]
pub(super) struct TraceFile(Option<(PathBuf, Arc<PacketFile>)>);

impl TraceFile {
    /// Makes the file, before anything is contacted.
    pub fn open(path: Option<&Path>) -> Result<Self, Problems> {
        let Some(path) = path else { return Ok(Self::default()) };
        let file = PacketFile::create(path).map_err(|error| {
            Problem::new(format!("the trace {} cannot be written: {error}", path.display()))
                .help("--trace names a file in a folder that is there and may be written to")
        })?;
        Ok(Self(Some((path.to_owned(), Arc::new(file)))))
    }

    /// The tap for logins; off where no trace is wanted.
    pub fn tap(&self) -> Tap {
        self.0.as_ref().map_or_else(Tap::default, |(_, file)| Tap::new(file.clone()))
    }

    /// Writes a remark beside the next packet.
    pub fn remark(&self, text: &str) {
        if let Some((_, file)) = &self.0 {
            file.remark(text);
        }
    }

    /// Tells what became of the file.
    pub fn end(&self, terminal: &Terminal) {
        let Some((path, file)) = &self.0 else { return };
        let path = path.display();
        match file.finish() {
            Ok(packets) => terminal.note(&format!(
                "The trace {path} has {packets} packets. On another port than 3260 Wireshark needs \
                 \"Decode As\" iSCSI, and `tshark -d tcp.port==PORT,iscsi` does."
            )),
            Err(error) => terminal.warn(
                &Problem::new(format!("the trace {path} is not whole: {error}"))
                    .help("the report does not depend on it")
                    .into(),
            ),
        }
    }
}
