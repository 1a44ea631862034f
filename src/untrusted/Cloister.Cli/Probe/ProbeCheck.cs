namespace Cloister.Cli.Probe;

/// <summary>One thing that was checked.</summary>
/// <param name="Name">What.</param>
/// <param name="Passed">Whether it is as an API server needs it.</param>
/// <param name="Detail">What was seen.</param>
internal sealed record ProbeCheck(string Name, bool Passed, string Detail);
