using System.Reflection;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Where the programs under test are, as the build says.</summary>
internal static class Programs
{
    internal static string RepositoryRoot { get; } = Metadata("RepositoryRoot");

    internal static string Cli { get; } = Metadata("Cli");

    internal static string EnclaveSim { get; } = Metadata("EnclaveSim");

    internal static string Enclave { get; } = Metadata("Enclave");

    internal static string Broker { get; } = Metadata("Broker");

    /// <summary>Tells code of the command in this process where broker and enclave are: not beside this program.</summary>
    internal static void NameThem()
    {
        Environment.SetEnvironmentVariable("CLOISTER_ENCLAVE_SIM", EnclaveSim);
        Environment.SetEnvironmentVariable("CLOISTER_ENCLAVE", Enclave);
        Environment.SetEnvironmentVariable("CLOISTER_BROKER", Broker);
    }

    /// <summary>Starts the simulated enclave that was built, which ends when its standard input does.</summary>
    internal static ChildProgram StartEnclave(string configuration)
    {
        NameThem();
        return ChildProgram.Start("cloister-enclave-sim", ["--config", configuration, "--stop-with-stdin"], showLog: false);
    }

    private static string Metadata(string key) =>
        typeof(Programs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
