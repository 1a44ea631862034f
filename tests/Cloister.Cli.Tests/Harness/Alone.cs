namespace Cloister.Cli.Tests.Harness;

/// <summary>Tests that hold a program to the seconds that are promised, count what a process holds, or take the machine for themselves: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
