//! The command line: one file per subcommand, progress and exit codes.
