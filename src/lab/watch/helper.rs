//! The helper process as the watching one sees it: it is started, asked, ended where it does not answer, and started
//! again.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
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
    /// The last line on its standard error.
    last: Arc<Mutex<String>>,
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
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Helper { command, running: None }
    }

    /// Has a job done; `on_answer` hears what is found on the way.
    pub fn ask(&mut self, job: &Job, on_answer: &mut dyn FnMut(Answer)) -> Ended {
        let line = serde_json::to_string(job).expect("a job has texts and names");
        loop {
            let is_new = self.running.is_none();
            let mut running = match self.running.take().map_or_else(|| self.start(), Ok) {
                Ok(running) => running,
                Err(error) => return Ended::Failed(error),
            };
            let sent = writeln!(running.input, "{line}").and_then(|()| running.input.flush());
            let mut answered = false;
            let ended = match sent {
                Ok(()) => running.listen(&mut |answer| {
                    answered = true;
                    on_answer(answer);
                }),
                Err(_) => Ended::Failed(running.status()),
            };
            match ended {
                Ended::Done => {
                    self.running = Some(running);
                    return Ended::Done;
                }
                // It ended while nobody asked it anything: the job is not to blame.
                Ended::Failed(_) if !is_new && !answered => running.end(),
                ended => {
                    running.end();
                    return ended;
                }
            }
        }
    }

    fn start(&mut self) -> Result<Running, String> {
        let mut child =
            self.command.spawn().map_err(|error| format!("the helper process does not start: {error}"))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err("the helper process has no pipes".into());
        };
        let (sender, answers) = channel();
        thread::spawn(move || {
            // What is no answer comes from a driver.
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let Ok(answer) = serde_json::from_slice(&line) else { continue };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        let last = Arc::new(Mutex::new(String::new()));
        let said = last.clone();
        thread::spawn(move || {
            for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
                *said.lock().unwrap_or_else(PoisonError::into_inner) = String::from_utf8_lossy(&line).into();
            }
        });
        Ok(Running { child, input, answers, last })
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
        // Where it has closed its output and goes on, it is waited for no longer.
        let _ = self.child.kill();
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        format!("the helper process ended ({status}): {last}")
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
