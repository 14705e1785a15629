use proptest::{collection::vec, proptest};

use super::*;

/// The tolerance of the contract.
const TOLERANCE: f64 = 1e-5;

fn wide(v: &[f32]) -> impl Iterator<Item = f64> {
    v.iter().map(|&x| f64::from(x))
}

fn square(v: &[f32]) -> f64 {
    wide(v).map(|x| x * x).sum()
}

/// Each kernel against plain `f64`, within the tolerance.
fn check(a: &[f32], b: &[f32]) {
    let pairs = || wide(a).zip(wide(b));
    let near = |found: f64, plain: f64, scale: f64| {
        assert!((found - plain).abs() <= TOLERANCE * scale, "{found} is not {plain} (scale {scale})");
    };
    near(dot(a, b), pairs().map(|(x, y)| x * y).sum(), (square(a) * square(b)).sqrt());
    near(squared_euclidean(a, b), pairs().map(|(x, y)| (x - y) * (x - y)).sum(), square(a) + square(b));
    let sizes = wide(a).chain(wide(b)).map(f64::abs).sum();
    near(manhattan(a, b), pairs().map(|(x, y)| (x - y).abs()).sum(), sizes);
}

proptest! {
    #[test]
    fn kernels_agree_with_plain_f64(pairs in vec((-1.0_f32..1.0, -1.0_f32..1.0), 1..1_200)) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        check(&a, &b);
    }
}

#[test]
fn small_integers_are_exact() {
    let a: Vec<f32> = (0..1_500_u16).map(|i| f32::from(i % 7)).collect();
    let b: Vec<f32> = (0..1_500_u16).map(|i| f32::from(i % 5)).collect();
    let pairs = || wide(&a).zip(wide(&b));
    assert_eq!(dot(&a, &b), pairs().map(|(x, y)| x * y).sum::<f64>());
    assert_eq!(squared_euclidean(&a, &b), pairs().map(|(x, y)| (x - y) * (x - y)).sum::<f64>());
    assert_eq!(manhattan(&a, &b), pairs().map(|(x, y)| (x - y).abs()).sum::<f64>());
}

#[test]
fn extreme_norms_and_dimensions_stay_within_tolerance() {
    for dimension in [1, 384, 65_536] {
        for norm in [1e-15, 1.0, 1e15] {
            for other in [1e-15, 1.0, 1e15] {
                let even = |norm: f64| vec![(norm / f64::from(dimension).sqrt()) as f32; dimension as usize];
                let mut one = vec![0.0; dimension as usize];
                one[0] = norm as f32;
                check(&even(norm), &even(other));
                check(&one, &even(other));
            }
        }
    }
}
