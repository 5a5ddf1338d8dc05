//! What to set in a product, with the numbers that are wanted.
//!
//! Owns the filling in of the table's settings. Refuses to decide the numbers, and to invent a setting that the table
//! does not have.

use std::time::Duration;

use super::Product;
use crate::defaults::{self, Set};

/// What can be set in a server or proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// How long it keeps idle connections of its clients.
    Idle(Duration),
    /// How long it keeps idle connections towards what is behind it.
    Upstream(Duration),
}

/// The settings of a product for a wish, as they stand in its configuration; none when the table has none.
pub(super) fn setting(product: &str, wish: Wish) -> Option<String> {
    let rows = defaults::all().iter().filter(|row| row.product == product);
    let template = |set: &Set| match wish {
        Wish::Idle(_) => set.idle.clone(),
        Wish::Upstream(_) => set.upstream.clone(),
    };
    let mut found = rows.filter_map(|row| template(row.set.as_ref()?));
    let template = found.next()?;
    Some(match wish {
        Wish::Idle(time) | Wish::Upstream(time) => with_time(&template, time),
    })
}

/// The settings for the likeliest product that the table has one of, with its name.
pub(super) fn likeliest(products: &[Product], wish: Wish) -> Option<(String, String)> {
    let mut found = products
        .iter()
        .filter_map(|it| Some((it.name.clone(), setting(&it.name, wish)?)));
    found.next()
}

/// Seconds are whole, and no less than what was wished.
fn with_time(template: &str, time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let milliseconds = time.as_millis();
    template
        .replace("{s}", &seconds.to_string())
        .replace("{ms}", &milliseconds.to_string())
        .replace("{ms+1000}", &(milliseconds + 1_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_numbers_that_were_wished() {
        let idle = Wish::Idle(Duration::from_secs(75));
        assert_eq!(
            setting("nginx", idle).as_deref(),
            Some("keepalive_timeout 75s;")
        );
        let node = setting("Node.js http", idle).expect("the table has it");
        assert!(node.contains("75000") && node.contains("76000"), "{node}");
        assert_eq!(setting("no such thing", idle), None);
    }

    #[test]
    fn every_setting_of_the_table_takes_its_number() {
        for row in defaults::all() {
            let Some(set) = &row.set else { continue };
            for template in [&set.idle, &set.upstream].into_iter().flatten() {
                let filled = with_time(template, Duration::from_millis(7_000));
                assert!(
                    filled.contains('7') && !filled.contains("{s}") && !filled.contains("{ms"),
                    "{filled}"
                );
            }
            if let Some(template) = &set.requests {
                assert!(template.contains("{n}"), "{template}");
            }
        }
    }
}
