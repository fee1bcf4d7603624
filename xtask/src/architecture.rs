//! Who may use whom. The arrows are those of `docs/architecture.md`; one that is not listed is a defect. And nobody but
//! the simulation can have planted defects in its build.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Dependency, DependencyKind, Metadata};

use crate::failure::Failure;

const DOMAIN: &str = "muster-domain";
const COMMANDS: &str = "muster-commands";
const PROJECTIONS: &str = "muster-projections";
const IDENTITY: &str = "muster-identity";
const VAULT: &str = "muster-vault";
const HANDLERS: &str = "muster-handlers";
const EMBEDDED: &str = "muster-embedded";
const CLI: &str = "muster-cli";
const TESTS: &str = "muster-tests";
const SIMULATION: &str = "muster-simulation";
const BENCH: &str = "muster-bench";
const COST: &str = "muster-cost";
const XTASK: &str = "xtask";

/// Each crate of the workspace, and those that it may use. `commands` and `projections` never see each other, not even in
/// their tests.
const MAY_USE: &[(&str, &[&str])] = &[
    (DOMAIN, &[]),
    (COMMANDS, &[DOMAIN]),
    (PROJECTIONS, &[DOMAIN]),
    (IDENTITY, &[DOMAIN]),
    (VAULT, &[DOMAIN]),
    (HANDLERS, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT]),
    (EMBEDDED, &[]),
    (CLI, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT, HANDLERS, EMBEDDED]),
    (TESTS, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT, HANDLERS, EMBEDDED, CLI]),
    (SIMULATION, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT, HANDLERS, EMBEDDED, CLI]),
    (BENCH, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT, HANDLERS, EMBEDDED, CLI]),
    (COST, &[DOMAIN, COMMANDS, PROJECTIONS, IDENTITY, VAULT, HANDLERS, EMBEDDED, CLI]),
    (XTASK, &[]),
];

/// What a crate's tests may use besides: the embedded engine is the real thing to test against.
const TESTS_MAY_USE: &[&str] = &[EMBEDDED];

/// How the names of crates begin that do I/O, read clocks or wait: the domain uses none of them.
const OUTSIDE_WORLD: &[&str] = &[
    "aws", "axum", "dynoxide", "http", "hyper", "lambda", "mio", "rand", "reqwest", "rusqlite", "socket2", "tokio",
    "tower",
];

/// Of these, what only calculates. The domain seals and opens with it, and draws nothing from it.
const CALCULATES: &[&str] = &["aws-lc-rs"];

/// The feature of the domain that makes defects plantable (`domain/src/mutant.rs`).
const MUTANTS: &str = "mutants";

/// Fails with every forbidden arrow of the workspace, and with every way for planted defects into a build.
pub(crate) fn check(workspace: &Metadata) -> Result<(), Failure> {
    let found: Vec<_> = workspace
        .workspace_packages()
        .iter()
        .flat_map(|package| {
            let dependencies = package.dependencies.iter();
            let switched = dependencies.clone().map(|used| (used.name.as_str(), used.features.as_slice()));
            let mut found = violations(&package.name, dependencies.map(Arrow::from));
            found.extend(mutants(&package.name, switched, &package.features));
            found
        })
        .collect();
    if found.is_empty() { Ok(()) } else { Err(Failure::Architecture(found)) }
}

/// One dependency of a crate.
struct Arrow<'a> {
    to: &'a str,
    /// It is a crate of this workspace.
    local: bool,
    /// Only tests, examples and benchmarks use it.
    dev: bool,
}

impl<'a> From<&'a Dependency> for Arrow<'a> {
    fn from(dependency: &'a Dependency) -> Self {
        Self {
            to: &dependency.name,
            local: dependency.path.is_some(),
            dev: dependency.kind == DependencyKind::Development,
        }
    }
}

fn violations<'a>(from: &str, arrows: impl Iterator<Item = Arrow<'a>>) -> Vec<String> {
    let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == from) else {
        return vec![format!("{from} is new: say in {} what it may use", file!())];
    };
    let forbidden = |Arrow { to, local, dev }: &Arrow<'_>| {
        if *local {
            !(may_use.contains(to) || *dev && TESTS_MAY_USE.contains(to))
        } else {
            from == DOMAIN
                && !dev
                && !CALCULATES.contains(to)
                && OUTSIDE_WORLD.iter().any(|prefix| to.starts_with(prefix))
        }
    };
    arrows.filter(forbidden).map(|Arrow { to, .. }| format!("{from} must not use {to}")).collect()
}

/// How this crate would let planted defects into a build that did not ask for them: by the features that it switches on
/// in a crate that it uses, which holds for every build that it is in, or by a feature of its own. Only the simulation
/// has such a feature, which must be asked for by name; nobody can use the simulation.
fn mutants<'a>(
    from: &str,
    mut dependencies: impl Iterator<Item = (&'a str, &'a [String])>,
    features: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let mut found = Vec::new();
    if dependencies.any(|(to, on)| to == DOMAIN && on.iter().any(|feature| feature == MUTANTS)) {
        found.push(format!("{from} must not use {DOMAIN} with the feature {MUTANTS}"));
    }
    // `<crate>/mutants` or `<crate>?/mutants`, whatever the crate is called there.
    let elsewhere = |value: &String| value.rsplit_once('/').is_some_and(|(_, feature)| feature == MUTANTS);
    let plants = |value: &String| elsewhere(value) || from == DOMAIN && value == MUTANTS;
    let by_default = closure("default", features);
    for (name, values) in features {
        if values.iter().any(plants) && (from != SIMULATION || by_default.contains(name.as_str())) {
            found.push(format!("the feature {name} of {from} must not turn on the feature {MUTANTS} of {DOMAIN}"));
        }
    }
    found
}

