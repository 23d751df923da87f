//! Starting and stopping a simulated target, and looking behind its wire.
//!
//! Always holds: when a [`SimTarget`] is dropped, all its threads have ended and all its sockets are closed.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::attention::Attention;
use super::chaos::Chaos;
use super::config::Config;
use super::connection::serve;
use super::fault::{Fault, FaultSet};
use super::reservations::{Held, Nexus, Registration};
use super::state::{State, Stats};
use super::store::StoreError;
use super::unit::LogicalUnit;

/// Wait after an accept that failed, for example because no file descriptor is left.
const AFTER_ERROR: Duration = Duration::from_millis(50);
/// Wait for a listener to notice that it is to end.
const WAKE: Duration = Duration::from_millis(200);

/// What all threads of a target share.
#[derive(Debug)]
pub(super) struct Shared {
    pub config: Config,
    state: Mutex<State>,
    faults: Mutex<FaultSet>,
    chaos: Mutex<Option<Chaos>>,
    stopping: (Mutex<bool>, Condvar),
    bound: Vec<SocketAddr>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    /// Threads that ended in a panic: none, ever.
    panics: usize,
    live: BTreeMap<u64, (TcpStream, JoinHandle<()>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked while it held the lock left a state that is still whole: every change is made at the end.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn faults(&self) -> FaultSet {
        *lock(&self.faults)
    }

    pub fn chaos(&self) -> Option<Chaos> {
        *lock(&self.chaos)
    }

    /// The addresses of the portals, in the order of the configuration.
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    pub fn is_stopping(&self) -> bool {
        *lock(&self.stopping.0)
    }

    /// Counts a thread that panicked.
    pub fn note_panic(&self) {
        lock(&self.connections).panics += 1;
    }

    /// Waits; `true` when the target stops meanwhile.
    pub fn sleep(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut stopping = lock(&self.stopping.0);
        while !*stopping {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stopping = self.stopping.1.wait_timeout(stopping, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn accept(self: &Arc<Self>, portal: usize, stream: TcpStream) {
        let mut connections = lock(&self.connections);
        let ended: Vec<u64> = connections
            .live
            .iter()
            .filter(|(_, (_, thread))| thread.is_finished())
            .map(|(number, _)| *number)
            .collect();
        for number in ended {
            if let Some((_, thread)) = connections.live.remove(&number) {
                connections.panics += usize::from(thread.join().is_err());
            }
        }
        if connections.live.len() >= self.config.limits.connections || self.is_stopping() {
            return;
        }
        let Ok(handle) = stream.try_clone() else { return };
        connections.next += 1;
        let number = connections.next;
        let shared = Arc::clone(self);
        let thread = thread::Builder::new()
            .name("simtarget-receive".into())
            .spawn(move || serve(&shared, portal, number, stream));
        if let Ok(thread) = thread {
            connections.live.insert(number, (handle, thread));
            self.state().stats.connections += 1;
        }
    }
}

/// An iSCSI target that runs inside the process until it is dropped.
#[derive(Debug)]
pub struct SimTarget {
    shared: Arc<Shared>,
    listeners: Vec<JoinHandle<()>>,
}

impl SimTarget {
    /// Binds all portals and begins to serve them.
    ///
    /// # Errors
    /// `InvalidInput` with a [`ConfigError`](super::config::ConfigError) for a configuration that cannot work; the error of
    /// the operating system, with the address, when a portal cannot be bound.
    pub fn start(config: Config) -> io::Result<Self> {
        config.validate().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut sockets = Vec::new();
        let mut bound = Vec::new();
        for portal in &config.portals {
            let socket = TcpListener::bind(portal.bind)
                .map_err(|error| io::Error::new(error.kind(), format!("portal {}: {error}", portal.bind)))?;
            bound.push(socket.local_addr()?);
            sockets.push(socket);
        }
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(&config)),
            faults: Mutex::new(config.faults),
            chaos: Mutex::new(config.chaos),
            stopping: (Mutex::new(false), Condvar::new()),
            bound,
            connections: Mutex::default(),
            config,
        });
        let mut target = Self { shared: Arc::clone(&shared), listeners: Vec::new() };
        for (portal, socket) in sockets.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let listener = thread::Builder::new()
                .name("simtarget-accept".into())
                .spawn(move || listen(&shared, portal, &socket))?;
            target.listeners.push(listener);
        }
        Ok(target)
    }

