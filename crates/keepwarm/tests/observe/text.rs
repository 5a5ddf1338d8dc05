//! `Text`: Prometheus's text, read back.
//!
//! Owns the looking up of one sample. Refuses to be a parser of the whole format: a real Prometheus reads it elsewhere.

/// The text of one moment.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// The sum of a metric's samples that have all these labels; none when there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let values: Vec<f64> = self
            .0
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('{'))
            .filter(|(found, _)| *found == name)
            .filter_map(|(_, rest)| rest.rsplit_once("} "))
            .filter(|(found, _)| labels.iter().all(|label| found.contains(label)))
            .map(|(_, value)| value.parse().expect("a number"))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The same, which must be there.
    pub(crate) fn of(&self, name: &str, labels: &[&str]) -> f64 {
        self.sum(name, labels)
            .unwrap_or_else(|| panic!("no {name} with {labels:?} in\n{}", self.0))
    }

    /// Lines that are samples.
    pub(crate) fn samples(&self) -> usize {
        self.0.lines().filter(|line| !line.starts_with('#')).count()
    }
}
