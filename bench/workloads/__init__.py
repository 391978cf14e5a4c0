"""The workloads of the board, one file each; see `bench.workload.Workload`."""
