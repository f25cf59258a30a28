//! The helper process as the watching one sees it: it is started, asked, ended where it does not answer, and started
//! again.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
};

use super::job::{Answer, Job};
use crate::clock::{Duration, Instant};

/// How long a kernel of a tiny network may run: after this it counts as one that never ends.
const MAX_RUN: Duration = Duration::from_secs(2);
/// How often it is looked whether the helper still works, while the driver compiles.
const LOOK: Duration = Duration::from_millis(200);

/// A helper process, started when it is needed.
pub struct Helper {
    command: Command,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Answer>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With all answers.
    Done,
    /// A kernel ran for too long; the helper was ended.
    Hung,
    /// The helper ended, or could not be started: why.
    Failed(String),
}

impl Helper {
    /// `command` starts a process that does jobs from standard input.
    pub fn new(mut command: Command) -> Self {
        // What a driver has to say it says in every process: once is enough.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Helper { command, running: None }
    }

    /// Has a job done; `on_answer` hears what is found on the way.
    pub fn ask(&mut self, job: &Job, on_answer: &mut dyn FnMut(Answer)) -> Ended {
        let mut running = match self.running.take().map_or_else(|| self.start(), Ok) {
            Ok(running) => running,
            Err(error) => return Ended::Failed(error),
        };
        let line = serde_json::to_string(job).expect("a job has texts and names");
        if writeln!(running.input, "{line}").and_then(|()| running.input.flush()).is_err() {
            return Ended::Failed(running.status());
        }
        match running.listen(on_answer) {
            Ended::Done => {
                self.running = Some(running);
                Ended::Done
            }
            ended => {
                running.end();
                ended
            }
        }
    }

    fn start(&mut self) -> Result<Running, String> {
        let mut child =
            self.command.spawn().map_err(|error| format!("the helper process does not start: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the helper process has no pipes".into());
        };
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else { continue };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Ok(Running { child, input, answers })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.end();
        }
    }
}

impl Running {
    fn listen(&mut self, on_answer: &mut dyn FnMut(Answer)) -> Ended {
        let mut since: Option<Instant> = None;
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(Answer::Running(running)) => since = running.then(Instant::now),
                Ok(Answer::Done) => return Ended::Done,
                Ok(Answer::Failed(why)) => return Ended::Failed(why),
                Ok(Answer::Ready(_)) => {}
                Ok(answer) => on_answer(answer),
                Err(RecvTimeoutError::Timeout) => {
                    if since.is_some_and(|since| since.elapsed() >= MAX_RUN) {
                        return Ended::Hung;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ended::Failed(self.status()),
            }
        }
    }

    /// How the process ended.
    fn status(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("the driver ended the helper process ({status})"),
            Err(error) => format!("the helper process is gone: {error}"),
        }
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
