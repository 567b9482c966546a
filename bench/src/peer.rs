//! Peers that are programs of their own: one line in is one round, one line out its mean in µs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Failure;

/// A peer that waits for rounds.
pub struct Peer {
    child: Child,
    rounds: ChildStdin,
    times: BufReader<ChildStdout>,
}

impl Peer {
    /// The program that the variable names; `None` where it was not built.
    pub fn start(variable: &str) -> Result<Option<Self>, Failure> {
        std::env::var_os(variable)
            .map(|program| Self::of(&mut Command::new(program)))
            .transpose()
    }

    pub fn of(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let rounds = child.stdin.take().ok_or("no input")?;
        let times = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self {
            child,
            rounds,
            times,
        })
    }

    /// Mean time of so many calls, µs.
    pub fn round(&mut self, calls: u32) -> Result<f64, Failure> {
        writeln!(self.rounds, "{calls}")?;
        let mut line = String::new();
        self.times.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