/// This feature and all those of the same crate that come with it.
fn closure<'a>(feature: &'a str, features: &'a BTreeMap<String, Vec<String>>) -> BTreeSet<&'a str> {
    let (mut all, mut open) = (BTreeSet::new(), vec![feature]);
    while let Some(name) = open.pop() {
        if all.insert(name) {
            open.extend(features.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a crate with this feature lets planted defects in.
    fn lets_in(from: &str, feature: &str, values: &[&str]) -> bool {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let more = ("default".to_owned(), vec!["fast".to_owned()]);
        let features = BTreeMap::from([more, (feature.to_owned(), values)]);
        !mutants(from, std::iter::empty(), &features).is_empty()
    }

    const USE: (bool, bool) = (true, false);
    const USE_IN_TESTS: (bool, bool) = (true, true);
    const USE_FROM_REGISTRY: (bool, bool) = (false, false);
    const USE_FROM_REGISTRY_IN_TESTS: (bool, bool) = (false, true);

    fn forbidden(from: &str, (local, dev): (bool, bool), to: &str) -> bool {
        !violations(from, std::iter::once(Arrow { to, local, dev })).is_empty()
    }

    #[test]
    fn this_workspace_has_no_other_arrows() {
        check(&crate::cargo::workspace().unwrap()).unwrap();
    }

    #[test]
    fn the_write_side_and_the_read_side_never_see_each_other() {
        for (from, to) in [(COMMANDS, PROJECTIONS), (PROJECTIONS, COMMANDS)] {
            assert!(forbidden(from, USE, to));
            assert!(forbidden(from, USE_IN_TESTS, to));
        }
    }

    #[test]
    fn no_arrow_points_back() {
        for (from, to) in
            [(DOMAIN, COMMANDS), (IDENTITY, HANDLERS), (HANDLERS, CLI), (EMBEDDED, DOMAIN), (XTASK, DOMAIN)]
        {
            assert!(forbidden(from, USE, to), "{from} may use {to}");
            assert!(forbidden(from, USE_IN_TESTS, to), "the tests of {from} may use {to}");
        }
        assert!(!forbidden(CLI, USE, HANDLERS));
    }

    #[test]
    fn the_embedded_engine_is_for_the_program_and_for_tests() {
        assert!(!forbidden(CLI, USE, EMBEDDED));
        assert!(!forbidden(COMMANDS, USE_IN_TESTS, EMBEDDED));
        assert!(forbidden(COMMANDS, USE, EMBEDDED));
        assert!(forbidden(HANDLERS, USE, EMBEDDED));
    }

    #[test]
    fn the_domain_does_not_reach_outside() {
        for outside in ["tokio", "aws-sdk-dynamodb", "aws_lambda_events", "http", "hyper-util", "axum", "rand"] {
            assert!(forbidden(DOMAIN, USE_FROM_REGISTRY, outside), "the domain may use {outside}");
            assert!(!forbidden(HANDLERS, USE_FROM_REGISTRY, outside));
        }
        assert!(!forbidden(DOMAIN, USE_FROM_REGISTRY, "serde"));
        assert!(!forbidden(DOMAIN, USE_FROM_REGISTRY_IN_TESTS, "tokio"));
    }

    #[test]
    fn nobody_uses_the_domain_with_planted_defects() {
        let mutable = [MUTANTS.to_owned()];
        let uses = |from, to, on| !mutants(from, std::iter::once((to, on)), &BTreeMap::new()).is_empty();
        // Not the simulation either: it would hold for all that is built beside it.
        for from in [COMMANDS, CLI, SIMULATION] {
            assert!(uses(from, DOMAIN, &mutable), "{from} may");
            assert!(!uses(from, DOMAIN, &[]), "{from} may not use the domain as it is");
        }
    }

    #[test]
    fn only_the_simulation_has_a_feature_for_planted_defects_and_not_by_default() {
        for plants in ["muster-domain/mutants", "muster-domain?/mutants", "renamed/mutants"] {
            assert!(lets_in(CLI, "chaos", &[plants]));
            assert!(!lets_in(SIMULATION, "chaos", &[plants]));
            assert!(lets_in(SIMULATION, "fast", &[plants]), "it comes with the default features");
            assert!(lets_in(SIMULATION, "default", &[plants]));
        }
        assert!(lets_in(DOMAIN, "default", &[MUTANTS]));
        assert!(lets_in(DOMAIN, "chaos", &[MUTANTS]));
        assert!(!lets_in(DOMAIN, MUTANTS, &[]));
    }

    #[test]
    fn a_new_crate_must_say_what_it_may_use() {
        let found = violations("muster-novelty", std::iter::empty());
        assert!(found[0].starts_with("muster-novelty is new"), "{found:?}");
    }
}
