using System.Reflection;

namespace Cloister.Attacks.Grounds;

/// <summary>Programs that are started as processes, as the build says.</summary>
internal static class Programs
{
    /// <summary>The release binary, which wants a TEE.</summary>
    public static string Enclave { get; } = Metadata("Enclave");

    public static string Simulated { get; } = Metadata("EnclaveSim");

    public static string Broker { get; } = Metadata("Broker");

    private static string Metadata(string key) => typeof(Programs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == key).Value!;
}
