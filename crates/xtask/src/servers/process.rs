//! A server's process: in a group of its own, so that it outlives this one, and remembered by its id.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{finish, write};

const PID: &str = "pid";

/// The user and group `nobody` of Debian and most others.
const NOBODY: u32 = 65_534;

/// A server's process.
pub(crate) struct Process {
    id: u32,
    child: Option<Child>,
}

impl Process {
    /// Starts a command; what it prints goes to the log.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Result<Self, String> {
        let unwritable = |e| format!("{} cannot be written: {e}", log.display());
        let out = File::create(log).map_err(unwritable)?;
        let err = out.try_clone().map_err(unwritable)?;
        let shown = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|e| format!("{shown} could not be run: {e}"))?;
        Ok(Self { id: child.id(), child: Some(child) })
    }

    /// The process whose id was remembered in a folder, where it still runs.
    pub(crate) fn recall(run: &Path) -> Option<Self> {
        let text = fs::read_to_string(run.join(PID)).ok()?;
        let (id, command) = text.split_once('\n')?;
        let id = id.parse().ok()?;
        // Another process may have the id by now.
        (command_line(id).as_deref() == Some(command)).then_some(Self { id, child: None })
    }

    /// Remembers the id in a folder.
    pub(crate) fn remember(&self, run: &Path) -> Result<(), String> {
        let command = command_line(self.id).ok_or("it has ended")?;
        write(&run.join(PID), &format!("{}\n{command}", self.id))
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    /// Ends it and its children; the data is not needed again.
    pub(crate) fn kill(mut self) {
        // It may have ended by itself.
        let _ = finish(Command::new("sh").args(["-c", &format!("kill -9 -{}", self.id)]));
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A command that does not run as root, for a program that refuses to.
pub(crate) fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &NOBODY.to_string(), "--regid", &NOBODY.to_string(), "--clear-groups"]);
    command.arg(program);
    command
}

/// Gives a folder to the user of [`unprivileged`].
pub(crate) fn give_away(folder: &Path) -> Result<(), String> {
    if !is_root() {
        return Ok(());
    }
    chown(folder, Some(NOBODY), Some(NOBODY))
        .map_err(|e| format!("{} cannot be given to nobody: {e}", folder.display()))
}

/// The words of a running process.
fn command_line(id: u32) -> Option<String> {
    let words = match fs::read(format!("/proc/{id}/cmdline")) {
        Ok(words) => words,
        Err(_) => Command::new("ps").args(["-o", "args=", "-p", &id.to_string()]).output().ok()?.stdout,
    };
    let words = String::from_utf8_lossy(&words).replace(['\0', '\n'], " ").trim().to_owned();
    (!words.is_empty()).then_some(words)
}
