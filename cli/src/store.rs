//! `bireme store`: looking after a store that nobody has open.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use bireme::Environment;
use bireme::store_sled;

use crate::arguments::StoreCommand;
use crate::data::Data;

pub(crate) fn run(command: StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Verify { data } => verify(&data),
        StoreCommand::Export { data, file, salvage } => export(&data, &file, salvage),
        StoreCommand::Import { data, file } => import(&data, &file),
    }
}

fn verify(data: &Path) -> anyhow::Result<()> {
    let report = store_sled::verify(&Data::existing(data)?.store_folder())?;
    println!("whole: {} keys at revision {}", report.keys, report.revision);
    Ok(())
}

fn export(data: &Path, file: &Path, salvage: bool) -> anyhow::Result<()> {
    let data = Data::existing(data)?;
    let writing = || format!("cannot write {}", file.display());
    let out = File::create_new(file).with_context(writing)?;
    let mut out = BufWriter::new(out);
    let exported = store_sled::export(&data.store_folder(), &mut out, salvage)?;
    out.flush().with_context(writing)?;
    out.get_ref().sync_all().with_context(writing)?;
    println!("{} keys at revision {} are in {}", exported.keys, exported.revision, file.display());
    for damage in &exported.damage {
        eprintln!("lost: {damage}");
    }
    Ok(())
}

fn import(data: &Path, file: &Path) -> anyhow::Result<()> {
    let from = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let data = Data::open(data)?;
    let imported =
        store_sled::import(&data.store_folder(), &mut BufReader::new(from), &Environment::system())?;
    println!("{} keys at revision {} are in {}", imported.keys, imported.revision, data.folder.display());
    Ok(())
}
