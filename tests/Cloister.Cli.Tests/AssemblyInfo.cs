using Xunit.Sdk;
using Xunit.v3;

// Some tests hold the programs to the 5 s that the interface promises, and count descriptors: one at a time.
[assembly: Parallelization(Mode = ParallelMode.None)]
