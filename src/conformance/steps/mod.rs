//! The forty steps, each in one place: what it does and expects stands above the function that plays it.

use super::step::Step;

mod access;
mod options;
mod paths;
mod preempting;
mod racing;
mod reading;
mod registering;
mod releasing;
mod reserving;
mod sessions;

/// The steps in the order in which they are played.
pub static STEPS: [&Step; 40] = [
    &reading::P01,
    &reading::P02,
    &reading::P03,
    &registering::P04,
    &registering::P05,
    &registering::P06,
    &registering::P07,
    &reserving::P08,
    &reserving::P09,
    &reserving::P10,
    &reserving::P11,
    &reserving::P12,
    &access::P13,
    &access::P14,
    &access::P15,
    &access::P16,
    &releasing::P17,
    &releasing::P18,
    &releasing::P19,
    &preempting::P20,
    &preempting::P21,
    &preempting::P22,
    &preempting::P23,
    &racing::P24,
    &racing::P25,
    &preempting::P26,
    &racing::P27,
    &releasing::P28,
    &releasing::P29,
    &releasing::P30,
    &sessions::P31,
    &sessions::P32,
    &sessions::P33,
    &sessions::P34,
    &sessions::P35,
    &paths::P36,
    &paths::P37,
    &paths::P38,
    &paths::P39,
    &options::P40,
];
