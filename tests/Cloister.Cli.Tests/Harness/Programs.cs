using System.Reflection;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Where the programs under test are, as the build says.</summary>
internal static class Programs
{
    internal static string RepositoryRoot { get; } = Metadata("RepositoryRoot");

    internal static string Cli { get; } = Metadata("Cli");

    internal static string EnclaveSim { get; } = Metadata("EnclaveSim");

    internal static string Broker { get; } = Metadata("Broker");

    private static string Metadata(string key) =>
        typeof(Programs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
