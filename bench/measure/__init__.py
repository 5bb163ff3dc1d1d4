"""What talks to databases, machines and clocks. It measures; it judges nothing."""
