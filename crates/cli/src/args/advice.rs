//! `AdviceArgs`: for whom the doctor's advice is.
//!
//! Owns the client, its rate and the forms of settings that are asked for. Refuses to advise.

use clap::Args;
use keepwarm_doctor::{defaults, snippets};

#[derive(Args, Debug)]
pub(crate) struct AdviceArgs {
    /// Compare with the defaults of this client, and say how often its requests meet closes of the server
    #[arg(long, value_name = "NAME", value_parser = client)]
    pub(crate) client: Option<String>,
    /// The client's requests on one connection: 10/s, 3/m, 100/h
    #[arg(
        long,
        value_name = "N/s",
        value_parser = rate,
        default_value = "1/s",
        requires = "client"
    )]
    pub(crate) rate: f64,
    /// Print the settings that fit as code and configuration too: all, or --snippets=NAME,…
    #[arg(
        long,
        value_name = "NAME,…",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = ALL,
        value_parser = snippet
    )]
    snippets: Vec<String>,
    /// The server is yours: print what to set there for what was found too
    #[arg(long)]
    pub(crate) mine: bool,
}

const ALL: &str = "all";

impl AdviceArgs {
    /// Whether the piece of this name is to be printed.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.snippets.iter().any(|it| it == name || it == ALL)
    }
}

fn snippet(text: &str) -> Result<String, String> {
    if text == ALL || snippets::names().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = snippets::names().collect();
    Err(format!("there are {} and all", names.join(", ")))
}

fn client(text: &str) -> Result<String, String> {
    if defaults::client(text).is_some() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = defaults::clients()
        .flat_map(|(_, client)| client.names.iter().map(String::as_str))
        .collect();
    Err(format!("there are {}", names.join(", ")))
}

/// `10/s`, `3/m`, `0.5/s`, `10`: a second.
fn rate(text: &str) -> Result<f64, String> {
    let (number, seconds) = match text.split_once('/') {
        None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
        Some((number, "m")) => (number, 60.0),
        Some((number, "h")) => (number, 3_600.0),
        Some(_) => ("", 1.0),
    };
    let number = number.parse::<f64>().ok();
    let is_rate = |number: &f64| number.is_finite() && (1e-6..=1e9).contains(number);
    number
        .map(|number| number / seconds)
        .filter(is_rate)
        .ok_or_else(|| "this is no rate: write 10/s, 3/m or 100/h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        assert_eq!(rate("10/s"), Ok(10.0));
        assert_eq!(rate("3/m"), Ok(0.05));
        assert_eq!(rate("36/h"), Ok(0.01));
        assert_eq!(rate("2"), Ok(2.0));
        for wrong in [
            "", "/s", "0/s", "-1/s", "1/d", "often", "NaN/s", "1/s/s", "inf",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_client_is_known_by_its_name() {
        assert_eq!(client("go"), Ok("go".to_owned()));
        assert!(client("rain").is_err_and(|mistake| mistake.contains("dotnet")));
    }
}
