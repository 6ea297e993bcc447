//! What the command line asks for.

use super::cells::{CELLS, Cell};
use super::contenders::Contender;
use super::run::Measured;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What and who is measured, and how often.
pub struct Options {
    /// What.
    pub cells: Vec<&'static Cell>,
    /// Who.
    pub contenders: Vec<Contender>,
    /// How often.
    pub rounds: usize,
    /// Other than the cell says.
    pub records: Option<u64>,
    /// For all producers.
    pub linger_ms: u64,
    /// For all producers.
    pub batch_size: u64,
    /// How long a run may take.
    pub patience: Duration,
    /// Variables that all contenders get.
    pub set: Vec<(String, String)>,
    /// Where what contenders print goes.
    pub log: PathBuf,
    /// Where each run is kept as a line of JSON.
    pub keep: Option<PathBuf>,
    /// What Maven has made.
    pub jars: PathBuf,
}

const USAGE: &str = "\
usage: versus [OPTION]... [CELL[,CELL]... [CONTENDER[,CONTENDER]...]]

  cells       W1 W1J W2 W3 W7 W7a W8 W8e S1         all but W3, if none is said
  contenders  streams java java-small bare          streams,java,bare

  --rounds N          each cell so often for each contender, in turn (3)
  --records N         other than the cell says, to try something
  --linger MS         of all producers (50)
  --batch BYTES       of all producers (65536)
  --patience S        a run may take so long (120)
  --set NAME=VALUE    a variable for all contenders; may be said again
  --also NAME=COMMAND a contender of your own, by words with blanks between; may be said again
  --keep FILE         appends each run as a line of JSON
  --log FILE          what contenders print (a temporary file)
  --jars DIR          classes and libs, as Maven makes them";

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn of_command_line() -> Result<Options, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let programs = program.parent().unwrap_or(Path::new(".")).to_owned();
        let mut options = Options {
            cells: Vec::new(),
            contenders: Vec::new(),
            rounds: 3,
            records: None,
            linger_ms: 50,
            batch_size: 65536,
            patience: Duration::from_secs(120),
            set: Vec::new(),
            log: std::env::temp_dir().join(format!("streams-versus-{}.log", std::process::id())),
            keep: None,
            jars: programs.with_file_name("broker-java"),
        };
        let (mut plain, mut also) = (Vec::new(), Vec::new());
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if !argument.starts_with("--") {
                plain.push(argument);
                continue;
            }
            if argument == "--help" {
                return Err(USAGE.to_owned());
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{argument} {value}: not a number"));
            match argument.as_str() {
                "--rounds" => options.rounds = number()? as usize,
                "--records" => options.records = Some(number()?),
                "--linger" => options.linger_ms = number()?,
                "--batch" => options.batch_size = number()?,
                "--patience" => options.patience = Duration::from_secs(number()?),
                "--set" => options.set.push(named(&value)?),
                "--also" => also.push(named(&value)?),
                "--keep" => options.keep = Some(value.into()),
                "--log" => options.log = value.into(),
                "--jars" => options.jars = value.into(),
                _ => return Err(format!("there is no option {argument}\n{USAGE}")),
            }
        }
        let cells = plain.first().map_or("W1,W1J,W2,W7,W7a,W8,W8e,S1", String::as_str);
        for name in cells.split(',') {
            let cell = CELLS.iter().find(|cell| cell.name == name);
            options.cells.push(cell.ok_or_else(|| format!("there is no cell {name}\n{USAGE}"))?);
        }
        for name in plain.get(1).map_or("streams,java,bare", String::as_str).split(',') {
            let own = also.iter().find(|(own, _)| own == name).map(|(_, command)| Contender {
                name: name.to_owned(),
                command: command.split_whitespace().map(Into::into).collect(),
            });
            let known = own.or_else(|| Contender::known(name, &programs, &options.jars));
            options.contenders.push(known.ok_or_else(|| format!("there is no contender {name}\n{USAGE}"))?);
        }
        Ok(options)
    }

    /// Keeps a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, measured: &Measured) -> Result<(), String> {
        let Some(path) = &self.keep else { return Ok(()) };
        let line = serde_json::to_string(measured).map_err(|error| error.to_string())?;
        let file = std::fs::File::options().create(true).append(true).open(path);
        let written = file.and_then(|mut file| writeln!(file, "{line}"));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
