//! `keepwarm defaults`: the table of defaults.
//!
//! Owns the choice of rows. Refuses to know how they look.

use std::io::Write;

use keepwarm_doctor::defaults::{self, Default};

use crate::args::defaults::DefaultsArgs;
use crate::exit::{Exit, Failure};
use crate::out;

pub(crate) fn run(args: &DefaultsArgs) -> Result<Exit, Failure> {
    let rows: Vec<&Default> = match &args.product {
        Some(name) => defaults::of_product(name),
        None => defaults::all().iter().collect(),
    };
    if let (Some(name), true) = (&args.product, rows.is_empty()) {
        return Err(Failure::Usage(format!(
            "no product whose name contains {name:?} is in the table; keepwarm defaults lists all"
        )));
    }
    let text = if args.json {
        out::defaults::json(&rows)
    } else {
        out::defaults::text(&rows)
    };
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}").map_err(Failure::output)?;
    Ok(Exit::Fine)
}
