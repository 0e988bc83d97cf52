"""Whether anything is lost, doubled or out of order while everything dies: `make chaos`."""
