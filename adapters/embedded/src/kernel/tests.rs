use portolan_core::ErrorKind;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::*;

/// Components of every magnitude that a norm of 1e-15 to 1e15 leaves, so that some squares vanish in `f32`.
fn vector(seed: u64, dimension: usize, exponent: i32) -> Vec<f32> {
    let mut state = seed | 1;
    (0..dimension)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
            unit * 10_f32.powi(exponent)
        })
        .collect()
}

fn within_bounds(kernel: &impl Kernel, a: &[f32], b: &[f32]) {
    let bounds = Bounds::of(a.len());
    let norms = (arithmetic::squared_norm(a) * arithmetic::squared_norm(b)).sqrt();
    let off = (kernel.dot(a, b) - arithmetic::dot(a, b)).abs();
    assert!(off <= bounds.of_dot(norms), "dot of {}: {off:e}", a.len());
    let sum = kernel.squared_euclidean(a, b);
    let off = (sum - arithmetic::squared_euclidean(a, b)).abs();
    assert!(off <= bounds.of_positive(sum), "squared L2 of {}: {off:e}", a.len());
    let sum = kernel.manhattan(a, b);
    let off = (sum - arithmetic::manhattan(a, b)).abs();
    assert!(off <= bounds.of_positive(sum), "L1 of {}: {off:e}", a.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_is_within_its_bounds(
        seed in any::<u64>(),
        dimension in prop::sample::select(vec![1, 2, 7, 16, 31, 384, 512, 513, 1_025, 4_096]),
        exponents in (-18..=14, -18..=14),
    ) {
        let (a, b) = (vector(seed, dimension, exponents.0), vector(!seed, dimension, exponents.1));
        within_bounds(&Native, &a, &b);
        within_bounds(&Scalar, &a, &b);
        let near: Vec<f32> = a.iter().map(|x| x * (1.0 + 1e-7)).collect();
        within_bounds(&Native, &a, &near);
    }
}

#[test]
fn kernels_are_chosen_by_name_and_an_unknown_one_is_refused() {
    for (name, simd) in [("", Simd::Auto), ("auto", Simd::Auto), ("scalar", Simd::Scalar)] {
        assert_eq!(name.parse::<Simd>().unwrap(), simd);
    }
    let e = "fast".parse::<Simd>().unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(
        e.message().contains("PORTOLAN_SIMD is \"fast\"") && e.message().contains("scalar or auto"),
        "{e}"
    );
    assert_ne!(Simd::Auto.name(), Simd::Scalar.name());
}
