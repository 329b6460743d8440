//! `import` turns a state dict that PyTorch wrote into a model of this program.

use std::path::{Path, PathBuf};

use ff_net::Model;

use crate::args::ImportArgs;
use crate::data;
use crate::failure::{Failure, Outcome};
use crate::info;
use crate::screen::Screen;
use crate::settings::{Asked, Settings};

/// Reads the file, checks it, writes the model and describes it.
pub fn import(args: &ImportArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let settings = Settings::resolve(Asked {
        preset: args.preset.as_deref(),
        config: args.config.as_deref(),
        set: &args.set,
        seed: None,
        data: args.data.as_deref(),
    })?;
    let out = args.out.clone().unwrap_or_else(|| beside(&args.file));
    if out.exists() {
        return Err(
            Failure::new(format!("{}: is there already", out.display())).advise("`--out MODEL` elsewhere")
        );
    }
    let (dataset, width, height, classes) = images(settings.data.as_deref(), &screen)?;
    let wants_heads = settings.config.head;
    let mut model =
        Model::import(&args.file, settings.config, &dataset, width, height, classes).map_err(|e| {
            Failure::new(e.to_string()).advise(format!(
                "`ff-cli import --help`; for images of another size than {width} x {height}, `--data DIR`"
            ))
        })?;
    model.origin.preset = Some(settings.preset);
    model.save(&out)?;

    if wants_heads && !model.config.head {
        screen.note("there are no heads in the file, so the model cannot tell an image in one pass");
    }
    for line in info::lines(&model) {
        screen.line(line)?;
    }
    screen.line(format!("{:11}{}", "written to", out.display()))?;
    screen.line(format!("\nnext: ff-cli eval {}", out.display()))?;
    screen.document(&info::document(&model, &out)?)
}

/// Returns the name, width, height and number of classes of the data set that the model is for. If no data set was named, this is
/// MNIST, which need not be on the machine.
fn images(dir: Option<&Path>, screen: &Screen) -> Outcome<(String, usize, usize, usize)> {
    if dir.is_none() && std::env::var_os(ff_data::DATA_DIR).is_none_or(|dir| dir.is_empty()) {
        return Ok(("mnist".into(), 28, 28, 10));
    }
    let set = data::open(dir, screen)?;
    Ok((set.name, set.width, set.height, set.classes))
}

/// Returns the default path of the model: `net.safetensors` becomes `net-imported.safetensors`.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}-imported.safetensors"))
}
