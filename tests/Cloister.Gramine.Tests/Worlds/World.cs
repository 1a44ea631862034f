using Cloister.Conformance.Harness;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>Where the enclave runs: in a mount namespace with what the manifest gives it, or with <c>CLOISTER_WORLD=gramine-direct</c> under Gramine itself.</summary>
/// <param name="build">What <c>deploy/gramine/measure</c> left.</param>
/// <param name="attestation">The imitation of <c>/dev/attestation</c>.</param>
/// <param name="host">Stands for the root of the host, where the manifest names absolute paths there.</param>
internal abstract class World(string build, string attestation, string host)
{
    internal const string ManifestFile = "cloister-enclave.manifest";

    private static readonly bool UnderGramine = Environment.GetEnvironmentVariable("CLOISTER_WORLD") == "gramine-direct";

    /// <summary>Whether its file system is reached through <c>/proc/PID/root</c>.</summary>
    internal static bool HasRoot => !UnderGramine;

    internal GramineManifest Manifest { get; } = GramineManifest.Read(Path.Combine(build, ManifestFile));

    protected string Build => build;

    protected string Attestation => attestation;

    protected string Host => host;

    internal static World Of(string build, string attestation, string host) =>
        UnderGramine ? new GramineDirectWorld(build, attestation, host) : new NamespaceWorld(build, attestation, host);

    /// <summary>Starts the enclave; the process that comes back is it.</summary>
    /// <param name="folder">For its log.</param>
    internal abstract ChildProcess Start(string folder);
}
