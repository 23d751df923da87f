//! Ctrl-C, and SIGTERM and SIGHUP: the first one asks the run to end with what it has, the second one ends the program.

use crate::report::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user asked to end.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for the signals, once for each process.
    pub fn listen(on_first: impl Fn() + Send + 'static) -> Self {
        let interrupt = Interrupt::default();
        let flag = interrupt.0.clone();
        let listening = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(ExitCode::Interrupted.code().into());
            }
            on_first();
        });
        if let Err(error) = listening {
            tracing::warn!("Ctrl-C ends the program at once: {error}");
        }
        interrupt
    }

    /// Listens for the signals, once for each process, for a run that must undo what it did: no signal ends it before.
    pub fn listen_patiently(on_first: impl Fn() + Send + 'static) -> Self {
        let interrupt = Interrupt::default();
        let flag = interrupt.0.clone();
        let listening = ctrlc::set_handler(move || {
            if !flag.swap(true, Ordering::SeqCst) {
                on_first();
            }
        });
        if let Err(error) = listening {
            tracing::warn!("Ctrl-C ends the program at once: {error}");
        }
        interrupt
    }

    /// The flag that it raises.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Whether it came.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
