//! The example data is what its README says.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use portolan::{CompanyMetadata, Record};

const COMPANIES: &str = include_str!("../../../examples/data/companies.jsonl");

/// ISO 3166-1 alpha-2, all 249 officially assigned codes.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV \
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

const SIZES: [&str; 6] = ["1-50", "51-200", "201-1000", "1001-5000", "5001-10000", "10001+"];

fn companies() -> Vec<(Record, CompanyMetadata)> {
    let one = |line: &str| -> (Record, CompanyMetadata) {
        let record: Record = serde_json::from_str(line).unwrap();
        let metadata = record.metadata_as().unwrap_or_else(|e| panic!("{}: {e}", record.id));
        (record, metadata)
    };
    COMPANIES.lines().map(one).collect()
}

#[test]
fn there_are_at_least_300_companies_with_unique_ids() {
    let companies = companies();
    assert!(companies.len() >= 300, "{}", companies.len());
    let ids: BTreeSet<&str> = companies.iter().map(|(record, _)| record.id.as_str()).collect();
    let numbers: BTreeSet<&str> = companies.iter().map(|(_, company)| company.company_id.as_str()).collect();
    assert_eq!((ids.len(), numbers.len()), (companies.len(), companies.len()));
}

#[test]
fn every_company_has_the_fields_in_their_range() {
    let countries: BTreeSet<&str> = COUNTRIES.split_whitespace().collect();
    assert_eq!(countries.len(), 249);
    for (record, company) in companies() {
        let id = &record.id;
        company.validate().unwrap_or_else(|e| panic!("{id}: {e}"));
        assert!(!company.company_name.is_empty(), "{id}");
        assert!(company.founding_year.is_some_and(|year| (500..=2025).contains(&year)), "{id}");
        assert!(company.country.is_some_and(|code| countries.contains(code.as_str())), "{id}");
        assert!(company.company_size.is_some_and(|size| SIZES.contains(&size.as_str())), "{id}");
        assert!(company.confidence_score.is_some(), "{id}");
        let description = company.custom.get("description").and_then(|d| d.as_str());
        assert!(description.is_some_and(|text| text.ends_with('.') && text.len() > 20), "{id}");
    }
}

#[test]
fn there_are_at_most_25_industries_with_at_least_ten_companies_each() {
    let mut industries = BTreeMap::new();
    for (_, company) in companies() {
        *industries.entry(company.industry.unwrap()).or_insert(0) += 1;
    }
    assert!(industries.len() <= 25, "{industries:?}");
    assert!(industries.values().all(|&companies| companies >= 10), "{industries:?}");
}

#[test]
fn every_vector_has_384_components_and_unit_length() {
    for (record, _) in companies() {
        let vector = record.vector.unwrap();
        let norm: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        assert_eq!(vector.len(), 384, "{}", record.id);
        assert!((norm - 1.0).abs() < 1e-3, "{}: {norm}", record.id);
    }
}
