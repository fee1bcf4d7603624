//! What a process killed without a warning leaves behind, many times in a row. `cargo xtask crash` does it more often.

#![allow(clippy::print_stdout, reason = "the seed and each cycle, which a failing test shows")]

use std::time::Duration;

use muster_tests::crash::{log_in, run};
use muster_tests::server::{Server, output};
use tokio::time::{sleep, timeout};

/// How often the server is killed while it is written to.
const CYCLES: usize = 50;
/// How often a first start is killed before one may finish.
const FIRST_STARTS: u32 = 6;
/// How long something that is sure to happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_nothing_that_it_acknowledged_and_its_read_models_catch_up() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut besides = 0;
    let run = run(CYCLES, seed, |cycle| {
        println!("{cycle:?}");
        besides += usize::from(cycle.besides);
    })
    .await;
    println!("{run:?}");
    // Both kinds of unknown outcome were there: a write that was lost with the process, and one whose answer was.
    assert!((1..run.cut_off).contains(&run.took_effect), "{run:?}");
    assert!(besides > 0, "no start, rebuild or reconciliation was cut off");
}

#[tokio::test]
async fn a_first_start_that_is_killed_at_any_moment_is_made_up_for_by_the_next() {
    let mut server = Server::to_start_making_up_a_password();
    for n in 0..FIRST_STARTS {
        server.launch();
        sleep(Duration::from_millis(40) * n).await;
        let shown = server.kill();
        server.take_sign_in(&shown);
    }
    let before = server.logged().len();
    server.start_again().await;
    let ready = async {
        while !server.logged()[before..].contains("listening") {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ready).await.expect("the last start to show what there is to show");
    // The output is complete once the process has ended.
    let shown = server.kill();
    server.take_sign_in(&shown);
    server.start_again().await;
    log_in(&server).await;
    output(&server.data(), &["verify"]);
}
