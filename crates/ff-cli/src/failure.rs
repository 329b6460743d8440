//! This module has the error that the user sees. It says what is wrong and where, and then what to type next.

use std::fmt;

/// The exit code of every error.
const WRONG: u8 = 2;
/// The exit code of a command that Ctrl-C has stopped, as in shells.
pub const INTERRUPTED: u8 = 130;

/// The result of a command.
pub type Outcome<T> = Result<T, Failure>;

/// An error as one clear sentence, with advice if there is any.
#[derive(Debug)]
pub struct Failure {
    message: String,
    advice: Option<String>,
    /// This is true if the user stopped the command. Then nothing went wrong.
    stopped: bool,
}

impl Failure {
    /// Makes a failure without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), advice: None, stopped: false }
    }

    /// Makes the message for a command that the user stopped. This is not an error.
    pub fn stopped(message: impl Into<String>) -> Self {
        Self { stopped: true, ..Self::new(message) }
    }

    /// Returns whether the user stopped the command.
    pub fn is_stop(&self) -> bool {
        self.stopped
    }

    /// Says where it is that something fails.
    pub fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Returns the exit code of the process.
    pub fn exit_code(&self) -> u8 {
        if self.stopped { INTERRUPTED } else { WRONG }
    }

    /// Adds advice about what to do. It replaces older advice.
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// Adds advice about what to do, if there is none yet.
    pub fn or_advise(self, advice: impl Into<String>) -> Self {
        Self { advice: self.advice.or_else(|| Some(advice.into())), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", if self.stopped { "stopped" } else { "error" }, self.message)?;
        match &self.advice {
            Some(advice) => write!(f, "\n  try: {advice}"),
            None => Ok(()),
        }
    }
}

impl From<ff_data::Error> for Failure {
    fn from(e: ff_data::Error) -> Self {
        let advice = match &e {
            ff_data::Error::Download { .. } => "again later, or `--data DIR` with MNIST's four files in DIR",
            _ => {
                "`ff-cli data check --data DIR` for each file's state, or `--data DIR` with another directory"
            }
        };
        Failure::new(e.to_string()).advise(advice)
    }
}

impl From<ff_net::Error> for Failure {
    fn from(e: ff_net::Error) -> Self {
        let advice = match &e {
            ff_net::Error::Config { key, .. } => format!("`--set {key}=VALUE` with another value"),
            ff_net::Error::Diverged { .. } => "a lower learning rate: `--set learning_rate=VALUE`".into(),
            ff_net::Error::Model { .. } => {
                "`ff-cli train --out DIR`, which writes DIR/model.safetensors, or `ff-cli import` of what PyTorch wrote"
                    .into()
            }
            ff_net::Error::Checkpoint { .. } => "`ff-cli train`, to begin again".into(),
            ff_net::Error::Label { .. } => "`ff-cli data check` on the data set".into(),
            ff_net::Error::Device(e) => return e.clone().into(),
            _ => return Failure::new(e.to_string()),
        };
        Failure::new(e.to_string()).advise(advice)
    }
}

impl From<ff_tensor::Error> for Failure {
    fn from(e: ff_tensor::Error) -> Self {
        let failure = Failure::new(e.to_string());
        match e {
            ff_tensor::Error::Memory { .. } => failure.advise(
                "`--set batch=N` with a smaller N, fewer units in `--set layers=[...]`, or `--device cpu`",
            ),
            ff_tensor::Error::Parameter { op: "augment", .. } => failure.advise("`--set augment=[]`"),
            _ => failure,
        }
    }
}

impl From<ff_report::Error> for Failure {
    fn from(e: ff_report::Error) -> Self {
        Failure::new(e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_memory_says_how_much_and_what_lowers_it() {
        let e = ff_tensor::Error::Memory { device: "cuda:0".into(), needed: 3_200_000_000, free: 1_000_000 };
        let text = Failure::from(ff_net::Error::from(e)).to_string();
        assert!(text.starts_with("error: cuda:0: out of memory: 3.2 GB asked for, 1.0 MB free\n"), "{text}");
        assert!(text.contains("  try: `--set batch=N`"), "{text}");
    }
}
