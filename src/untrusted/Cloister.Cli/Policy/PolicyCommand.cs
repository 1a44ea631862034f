using System.CommandLine;

namespace Cloister.Cli.Policy;

/// <summary><c>cloister policy</c>: which enclaves are acceptable.</summary>
internal static class PolicyCommand
{
    internal static Command Create() => new("policy", "Policies: which enclaves are acceptable, and get a KEK.") { PolicyFromMeasurementCommand.Create() };
}
