//! The demonstration.

use crate::run::{Place, ids};

#[test]
fn similar_companies_are_shown_with_and_without_a_filter() {
    let place = Place::new();
    let demo = place.ok(&["demo"]);
    let rows = demo.lines().filter(|l| l.trim_start().starts_with(|c: char| c.is_ascii_digit())).count();
    assert_eq!(rows, 20, "{demo}");
    assert!(
        demo.contains("Adyen") && demo.contains("$ portolan search demo-companies --id stripe"),
        "{demo}"
    );
    assert!(demo.lines().filter(|l| !l.contains('$')).all(|l| l.chars().count() <= 100), "{demo}");
    // It may be run again, and for another company.
    assert!(place.ok(&["demo", "--company", "siemens"]).contains("Companies most like Siemens"));
    assert_eq!(place.count("demo-companies"), 395);
}

#[test]
fn the_commands_shown_give_what_was_shown() {
    let place = Place::new();
    let demo = place.json(&["demo"]);
    assert_eq!((&demo["imported"], &demo["company"]), (&395.into(), &"stripe".into()));
    for search in demo["searches"].as_array().unwrap() {
        let (command, filter) = match search["command"].as_str().unwrap().split_once(" --where ") {
            Some((command, filter)) => (command, vec!["--where", filter.trim_matches('\'')]),
            None => (search["command"].as_str().unwrap(), Vec::new()),
        };
        let args: Vec<&str> = command.split_whitespace().skip(1).chain(filter).collect();
        let again = place.json(&args);
        assert_eq!(ids(&again["matches"]), ids(&search["result"]["matches"]));
        assert_eq!(again["matches"].as_array().unwrap().len(), 10);
    }
}

#[test]
fn an_unknown_company_is_told_with_the_nearest() {
    Place::new().run(&["demo", "--company", "Strpe"]).failed(3, &["Strpe", "did you mean Stripe?"]);
}
