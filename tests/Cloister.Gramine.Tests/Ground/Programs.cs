using System.Reflection;

namespace Cloister.Gramine.Tests.Ground;

/// <summary>The programs that <c>make publish</c> left.</summary>
internal static class Programs
{
    internal static string Enclave { get; } = Metadata("Enclave");

    internal static string Cli { get; } = Metadata("Cli");

    private static string Metadata(string key) =>
        typeof(Programs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
