using System.CommandLine;
using Cloister.Cli.Administration;

namespace Cloister.Cli.Policy;

/// <summary><c>cloister policy</c>: which enclaves are acceptable.</summary>
internal static class PolicyCommand
{
    internal static Command Create() => new("policy", "Policies: which enclaves are acceptable, and get a KEK.")
    {
        PolicyFromMeasurementCommand.Create(), BrokerPolicyVerbs.Validate(), BrokerPolicyVerbs.Set(), BrokerPolicyVerbs.Show(), BrokerPolicyVerbs.List(), BrokerPolicyVerbs.DryRun(),
    };
}
