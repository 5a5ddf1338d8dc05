//! Which features a package of the workspace has, as `cargo metadata` tells it. Builds nothing.

use std::path::Path;
use std::process::Command;

/// The features of `package`, sorted, without `default`.
///
/// # Errors
/// When `cargo metadata` fails or does not know the package.
pub fn of_package(root: &Path, package: &str) -> Result<Vec<String>, String> {
    let output = Command::new(crate::install::cargo())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata did not start: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo metadata failed: {}", complaint.trim()));
    }
    from_metadata(&String::from_utf8_lossy(&output.stdout), package)
        .ok_or_else(|| format!("cargo metadata does not list package {package}"))
}

/// Finds the package's `"features":{…}` object and takes its keys.
///
/// A whole JSON reader for one object is not worth a dependency: cargo writes compact JSON with a fixed key order,
/// a package starts `"name":…,"version":…` (a dependency does not), and only a package's features are an object.
fn from_metadata(json: &str, package: &str) -> Option<Vec<String>> {
    let start = json.find(&format!("\"name\":\"{package}\",\"version\":"))?;
    let rest = &json[start..];
    let object = rest.find("\"features\":{")? + "\"features\":{".len();
    let object = &rest[object..rest[object..].find('}')? + object];
    let mut features: Vec<String> = object
        .split("],")
        .filter_map(|entry| entry.split_once(':'))
        .map(|(key, _)| key.trim_matches('"').to_owned())
        .filter(|key| key != "default")
        .collect();
    features.sort();
    Some(features)
}

#[cfg(test)]
mod tests {
    use super::from_metadata;

    const METADATA: &str = r#"{"packages":[
        {"name":"cli","version":"1.0.0","dependencies":[{"name":"keepwarm","source":null,"features":["json"]}],
         "targets":[],"features":{}},
        {"name":"keepwarm","version":"1.0.0","dependencies":[{"name":"serde","features":["derive"]}],
         "targets":[],"features":{"default":["json"],"json":["dep:serde","dep:serde_json"],"blocking":[]}}]}"#;

    #[test]
    fn features_are_the_packages_own() {
        let features = from_metadata(METADATA, "keepwarm");
        assert_eq!(
            features,
            Some(vec!["blocking".to_owned(), "json".to_owned()])
        );
        assert_eq!(from_metadata(METADATA, "cli"), Some(Vec::new()));
    }

    #[test]
    fn an_unknown_package_has_none() {
        assert_eq!(from_metadata(METADATA, "serde"), None);
    }
}
