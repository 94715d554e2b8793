//! `vpcwhy`: arguments, then [`vpcwhy::shell::run::run`], then the exit status. The only place that
//! exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os();
    ExitCode::from(vpcwhy::shell::run::run(arguments))
}
