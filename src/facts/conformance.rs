//! Facts of an active storage test: what simulated nodes found when they registered, reserved and preempted on a LUN.
//!
//! A step that was not played has no `ok`, so that no rule takes it for one that holds; a gap tells why it was not.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::units::Micros;
use crate::{choices, records};

choices! {
    /// How far an active test of a LUN may go.
    LunTest {
        /// Not at all.
        None = "none",
        /// It reads only.
        Inspect = "inspect",
        /// It registers and reserves, and writes no block.
        Pr = "pr",
        /// It also writes to a range, whose content it puts back.
        PrWrite = "pr-write",
    }

    /// How a step of an active test ended.
    StepResult {
        /// All was as the standard has it.
        Ok = "ok",
        /// Something was not.
        Departs = "departs",
        /// The target does not have what the step is about.
        NotSupported = "not-supported",
        /// It was not played, or could not be judged.
        NotRun = "not-run",
    }

    /// How much a departure matters to a cluster that relies on the step.
    StepSeverity {
        /// Data loss, or no failover.
        Blocker = "blocker",
        /// Failover is slower, or fails in some cases.
        Major = "major",
        /// Seldom noticed.
        Minor = "minor",
        /// Worth knowing.
        Info = "info",
    }

    /// What came of a question about the suitability of a LUN.
    SuitabilityVerdict {
        /// As a cluster needs it.
        Good = "good",
        /// Possible, but somebody should know.
        Attention = "attention",
        /// Not as a cluster needs it.
        Bad = "bad",
    }
}

records! {
    /// What an active test of a LUN found.
    Conformance {
        /// Whether this run was asked for an active test of it.
        asked: Option<bool>,
        /// Whether the test came to its end: it was neither refused nor stopped.
        complete: Option<bool>,
        /// How far it was allowed to go.
        mode: Option<LunTest>,
        /// Its number, eight hexadecimal digits; keys and initiator names bear it.
        run: Option<String>,
        /// When it began, RFC 3339 in UTC.
        started: Option<String>,
        /// How long it took, without the waiting for others before it.
        elapsed_us: Option<Micros>,
        /// Why it was refused before anything was changed, empty for not.
        refused: Option<String>,
        /// Why it was stopped before its end, empty for not.
        stopped: Option<String>,
        /// Every step; none where no test was asked for.
        steps: Option<Vec<ConformanceStep>>,
        /// What the LUN is good for besides its reservations; none where no test was asked for.
        checks: Option<Vec<SuitabilityCheck>>,
        /// How fast it is; none where no test was asked for.
        latencies: Option<Vec<ConformanceLatency>>,
        /// At the slow end, how long it takes from PREEMPT until the other node is shut out.
        shut_out_us: Option<Micros>,
        /// Nodes that the defence of a reservation was reckoned for.
        defence_nodes: Option<i64>,
        /// Paths of each node that it was reckoned for.
        defence_paths: Option<i64>,
        /// At the slow end, how long it takes to register every path of every node and to preempt once.
        defence_needed_us: Option<Micros>,
        /// What of the test is, or may be, left on the LUN; empty when it was seen that nothing is.
        residue: Option<Vec<String>>,
        /// Ready commands that remove it by hand.
        residue_commands: Option<Vec<String>>,
        /// File that `quorate storage cleanup --run` takes, empty for none.
        run_file: Option<String>,
    }

    /// A step of an active test.
    ConformanceStep key id {
        /// Its number: `P01` to `P40`.
        id: String,
        /// What it is about.
        title: Option<String>,
        /// The least that a test must be allowed for it to be played.
        mode: Option<LunTest>,
        /// Whether the test was to play it: its mode and its switches let it, and nobody left it out.
        wanted: Option<bool>,
        /// How much it matters: less than usual where all that departs matters less.
        severity: Option<StepSeverity>,
        /// How it ended.
        result: Option<StepResult>,
        /// Whether the target does what the step asks for; missing where it was not played.
        ok: Option<bool>,
        /// What the standard has for it.
        expected: Option<String>,
        /// What the target did, empty where all was as expected.
        observed: Option<String>,
        /// Why it was not played, or what the target said that it lacks; empty for neither.
        reason: Option<String>,
        /// What it means for the user when it departs.
        meaning: Option<String>,
        /// Who relies on it: `wsfc`, `fence-scsi`, `veritas`.
        stacks: Option<Vec<String>>,
        /// Parts of it that were left out, each with the reason.
        left_out: Option<Vec<String>>,
        /// What was seen beside the judgement.
        notes: Option<Vec<String>>,
        /// Requests and answers that show the departure.
        wire: Option<Vec<WireExchange>>,
        /// How long it took.
        elapsed_us: Option<Micros>,
    }

    /// A command and its answer on the wire. Long data is cut.
    WireExchange {
        /// Which of the simulated nodes sent it: `A`, `A (path 2)`.
        node: Option<String>,
        /// The portal that it went through.
        portal: Option<String>,
        /// The command by its name.
        command: Option<String>,
        /// The CDB in hexadecimal.
        cdb: Option<String>,
        /// The data sent, in hexadecimal.
        data_out: Option<String>,
        /// The status and sense in words, or why there is no answer.
        answer: Option<String>,
        /// The sense data in hexadecimal.
        sense: Option<String>,
        /// The data received, in hexadecimal.
        data_in: Option<String>,
        /// From the command to its status.
        elapsed_us: Option<Micros>,
    }

    /// A question about what a LUN is good for.
    SuitabilityCheck key name {
        /// What is asked: `size`, `read-back`.
        name: String,
        /// What came of it; missing where it is not known.
        verdict: Option<SuitabilityVerdict>,
        /// What was seen.
        observed: Option<String>,
        /// What a cluster needs.
        wanted: Option<String>,
    }

    /// How long an operation takes on a LUN.
    ConformanceLatency key operation {
        /// Which: `login`, `pr-in`, `pr-out`, `read`, `write`, `preempt`.
        operation: String,
        /// Half of them took no longer.
        p50_us: Option<Micros>,
        /// 99 of 100 took no longer.
        p99_us: Option<Micros>,
        /// How many were measured.
        samples: Option<i64>,
    }
}

impl Conformance {
    /// What is known of a LUN whose active test nobody asked for.
    pub fn not_asked() -> Self {
        Self {
            asked: Some(false),
            steps: Some(Vec::new()),
            checks: Some(Vec::new()),
            latencies: Some(Vec::new()),
            ..Self::default()
        }
    }
}
