"""What makers of files call the joints of a body: a file each, read by `naming`."""
