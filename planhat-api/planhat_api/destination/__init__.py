"""What Planhat holds, in a form that rows can be compared with."""
