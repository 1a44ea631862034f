using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>
/// Which plugin a run tests: <c>cloister dev</c>, or what CLOISTER_CONFORMANCE_PLUGIN says: <c>kmspeer</c> for the Go peer, the
/// absolute path of a simulated enclave program for that program.
/// </summary>
internal static class PluginsUnderTest
{
    private static readonly string Chosen = Environment.GetEnvironmentVariable("CLOISTER_CONFORMANCE_PLUGIN") ?? "";

    private static readonly Lazy<Task> Built = new(BuildAsync);

    /// <summary>Whether the repository's root has the command.</summary>
    public static bool HaveCloister { get; } = File.Exists(CloisterPlugin.Program);

    /// <summary>Has the command build itself once, before several tests start it at once.</summary>
    public static async Task PrepareAsync()
    {
        Assert.SkipUnless(Chosen.Length > 0 || HaveCloister, "there is no ./cloister to test; CLOISTER_CONFORMANCE_PLUGIN=kmspeer tests the Go peer");
        if (HaveCloister)
        {
            await Built.Value;
        }
    }

    /// <summary>Makes the plugin of this run.</summary>
    /// <param name="way">How the API server is to reach it; skips the test when that needs a relay and there is none.</param>
    /// <param name="programs">Where the peer is.</param>
    /// <param name="folder">For its files.</param>
    public static IPluginUnderTest Create(Way way, HarnessPrograms programs, string folder)
    {
        if (way == Way.Direct)
        {
            return Direct(programs, folder);
        }

        Assert.SkipUnless(HaveCloister, "there is no ./cloister, so no relay");
        return new RelayedPlugin(Chosen == "kmspeer" ? new PeerPlugin(programs, folder) : new EnclavePlugin(EnclaveProgram, folder, LoopbackPort.Next()), folder);
    }

    // What 'cloister dev' starts, unless the run names another one.
    private static string EnclaveProgram => Chosen is ['/', ..] ? Chosen : Repository.PathOf("artifacts", "dev", "cloister-enclave-sim", "cloister-enclave-sim");

    private static IPluginUnderTest Direct(HarnessPrograms programs, string folder) => Chosen switch
    {
        "" => new CloisterPlugin(folder),
        "kmspeer" => new PeerPlugin(programs, folder),
        ['/', ..] => new EnclavePlugin(Chosen, folder),
        _ => throw new InvalidOperationException($"CLOISTER_CONFORMANCE_PLUGIN is neither kmspeer nor an absolute path: {Chosen}"),
    };

    private static async Task BuildAsync()
    {
        CommandResult result = await Command.RunAsync(
            CloisterPlugin.Program, ["--version"], CancellationToken.None, limit: TimeSpan.FromMinutes(10));
        result.EnsureSuccess();
    }
}