    /// The addresses of the portals, in the order of the configuration, with the ports that were taken.
    pub fn portals(&self) -> Vec<SocketAddr> {
        self.shared.bound.clone()
    }

    /// Names of the targets.
    pub fn names(&self) -> Vec<String> {
        self.shared.config.targets.iter().map(|target| target.name.clone()).collect()
    }

    /// Counters since the start.
    pub fn stats(&self) -> Stats {
        self.shared.state().stats()
    }

    /// The faults that are on.
    pub fn faults(&self) -> FaultSet {
        self.shared.faults()
    }

    /// Switches one fault on or off, for what is still to come.
    pub fn set_fault(&self, fault: Fault, on: bool) {
        let mut faults = self.faults();
        faults.set(fault, on);
        self.set_faults(faults);
    }

    /// Puts these faults in place of those that are on.
    pub fn set_faults(&self, faults: FaultSet) {
        *lock(&self.shared.faults) = faults;
        self.shared.state().set_faults(faults);
    }

    /// Begins or ends chaos on the wire, for what is still to come on every connection. Chances that add up to more than
    /// certainty count in their order.
    pub fn set_chaos(&self, chaos: Option<Chaos>) {
        *lock(&self.shared.chaos) = chaos;
    }

    /// Power off and on: all connections end, what is not meant to persist is gone.
    pub fn power_cycle(&self) {
        self.shared.state().power_cycle();
        self.disconnect_all();
    }

    /// Cuts all connections, as a failing network would.
    pub fn disconnect_all(&self) {
        for (stream, _) in lock(&self.shared.connections).live.values() {
            // An error means that it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Everything as at the start; sessions end.
    #[cfg(test)]
    pub(super) fn blank(&self) {
        self.power_cycle();
        let faults = self.faults();
        let mut state = self.shared.state();
        state.blank(&self.shared.config);
        state.set_faults(faults);
    }

    /// To see whether any thread still holds on.
    #[cfg(test)]
    pub(super) fn watch(&self) -> std::sync::Weak<Shared> {
        Arc::downgrade(&self.shared)
    }

    /// A unit of the first target, to look behind the wire.
    pub fn lun(&self, lun: u16) -> Option<LunHandle<'_>> {
        self.unit_at(0, lun)
    }

    /// A unit of a target by name.
    pub fn lun_of(&self, target: &str, lun: u16) -> Option<LunHandle<'_>> {
        let index = self.shared.config.targets.iter().position(|each| each.name == target)?;
        self.unit_at(index, lun)
    }

    fn unit_at(&self, target: usize, lun: u16) -> Option<LunHandle<'_>> {
        let unit = self.shared.config.targets.get(target)?.units.iter().find(|unit| unit.lun == lun)?;
        let tag = self.shared.config.portals.first().map_or(1, |portal| portal.tag);
        Some(LunHandle { shared: &self.shared, target, lun, tag, block_size: unit.block_size })
    }
}

impl Drop for SimTarget {
    fn drop(&mut self) {
        self.stop();
    }
}

impl SimTarget {
    /// Ends all threads; gives the number of those that panicked.
    fn stop(&mut self) -> usize {
        *lock(&self.shared.stopping.0) = true;
        self.shared.stopping.1.notify_all();
        for (listener, address) in self.listeners.drain(..).zip(&self.shared.bound) {
            // A listener waits for connections, so it is woken by one.
            while !listener.is_finished() {
                let _ = TcpStream::connect_timeout(&callable(*address), WAKE);
                thread::sleep(Duration::from_millis(1));
            }
            let _ = listener.join();
        }
        let live = std::mem::take(&mut lock(&self.shared.connections).live);
        for (stream, _) in live.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let panics = live.into_values().map(|(_, thread)| usize::from(thread.join().is_err())).sum::<usize>();
        let mut connections = lock(&self.shared.connections);
        connections.panics += panics;
        connections.panics
    }

