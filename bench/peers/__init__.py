"""The peers of the board, one file each; see `bench.peer.Peer`."""
