//! Conformance runs against the embedded target while its wire is in chaos: no panic, no hang, nothing left behind.
//!
//! `make test` plays a short round, `make soak` 10,000 runs. Everything about a run follows from its seed, apart from the
//! order in which threads come to their turn. Environment: `QUORATE_SOAK_RUNS` (how many), `QUORATE_SOAK_SEED` (that of the
//! first run, the next ones count on), `QUORATE_SOAK_REPEAT` (how often each seed is played), `QUORATE_SOAK_JOBS` (runs side
//! by side).

mod script;
mod truth;

use script::Script;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A run that takes longer hangs: every wait in it is bounded by less.
const LONGEST: Duration = Duration::from_secs(90);

/// Failures after which nothing more is begun.
const MOST_FAILURES: usize = 10;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, and {text} is none")),
        Err(_) => default,
    }
}

/// The runs that are at work: their seeds, and since when.
#[derive(Default)]
struct Working(Mutex<BTreeMap<u64, (u64, Instant)>>);

impl Working {
    fn begin(&self, place: u64, seed: u64) {
        self.0.lock().expect("whole").insert(place, (seed, Instant::now()));
    }

    fn end(&self, place: u64) {
        self.0.lock().expect("whole").remove(&place);
    }

    fn hanging(&self) -> Option<u64> {
        let working = self.0.lock().expect("whole");
        working.values().find(|(_, begun)| begun.elapsed() > LONGEST).map(|(seed, _)| *seed)
    }
}

fn repeat(seed: u64) -> String {
    format!("to repeat it: QUORATE_SOAK_SEED={seed} QUORATE_SOAK_RUNS=1 QUORATE_SOAK_REPEAT=100 make soak")
}

/// Ends the process when a run hangs: no thread can be ended otherwise.
#[allow(clippy::print_stderr)] // the test harness does not show what a process says that ends at once
fn watch(working: &Working, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        if let Some(seed) = working.hanging() {
            eprintln!("the run with seed {seed} hangs after {} s; {}", LONGEST.as_secs(), repeat(seed));
            std::process::exit(1);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A run that is told to panic says nothing about it; every other panic is told.
fn mute_ordered_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&script::ORDERED) {
            usual(panic);
        }
    }));
}

#[test]
#[allow(clippy::print_stdout)] // what was done is the answer of `make soak`
fn chaos_on_the_wire_leaves_nothing() {
    mute_ordered_panics();
    let runs = number("QUORATE_SOAK_RUNS", 64);
    let first = number("QUORATE_SOAK_SEED", 1);
    let repeats = number("QUORATE_SOAK_REPEAT", 1);
    let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get) as u64;
    let jobs = number("QUORATE_SOAK_JOBS", 4 * cores).max(1);
    let (next, working, done) = (AtomicU64::new(0), Working::default(), AtomicBool::new(false));
    let failures = Mutex::new(Vec::<String>::new());
    let ends = Mutex::new(BTreeMap::<&'static str, u64>::new());
    let begun = Instant::now();
    let work = |place: u64| {
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= runs * repeats || failures.lock().expect("whole").len() >= MOST_FAILURES {
                return;
            }
            let seed = first.wrapping_add(turn / repeats);
            working.begin(place, seed);
            let script = Script::of(seed);
            let failed = match catch_unwind(AssertUnwindSafe(|| truth::play(&script))) {
                Ok(Ok(end)) => {
                    *ends.lock().expect("whole").entry(end).or_default() += 1;
                    None
                }
                Ok(Err(why)) => Some(why),
                Err(_) => Some("it panicked".to_owned()),
            };
            working.end(place);
            if let Some(why) = failed {
                let text = format!("seed {seed}: {why}\n  {script:?}\n  {}", repeat(seed));
                failures.lock().expect("whole").push(text);
            }
            let played = turn + 1;
            if played.is_multiple_of(1000) {
                println!("{played} runs, {:.0} s", begun.elapsed().as_secs_f64());
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| watch(&working, &done));
        thread::scope(|scope| {
            for place in 0..jobs {
                scope.spawn(move || work(place));
            }
        });
        done.store(true, Ordering::Relaxed);
    });
    let failures = failures.into_inner().expect("whole");
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    let (ends, time) = (ends.into_inner().expect("whole"), begun.elapsed().as_secs_f64());
    let played: u64 = ends.values().sum();
    println!(
        "{played} runs from seed {first} in {time:.1} s, {:.0} a minute: {ends:?}",
        f64::from(u32::try_from(played).unwrap_or(u32::MAX)) * 60.0 / time
    );
}

/// Two tests that begin at the same moment: never do both go on, and nothing is left or written over.
#[test]
fn two_tests_at_once_see_each_other() {
    let rounds = number("QUORATE_SOAK_RUNS", 64) / 4;
    let first = number("QUORATE_SOAK_SEED", 1);
    for seed in first..first + rounds {
        if let Err(why) = truth::duel(seed) {
            panic!("seed {seed}: {why}; {}", repeat(seed));
        }
    }
}
