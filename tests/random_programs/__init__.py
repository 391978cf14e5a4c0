"""One generator of random programs with every axis at once, what they are compared with, and a tool that makes a failing one small."""
