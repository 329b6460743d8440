//! Functions of plain numbers, at numbers that no training comes to.

use ff_net::seeds::{Stream, stream};
use ff_net::training::batch_means;
use ff_net::{Scores, epoch_order, uniform};
use ff_tensor::{Device, Dropout};

use crate::{device, refuse, run};

#[test]
fn initial_weights_need_an_input_and_a_scale() {
    for (case, inputs, scale, said) in [
        ("no scale and no inputs", 0, f32::NAN, "is NaN with 0 inputs"),
        ("a negative scale", 3, -1.0, "is -1 with 3 inputs"),
        ("no inputs", 0, 1.0, "is 1 with 0 inputs"),
        ("an infinite scale", 3, f32::INFINITY, "is inf with 3 inputs"),
    ] {
        let said = format!("`weight_scale` {said}; a finite scale above 0 and 1 input at least are possible");
        refuse(case, &said, || uniform(inputs, scale));
    }
}

#[test]
fn a_tensor_that_no_memory_holds_is_refused() {
    refuse("2^60 numbers", "cpu: there is no room for 4611686017353646080 bytes", || {
        device().zeros::<f32>(u32::MAX as usize, 1 << 28)
    });
}

#[test]
fn counts_start_again_after_the_last() {
    let order = run("the order of the last epoch", || epoch_order(3, 1, u64::MAX));
    assert_eq!(order, [2, 0, 1]);
    let seed = run("the stream of the last layer", || stream(1, Stream::Units(usize::MAX, usize::MAX)));
    assert_eq!(seed, 0xFFFF_FFFF_0000_0001);
    // The last of all images is the one before the first, whose units it runs into.
    for seed in 0..64 {
        let dropout = Dropout { rate: 0.5, seed };
        let silent = run("a unit of the last image", || dropout.silences(1, usize::MAX, 2, 3));
        assert_eq!(silent, dropout.silences(1, 0, 2, 1), "seed {seed}");
    }
}

#[test]
fn what_has_no_numbers_has_no_predictions() {
    let none = Scores { layers: vec![], classes: 0, layer_spikes: None };
    assert_eq!(run("no scores", || (none.len(), none.is_empty(), none.predict())), (0, true, vec![]));
    let one = Scores { layers: vec![vec![1.0]], classes: 1, layer_spikes: None };
    assert_eq!(run("a layer beyond the last", || one.predict_by_layer(3)), Vec::<u32>::new());
    assert_eq!(run("batches of no image", || batch_means(&[1.0], 0)), [1.0]);
}