    /// Stops the target and gives the number of its threads that panicked: none, whatever came.
    pub fn panics(mut self) -> usize {
        self.stop()
    }
}

/// The address to call for a listener: the local host where it listens on all addresses.
fn callable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

fn listen(shared: &Arc<Shared>, portal: usize, socket: &TcpListener) {
    while !shared.is_stopping() {
        match socket.accept() {
            Ok((stream, _)) => shared.accept(portal, stream),
            Err(_) => {
                if shared.sleep(AFTER_ERROR) {
                    return;
                }
            }
        }
    }
}

/// What the reservations of a unit are at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// PRGENERATION.
    pub generation: u32,
    /// The registrations in the order they were made.
    pub registrations: Vec<Registration>,
    /// The persistent reservation.
    pub held: Option<Held>,
    /// Registrations and reservation survive a power loss.
    pub aptpl: bool,
    /// Holder of an SPC-2 reservation.
    pub reserved_by: Option<Nexus>,
}

/// A logical unit seen from behind the wire: no session, no reservation and no fault of the wire stands in between.
#[derive(Debug, Clone, Copy)]
pub struct LunHandle<'a> {
    shared: &'a Shared,
    target: usize,
    lun: u16,
    tag: u16,
    block_size: u32,
}

impl LunHandle<'_> {
    /// The same unit as the portal group with this tag has it; faults can make that another state.
    #[must_use]
    pub fn through(self, tag: u16) -> Self {
        Self { tag, ..self }
    }

    fn with<T>(&self, default: T, act: impl FnOnce(&mut LogicalUnit) -> T) -> T {
        let mut state = self.shared.state();
        let units = state.targets.get_mut(self.target).map(|target| &mut target.units);
        match units.and_then(|units| units.get_mut(&self.lun)) {
            Some(unit) => act(unit),
            None => default,
        }
    }

    /// Keys and reservation.
    pub fn reservations(&self) -> Snapshot {
        let nothing = Snapshot {
            generation: 0,
            registrations: Vec::new(),
            held: None,
            aptpl: false,
            reserved_by: None,
        };
        self.with(nothing, |unit| {
            let reservations = unit.reservations(self.tag);
            Snapshot {
                generation: reservations.generation(),
                registrations: reservations.registrations().to_vec(),
                held: reservations.held(),
                aptpl: reservations.capabilities().persist_through_power_loss_active,
                reserved_by: reservations.reserved_by().cloned(),
            }
        })
    }

    /// Unit attentions that a nexus has not been told of yet.
    pub fn attentions(&self, nexus: &Nexus) -> Vec<Attention> {
        self.with(Vec::new(), |unit| unit.attentions.pending(nexus))
    }

    /// Reads blocks of the configured block size.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`].
    pub fn read(&self, lba: u64, blocks: u32) -> Result<Vec<u8>, StoreError> {
        let (offset, length) = self.place(lba, u64::from(blocks))?;
        self.with(Ok(Vec::new()), |unit| unit.read(self.tag, offset, length))
    }

    /// Writes data at a block.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`] and [`StoreError::NoSpace`].
    pub fn write(&self, lba: u64, data: &[u8]) -> Result<(), StoreError> {
        let (offset, _) = self.place(lba, 0)?;
        self.with(Ok(()), |unit| unit.write(self.tag, offset, data))
    }

    fn place(&self, lba: u64, blocks: u64) -> Result<(u64, usize), StoreError> {
        let block = u64::from(self.block_size);
        let size = self.with(0, |unit| unit.config.size_bytes);
        let place = lba.checked_mul(block).zip(blocks.checked_mul(block));
        match place.and_then(|(offset, length)| Some((offset, usize::try_from(length).ok()?))) {
            Some((offset, length)) if offset.saturating_add(length as u64) <= size => Ok((offset, length)),
            _ => Err(StoreError::OutOfRange { offset: lba.saturating_mul(block), length: blocks, size }),
        }
    }
}
